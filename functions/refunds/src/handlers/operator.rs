//! What operators do: refund any order, and decide what customers ask for.

use std::convert::identity;

use axum::extract::State;
use serde::Deserialize;
use shared::audit::AuditEvent;
use shared::auth::Operator;
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{OrderId, RefundId};
use shared::purchase::refund::RefundOrigin;
use shared::store::audit::{self, Audited};
use shared::store::reversals;

use super::{Created, Decider, find, settle_request, start};
use crate::api::{AskRefund, Decide, RefundView};
use crate::context::Context;

/// Refunds an order, in part or in whole: not one of the operator's own, nor of what their team sold. Of what a subscription paid, unspent credit
/// is not refunded as well: 422 `credit_unspent` names what was paid, what has gone back, what is credit, and what is left.
#[utoipa::path(post, path = "/v1/orders/{order_id}/refunds", tag = "refunds", params(("order_id" = OrderId, Path)),
    request_body = AskRefund,
    responses((status = 201, body = RefundView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    operator: Operator,
    Path(order): Path<OrderId>,
    call: Call,
    Json(request): Json<AskRefund>,
) -> Result<Created, Problem> {
    let order = context.order(order).await?;
    context.check_impartial(&order, operator.user.id).await?;
    let origin = RefundOrigin::Operator { user: operator.user.id };
    start(&context, &order, &request.into(), origin, &operator.user, &call).await
}

#[derive(Deserialize)]
pub(crate) struct RefundPath {
    order_id: OrderId,
    refund_id: RefundId,
}

/// Approves or declines what a customer asked for, or what a partner was no longer owed enough for. Where a part of it has gone back by other
/// ways since then, approving refunds the rest.
#[utoipa::path(post, path = "/v1/orders/{order_id}/refunds/{refund_id}/decisions", tag = "refunds",
    params(("order_id" = OrderId, Path), ("refund_id" = RefundId, Path)), request_body = Decide,
    responses((status = 200, body = RefundView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn decide(
    State(context): State<Context>,
    operator: Operator,
    Path(path): Path<RefundPath>,
    call: Call,
    Json(request): Json<Decide>,
) -> Result<Json<RefundView>, Problem> {
    let order = context.order(path.order_id).await?;
    context.check_impartial(&order, operator.user.id).await?;
    let refund = find(&context, order.id, path.refund_id).await?;
    Ok(Json(
        settle_request(
            &context,
            &order,
            refund,
            &request,
            (&operator.user, Decider::Operator),
            &call,
        )
        .await?,
    ))
}

/// Refunds that customers have asked for and nobody has decided, and those that partners are not owed enough for; oldest first.
#[utoipa::path(get, path = "/v1/refunds", tag = "refunds", params(PagingParams),
    responses((status = 200, body = Page<RefundView>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn requested(
    State(context): State<Context>,
    _operator: Operator,
    paging: Paging,
) -> Result<Json<Page<RefundView>>, Problem> {
    let page = reversals::requested_refunds(&context.store, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, RefundView::from)))
}

/// What was done to an order by those who refund and decide, newest first.
#[utoipa::path(get, path = "/v1/orders/{order_id}/audit-events", tag = "refunds", params(("order_id" = OrderId, Path), PagingParams),
    responses((status = 200, body = Page<AuditEvent>), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn audit_events(
    State(context): State<Context>,
    _operator: Operator,
    Path(order): Path<OrderId>,
    paging: Paging,
) -> Result<Json<Page<AuditEvent>>, Problem> {
    let order = context.order(order).await?.id;
    let page = audit::events(&context.store, Audited::Order(order), paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, identity)))
}
