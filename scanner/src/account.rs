//! The account of one check during one scan: findings, time, and whether it was interrupted.

use crate::checks::Interrupted;
use crate::clock::measured;
use crate::config::Policies;
use crate::report::{CheckId, CheckResult, FAILED, Finding, Outcome, Severity, TIMED_OUT};

/// Findings kept per severity: each of them is stored and shown. The number left out is kept too.
const KEPT: usize = 50;

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) check: CheckId,
    findings: Vec<Finding>,
    left_out: usize,
    interruption: Option<(&'static str, String)>,
    duration_us: u64,
}

impl Account {
    pub(crate) fn new(check: CheckId) -> Self {
        Account {
            check,
            findings: Vec::new(),
            left_out: 0,
            interruption: None,
            duration_us: 0,
        }
    }

    pub(crate) fn push(&mut self, finding: Finding) {
        let alike = self.findings.iter().filter(|f| f.severity == finding.severity).count();
        match alike < KEPT {
            true => self.findings.push(finding),
            false => self.left_out += 1,
        }
    }

    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// Runs `work` on this account's time.
    pub(crate) fn measure<T>(&mut self, work: impl FnOnce() -> T) -> T {
        measured(&mut self.duration_us, work)
    }

    /// Runs a step that cannot fail.
    pub(crate) fn run<F: IntoIterator<Item = Finding>>(&mut self, step: impl FnOnce() -> F) {
        let findings = self.measure(step);
        self.extend(findings);
    }

    /// Runs a step that can; after an interruption it is not tried again.
    pub(crate) fn attempt(&mut self, step: impl FnOnce() -> Result<Vec<Finding>, Interrupted>) {
        if self.interruption.is_some() {
            return;
        }
        match self.measure(step) {
            Ok(findings) => self.extend(findings),
            Err(Interrupted::OutOfTime) => self.out_of_time(),
            Err(Interrupted::Failed(why)) => self.interrupt(FAILED, &why),
        }
    }

    /// Runs a step that reads what others need, or says what is wrong with it.
    pub(crate) fn read<T>(&mut self, step: impl FnOnce() -> Result<Result<T, Finding>, Interrupted>) -> Option<T> {
        let mut read = None;
        self.attempt(|| match step()? {
            Ok(value) => {
                read = Some(value);
                Ok(Vec::new())
            }
            Err(finding) => Ok(vec![finding]),
        });
        read
    }

    pub(crate) fn out_of_time(&mut self) {
        self.interrupt(TIMED_OUT, "the time for the scan was over before the last file");
    }

    /// The check could not be carried out to its end. The first reason stays.
    pub(crate) fn interrupt(&mut self, rule: &'static str, why: &str) {
        self.interruption.get_or_insert_with(|| (rule, why.to_owned()));
    }

    /// The row of the report.
    pub(crate) fn close(mut self, policies: &Policies) -> CheckResult {
        let policy = policies.of(self.check);
        let found = self
            .findings
            .iter()
            .any(|finding| finding.severity >= Severity::Warning);
        let outcome = match (&self.interruption, found) {
            (Some(_), _) => Outcome::Errored,
            (None, true) => Outcome::Found,
            (None, false) => Outcome::Passed,
        };
        if let Some((rule, why)) = self.interruption.take() {
            let severity = if policy.required {
                Severity::Quarantine
            } else {
                Severity::Warning
            };
            let remedy = "Mend what else was found, or wait for a person to look at it.";
            let finding = Finding::new(format!("{}.{rule}", self.check), severity, remedy);
            self.findings.push(finding.saw(why));
        }
        if self.left_out > 0 {
            let finding = Finding::new(format!("{}.more", self.check), Severity::Info, "Mend these first.");
            self.findings
                .push(finding.saw(format!("{} more findings are not shown", self.left_out)));
        }
        CheckResult {
            check: self.check,
            outcome,
            enforced: policy.enforced,
            required: policy.required,
            findings: self.findings,
            duration_us: self.duration_us,
        }
    }
}
