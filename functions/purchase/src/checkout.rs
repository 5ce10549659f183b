//! The payment page of an order: at Stripe a checkout session, at PayPal an order of PayPal's.

use shared::auth::Principal;
use shared::auth::scope::OrdersWrite;
use shared::http::Problem;
use shared::processor::paypal::requests::{self as paypal, CreateOrder};
use shared::processor::paypal::{Amount, AmountError};
use shared::processor::stripe::requests::{CheckoutLine, CreateCheckoutSession, Metadata};
use shared::processor::{Processor, ProcessorError};
use shared::purchase::{Order, OrderLine};
use shared::store::{Versioned, commerce};

use crate::api::PlaceOrder;
use crate::context::Context;

/// What the processor made for the order.
struct Checkout {
    id: String,
    /// Absent when there is nothing left to pay.
    page: Option<String>,
}

/// Where the processor sends the customer back to.
struct Returns {
    paid: String,
    cancelled: String,
}

/// The payment page of the order: a new one, or the one that the order has.
pub(crate) async fn open(
    context: &Context,
    principal: &Principal<OrdersWrite>,
    order: &Versioned<Order>,
    request: &PlaceOrder,
) -> Result<String, Problem> {
    let default = |page: &str| format!("{}/orders/{}?{page}", context.public_url, order.id);
    let returns = Returns {
        paid: request.success_url.clone().unwrap_or_else(|| default("paid")),
        cancelled: request.cancel_url.clone().unwrap_or_else(|| default("cancelled")),
    };
    let checkout = match order.processor {
        Processor::Stripe => at_stripe(context, principal, order, returns).await?,
        Processor::PayPal => at_paypal(context, order, returns).await?,
    };
    if order.session.as_deref() != Some(checkout.id.as_str()) {
        let with_session = Order {
            session: Some(checkout.id),
            ..order.value.clone()
        };
        commerce::update_order(&context.store, &with_session, order.revision).await?;
    }
    checkout
        .page
        .ok_or_else(|| Problem::unavailable("the processor opened a checkout without a page"))
}

/// The payment page that the order has, if it still is to be paid.
pub(crate) async fn page(
    context: &Context,
    processor: Processor,
    session: &str,
) -> Result<Option<String>, ProcessorError> {
    match processor {
        Processor::Stripe => Ok(context.stripe.checkout_session(session).await?.url),
        Processor::PayPal => Ok(context.paypal.order(session).await?.approval_url().map(str::to_owned)),
    }
}

async fn at_stripe(
    context: &Context,
    principal: &Principal<OrdersWrite>,
    order: &Order,
    returns: Returns,
) -> Result<Checkout, Problem> {
    let line = |line: &OrderLine| CheckoutLine {
        name: line.title.clone(),
        unit_price: line.price,
        quantity: 1,
    };
    let session = CreateCheckoutSession {
        lines: to_pay(order).map(line).collect(),
        client_reference_id: order.id.to_string(),
        customer_email: principal.user.email.clone(),
        expires_at: None,
        metadata: Metadata::from([
            ("customer_id".into(), order.customer.to_string()),
            ("order_id".into(), order.id.to_string()),
        ]),
        success_url: returns.paid,
        cancel_url: returns.cancelled,
    };
    let session = context
        .stripe
        .create_checkout_session(&session, &order.id.to_string())
        .await
        .map_err(refused)?;
    Ok(Checkout {
        id: session.id,
        page: session.url,
    })
}

async fn at_paypal(context: &Context, order: &Order, returns: Returns) -> Result<Checkout, Problem> {
    let made = match &order.session {
        // PayPal forgets the key of a creation after six hours: what is there is looked up.
        Some(session) => context.paypal.order(session).await,
        None => {
            let request = paypal_order(order, returns).map_err(|error| {
                Problem::refused("checkout_refused", "/processor", format!("{error}.")).caused_by(error)
            })?;
            context.paypal.create_order(&request, &order.id.to_string()).await
        }
    };
    let made = made.map_err(refused)?;
    Ok(Checkout {
        page: made.approval_url().map(str::to_owned),
        id: made.id,
    })
}

fn paypal_order(order: &Order, returns: Returns) -> Result<CreateOrder, AmountError> {
    let line = |line: &OrderLine| {
        Ok(paypal::OrderLine {
            name: line.title.clone(),
            unit_price: Amount::try_from(line.price)?,
            quantity: 1,
        })
    };
    Ok(CreateOrder {
        order: order.id.to_string(),
        lines: to_pay(order).map(line).collect::<Result<_, AmountError>>()?,
        total: order.total.try_into()?,
        return_url: returns.paid,
        cancel_url: returns.cancelled,
    })
}

/// What is given away along with what is sold needs no line on the payment page.
fn to_pay(order: &Order) -> impl Iterator<Item = &OrderLine> {
    order.lines.iter().filter(|line| !line.price.is_zero())
}

fn refused(error: ProcessorError) -> Problem {
    match &error {
        ProcessorError::Refused { message, .. } => {
            let detail = format!("The payment processor does not take this order: {message}");
            Problem::refused("checkout_refused", "", detail).caused_by(error)
        }
        _ => Problem::unavailable(error),
    }
}
