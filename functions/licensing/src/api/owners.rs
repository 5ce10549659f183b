//! Handing a licence on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::Validate;
use shared::ids::{LicenceId, UserId};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfferLicence {
    /// Who is to have it: the id that `GET /v1/me` shows them.
    pub to: UserId,
}

impl Validate for OfferLicence {}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfferView {
    pub licence_id: LicenceId,
    pub to: UserId,
    /// When it ends unless it is accepted: `POST /v1/licences/{licence_id}/transfers`.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}
