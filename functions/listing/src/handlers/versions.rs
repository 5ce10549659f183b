//! Versions of a listing, and what their scans found.

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use shared::auth::PartnerMember;
use shared::auth::scope::{ListingsRead, ListingsWrite};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{ListingId, PartnerId, VersionId};
use shared::listing::new_version;
use shared::store::catalogue::{self, VersionCreated};

use super::{ListingPath, VersionPath};
use crate::api::{CreateVersion, VersionDetail, VersionView};
use crate::context::Context;
use crate::{problems, standing};

/// Creates a version that waits for its package.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions", tag = "versions",
    request_body = CreateVersion, params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path)),
    responses((status = 201, body = VersionView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    member: PartnerMember<ListingsWrite>,
    call: Call,
    Path(path): Path<ListingPath>,
    Json(request): Json<CreateVersion>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<VersionView>), Problem> {
    standing::may_prepare(&context.store, member.partner).await?;
    let listing = super::listing(&context.store, member.partner, path.listing_id).await?;
    let (counted, new) =
        new_version(&listing, member.user.id, &request.into(), call.now, &call.seed).map_err(problems::listing)?;
    let version = match catalogue::create_version(&context.store, &counted, listing.revision, &new).await? {
        VersionCreated::Created => new,
        VersionCreated::Already(version) => *version,
        VersionCreated::NumberTaken => return Err(problems::number_taken(&new.number.to_string())),
    };
    let place = format!(
        "/v1/partners/{}/listings/{}/versions/{}",
        version.partner, version.listing, version.id
    );
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(version.into())))
}

/// A listing's versions, newest first.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions", tag = "versions",
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), PagingParams),
    responses((status = 200, body = Page<VersionView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    Path(path): Path<ListingPath>,
    paging: Paging,
) -> Result<Json<Page<VersionView>>, Problem> {
    let listing = super::listing(&context.store, member.partner, path.listing_id).await?;
    let page = catalogue::versions(&context.store, listing.id, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, VersionView::from)))
}

/// One version, with what every check said of its package, and moderators where a check held it.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}", tag = "versions",
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), ("version_id" = VersionId, Path)),
    responses((status = 200, body = VersionDetail), (status = 404, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    Path(path): Path<VersionPath>,
) -> Result<Json<VersionDetail>, Problem> {
    let (_, version) = super::version(&context.store, member.partner, &path).await?;
    let Some(upload) = version.upload() else {
        return Ok(Json(VersionDetail::of(version.value, &[], Vec::new())));
    };
    let checks = catalogue::checks(&context.store, version.id, upload).await?;
    let upload = super::upload(&context.store, version.id, upload).await?;
    Ok(Json(VersionDetail::of(version.value, &upload.held, checks)))
}
