//! Which group a partner is in.

use axum::extract::State;
use shared::auth::ImpartialOperator;
use shared::auth::scope::PartnersRead;
use shared::http::{Call, Json, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::partner::group;
use shared::store::partners;

use crate::api::{AssignGroup, PartnerView};
use crate::context::{Context, act};

/// Puts a partner into a group, whose commission rules then apply to what is ordered from the partner; one partner is in one group at
/// most.
#[utoipa::path(put, path = "/v1/partners/{partner_id}/group", tag = "partners",
    params(("partner_id" = PartnerId, Path)), request_body = AssignGroup,
    responses((status = 200, body = PartnerView), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn assign(
    State(context): State<Context>,
    operator: ImpartialOperator<PartnersRead>,
    call: Call,
    Json(request): Json<AssignGroup>,
) -> Result<Json<PartnerView>, Problem> {
    let before = context.partner(operator.partner).await?;
    if before.group == request.group {
        return Ok(Json(PartnerView::of(before.value, None, call.now)));
    }
    let change = group::assign(&before, request.group, act(&operator.user, &call));
    partners::save(&context.store, &change, before.revision, []).await?;
    Ok(Json(PartnerView::of(change.partner, None, call.now)))
}
