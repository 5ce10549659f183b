//! The shop window: public, and never what an order is decided on.

use axum::extract::State;
use shared::http::{Json, Page, Paging, PagingParams, Path, Problem, Query};
use shared::ids::ListingId;
use shared::listing::browse::{MIN_TERM_CHARS, Terms};
use shared::store::catalogue;

use crate::api::{BrowseParams, ListingCard, ListingPage};
use crate::context::Context;

/// Listings by title, of one category or of all, or those whose title has the words asked for.
#[utoipa::path(get, path = "/v1/listings", tag = "shop", params(BrowseParams, PagingParams),
    responses((status = 200, body = Page<ListingCard>), (status = 400, body = shared::http::ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    Query(params): Query<BrowseParams>,
    paging: Paging,
) -> Result<Json<Page<ListingCard>>, Problem> {
    let category = params.category.map(shared::listing::Category::name);
    let page = match params.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        None => catalogue::shelf(&context.store, category, paging.after(), paging.limit()).await?,
        Some(q) => {
            let detail = format!("Look for at least one word of {MIN_TERM_CHARS} characters or more.");
            let terms = Terms::parse(q).map_err(|_| Problem::bad_request("query_too_short", detail))?;
            catalogue::find(&context.store, category, &terms, paging.after(), paging.limit()).await?
        }
    };
    Ok(Json(paging.page(page, ListingCard::from)))
}

/// One listing.
#[utoipa::path(get, path = "/v1/listings/{listing_id}", tag = "shop", params(("listing_id" = ListingId, Path)),
    responses((status = 200, body = ListingPage), (status = 404, body = shared::http::ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    Path(listing): Path<ListingId>,
) -> Result<Json<ListingPage>, Problem> {
    let published = catalogue::published(&context.store, listing)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Json(published.into()))
}
