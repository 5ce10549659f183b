//! What was done to a listing, and by whom.

use std::convert::identity;

use axum::extract::State;
use shared::audit::AuditEvent;
use shared::auth::PartnerOperator;
use shared::auth::scope::ListingsRead;
use shared::http::{Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{ListingId, PartnerId};
use shared::store::audit::{self, Audited};

use super::ListingPath;
use crate::context::Context;

/// The listing's audit entries, newest first: what was decided about its versions, published and yanked. For operators.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/listings/{listing_id}/audit-events", tag = "listings",
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), PagingParams),
    responses((status = 200, body = Page<AuditEvent>), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    operator: PartnerOperator<ListingsRead>,
    Path(path): Path<ListingPath>,
    paging: Paging,
) -> Result<Json<Page<AuditEvent>>, Problem> {
    let listing = super::listing(&context.store, operator.partner, path.listing_id)
        .await?
        .id;
    let page = audit::events(
        &context.store,
        Audited::Listing(listing),
        paging.after(),
        paging.limit(),
    )
    .await?;
    Ok(Json(paging.page(page, identity)))
}
