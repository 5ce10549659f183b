//! Out into the shop, and off again.

use axum::extract::State;
use shared::auth::PartnerMember;
use shared::auth::scope::ListingsWrite;
use shared::http::{Call, Json, Path, Problem, ProblemDocument};
use shared::ids::{ListingId, PartnerId, VersionId};
use shared::listing::{self, Occasion, Status};
use shared::store::catalogue::{self, PublicationBasis};

use super::VersionPath;
use crate::api::{VersionView, Yank};
use crate::context::Context;
use crate::{problems, standing};

/// Publishes an approved version, exactly as it was approved.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}/publish", tag = "versions",
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), ("version_id" = VersionId, Path)),
    responses((status = 200, body = VersionView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn publish(
    State(context): State<Context>,
    member: PartnerMember<ListingsWrite>,
    call: Call,
    Path(path): Path<VersionPath>,
) -> Result<Json<VersionView>, Problem> {
    let store = &context.store;
    let (listing, version) = super::version(store, member.partner, &path).await?;
    if version.status() == Status::Published {
        return Ok(Json(version.value.into()));
    }
    let free = standing::may_publish(store, member.partner).await?;
    let not_approved = || problems::publish(listing::PublishError::NotApproved(version.status()));
    let submission = version.submission().ok_or_else(not_approved)?;
    let submission = super::submission(store, member.partner, submission).await?;
    let before = catalogue::published_revision(store, listing.id).await?;
    let occasion = Occasion {
        by: member.user.id,
        now: call.now,
        seed: &call.seed,
    };
    let current = before.as_ref().map(|before| &before.value);
    let change = listing::publish(
        &listing,
        &version,
        &submission,
        current,
        &standing::seller(&free.partner),
        occasion,
    );
    let change = change.map_err(problems::publish)?;
    let basis = PublicationBasis {
        listing_revision: listing.revision,
        version_revision: version.revision,
        submission: Some((submission.id, submission.revision)),
        partner_revision: Some(free.partner.revision),
        before: before.as_ref(),
        moderation: None,
    };
    catalogue::save_publication(store, &change, basis).await?;
    Ok(Json(change.version.into()))
}

/// Takes a published version off. Who has bought it can still download it; the next best version takes its place, and without one the
/// listing leaves the shop.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}/yank", tag = "versions",
    request_body = Yank,
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), ("version_id" = VersionId, Path)),
    responses((status = 200, body = VersionView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn yank(
    State(context): State<Context>,
    member: PartnerMember<ListingsWrite>,
    call: Call,
    Path(path): Path<VersionPath>,
    Json(request): Json<Yank>,
) -> Result<Json<VersionView>, Problem> {
    let store = &context.store;
    let (listing, version) = super::version(store, member.partner, &path).await?;
    if version.status() == Status::Yanked {
        return Ok(Json(version.value.into()));
    }
    let scenery = catalogue::scenery(store, &version).await?;
    let seen = scenery
        .as_ref()
        .and_then(|scenery| Some((scenery, scenery.before.as_ref()?)));
    let Some((scenery, before)) = seen else {
        return Err(problems::yank(listing::YankError::NotPublished(version.status())));
    };
    let occasion = Occasion {
        by: member.user.id,
        now: call.now,
        seed: &call.seed,
    };
    let change = listing::yank(&listing, &version, before, scenery.next(), &request.into(), occasion);
    let change = change.map_err(problems::yank)?;
    // What is to go may always go.
    let basis = scenery.basis(listing.revision, version.revision);
    catalogue::save_publication(store, &change, basis).await?;
    Ok(Json(change.version.into()))
}
