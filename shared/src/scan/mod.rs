//! What scans say, in Souk's own terms: one record per check, and the verdict that follows.
//!
//! The scan engine is another crate that only the scanning function pulls in; it maps its report to these types. This module knows what is
//! stored and shown, and one rule: [`Verdict`] is ordered by gravity, and whatever was not scanned completely is not passed.

mod contents;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use contents::{Contents, MAX_CONTENTS_BYTES};

/// A check's item keeps this many findings; `findings_total` tells how many there were.
pub const MAX_FINDINGS_KEPT: usize = 100;
/// DynamoDB takes 400 KiB in an item and 4 MiB in the transaction that writes all checks of a scan.
const MAX_FINDINGS_BYTES: usize = 150_000;
/// A version's item and its answer name this many reasons.
pub const MAX_REASON_CODES: usize = 20;

/// Ordered: the greater, the worse.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumIter,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = ScanVerdict)]
pub enum Verdict {
    /// Every check ran, none objects.
    Passed,
    /// A person has to look before anything else happens.
    Quarantined,
    /// The scan could not be carried out.
    Errored,
    /// The package can never be listed as it is.
    Rejected,
}

/// One check's result on one upload, passes included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable name: `archive`, `yara`, ….
    pub check: String,
    pub outcome: CheckOutcome,
    /// Its findings count for the verdict; otherwise they are only written down.
    pub enforced: bool,
    /// The package is held when this check could not be carried out.
    pub required: bool,
    /// The gravest first, as many as an item holds.
    pub findings: Vec<Finding>,
    pub findings_total: usize,
    /// Hash of all rules that took part.
    pub ruleset: String,
    pub duration_us: u64,
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    Passed,
    Found,
    /// It could not be carried out, or not to its end.
    Errored,
}

/// Ordered: the greater, the graver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Quarantine,
    Reject,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable: `archive.trailing_bytes`.
    pub rule: String,
    pub severity: Severity,
    /// The file inside the package.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// Bytes from the beginning of that file, or of the package.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offset: Option<u64>,
    /// What was seen; never a whole secret.
    pub evidence: String,
    /// What to do about it.
    pub remedy: String,
}

impl Finding {
    /// About what it takes in an item.
    fn size_bytes(&self) -> usize {
        let path = self.path.as_ref().map_or(0, String::len);
        100 + self.rule.len() + path + self.evidence.len() + self.remedy.len()
    }
}

impl Check {
    /// A check with its findings in order and cut to what is kept.
    pub fn new(check: impl Into<String>, outcome: CheckOutcome, mut findings: Vec<Finding>, at: Timestamp) -> Self {
        let findings_total = findings.len();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let mut bytes = 0;
        let fits = |finding: &&Finding| {
            bytes += finding.size_bytes();
            bytes <= MAX_FINDINGS_BYTES
        };
        let kept = findings.iter().take(MAX_FINDINGS_KEPT).take_while(fits).count();
        findings.truncate(kept);
        Self {
            check: check.into(),
            outcome,
            enforced: true,
            required: true,
            findings,
            findings_total,
            ruleset: String::new(),
            duration_us: 0,
            at,
        }
    }
}

/// What a scan came to, as the version and the upload remember it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub verdict: Verdict,
    /// The rules that led to it, the gravest first; empty when passed.
    pub reason_codes: Vec<String>,
    pub ruleset: String,
    /// Of the bytes that were scanned; empty when they could not be read.
    pub sha256: String,
    pub size_bytes: u64,
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &str, severity: Severity) -> Finding {
        Finding {
            rule: rule.into(),
            severity,
            path: None,
            offset: None,
            evidence: String::new(),
            remedy: String::new(),
        }
    }

    #[test]
    fn the_gravest_findings_are_kept_and_all_are_counted() {
        let mut findings = vec![finding("a.warning", Severity::Warning); MAX_FINDINGS_KEPT];
        findings.push(finding("a.reject", Severity::Reject));
        let check = Check::new("a", CheckOutcome::Found, findings, Timestamp::UNIX_EPOCH);
        assert_eq!(
            (check.findings.len(), check.findings_total),
            (MAX_FINDINGS_KEPT, MAX_FINDINGS_KEPT + 1)
        );
        assert_eq!(check.findings[0].rule, "a.reject");
    }

    #[test]
    fn large_findings_leave_room_in_the_item() {
        let large = Finding {
            evidence: "x".repeat(40_000),
            ..finding("a.large", Severity::Warning)
        };
        let check = Check::new("a", CheckOutcome::Found, vec![large; 10], Timestamp::UNIX_EPOCH);
        assert_eq!((check.findings.len(), check.findings_total), (3, 10));
    }

    #[test]
    fn only_passed_is_as_good_as_passed() {
        use strum::IntoEnumIterator;
        assert_eq!(Verdict::iter().min(), Some(Verdict::Passed));
        assert!(
            Verdict::iter()
                .filter(|verdict| *verdict != Verdict::Passed)
                .all(|verdict| verdict > Verdict::Passed)
        );
    }
}
