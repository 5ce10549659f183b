//! What operators do about disputes: see them, and make one by hand for what no code understands.
//!
//! The handler writes the dispute, the act, and a message; what is held, clawed back and posted follows from it in the settlement, which alone may
//! write to the ledger.

use axum::Json as PlainJson;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::audit::AuditEvent;
use shared::auth::{Operator, User};
use shared::http::{Call, Json, Page, Paging, PagingParams, Path, Problem, ProblemDocument, Query};
use shared::ids::{DisputeId, OrderId};
use shared::purchase::Order;
use shared::purchase::dispute::{ByHandError, Dispute, DisputeStatus, close_by_hand, open_by_hand};
use shared::store::{accounts, reversals};

use crate::api::{CloseDispute, DisputeParams, DisputeView, OpenDispute};
use crate::context::Context;

/// Disputes of one status, those first whose evidence is due first.
#[utoipa::path(get, path = "/v1/disputes", tag = "refunds", params(DisputeParams, PagingParams),
    responses((status = 200, body = Page<DisputeView>), (status = 403, body = ProblemDocument)))]
pub(crate) async fn list(
    State(context): State<Context>,
    _operator: Operator,
    Query(params): Query<DisputeParams>,
    paging: Paging,
) -> Result<Json<Page<DisputeView>>, Problem> {
    let status = params.status.unwrap_or(DisputeStatus::Open).to_string();
    let page = reversals::disputes_by_status(&context.store, &status, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, DisputeView::from)))
}

/// An order's disputes.
#[utoipa::path(get, path = "/v1/orders/{order_id}/disputes", tag = "refunds", params(("order_id" = OrderId, Path), PagingParams),
    responses((status = 200, body = Page<DisputeView>), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument)))]
pub(crate) async fn of_order(
    State(context): State<Context>,
    _operator: Operator,
    Path(order): Path<OrderId>,
    paging: Paging,
) -> Result<Json<Page<DisputeView>>, Problem> {
    let order = context.order(order).await?;
    let page = reversals::disputes(&context.store, order.id, paging.after(), paging.limit()).await?;
    Ok(Json(paging.page(page, DisputeView::from)))
}

/// Opens a dispute by hand, for money that the processor takes back in a way that nothing here understands. The amount is held on the partners'
/// balances until the dispute is closed. Nobody opens one about an order, or a sale, of their own.
#[utoipa::path(post, path = "/v1/orders/{order_id}/disputes", tag = "refunds", params(("order_id" = OrderId, Path)),
    request_body = OpenDispute,
    responses((status = 201, body = DisputeView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn open(
    State(context): State<Context>,
    operator: Operator,
    Path(order): Path<OrderId>,
    call: Call,
    Json(request): Json<OpenDispute>,
) -> Result<(StatusCode, PlainJson<DisputeView>), Problem> {
    let order = context.order(order).await?;
    not_ones_own(&context, &order, &operator.user).await?;
    let id = call.seed.id::<DisputeId>("dispute").to_string();
    if let Some(opened) = reversals::dispute(&context.store, order.id, &id).await? {
        return Ok((StatusCode::CREATED, PlainJson(opened.value.into())));
    }
    let dispute = open_by_hand(&order, &request.into(), operator.user.id, call.seed, call.now)
        .map_err(|error| refused(&error))?;
    let act = act("dispute.open", &dispute, &operator.user, &call);
    let message = call.seed.id("dispute by hand");
    let writes = reversals::keep_dispute_by_hand(&dispute, None, &act, message)?;
    context.store.transact(writes).await?;
    tracing::warn!(order.id = %order.id, dispute.id = %dispute.id, amount = %dispute.amount, "dispute opened by hand");
    Ok((StatusCode::CREATED, PlainJson(dispute.into())))
}

#[derive(Deserialize)]
pub(crate) struct DisputePath {
    order_id: OrderId,
    dispute_id: DisputeId,
}

/// Closes a dispute that was opened by hand: as won, or as lost with the amount that the processor has taken. The processor's id of the movement, where it
/// is known, has the reconciliation hold its books against ours. A dispute that the processor tells of is 404 here: it is followed.
#[utoipa::path(post, path = "/v1/orders/{order_id}/disputes/{dispute_id}/closure", tag = "refunds",
    params(("order_id" = OrderId, Path), ("dispute_id" = DisputeId, Path)), request_body = CloseDispute,
    responses((status = 200, body = DisputeView), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub(crate) async fn close(
    State(context): State<Context>,
    operator: Operator,
    Path(path): Path<DisputePath>,
    call: Call,
    Json(request): Json<CloseDispute>,
) -> Result<Json<DisputeView>, Problem> {
    let order = context.order(path.order_id).await?;
    not_ones_own(&context, &order, &operator.user).await?;
    let dispute = reversals::dispute(&context.store, order.id, &path.dispute_id.to_string()).await?;
    let dispute = dispute.ok_or_else(Problem::not_found)?;
    let ruling = request.ruling(order.total.currency(), call.now)?;
    let closed = close_by_hand(&order, &dispute, ruling).map_err(|error| refused(&error))?;
    let act = act("dispute.close", &closed, &operator.user, &call);
    let message = call.seed.id("dispute by hand");
    let writes = reversals::keep_dispute_by_hand(&closed, Some(dispute.revision), &act, message)?;
    context.store.transact(writes).await?;
    Ok(Json(closed.into()))
}

/// Nobody decides about what they bought, sold or brought the customer for.
async fn not_ones_own(context: &Context, order: &Order, user: &User) -> Result<(), Problem> {
    let detail = "This order is your own, or one of a partner whose team you are in. Another operator must do this.";
    if order.customer == user.id {
        return Err(Problem::forbidden("own_order", detail));
    }
    let referrers = [order.referrers.affiliate, order.referrers.reseller];
    for partner in order.partners().into_iter().chain(referrers.into_iter().flatten()) {
        if accounts::member(&context.store, partner, user.id).await?.is_some() {
            return Err(Problem::forbidden("own_order", detail));
        }
    }
    Ok(())
}

fn act(action: &str, dispute: &Dispute, user: &User, call: &Call) -> AuditEvent {
    AuditEvent {
        id: call.seed.id("audit"),
        at: call.now,
        actor: user.id,
        action: action.to_owned(),
        subject: dispute.id.clone(),
        reason_code: Some(dispute.status.to_string()),
        evidence: dispute.note().map(str::to_owned),
    }
}

fn refused(error: &ByHandError) -> Problem {
    let detail = format!("{}.", super::capitalised(&error.to_string()));
    match error {
        ByHandError::NotPaid => Problem::conflict("order_not_paid", detail),
        ByHandError::Followed | ByHandError::Closed(_) => Problem::conflict("dispute_not_open", detail),
        ByHandError::Amount { .. } => Problem::refused("amount_out_of_range", "/amount", detail),
        ByHandError::OtherCurrency { .. } => Problem::refused("other_currency", "/amount", detail),
        ByHandError::WonTakesNothing => Problem::refused("won_takes_nothing", "/amount", detail),
    }
}
