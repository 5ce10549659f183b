//! What waits for a moderator, and the reasons that there are.

use jiff::Timestamp;
use serde::Serialize;
use shared::ids::{AppealId, CaseId, ListingId, PartnerId, SubmissionId, UserId, VersionId};
use shared::listing::moderation::{Remark, RemarkKind};
use shared::listing::{
    About, Act, Appeal, AppealAct, Case, CaseKind, HeldAct, ListedAct, ReasonCode, Reply, ReportAct, ReportKind,
    Ruling, Submission,
};
use shared::scan::Check;
use strum::IntoEnumIterator;
use utoipa::ToSchema;

use super::{AppealView, CheckView, ReplyView, SubmissionView};

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
    /// Decided about at `/v1/partners/{partner_id}/submissions/{submission_id}/decisions`. `null` for everything else; held scans and
    /// suspensions are decided about at `/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}/decisions`.
    #[schema(required)]
    pub submission_id: Option<SubmissionId>,
    /// Decided about at `/v1/partners/{partner_id}/appeals/{appeal_id}/decisions`.
    #[schema(required)]
    pub appeal_id: Option<AppealId>,
    /// Closed at `/v1/partners/{partner_id}/review-cases/{case_id}/closure`.
    #[schema(required)]
    pub report: Option<ReportedView>,
    /// Why it waits: the rules that hold it, why it is suspended, or what the appeal is against; empty for a submission.
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
    /// When the partner has said something last.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<Timestamp>,
    /// Who is at it. Others decide when it has run out.
    #[schema(required)]
    pub claim: Option<ClaimView>,
}

/// What somebody says is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportedView {
    pub kind: ReportKind,
    pub text: String,
    /// `null` where they did not say who they are.
    #[schema(required)]
    pub reporter: Option<UserId>,
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
        let kind = case.kind();
        let (mut submission_id, mut appeal_id, mut report) = (None, None, None);
        let (mut reason_codes, mut noted) = (Vec::new(), Vec::new());
        match case.about {
            About::HeldScan {
                reason_codes: codes, ..
            }
            | About::Suspension {
                reason_codes: codes, ..
            } => {
                reason_codes = codes;
            }
            About::Submission {
                submission, remarks, ..
            } => (submission_id, noted) = (Some(submission), remarks),
            About::Appeal {
                appeal,
                reason_codes: codes,
                ..
            } => (appeal_id, reason_codes) = (Some(appeal), codes),
            About::Report {
                reported_as: kind,
                text,
                reporter,
                ..
            } => report = Some(ReportedView { kind, text, reporter }),
        }
        Self {
            id: case.id,
            kind,
            partner_id: case.partner,
            listing_id: case.listing,
            version_id: case.version,
            title: case.title,
            number: case.number.to_string(),
            submission_id,
            appeal_id,
            report,
            reason_codes,
            remarks: noted.into_iter().map(RemarkView::from).collect(),
            weight: case.weight,
            opened_at: case.opened_at,
            due_at: case.due_at,
            answered_at: case.answered_at,
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
    #[schema(required)]
    pub appeal: Option<AppealView>,
    /// What every check said of the package.
    pub checks: Vec<CheckView>,
    /// What the partner and moderators have said about the version, the oldest first.
    pub replies: Vec<ReplyView>,
}

/// What there is to be seen beside a case.
pub(crate) struct Evidence {
    pub submission: Option<Submission>,
    pub appeal: Option<Appeal>,
    pub checks: Vec<Check>,
    pub replies: Vec<Reply>,
}

impl CaseDetail {
    pub(crate) fn of(case: Case, evidence: Evidence) -> Self {
        let Evidence {
            submission,
            appeal,
            checks,
            replies,
        } = evidence;
        Self {
            replies: replies.into_iter().map(ReplyView::from).collect(),
            case: case.into(),
            appeal: appeal.map(AppealView::from),
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
            let mut decisions: Vec<String> = Vec::new();
            let each = [
                acts::<Act>,
                acts::<HeldAct>,
                acts::<ListedAct>,
                acts::<AppealAct>,
                acts::<ReportAct>,
            ];
            for act in each.iter().flat_map(|acts| acts(code)) {
                if !decisions.contains(&act) {
                    decisions.push(act);
                }
            }
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

fn acts<A: Ruling + IntoEnumIterator>(code: ReasonCode) -> Vec<String> {
    let fitting = A::iter().filter(|act| act.rests_on(code.ground()));
    fitting.map(|act| act.to_string()).collect()
}
