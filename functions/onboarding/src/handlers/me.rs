//! Who the caller is.

use shared::auth::Principal;
use shared::auth::scope::PartnersRead;
use shared::http::{Json, ProblemDocument};

use crate::api::MeView;

/// The caller. Others need the `id` to make the caller a member of a partner's team.
#[utoipa::path(get, path = "/v1/me", tag = "people",
    responses((status = 200, body = MeView), (status = 401, body = ProblemDocument)))]
pub(crate) async fn show(principal: Principal<PartnersRead>) -> Json<MeView> {
    Json(principal.user.into())
}
