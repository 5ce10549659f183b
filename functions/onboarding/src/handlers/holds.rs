//! Operators' releases of holds.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::auth::scope::PartnersRead;
use shared::auth::{Fresh, ImpartialOperator};
use shared::http::{Call, Json, Path, Problem, ProblemDocument};
use shared::ids::{HoldId, PartnerId};
use shared::partner::release::{self, ReleaseError};
use shared::store::partners;

use crate::api::{PartnerView, ReleaseHold};
use crate::context::{Context, act};

#[derive(Deserialize)]
pub(crate) struct HoldPath {
    hold_id: HoldId,
}

/// Ends a hold on what a partner is paid, though it has not got what it waits for. It takes a fresh sign-in of an operator who is not of
/// the partner's team; all owners get a mail. What Stripe has found goes on holding payouts to Stripe.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/holds/{hold_id}/release", tag = "partners",
    params(("partner_id" = PartnerId, Path), ("hold_id" = HoldId, Path)), request_body = ReleaseHold,
    responses((status = 200, body = PartnerView), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn release(
    State(context): State<Context>,
    Fresh(operator): Fresh<ImpartialOperator<PartnersRead>>,
    call: Call,
    Path(HoldPath { hold_id }): Path<HoldPath>,
    Json(request): Json<ReleaseHold>,
) -> Result<(StatusCode, Json<PartnerView>), Problem> {
    let evidence = request.checked().map_err(Problem::invalid)?;
    let act = act(&operator.user, &call);
    let before = context.partner(operator.partner).await?;
    let partner = match release::release(&before, hold_id, &evidence, act) {
        Ok(change) => {
            partners::save(&context.store, &change, before.revision, []).await?;
            change.partner
        }
        Err(ReleaseError::Ended) if context.done(operator.partner, &act).await?.is_some() => before.value,
        Err(ReleaseError::Ended) => return Err(Problem::conflict("hold_ended", "The hold has ended already.")),
        Err(ReleaseError::NoSuchHold) => return Err(Problem::not_found()),
        Err(ReleaseError::EndsOtherwise { reason }) => {
            let detail = format!(
                "{reason} does not end by a release. {} POST /v1/partners/{{partner_id}}/decisions is for what an operator decides.",
                reason.explanation()
            );
            return Err(Problem::conflict("hold_ends_otherwise", detail));
        }
    };
    Ok((StatusCode::OK, Json(PartnerView::of(partner, None, call.now))))
}
