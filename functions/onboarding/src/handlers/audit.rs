//! What privileged people did to a partner.

use std::convert::identity;

use axum::extract::State;
use shared::audit::AuditEvent;
use shared::auth::PartnerOperator;
use shared::auth::scope::PartnersRead;
use shared::http::{Json, Page, Paging, PagingParams, Problem, ProblemDocument};
use shared::ids::PartnerId;
use shared::store::audit::{self, Audited};

use crate::context::Context;

/// The partner's audit entries, newest first, for operators.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/audit-events", tag = "partners",
    params(("partner_id" = PartnerId, Path), PagingParams),
    responses((status = 200, body = Page<AuditEvent>), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    operator: PartnerOperator<PartnersRead>,
    paging: Paging,
) -> Result<Json<Page<AuditEvent>>, Problem> {
    let partner = context.partner(operator.partner).await?.id;
    let page = audit::events(
        &context.store,
        Audited::Partner(partner),
        paging.after(),
        paging.limit(),
    )
    .await?;
    Ok(Json(paging.page(page, identity)))
}
