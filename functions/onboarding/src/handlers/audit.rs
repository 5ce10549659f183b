//! What privileged people did to a partner.

use axum::extract::State;
use shared::auth::PartnerOperator;
use shared::auth::scope::PartnersRead;
use shared::http::{Json, Page, Paging, PagingParams, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::store::partners;

use crate::api::AuditEventView;
use crate::context::Context;

/// The partner's audit entries, newest first, for operators.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/audit-events", tag = "partners",
    params(("partner_id" = PartnerId, Path), PagingParams),
    responses((status = 200, body = Page<AuditEventView>), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    operator: PartnerOperator<PartnersRead>,
    paging: Paging,
) -> Result<Json<Page<AuditEventView>>, Problem> {
    let partner = context.partner(operator.partner).await?.id;
    let page = partners::audit_events(&context.store, partner, paging.limit(), paging.after()).await?;
    Ok(Json(paging.page(page, AuditEventView::from)))
}
