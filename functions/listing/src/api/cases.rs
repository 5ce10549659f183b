//! What waits for a moderator, and the reasons that there are.

use jiff::Timestamp;
use serde::Serialize;
use shared::ids::{CaseId, ListingId, PartnerId, SubmissionId, UserId, VersionId};
use shared::listing::moderation::{Remark, RemarkKind};
use shared::listing::{About, Act, Case, HeldAct, ReasonCode, Ruling, Submission};
use shared::scan::Check;
use strum::IntoEnumIterator;
use utoipa::ToSchema;

use super::{CheckView, SubmissionView};

/// Something that waits for a moderator.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseView {
    pub id: CaseId,
    pub kind: CaseKind,
    pub partner_id: PartnerId,
    pub listing_id: ListingId,
    pub version_id: VersionId,
    pub title: String,
    #[schema(example = "1.2.0")]
    pub number: String,
    /// Decided about at `/v1/partners/{partner_id}/submissions/{submission_id}/decisions`. `null` for a held scan, which is decided about at
    /// `/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}/decisions`.
    #[schema(required)]
    pub submission_id: Option<SubmissionId>,
    /// The rules that hold it; empty for a submission.
    pub reason_codes: Vec<String>,
    /// What stands out in the texts of a submission.
    pub remarks: Vec<RemarkView>,
    /// Risk, as the hours by which it comes before what was opened with it.
    pub weight: u32,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When a decision is due.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// Who is at it. Others decide when it has run out.
    #[schema(required)]
    pub claim: Option<ClaimView>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CaseKind {
    /// A package that its scan holds: nobody has handed it in yet.
    HeldScan,
    Submission,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClaimView {
    pub by: UserId,
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemarkView {
    pub kind: RemarkKind,
    /// JSON pointer into the submission's content.
    #[schema(example = "/description")]
    pub pointer: String,
    /// The line in which it was seen.
    pub excerpt: String,
}

impl From<Remark> for RemarkView {
    fn from(remark: Remark) -> Self {
        let Remark { kind, pointer, excerpt } = remark;
        Self { kind, pointer, excerpt }
    }
}

impl From<Case> for CaseView {
    fn from(case: Case) -> Self {
        let (kind, submission_id, reason_codes, remarks) = match case.about {
            About::HeldScan { reason_codes, .. } => (CaseKind::HeldScan, None, reason_codes, Vec::new()),
            About::Submission {
                submission, remarks, ..
            } => (CaseKind::Submission, Some(submission), Vec::new(), remarks),
        };
        Self {
            id: case.id,
            kind,
            partner_id: case.partner,
            listing_id: case.listing,
            version_id: case.version,
            title: case.title,
            number: case.number.to_string(),
            submission_id,
            reason_codes,
            remarks: remarks.into_iter().map(RemarkView::from).collect(),
            weight: case.weight,
            opened_at: case.opened_at,
            due_at: case.due_at,
            claim: case.claim.map(|claim| ClaimView {
                by: claim.by,
                until: claim.until,
            }),
        }
    }
}

/// A case with its evidence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseDetail {
    #[serde(flatten)]
    pub case: CaseView,
    /// What was handed in; `null` for a held scan.
    #[schema(required)]
    pub submission: Option<SubmissionView>,
    /// What every check said of the package.
    pub checks: Vec<CheckView>,
}

impl CaseDetail {
    pub(crate) fn of(case: Case, submission: Option<Submission>, checks: Vec<Check>) -> Self {
        Self {
            case: case.into(),
            submission: submission.map(SubmissionView::from),
            checks: checks.into_iter().map(CheckView::from).collect(),
        }
    }
}

/// The reasons that moderators give.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReasonsView {
    pub items: Vec<ReasonView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReasonView {
    pub code: ReasonCode,
    pub explanation: &'static str,
    /// The decisions that it can be the reason for.
    #[schema(example = json!(["request_changes", "reject"]))]
    pub decisions: Vec<String>,
}

impl ReasonsView {
    pub(crate) fn all() -> Self {
        let reason = |code: ReasonCode| {
            let submission = Act::iter().filter(|act| act.rests_on(code.ground()));
            let held = HeldAct::iter().filter(|act| act.rests_on(code.ground()));
            let mut decisions: Vec<_> = submission.map(|act| act.to_string()).collect();
            decisions.extend(held.map(|act| act.to_string()));
            decisions.dedup();
            ReasonView {
                code,
                explanation: code.explanation(),
                decisions,
            }
        };
        Self {
            items: ReasonCode::iter().map(reason).collect(),
        }
    }
}
