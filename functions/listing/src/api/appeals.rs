//! Appeals, and decisions about them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::Validate;
use shared::ids::{AppealId, ListingId, PartnerId, UserId, VersionId};
use shared::listing::{Appeal, AppealAct, AppealStatus, DecisionRequest, ReasonCode, Status};
use utoipa::ToSchema;

use super::DecisionView;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LodgeAppeal {
    /// Why the refusal is wrong.
    #[schema(min_length = 1, max_length = 5_000)]
    pub text: String,
}

impl Validate for LodgeAppeal {}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppealView {
    pub id: AppealId,
    pub partner_id: PartnerId,
    pub listing_id: ListingId,
    pub version_id: VersionId,
    pub title: String,
    #[schema(example = "1.2.0")]
    pub number: String,
    pub status: AppealStatus,
    /// What it is against: `rejected` or `taken_down`.
    pub refused: Status,
    pub reason_codes: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    pub refused_at: Timestamp,
    pub text: String,
    pub lodged_by: UserId,
    #[schema(value_type = String, format = DateTime)]
    pub lodged_at: Timestamp,
    /// When a decision is due.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    #[schema(required)]
    pub decision: Option<DecisionView<AppealAct>>,
}

impl From<Appeal> for AppealView {
    fn from(appeal: Appeal) -> Self {
        Self {
            id: appeal.id,
            partner_id: appeal.partner,
            listing_id: appeal.listing,
            version_id: appeal.version,
            number: appeal.number.to_string(),
            status: appeal.status(),
            decision: appeal.decision().map(DecisionView::from),
            refused: appeal.refused,
            refused_at: appeal.refusal.at,
            title: appeal.title,
            reason_codes: appeal.reason_codes,
            text: appeal.text,
            lodged_by: appeal.by,
            lodged_at: appeal.at,
            due_at: appeal.due_at,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideAppeal {
    pub decision: AppealAct,
    pub reason_code: ReasonCode,
    /// For the partner.
    #[schema(min_length = 1, max_length = 5_000)]
    pub note: String,
}

impl Validate for DecideAppeal {}

impl From<DecideAppeal> for DecisionRequest<AppealAct> {
    fn from(request: DecideAppeal) -> Self {
        Self {
            act: request.decision,
            reason_code: Some(request.reason_code),
            note: request.note,
        }
    }
}
