//! The agreement, and an owner's acceptance of it.

use axum::extract::State;
use axum::http::StatusCode;
use shared::auth::scope::SignIn;
use shared::auth::{Fresh, PartnerOwner};
use shared::http::{Call, Json, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::partner::Acceptance;
use shared::partner::agreement::{self, AcceptError, CURRENT_TEXT, CURRENT_VERSION};
use shared::store::partners;

use crate::api::{AcceptAgreement, AcceptanceView, AgreementView};
use crate::context::{Context, act};

/// The agreement that binds partners, as it now is. Public.
#[utoipa::path(get, path = "/v1/agreement", tag = "partners", responses((status = 200, body = AgreementView)))]
pub(crate) async fn show() -> Json<AgreementView> {
    Json(AgreementView {
        version: CURRENT_VERSION,
        text: CURRENT_TEXT,
    })
}

/// Accepts the agreement in the partner's name. Only owners may, with a fresh sign-in; all owners get a mail.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/agreements", tag = "partners",
    params(("partner_id" = PartnerId, Path)), request_body = AcceptAgreement,
    responses(
        (status = 201, body = AcceptanceView),
        (status = 200, description = "It had been accepted before.", body = AcceptanceView),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn accept(
    State(context): State<Context>,
    Fresh(owner): Fresh<PartnerOwner<SignIn>>,
    call: Call,
    Json(request): Json<AcceptAgreement>,
) -> Result<(StatusCode, Json<AcceptanceView>), Problem> {
    let partner = context.partner(owner.partner).await?;
    match agreement::accept(&partner, &request.version, act(&owner.user, &call)) {
        Ok(change) => {
            partners::save(&context.store, &change, partner.revision, []).await?;
            Ok((StatusCode::CREATED, view(change.partner.agreement)?))
        }
        Err(AcceptError::AlreadyAccepted) => Ok((StatusCode::OK, view(partner.value.agreement)?)),
        Err(AcceptError::NotCurrent) => Err(Problem::refused(
            "agreement_not_current",
            "/version",
            format!("The current version is {CURRENT_VERSION}. Read it at /v1/agreement, then accept that one."),
        )),
        Err(AcceptError::Rejected) => Err(Problem::conflict(
            "partner_rejected",
            "The application was rejected; see its holds for the reason.",
        )),
    }
}

fn view(acceptance: Option<Acceptance>) -> Result<Json<AcceptanceView>, Problem> {
    let accepted = acceptance.ok_or_else(|| Problem::internal("an acceptance that is not on the partner"))?;
    Ok(Json(accepted.into()))
}
