//! The routes: validation here, everything else in files named for it; and how a decision is kept.

pub(crate) mod batches;
pub(crate) mod check_ins;
pub(crate) mod files;
pub(crate) mod machines;
pub(crate) mod owners;
pub(crate) mod policies;
pub(crate) mod processes;
pub(crate) mod standing;
pub(crate) mod trials;
pub(crate) mod users;
pub(crate) mod uses;

use std::fmt::Display;

use axum::extract::State;
use jiff::Timestamp;
use shared::audit::AuditEvent;
use shared::http::{Call, Json, Problem, ProblemDocument};
use shared::ids::{LicenceId, PartnerId, UserId};
use shared::licence::Licence;
use shared::licensing::policy::Basis;
use shared::licensing::{Grant, Machine, Policy, term, validate as decide};
use shared::store::{Room, Store, StoreError, Versioned, Write, commerce, leases};

use crate::api::{AskWhetherValid, CodesView, ValidationView};
use crate::context::Context;
use crate::holder::{Holder, denied, refused};
use crate::problems;
use crate::releases::Named;

/// How often software is answered anew where the licence was changed meanwhile.
pub(crate) const ATTEMPTS: usize = 8;
/// The same for what people decide: machines that beat all the time are not to be in the way of a revocation.
pub(crate) const INSISTENCE: usize = 50;

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
    let (store, policy, mut grant) = (&context.store, licence.policy(), licence.granted());
    let (releases, listing) = (&context.releases, licence.listing);
    let checksum = request.checksum.as_ref().map(|text| text.to_ascii_lowercase());
    // The checksum first: who looks for it meets every number.
    let checksum = releases.find(store, listing, checksum.map(Named::Checksum)).await?;
    let version = request.version.clone().map(Named::Number);
    let version = releases.find(store, listing, version).await?;
    let outcome = decide(&policy, &grant, &request.scope(version, checksum), call.now);
    if outcome.valid {
        match begun(store, &licence, call.now).await {
            Ok(None) => {}
            Ok(Some(begun)) => grant = begun,
            // Somebody else has changed the licence; its clock starts with the next validation.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    } else {
        denied(outcome.code, licence.id);
    }
    Ok(Json(ValidationView::of(outcome, &licence, &grant, call.now)))
}

/// The licence with its clock started, if this is its first validation and that starts it.
async fn begun(store: &Store, licence: &Versioned<Licence>, now: Timestamp) -> Result<Option<Grant>, StoreError> {
    let begun = term::begin(&licence.policy(), &licence.granted(), Basis::FirstValidation, now);
    if let Some(begun) = &begun {
        leases::save(store, licence, &licence.with(begun.clone()), Room::Software, Vec::new()).await?;
    }
    Ok(begun)
}

/// What a decision leaves to be kept.
pub(crate) struct Decided<T> {
    pub grant: Grant,
    /// Machines that left.
    pub gone: Vec<Machine>,
    /// What is written with it.
    pub also: Vec<Write>,
    pub done: T,
}

impl<T> Decided<T> {
    pub(crate) fn of(grant: Grant, done: T) -> Self {
        Self {
            grant,
            gone: Vec::new(),
            also: Vec::new(),
            done,
        }
    }
}

/// Decides about a licence, again where it was changed meanwhile, and keeps what was decided.
pub(crate) async fn change<T, E>(
    store: &Store,
    mut licence: Versioned<Licence>,
    decide: impl Fn(&Policy, &Grant) -> Result<Decided<T>, E>,
    refusal: fn(&E) -> Problem,
) -> Result<T, Problem> {
    let mut tries = store.tries();
    loop {
        let (policy, grant) = (licence.policy(), licence.granted());
        let decided = decide(&policy, &grant).map_err(|error| refused(refusal(&error), licence.id))?;
        let mut also = leases::release(store, &policy, &grant, &decided.gone).await?;
        also.extend(decided.also);
        match leases::save(store, &licence, &licence.with(decided.grant), Room::Software, also).await {
            Ok(()) => return Ok(decided.done),
            Err(error) if tries.again(&error).await => licence = again(store, licence.id).await?,
            Err(StoreError::Conflict { .. }) => return Err(StoreError::Busy.into()),
            Err(error) => return Err(problems::unkept(error)),
        }
    }
}

/// Keeps what somebody has decided about a whole licence; false where it was changed meanwhile, and is to be decided again.
pub(crate) async fn kept(
    store: &Store,
    before: &Versioned<Licence>,
    next: &Licence,
    also: Vec<Write>,
) -> Result<bool, Problem> {
    match leases::save(store, before, next, Room::People, also).await {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(problems::unkept(error)),
    }
}

/// The licence as it is by now.
pub(crate) async fn again(store: &Store, licence: LicenceId) -> Result<Versioned<Licence>, Problem> {
    let licence = commerce::licence_revision(store, licence).await?;
    licence.ok_or_else(Problem::not_found)
}

/// The licence, if this partner has issued it or its sale has; others' do not exist.
pub(crate) async fn of_partner(
    store: &Store,
    partner: PartnerId,
    licence: LicenceId,
) -> Result<Versioned<Licence>, Problem> {
    let licence = commerce::licence_revision(store, licence).await?;
    licence
        .filter(|licence| licence.partner == partner)
        .ok_or_else(Problem::not_found)
}

/// Who did what to something, for its audit log.
pub(crate) fn act(call: &Call, actor: UserId, action: &str, subject: impl Display) -> AuditEvent {
    AuditEvent {
        id: call.seed.id("audit"),
        at: call.now,
        actor,
        action: action.to_owned(),
        subject: subject.to_string(),
        reason_code: None,
        evidence: None,
    }
}
