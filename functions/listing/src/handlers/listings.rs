//! Drafts of what a partner offers.

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use shared::auth::PartnerMember;
use shared::auth::scope::{ListingsRead, ListingsWrite};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{ListingId, PartnerId};
use shared::listing::{self, Content};
use shared::store::catalogue;

use super::ListingPath;
use crate::api::{ChangeListing, CreateListing, ListingView};
use crate::context::Context;
use crate::{problems, standing};

/// Creates a listing, as a draft that nobody else sees.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/listings", tag = "listings", request_body = CreateListing,
    params(("partner_id" = PartnerId, Path)),
    responses((status = 201, body = ListingView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    member: PartnerMember<ListingsWrite>,
    call: Call,
    Json(request): Json<CreateListing>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<ListingView>), Problem> {
    standing::may_prepare(&context.store, member.partner).await?;
    let (partner, by) = (member.partner, member.user.id);
    let draft = listing::create(partner, by, request.into(), context.currency, call.now, &call.seed);
    let listing = catalogue::create_listing(&context.store, &draft.map_err(problems::listing)?).await?;
    let location = [(
        header::LOCATION,
        format!("/v1/partners/{partner}/listings/{}", listing.id),
    )];
    Ok((StatusCode::CREATED, location, Json(listing.into())))
}

/// The partner's listings, newest first.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/listings", tag = "listings",
    params(("partner_id" = PartnerId, Path), PagingParams),
    responses((status = 200, body = Page<ListingView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    paging: Paging,
) -> Result<Json<Page<ListingView>>, Problem> {
    let page = catalogue::listings(&context.store, member.partner, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, ListingView::from)))
}

/// One listing, as its team sees it: the draft.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/listings/{listing_id}", tag = "listings",
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path)),
    responses((status = 200, body = ListingView), (status = 404, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    Path(path): Path<ListingPath>,
) -> Result<Json<ListingView>, Problem> {
    let listing = super::listing(&context.store, member.partner, path.listing_id).await?;
    Ok(Json(listing.value.into()))
}

/// Changes the draft. The public sees it with the next version that is reviewed and published.
#[utoipa::path(patch, path = "/v1/partners/{partner_id}/listings/{listing_id}", tag = "listings", request_body = ChangeListing,
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path)),
    responses((status = 200, body = ListingView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn change(
    State(context): State<Context>,
    member: PartnerMember<ListingsWrite>,
    call: Call,
    Path(path): Path<ListingPath>,
    Json(request): Json<ChangeListing>,
) -> Result<Json<ListingView>, Problem> {
    let before = super::listing(&context.store, member.partner, path.listing_id).await?;
    let content: Content = request.applied_to(&before.content);
    let after = listing::edit(&before, content, context.currency, call.now).map_err(problems::listing)?;
    catalogue::save_listing(&context.store, &after, before.revision).await?;
    Ok(Json(after.into()))
}
