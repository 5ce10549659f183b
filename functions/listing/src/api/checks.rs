//! What scans said.

use jiff::Timestamp;
use serde::Serialize;
use shared::scan::{Check, CheckOutcome, Finding, Severity};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckView {
    #[schema(example = "archive")]
    pub check: String,
    pub outcome: CheckOutcome,
    /// Its findings count; otherwise they are only written down.
    pub enforced: bool,
    /// The package is held when this check could not be carried out.
    pub required: bool,
    /// The gravest first. Of very many only some are kept.
    pub findings: Vec<FindingView>,
    pub findings_total: usize,
    /// Hash of the rules that took part.
    pub ruleset: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingView {
    #[schema(example = "archive.trailing_bytes")]
    pub rule: String,
    pub severity: Severity,
    /// The file inside the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Bytes from the beginning of that file, or of the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// What was seen.
    pub evidence: String,
    /// What to do about it.
    pub remedy: String,
}

impl From<Check> for CheckView {
    fn from(check: Check) -> Self {
        Self {
            check: check.check,
            outcome: check.outcome,
            enforced: check.enforced,
            required: check.required,
            findings: check.findings.into_iter().map(FindingView::from).collect(),
            findings_total: check.findings_total,
            ruleset: check.ruleset,
            at: check.at,
        }
    }
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        let Finding {
            rule,
            severity,
            path,
            offset,
            evidence,
            remedy,
        } = finding;
        Self {
            rule,
            severity,
            path,
            offset,
            evidence,
            remedy,
        }
    }
}
