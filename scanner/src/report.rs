//! What a scan says: one row per check, its findings, and the verdict that follows from them.
//!
//! The verdict is a pure function of the rows, so that a stored report can be read again and
//! comes to the same answer. It fails closed: a required check that errored, or that is missing
//! from the report, holds the package.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

use crate::manifest::Manifest;

/// The outcome of one scan of exactly one sequence of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// SHA-256 of the package's bytes, in lower-case hexadecimal; empty where there are none.
    pub sha256: String,
    /// Length of the package in bytes.
    pub size: u64,
    /// Hash of every rule that took part and of the engine's version. Two reports with the same
    /// `sha256` and the same `ruleset` have the same findings.
    pub ruleset: String,
    /// One row per check, passes included, in the order of [`CheckId`].
    pub checks: Vec<CheckResult>,
    /// The package's manifest, where it could be read and every field of it is valid.
    pub manifest: Option<Manifest>,
    /// Rules whose findings do not count for this package, because a person has looked at them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub waived: BTreeSet<String>,
}

impl Report {
    /// The same report where a person lets these rules pass. The findings stay.
    #[must_use]
    pub fn waiving(mut self, rules: impl IntoIterator<Item = String>) -> Self {
        self.waived.extend(rules);
        self
    }

    /// What is to happen with the package: the worst that any row asks for.
    pub fn verdict(&self) -> Verdict {
        CheckId::iter()
            .map(|id| match self.row(id) {
                None => Verdict::Quarantined,
                Some(row) => row.verdict(&self.waived),
            })
            .max()
            .unwrap_or(Verdict::Quarantined)
    }

    /// The rules that led to the verdict, the gravest first, each once. Empty when it is `Passed`.
    ///
    /// Checks that could not run because another one refused the package are named only when
    /// nothing else is.
    pub fn reason_codes(&self) -> Vec<&str> {
        let mut reasons: Vec<(Severity, &str)> = Vec::new();
        for id in CheckId::iter() {
            match self.row(id) {
                None => reasons.push((Severity::Quarantine, "scanner.check_missing")),
                Some(row) => reasons.extend(row.reasons(&self.waived)),
            }
        }
        reasons.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
        let primary = reasons.iter().any(|(_, rule)| !is_consequence(rule));
        let mut codes: Vec<&str> = Vec::new();
        for (_, rule) in reasons {
            let is_beside_the_point = primary && is_consequence(rule);
            if !is_beside_the_point && !codes.contains(&rule) {
                codes.push(rule);
            }
        }
        codes
    }

    /// The row of one check.
    pub fn row(&self, id: CheckId) -> Option<&CheckResult> {
        self.checks.iter().find(|row| row.check == id)
    }
}

/// Ends of the rules that say why a check errored.
pub(crate) const NOT_RUN: &str = "not_run";
pub(crate) const TIMED_OUT: &str = "timed_out";
pub(crate) const FAILED: &str = "failed";

fn is_consequence(rule: &str) -> bool {
    rule.ends_with(NOT_RUN)
}

fn is_interruption(rule: &str) -> bool {
    [NOT_RUN, TIMED_OUT, FAILED].iter().any(|end| rule.ends_with(end))
}

/// What is to happen with a package. Ordered: the greater, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every check ran and none objects.
    Passed,
    /// A person has to look before anything else happens.
    Quarantined,
    /// The package can never be listed as it is.
    Rejected,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Passed => "PASSED",
            Verdict::Quarantined => "QUARANTINED",
            Verdict::Rejected => "REJECTED",
        })
    }
}

/// The checks, in the order in which a report lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, IntoStaticStr, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CheckId {
    /// The container itself: byte layout, names, limits, checksums.
    Archive,
    /// `souk.toml`.
    Manifest,
    /// The files against the manifest's list.
    Hashes,
    /// Each file's content against its name and the content type's allow-list.
    FileTypes,
    /// The EICAR test file.
    Eicar,
    /// The YARA rules in `rules/`.
    Yara,
    /// Credentials left in files.
    Secrets,
    /// JSON that readers take differently.
    Json,
    /// MIDI files, to the last event.
    Midi,
    /// Recordings, to the last frame.
    Audio,
    /// What `souk.toml` says of music and recordings.
    Declared,
    /// The size of pictures.
    Images,
    /// Markdown: links and HTML.
    Markdown,
    /// SVG pictures.
    Svg,
    /// PDF documents that act.
    Pdf,
    /// Presets of synths and effects, and of intents.
    Presets,
    /// Projects of DAWs: their archive, and what they refer to.
    Projects,
    /// Machine code, where the content type has it.
    Native,
    /// WebAssembly: what a module asks for, and what it does when it runs.
    Wasm,
}

impl CheckId {
    /// The name under which reports, rules and configuration know it.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One check's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    pub check: CheckId,
    pub outcome: Outcome,
    /// Whether its findings count for the verdict, or are only written down.
    pub enforced: bool,
    /// Whether the package is held when this check could not be carried out.
    pub required: bool,
    pub findings: Vec<Finding>,
    /// Time spent in this check alone, in microseconds.
    pub duration_us: u64,
}

impl CheckResult {
    fn verdict(&self, waived: &BTreeSet<String>) -> Verdict {
        self.reasons(waived)
            .map(|(severity, _)| severity.verdict())
            .max()
            .unwrap_or(Verdict::Passed)
    }

    /// The findings that count for the verdict.
    fn reasons(&self, waived: &BTreeSet<String>) -> impl Iterator<Item = (Severity, &str)> {
        let held = self.outcome == Outcome::Errored && self.required;
        let unexplained = held && !self.findings.iter().any(|f| f.severity >= Severity::Quarantine);
        self.findings
            .iter()
            .filter(|f| f.severity >= Severity::Quarantine)
            // Monitored: what it found does not count, that it did not finish does.
            .filter(move |f| self.enforced || (held && is_interruption(&f.rule)))
            .map(|f| (f.severity, f.rule.as_str()))
            .chain(unexplained.then_some((Severity::Quarantine, "scanner.check_errored")))
            .filter(|(_, rule)| !waived.contains(*rule))
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran to its end and has nothing to say beyond remarks.
    Passed,
    /// It ran to its end and found something.
    Found,
    /// It could not be carried out, or not to its end. Findings made before are kept.
    Errored,
}

/// How grave a finding is. Ordered: the greater, the graver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth mending, but no obstacle.
    Warning,
    /// A person has to look.
    Quarantine,
    /// No person needs to look: this can never be listed.
    Reject,
}

impl Severity {
    fn verdict(self) -> Verdict {
        match self {
            Severity::Info | Severity::Warning => Verdict::Passed,
            Severity::Quarantine => Verdict::Quarantined,
            Severity::Reject => Verdict::Rejected,
        }
    }
}

/// One thing that a check found, with what its author needs to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `check.rule`, stable: partners, suppressions and statistics refer to it.
    pub rule: String,
    pub severity: Severity,
    /// The file inside the package, where the finding is about one.
    pub path: Option<String>,
    /// Byte offset, in that file, or in the package where `path` is not a file's content.
    pub offset: Option<u64>,
    /// What was seen, as a sentence or an excerpt; at most [`Finding::EVIDENCE_CHARS`] characters,
    /// without control characters. Never a whole secret.
    pub evidence: String,
    /// What to do about it.
    pub remedy: String,
}

impl Finding {
    /// Evidence is stored per finding and shown in a table: a longer one helps nobody.
    pub const EVIDENCE_CHARS: usize = 240;

    pub(crate) fn new(rule: impl Into<String>, severity: Severity, remedy: impl Into<String>) -> Self {
        Finding {
            rule: rule.into(),
            severity,
            path: None,
            offset: None,
            evidence: String::new(),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn in_file(mut self, path: &str) -> Self {
        self.path = Some(printable(path, 1024));
        self
    }

    pub(crate) fn at(mut self, offset: impl TryInto<u64>) -> Self {
        self.offset = offset.try_into().ok();
        self
    }

    pub(crate) fn saw(mut self, evidence: impl AsRef<str>) -> Self {
        self.evidence = printable(evidence.as_ref(), Self::EVIDENCE_CHARS);
        self
    }
}

/// `text` without anything that could steer a terminal or reorder a line, cut to `limit` characters.
fn printable(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count >= limit {
            out.push('…');
            break;
        }
        if c.is_control() || crate::archive::names::is_invisible(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(change: impl Fn(&mut CheckResult)) -> Report {
        let mut checks: Vec<CheckResult> = CheckId::iter()
            .map(|check| CheckResult {
                check,
                outcome: Outcome::Passed,
                enforced: true,
                required: true,
                findings: Vec::new(),
                duration_us: 0,
            })
            .collect();
        change(&mut checks[0]);
        Report {
            sha256: String::new(),
            size: 0,
            ruleset: String::new(),
            checks,
            manifest: None,
            waived: BTreeSet::new(),
        }
    }

    fn finding(rule: &str, severity: Severity) -> Finding {
        Finding::new(rule, severity, "")
    }

    #[test]
    fn what_is_waived_stays_to_be_read_and_does_not_count() {
        let both = report(|row| {
            row.findings = vec![
                finding("archive.a", Severity::Quarantine),
                finding("archive.b", Severity::Reject),
            ];
        });
        let some = both.clone().waiving(["archive.b".to_owned()]);
        assert_eq!(
            (some.verdict(), some.reason_codes()),
            (Verdict::Quarantined, vec!["archive.a"])
        );
        let all = some.waiving(["archive.a".to_owned()]);
        assert_eq!((all.verdict(), all.reason_codes()), (Verdict::Passed, vec![]));
        assert_eq!(all.checks, both.checks);
        let mut none = all;
        none.checks.clear();
        assert_eq!(none.verdict(), Verdict::Quarantined, "what did not run is not waived");
    }

    #[track_caller]
    fn check(change: impl Fn(&mut CheckResult), verdict: Verdict, reasons: &[&str]) {
        let report = report(change);
        assert_eq!(report.verdict(), verdict);
        assert_eq!(report.reason_codes(), reasons);
    }

    #[test]
    fn the_worst_finding_decides() {
        check(|_| {}, Verdict::Passed, &[]);
        check(
            |row| row.findings = vec![finding("a.w", Severity::Warning)],
            Verdict::Passed,
            &[],
        );
        check(
            |row| {
                row.findings = vec![finding("a.q", Severity::Quarantine), finding("a.r", Severity::Reject)];
            },
            Verdict::Rejected,
            &["a.r", "a.q"],
        );
    }

    #[test]
    fn a_monitored_check_only_writes_down() {
        check(
            |row| {
                row.enforced = false;
                row.findings = vec![finding("a.r", Severity::Reject)];
            },
            Verdict::Passed,
            &[],
        );
    }

    #[test]
    fn a_required_check_that_errored_holds_even_when_monitored() {
        check(
            |row| row.outcome = Outcome::Errored,
            Verdict::Quarantined,
            &["scanner.check_errored"],
        );
        check(
            |row| {
                row.enforced = false;
                row.outcome = Outcome::Errored;
            },
            Verdict::Quarantined,
            &["scanner.check_errored"],
        );
        check(
            |row| {
                row.required = false;
                row.outcome = Outcome::Errored;
            },
            Verdict::Passed,
            &[],
        );
    }

    #[test]
    fn a_missing_row_holds() {
        let mut report = report(|_| {});
        report.checks.pop();
        assert_eq!(report.verdict(), Verdict::Quarantined);
        assert_eq!(report.reason_codes(), ["scanner.check_missing"]);
    }

    #[test]
    fn consequences_are_named_only_when_alone() {
        let not_run = |row: &mut CheckResult| {
            row.outcome = Outcome::Errored;
            row.findings = vec![finding("a.not_run", Severity::Quarantine)];
        };
        check(not_run, Verdict::Quarantined, &["a.not_run"]);
        check(
            |row| {
                not_run(row);
                row.findings.push(finding("a.r", Severity::Reject));
            },
            Verdict::Rejected,
            &["a.r"],
        );
    }

    #[test]
    fn evidence_cannot_steer_a_terminal() {
        let shown = finding("a", Severity::Info).saw("x\u{1b}[2J\u{202e}y").evidence;
        assert_eq!(shown, "x\\u{1b}[2J\\u{202e}y");
        assert_eq!(
            finding("a", Severity::Info)
                .saw("é".repeat(500))
                .evidence
                .chars()
                .count(),
            241
        );
    }
}
