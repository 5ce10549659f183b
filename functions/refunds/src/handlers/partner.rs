//! What partners do: refund what they sold, within the marketplace's window, and decide what its customers ask for.

use axum::extract::State;
use serde::Deserialize;
use shared::auth::PartnerMember;
use shared::auth::scope::{RefundsRead, RefundsWrite};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument};
use shared::ids::{OrderId, PartnerId, RefundId};
use shared::purchase::Order;
use shared::purchase::refund::{Refund, RefundOrigin};
use shared::store::reversals;

use super::{Created, Decider, find, settle_request, start};
use crate::api::{AskRefund, Decide, RefundView, SoldOrderView};
use crate::context::Context;

#[derive(Deserialize)]
pub(crate) struct OrderPath {
    order_id: OrderId,
}

/// What the partner sold in an order, and how much of it can be refunded. Who bought it is not told.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/orders/{order_id}", tag = "refunds",
    params(("partner_id" = PartnerId, Path), ("order_id" = OrderId, Path)),
    responses((status = 200, body = SoldOrderView), (status = 404, body = ProblemDocument)))]
pub(crate) async fn order(
    State(context): State<Context>,
    member: PartnerMember<RefundsRead>,
    Path(path): Path<OrderPath>,
) -> Result<Json<SoldOrderView>, Problem> {
    let order = context.order_of(member.partner, path.order_id).await?;
    Ok(Json(SoldOrderView::of(&order, member.partner)))
}

/// The refunds that concern what the partner sold in an order.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/orders/{order_id}/refunds", tag = "refunds",
    params(("partner_id" = PartnerId, Path), ("order_id" = OrderId, Path), PagingParams),
    responses((status = 200, body = Page<RefundView>), (status = 404, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    member: PartnerMember<RefundsRead>,
    Path(path): Path<OrderPath>,
    paging: Paging,
) -> Result<Json<Page<RefundView>>, Problem> {
    let order = context.order_of(member.partner, path.order_id).await?;
    let mut page = reversals::refunds(&context.store, order.id, paging.after(), paging.limit()).await?;
    page.items.retain(|refund| concerns(&order, refund, member.partner));
    Ok(Json(paging.page(page, |refund| {
        RefundView::for_partner(refund, &order, member.partner)
    })))
}

/// Refunds what the partner sold, in part or in whole. What the partner is no longer owed, because it has been paid out, is the
/// marketplace's money: such a refund is only requested (`review` says why) and waits for an operator. Of what a subscription paid, unspent
/// credit is not refunded as well: 422 `credit_unspent` names the amounts.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/orders/{order_id}/refunds", tag = "refunds",
    params(("partner_id" = PartnerId, Path), ("order_id" = OrderId, Path)), request_body = AskRefund,
    responses((status = 201, body = RefundView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    member: PartnerMember<RefundsWrite>,
    Path(path): Path<OrderPath>,
    call: Call,
    Json(request): Json<AskRefund>,
) -> Result<Created, Problem> {
    let order = context.order_of(member.partner, path.order_id).await?;
    let origin = RefundOrigin::Partner {
        user: member.user.id,
        partner: member.partner,
    };
    start(&context, &order, &request.into(), origin, &member.user, &call).await
}

#[derive(Deserialize)]
pub(crate) struct RefundPath {
    order_id: OrderId,
    refund_id: RefundId,
}

/// Approves or declines what a customer asked for, where all of it is the partner's own. What the partner is no longer owed waits for an
/// operator after that, as `review` says.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/orders/{order_id}/refunds/{refund_id}/decisions", tag = "refunds",
    params(("partner_id" = PartnerId, Path), ("order_id" = OrderId, Path), ("refund_id" = RefundId, Path)), request_body = Decide,
    responses((status = 200, body = RefundView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn decide(
    State(context): State<Context>,
    member: PartnerMember<RefundsWrite>,
    Path(path): Path<RefundPath>,
    call: Call,
    Json(request): Json<Decide>,
) -> Result<Json<RefundView>, Problem> {
    let order = context.order_of(member.partner, path.order_id).await?;
    let refund = find(&context, order.id, path.refund_id).await?;
    if !concerns(&order, &refund, member.partner) {
        return Err(Problem::not_found());
    }
    if refund.review.is_some() {
        let detail = "You have been paid for this already, so an operator decides it.";
        return Err(Problem::forbidden("waits_for_operator", detail));
    }
    if refund
        .lines
        .iter()
        .any(|amount| !sold_by(&order, amount.line, member.partner))
    {
        let detail = "This request also concerns what others sold. An operator decides it.";
        return Err(Problem::forbidden("not_only_yours", detail));
    }
    Ok(Json(
        settle_request(
            &context,
            &order,
            refund,
            &request,
            (&member.user, Decider::Partner),
            &call,
        )
        .await?,
    ))
}

fn sold_by(order: &Order, line: usize, partner: PartnerId) -> bool {
    order.lines.get(line).is_some_and(|line| line.partner == partner)
}

fn concerns(order: &Order, refund: &Refund, partner: PartnerId) -> bool {
    refund.lines.iter().any(|amount| sold_by(order, amount.line, partner))
}
