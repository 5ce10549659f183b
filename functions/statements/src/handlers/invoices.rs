//! A customer's invoices and credit notes.

use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use shared::auth::Principal;
use shared::auth::scope::OrdersRead;
use shared::http::{Call, Path, Problem, ProblemDocument};
use shared::ids::{OrderId, RefundId};
use shared::invoice::{Issued, Subject};
use shared::purchase::refund::RefundState;
use shared::purchase::{Order, OrderStatus};
use shared::store::accounts::UserItem;
use shared::store::{accounts, commerce, invoices, reversals};

use super::rendered;
use crate::context::Context;
use crate::format::{File, Format, choose};
use crate::invoice;

/// The invoice of a paid order, as a PDF file or a web page. It gets its number when it is asked for first, and never changes.
#[utoipa::path(get, path = "/v1/orders/{order_id}/invoice", tag = "orders", params(("order_id" = OrderId, Path)),
    responses((status = 200, content((Vec<u8> = "application/pdf"), (String = "text/html"))),
        (status = 404, body = ProblemDocument), (status = 406, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn invoice(
    State(context): State<Context>,
    principal: Principal<OrdersRead>,
    Path(order): Path<OrderId>,
    call: Call,
    headers: HeaderMap,
) -> Result<File, Problem> {
    let format = choose(&headers, &[Format::Pdf, Format::Html])?;
    let order = visible(&context, &principal, order).await?;
    let issued = issue(&context, &order, Subject::Invoice, &call).await?;
    let document = invoice::invoice(&issued, &order, customer(&context, &order).await?.as_ref());
    rendered(&document, format, issued.number().to_string())
}

#[derive(Deserialize)]
pub(crate) struct CreditNotePath {
    order_id: OrderId,
    refund_id: RefundId,
}

/// The credit note of a refund, as a PDF file or a web page. It gets its number when it is asked for first, and never changes.
#[utoipa::path(get, path = "/v1/orders/{order_id}/credit-notes/{refund_id}", tag = "orders",
    params(("order_id" = OrderId, Path), ("refund_id" = RefundId, Path)),
    responses((status = 200, content((Vec<u8> = "application/pdf"), (String = "text/html"))),
        (status = 404, body = ProblemDocument), (status = 406, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn credit_note(
    State(context): State<Context>,
    principal: Principal<OrdersRead>,
    Path(path): Path<CreditNotePath>,
    call: Call,
    headers: HeaderMap,
) -> Result<File, Problem> {
    let format = choose(&headers, &[Format::Pdf, Format::Html])?;
    let order = visible(&context, &principal, path.order_id).await?;
    let refund = reversals::refund(&context.store, order.id, path.refund_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let subject = Subject::CreditNote(refund.id);
    let issued = match refund.state {
        RefundState::Pending { .. } | RefundState::Succeeded { .. } => issue(&context, &order, subject, &call).await?,
        // What was issued before the refund failed stays, and says that it is void.
        _ => invoices::issued(&context.store, order.id, subject)
            .await?
            .ok_or_else(not_refunded)?,
    };
    // What is corrected must have a number.
    let corrected = issue(&context, &order, Subject::Invoice, &call).await?;
    let document = invoice::credit_note(
        &issued,
        &corrected,
        &order,
        &refund,
        customer(&context, &order).await?.as_ref(),
    );
    rendered(&document, format, issued.number().to_string())
}

/// The caller's own order; for operators any.
async fn visible(context: &Context, principal: &Principal<OrdersRead>, id: OrderId) -> Result<Order, Problem> {
    let order = match commerce::order(&context.store, principal.user.id, id).await? {
        None if principal.user.operator => commerce::order_by_id(&context.store, id).await?,
        own => own,
    };
    Ok(order.ok_or_else(Problem::not_found)?.value)
}

async fn issue(context: &Context, order: &Order, subject: Subject, call: &Call) -> Result<Issued, Problem> {
    if order.status != OrderStatus::Paid {
        let detail = "There is an invoice once the order has been paid.";
        return Err(Problem::conflict("not_paid", detail));
    }
    Ok(invoices::issue(&context.store, order.id, subject, &context.seller, call.now).await?)
}

fn not_refunded() -> Problem {
    Problem::conflict(
        "not_refunded",
        "There is a credit note once the processor has accepted the refund.",
    )
}

async fn customer(context: &Context, order: &Order) -> Result<Option<UserItem>, Problem> {
    Ok(accounts::user(&context.store, order.customer)
        .await?
        .map(|user| user.value))
}
