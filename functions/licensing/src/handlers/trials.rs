//! Trials: once for each person and each machine.

use axum::extract::State;
use axum::http::StatusCode;
use shared::auth::Principal;
use shared::auth::scope::SignIn;
use shared::http::{Call, Json, Path, Problem, ProblemDocument, ShownOnce};
use shared::ids::{LicenceId, ListingId};
use shared::licence::{self, batch};
use shared::licensing::Device;
use shared::store::{StoreError, commerce, licences};

use super::ATTEMPTS;
use super::policies::{named, sells};
use crate::api::batches::{BeginTrial, TrialView};
use crate::context::Context;
use crate::holder::refused;
use crate::problems;

/// Begins a trial of a listing whose partner offers one. The machine, if it is named, counts as tried from now on; another counts once the
/// licence is activated there.
#[utoipa::path(post, path = "/v1/listings/{listing_id}/trials", tag = "licences", request_body = BeginTrial,
    params(("listing_id" = ListingId, Path)),
    responses((status = 201, body = TrialView), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn begin(
    State(context): State<Context>,
    principal: Principal<SignIn>,
    call: Call,
    Path(listing): Path<ListingId>,
    Json(request): Json<BeginTrial>,
) -> Result<(StatusCode, ShownOnce, Json<TrialView>), Problem> {
    let (store, owner) = (&context.store, principal.user.id);
    let machine = request.machine().map_err(Problem::invalid)?;
    let device = machine.as_ref().map(|(fingerprint, components)| Device {
        fingerprint,
        components,
    });
    let offer = licences::trial_offer(store, listing)
        .await?
        .ok_or_else(Problem::not_found)?;
    let policy = offer.policy.ok_or_else(Problem::not_found)?;
    if !sells(store, offer.partner, listing).await? {
        return Err(Problem::not_found());
    }
    let terms = named(store, offer.partner, policy).await?;
    let id: LicenceId = call.seed.id("trial");
    for _ in 0..ATTEMPTS {
        let earlier = licences::trials(store, listing, owner, device).await?;
        let secret = licence::secret();
        let what = (listing, offer.partner, owner);
        let trial = batch::begin(&terms, (id, secret), what, device, &earlier, call.now)
            .map_err(|error| refused(problems::trial(error), id))?;
        let licence = match licences::begin_trial(store, &trial, &earlier).await {
            Ok(()) => trial.licence,
            Err(StoreError::Conflict { .. }) => match commerce::licence(store, id).await? {
                // The same request was made before, and did not get to its answer.
                Some(begun) => begun,
                // Another trial has begun meanwhile; whether this would be the second is to be decided again.
                None => continue,
            },
            Err(error) => return Err(error.into()),
        };
        return Ok((StatusCode::CREATED, ShownOnce, Json(TrialView::of(&licence, call.now))));
    }
    Err(StoreError::Busy.into())
}
