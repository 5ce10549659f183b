//! Reports of what is wrong with something that is listed, and how long all those wait who wait for a moderator.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use shared::http::Validate;
use shared::ids::{CaseId, VersionId};
use shared::listing::{CaseKind, DecisionRequest, ReasonCode, ReportAct, ReportKind, ReportRequest, Turnaround};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateReport {
    pub kind: ReportKind,
    /// What is wrong, and how it shows.
    #[schema(min_length = 1, max_length = 5_000)]
    pub text: String,
    /// The version that it is about; the latest without one.
    pub version_id: Option<VersionId>,
}

impl Validate for CreateReport {}

impl From<CreateReport> for ReportRequest {
    fn from(request: CreateReport) -> Self {
        Self {
            kind: request.kind,
            text: request.text,
        }
    }
}

/// What becomes of a report at once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportView {
    pub version_id: VersionId,
    pub kind: ReportKind,
    /// Whether the version was suspended at once, as it is for trusted reporters.
    pub suspended: bool,
    /// By when a moderator decides.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseReport {
    pub reason_code: ReasonCode,
    /// What was found out, and done.
    #[schema(min_length = 1, max_length = 5_000)]
    pub note: String,
}

impl Validate for CloseReport {}

impl From<CloseReport> for DecisionRequest<ReportAct> {
    fn from(request: CloseReport) -> Self {
        Self {
            act: ReportAct::Close,
            reason_code: Some(request.reason_code),
            note: request.note,
        }
    }
}

/// A report that was closed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosedView {
    pub case_id: CaseId,
    #[schema(value_type = String, format = DateTime)]
    pub closed_at: Timestamp,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TurnaroundParams {
    /// The month of the decisions, in UTC; this month without one.
    #[param(pattern = "^[0-9]{4}-[0-9]{2}$", example = "2026-11")]
    pub month: Option<String>,
}

/// How long those waited who waited for a moderator, by what they waited with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TurnaroundView {
    #[schema(example = "2026-11")]
    pub month: String,
    pub items: Vec<KindTurnaround>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KindTurnaround {
    pub kind: CaseKind,
    pub decided: usize,
    /// Decided by the time that was promised.
    pub on_time: usize,
    /// From the opening of the case to its first decision.
    pub median_seconds: i64,
    /// Nine of ten waited no longer.
    pub ninth_decile_seconds: i64,
    pub longest_seconds: i64,
}

impl From<Turnaround> for KindTurnaround {
    fn from(turnaround: Turnaround) -> Self {
        let seconds = |wait: SignedDuration| wait.as_secs();
        Self {
            kind: turnaround.kind,
            decided: turnaround.decided,
            on_time: turnaround.on_time,
            median_seconds: seconds(turnaround.median),
            ninth_decile_seconds: seconds(turnaround.ninth_decile),
            longest_seconds: seconds(turnaround.longest),
        }
    }
}
