//! Out into the shop, and off again.

use axum::extract::State;
use shared::auth::PartnerMember;
use shared::auth::scope::ListingsWrite;
use shared::http::{Call, Json, Path, Problem, ProblemDocument};
use shared::ids::{ListingId, PartnerId, VersionId};
use shared::listing::{self, Occasion, Status, Submission, Version};
use shared::store::catalogue::{self, PublicationBasis};
use shared::store::{Store, Versioned};

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
    let change = listing::publish(&listing, &version, &submission, current, &free.seller(), occasion);
    let change = change.map_err(problems::publish)?;
    let basis = PublicationBasis {
        listing_revision: listing.revision,
        version_revision: version.revision,
        submission: Some((submission.id, submission.revision)),
        partner_revision: Some(free.partner.revision),
    };
    catalogue::save_publication(store, &change, before.as_ref(), basis).await?;
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
    let Some(before) = catalogue::published_revision(store, listing.id).await? else {
        return Err(problems::yank(listing::YankError::NotPublished(version.status())));
    };
    let next = if before.latest.version == version.id {
        next_best(store, &version).await?
    } else {
        None
    };
    let occasion = Occasion {
        by: member.user.id,
        now: call.now,
        seed: &call.seed,
    };
    let remains = next.as_ref().map(|(version, submission)| (version, &submission.value));
    let change =
        listing::yank(&listing, &version, &before, remains, &request.into(), occasion).map_err(problems::yank)?;
    let basis = PublicationBasis {
        listing_revision: listing.revision,
        version_revision: version.revision,
        submission: next
            .as_ref()
            .map(|(_, submission)| (submission.id, submission.revision)),
        // What is to go may always go.
        partner_revision: None,
    };
    catalogue::save_publication(store, &change, Some(&before), basis).await?;
    Ok(Json(change.version.into()))
}

/// The highest version that stays live, with its approval. Whoever changes which versions are live replaces the listing, so this cannot be
/// outdated when the change is written.
async fn next_best(store: &Store, gone: &Version) -> Result<Option<(Version, Versioned<Submission>)>, Problem> {
    let versions = catalogue::all_versions(store, gone.listing).await?;
    let live = versions
        .into_iter()
        .filter(|version| version.is_live() && version.id != gone.id);
    let Some(next) = live.max_by(|a, b| a.number.cmp(&b.number)) else {
        return Ok(None);
    };
    let submission = next
        .submission()
        .ok_or_else(|| Problem::internal("a live version without a submission"))?;
    let submission = super::submission(store, next.partner, submission).await?;
    Ok(Some((next, submission)))
}
