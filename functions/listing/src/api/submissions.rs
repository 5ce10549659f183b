//! What was handed in, and decisions about it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::Validate;
use shared::ids::{DecisionId, ListingId, PartnerId, SubmissionId, UserId, VersionId};
use shared::listing::{
    Act, Category, Content, ContentType, Decision, DecisionRequest, HeldAct, ListedAct, ReasonCode, Submission,
    SubmissionStatus,
};
use shared::money::Money;
use shared::scan::Check;
use utoipa::ToSchema;

use super::{ArtifactView, CheckView};

/// What was handed in, frozen: texts, price and package are what is decided on and what gets published.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionView {
    pub id: SubmissionId,
    pub partner_id: PartnerId,
    pub listing_id: ListingId,
    pub version_id: VersionId,
    pub number: String,
    pub notes: String,
    pub status: SubmissionStatus,
    pub content: ContentView,
    pub artifact: ArtifactView,
    pub submitted_by: UserId,
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// When a decision is due.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    #[schema(required)]
    pub decision: Option<DecisionView<Act>>,
    /// When it is rejected, unless another package has come or somebody has decided otherwise before.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub rejects_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContentView {
    pub title: String,
    pub summary: String,
    pub description: String,
    pub category: Category,
    pub content_type: ContentType,
    pub price: Money,
    pub tags: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionView<A: ToSchema> {
    pub id: DecisionId,
    pub decision: A,
    pub reason_code: ReasonCode,
    pub note: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl From<Content> for ContentView {
    fn from(content: Content) -> Self {
        let Content {
            title,
            summary,
            description,
            category,
            content_type,
            price,
            tags,
        } = content;
        Self {
            title,
            summary,
            description,
            category,
            content_type,
            price,
            tags,
        }
    }
}

/// Who decided is in the audit entry, not in what the partner sees.
impl<A: ToSchema + Copy> From<&Decision<A>> for DecisionView<A> {
    fn from(decision: &Decision<A>) -> Self {
        Self {
            id: decision.id,
            decision: decision.act,
            reason_code: decision.reason_code,
            note: decision.note.clone(),
            at: decision.at,
        }
    }
}

impl From<Submission> for SubmissionView {
    fn from(submission: Submission) -> Self {
        Self {
            id: submission.id,
            partner_id: submission.partner,
            listing_id: submission.listing,
            version_id: submission.version,
            number: submission.number.to_string(),
            status: submission.status(),
            decision: submission.decision().map(DecisionView::from),
            rejects_at: submission.rejects_at(),
            artifact: ArtifactView::from(&submission.artifact),
            content: submission.content.into(),
            notes: submission.notes,
            submitted_by: submission.submitted_by,
            submitted_at: submission.submitted_at,
            due_at: submission.due_at,
        }
    }
}

/// A submission with its evidence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionDetail {
    #[serde(flatten)]
    pub submission: SubmissionView,
    /// What every check said of the package.
    pub checks: Vec<CheckView>,
}

impl SubmissionDetail {
    pub(crate) fn of(submission: Submission, checks: Vec<Check>) -> Self {
        Self {
            submission: submission.into(),
            checks: checks.into_iter().map(CheckView::from).collect(),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    pub decision: Act,
    /// `meets_guidelines` unless given for an approval; the other decisions need one that fits.
    pub reason_code: Option<ReasonCode>,
    /// For the partner; needed unless it is an approval.
    #[serde(default)]
    #[schema(max_length = 5_000)]
    pub note: String,
    /// For `delay_rejection` alone: how many days there are to upload another package; 14 unless given.
    #[schema(minimum = 1, maximum = 90)]
    pub after_days: Option<u32>,
}

impl Validate for Decide {}

impl From<Decide> for DecisionRequest<Act> {
    fn from(request: Decide) -> Self {
        Self {
            act: request.decision,
            reason_code: request.reason_code,
            note: request.note,
        }
    }
}

/// What becomes of a version: of what its scan holds, or of what has been published.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VersionAct {
    /// What its scan holds is scanned again, and what held it no longer does.
    Release,
    /// What its scan holds is refused.
    Reject,
    /// What has been published is stopped until somebody has looked into it.
    Suspend,
    /// What a suspension stopped goes on.
    Reinstate,
    /// What has been published is stopped for good.
    TakeDown,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideVersion {
    pub decision: VersionAct,
    pub reason_code: ReasonCode,
    /// For the partner.
    #[schema(min_length = 1, max_length = 5_000)]
    pub note: String,
}

impl Validate for DecideVersion {}

/// Which of the two kinds of decision it is.
pub(crate) enum VersionDecision {
    Held(DecisionRequest<HeldAct>),
    Listed(DecisionRequest<ListedAct>),
}

impl From<DecideVersion> for VersionDecision {
    fn from(request: DecideVersion) -> Self {
        let (reason_code, note) = (Some(request.reason_code), request.note);
        let held = |act| DecisionRequest {
            act,
            reason_code,
            note: note.clone(),
        };
        let listed = |act| DecisionRequest {
            act,
            reason_code,
            note: note.clone(),
        };
        match request.decision {
            VersionAct::Release => Self::Held(held(HeldAct::Release)),
            VersionAct::Reject => Self::Held(held(HeldAct::Reject)),
            VersionAct::Suspend => Self::Listed(listed(ListedAct::Suspend)),
            VersionAct::Reinstate => Self::Listed(listed(ListedAct::Reinstate)),
            VersionAct::TakeDown => Self::Listed(listed(ListedAct::TakeDown)),
        }
    }
}
