//! Whether a partner is trusted to mend what has been approved.

use axum::extract::State;
use shared::auth::ImpartialOperator;
use shared::auth::scope::PartnersRead;
use shared::http::{Call, Json, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::partner::trust::{self, TrustError};
use shared::store::partners;

use crate::api::{PartnerView, SetTrust};
use crate::context::{Context, act};

/// Trusts an approved partner, or no longer does. Clean patches of a trusted partner are approved as soon as they are handed in, in the name of the
/// operator who trusts it; a suspension ends that.
#[utoipa::path(put, path = "/v1/partners/{partner_id}/trust", tag = "partners",
    params(("partner_id" = PartnerId, Path)), request_body = SetTrust,
    responses((status = 200, body = PartnerView), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn set(
    State(context): State<Context>,
    operator: ImpartialOperator<PartnersRead>,
    call: Call,
    Json(request): Json<SetTrust>,
) -> Result<Json<PartnerView>, Problem> {
    let (store, partner) = (&context.store, operator.partner);
    let before = context.partner(partner).await?;
    let evidence = request.checked().map_err(Problem::invalid)?;
    match trust::set(&before, request.trusted, &evidence, act(&operator.user, &call)).map_err(refused)? {
        None => Ok(Json(PartnerView::of(before.value, None, call.now))),
        Some(change) => {
            partners::save(store, &change, before.revision, []).await?;
            Ok(Json(PartnerView::of(change.partner, None, call.now)))
        }
    }
}

fn refused(TrustError::NotApproved(status): TrustError) -> Problem {
    let detail = format!("The partner is {status}; only one that is approved can be trusted.");
    Problem::conflict("wrong_status", detail)
}
