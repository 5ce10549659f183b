//! Whose a licence is, and with which key: handing it on, and changing the key.

use axum::extract::State;
use axum::http::StatusCode;
use shared::auth::scope::{ListingsWrite, SignIn};
use shared::auth::{OwnerOrOperator, Principal};
use shared::http::{Call, Json, Path, Problem, ProblemDocument, ShownOnce};
use shared::ids::{LicenceId, PartnerId, UserId};
use shared::licence::{self, Licence, handover};
use shared::store::audit::{self, Audited};
use shared::store::{Store, StoreError, Versioned, accounts, commerce, leases, licences};

use super::policies::LicencePath;
use super::{INSISTENCE, act, again, kept};
use crate::api::batches::{IssuedKey, IssuedView};
use crate::api::owners::{OfferLicence, OfferView};
use crate::context::Context;
use crate::holder::refused;
use crate::problems;

/// Offers the licence to somebody else; it is theirs once they accept, within two weeks. An earlier offer ends. Its owner may do this.
#[utoipa::path(put, path = "/v1/licences/{licence_id}/offer", tag = "licences", request_body = OfferLicence,
    params(("licence_id" = LicenceId, Path)),
    responses((status = 200, body = OfferView), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn offer(
    State(context): State<Context>,
    principal: Principal<SignIn>,
    call: Call,
    Path(id): Path<LicenceId>,
    Json(request): Json<OfferLicence>,
) -> Result<Json<OfferView>, Problem> {
    let store = &context.store;
    for _ in 0..INSISTENCE {
        let licence = owned(store, id, principal.user.id).await?;
        if accounts::user(store, request.to).await?.is_none() {
            let detail =
                "There is no such user. They must sign in once, and give you the id that GET /v1/me shows them.";
            return Err(Problem::refused("unknown_user", "/to", detail));
        }
        let offered = handover::offer(&licence, request.to, call.now).map_err(problems::standing)?;
        if kept(store, &licence, &offered, Vec::new()).await? {
            let view = offered.offer.map(|offer| OfferView {
                licence_id: id,
                to: offer.to,
                until: offer.until,
            });
            return view.map(Json).ok_or_else(Problem::not_found);
        }
    }
    Err(StoreError::Busy.into())
}

/// Takes the offer back.
#[utoipa::path(delete, path = "/v1/licences/{licence_id}/offer", tag = "licences", params(("licence_id" = LicenceId, Path)),
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn withdraw(
    State(context): State<Context>,
    principal: Principal<SignIn>,
    Path(id): Path<LicenceId>,
) -> Result<StatusCode, Problem> {
    let store = &context.store;
    for _ in 0..INSISTENCE {
        let licence = owned(store, id, principal.user.id).await?;
        if licence.offer.is_none() {
            return Ok(StatusCode::NO_CONTENT);
        }
        let without = Licence {
            offer: None,
            ..licence.value.clone()
        };
        if kept(store, &licence, &without, Vec::new()).await? {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(StoreError::Busy.into())
}

/// Accepts the offer: the licence is the caller's, without machines and users, and with a new key. Its downloads come with it.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/transfers", tag = "licences", params(("licence_id" = LicenceId, Path)),
    responses((status = 201, body = IssuedKey), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument)))]
pub(crate) async fn accept(
    State(context): State<Context>,
    principal: Principal<SignIn>,
    call: Call,
    Path(id): Path<LicenceId>,
) -> Result<(StatusCode, ShownOnce, Json<IssuedKey>), Problem> {
    let (store, heir) = (&context.store, principal.user.id);
    let act = act(&call, heir, "licence.transfer", id);
    let shown = |licence: &Licence| (StatusCode::CREATED, ShownOnce, Json(IssuedKey::of(licence)));
    for _ in 0..INSISTENCE {
        let licence = again(store, id).await?;
        if licence.owner == heir && audit::event(store, Audited::Licence(id), act.id).await?.is_some() {
            // The same request was made before, and did not get to its answer.
            return Ok(shown(&licence));
        }
        let handed = handover::accept(&licence, heir, licence::secret(), call.now);
        let handed = handed.map_err(|error| refused(problems::handover(error), id))?;
        let mut also = leases::release(store, &licence.policy(), &licence.granted(), &handed.gone).await?;
        also.extend(licences::change_owner(id, licence.owner, heir)?);
        also.push(audit::entry(Audited::Licence(id), &act)?);
        if kept(store, &licence, &handed.licence, also).await? {
            return Ok(shown(&handed.licence));
        }
    }
    Err(StoreError::Busy.into())
}

/// Gives the licence another key. The old one opens nothing from this moment. Its owner may do this.
#[utoipa::path(post, path = "/v1/licences/{licence_id}/key-rotations", tag = "licences", params(("licence_id" = LicenceId, Path)),
    responses((status = 201, body = IssuedKey), (status = 401, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument)))]
pub(crate) async fn rotate(
    State(context): State<Context>,
    principal: Principal<SignIn>,
    call: Call,
    Path(id): Path<LicenceId>,
) -> Result<(StatusCode, ShownOnce, Json<IssuedKey>), Problem> {
    let (store, owner) = (&context.store, principal.user.id);
    let is_owners = |licence: &Licence| licence.owner == owner;
    let rotated = rotated(store, (id, owner), is_owners, &call).await?;
    Ok((StatusCode::CREATED, ShownOnce, Json(IssuedKey::of(&rotated))))
}

/// The same for a licence whose key has leaked: an owner of the partner may do it, and operators. Only the licence's owner sees the new key.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/licences/{licence_id}/key-rotations", tag = "licences",
    params(("partner_id" = PartnerId, Path), ("licence_id" = LicenceId, Path)),
    responses((status = 201, body = IssuedView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument)))]
pub(crate) async fn rotate_for_owner(
    State(context): State<Context>,
    owner: OwnerOrOperator<ListingsWrite>,
    call: Call,
    Path(path): Path<LicencePath>,
) -> Result<(StatusCode, Json<IssuedView>), Problem> {
    let is_partners = |licence: &Licence| licence.partner == owner.partner;
    let who = (path.licence_id, owner.user.id);
    let rotated = rotated(&context.store, who, is_partners, &call).await?;
    Ok((StatusCode::CREATED, Json(IssuedView::of(&rotated, call.now))))
}

/// Changes the key of a licence that `is_theirs`; others do not exist.
async fn rotated(
    store: &Store,
    (id, by): (LicenceId, UserId),
    is_theirs: impl Fn(&Licence) -> bool,
    call: &Call,
) -> Result<Licence, Problem> {
    let act = act(call, by, "licence.rotate_key", id);
    for _ in 0..INSISTENCE {
        let licence = again(store, id).await?;
        if !is_theirs(&licence) {
            return Err(Problem::not_found());
        }
        if audit::event(store, Audited::Licence(id), act.id).await?.is_some() {
            // The same request was made before, and did not get to its answer.
            return Ok(licence.value);
        }
        let rotated = handover::rotate(&licence, licence::secret());
        let entry = audit::entry(Audited::Licence(id), &act)?;
        if kept(store, &licence, &rotated, vec![entry]).await? {
            return Ok(rotated);
        }
    }
    Err(StoreError::Busy.into())
}

/// The licence, if it is the caller's; other people's do not exist.
async fn owned(store: &Store, licence: LicenceId, caller: UserId) -> Result<Versioned<Licence>, Problem> {
    let licence = commerce::licence_revision(store, licence).await?;
    licence
        .filter(|licence| licence.owner == caller)
        .ok_or_else(Problem::not_found)
}
