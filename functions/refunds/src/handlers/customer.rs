//! What customers do: ask for their money back, and see what becomes of it.

use axum::extract::State;
use shared::auth::Principal;
use shared::auth::scope::{OrdersRead, OrdersWrite};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::OrderId;
use shared::purchase::refund::RefundOrigin;
use shared::store::reversals;

use super::{Created, start};
use crate::api::{AskRefund, RefundView};
use crate::context::Context;

/// Asks for a refund of one's own order. It waits until the partner or an operator has decided. Each line has one open request at a time: another
/// is 409 `refund_request_open`, which names the first. A request of which nothing is left, because the money went back by another way, becomes
/// `superseded`. Of what a subscription paid, unspent credit is not refunded as well: 422 `credit_unspent` names the amounts.
#[utoipa::path(post, path = "/v1/orders/{order_id}/refund-requests", tag = "refunds", params(("order_id" = OrderId, Path)),
    request_body = AskRefund,
    responses((status = 201, body = RefundView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn request(
    State(context): State<Context>,
    principal: Principal<OrdersWrite>,
    Path(order): Path<OrderId>,
    call: Call,
    Json(request): Json<AskRefund>,
) -> Result<Created, Problem> {
    let order = context.order(order).await?;
    if order.customer != principal.user.id {
        return Err(Problem::not_found());
    }
    start(
        &context,
        &order,
        &request.into(),
        RefundOrigin::Customer,
        &principal.user,
        &call,
    )
    .await
}

/// An order's refunds, oldest first: for its customer and for operators.
#[utoipa::path(get, path = "/v1/orders/{order_id}/refunds", tag = "refunds", params(("order_id" = OrderId, Path), PagingParams),
    responses((status = 200, body = Page<RefundView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    principal: Principal<OrdersRead>,
    Path(order): Path<OrderId>,
    paging: Paging,
) -> Result<Json<Page<RefundView>>, Problem> {
    let order = context.order(order).await?;
    if order.customer != principal.user.id && !principal.user.operator {
        return Err(Problem::not_found());
    }
    let page = reversals::refunds(&context.store, order.id, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, RefundView::from)))
}
