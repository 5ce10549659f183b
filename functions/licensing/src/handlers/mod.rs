//! The routes: validation here, machines and standing in files of their own.

pub(crate) mod files;
pub(crate) mod machines;
pub(crate) mod standing;

use axum::extract::State;
use shared::http::{Json, Problem, ProblemDocument};
use shared::ids::LicenceId;
use shared::licence::Licence;
use shared::licensing::policy::Basis;
use shared::licensing::{Grant, MachineError, term, validate as decide};
use shared::store::{Store, StoreError, Versioned, commerce};

use crate::api::{AskWhetherValid, CodesView, ValidationView};
use crate::context::Context;
use crate::holder::{Holder, denied};
use crate::problems;

/// How often something is decided again that was changed meanwhile.
const ATTEMPTS: usize = 8;

/// The codes with which validation answers, in the order in which it looks.
#[utoipa::path(get, path = "/v1/validation-codes", tag = "licences", responses((status = 200, body = CodesView)))]
pub(crate) async fn codes() -> Json<CodesView> {
    Json(CodesView::all())
}

/// Whether the licence is valid for who asks, now. The key goes into `Authorization: License`. A licence that is not valid is an answer (200), and
/// no error.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/validations", tag = "licences", request_body = AskWhetherValid,
    params(("licence_id" = LicenceId, Path)),
    responses((status = 200, body = ValidationView), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 422, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
pub(crate) async fn validate(
    State(context): State<Context>,
    Holder { licence, call }: Holder,
    Json(request): Json<AskWhetherValid>,
) -> Result<Json<ValidationView>, Problem> {
    let (policy, mut grant) = (licence.policy(), licence.granted());
    if let Some(begun) = term::begin(&policy, &grant, Basis::FirstValidation, call.now) {
        match commerce::save_grant(&context.store, &licence, begun.clone()).await {
            Ok(()) => grant = begun,
            // Somebody else has changed the licence; its clock starts with the next validation.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let outcome = decide(&policy, &grant, &request.into(), call.now);
    if !outcome.valid {
        denied(outcome.code, licence.id);
    }
    Ok(Json(ValidationView::of(outcome, &licence, &grant, call.now)))
}

/// Decides about the leases of a licence, again where it was changed meanwhile, and keeps what was decided.
async fn change<T>(
    store: &Store,
    mut licence: Versioned<Licence>,
    decide: impl Fn(&Licence, &Grant) -> Result<(Grant, T), MachineError>,
) -> Result<T, Problem> {
    for _ in 0..ATTEMPTS {
        let (next, done) = decide(&licence, &licence.granted()).map_err(|error| {
            denied(&error, licence.id);
            problems::machine(error)
        })?;
        match commerce::save_grant(store, &licence, next).await {
            Ok(()) => return Ok(done),
            Err(StoreError::Conflict { .. }) => {
                let again = commerce::licence_revision(store, licence.id).await?;
                licence = again.ok_or_else(Problem::not_found)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Busy.into())
}
