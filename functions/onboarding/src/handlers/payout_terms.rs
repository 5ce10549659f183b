//! What an operator agrees with a partner about payouts.

use axum::extract::State;
use shared::auth::scope::PartnersRead;
use shared::auth::{Fresh, ImpartialOperator};
use shared::http::{Call, Json, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::partner::PayoutTerms;
use shared::partner::payout_terms::agree;
use shared::store::partners;

use crate::api::PayoutTermsBody;
use crate::context::{Context, act};

/// Sets minimum and reserve of a partner's payouts anew, currency by currency. What is left out is as for everybody. It takes a fresh sign-in.
#[utoipa::path(put, path = "/v1/partners/{partner_id}/payout-terms", tag = "partners",
    params(("partner_id" = PartnerId, Path)), request_body = PayoutTermsBody,
    responses((status = 200, body = PayoutTermsBody), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn set(
    State(context): State<Context>,
    Fresh(operator): Fresh<ImpartialOperator<PartnersRead>>,
    call: Call,
    Json(request): Json<PayoutTermsBody>,
) -> Result<Json<PayoutTermsBody>, Problem> {
    let terms = PayoutTerms::new(request.minimums, request.reserves).map_err(Problem::internal)?;
    let partner = context.partner(operator.partner).await?;
    if let Some(change) = agree(&partner, terms.clone(), act(&operator.user, &call)) {
        partners::save(&context.store, &change, partner.revision, []).await?;
    }
    Ok(Json(terms.into()))
}
