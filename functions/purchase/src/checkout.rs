//! The payment page of an order: at Stripe a checkout session, at PayPal an order of PayPal's.

use shared::auth::Principal;
use shared::auth::scope::OrdersWrite;
use shared::http::Problem;
use shared::processor::paypal::objects::OrderStatus;
use shared::processor::paypal::requests::{self as paypal, CreateOrder};
use shared::processor::paypal::{Amount, AmountError};
use shared::processor::stripe::requests::{CheckoutLine, CreateCheckoutSession, Metadata};
use shared::processor::{Processor, ProcessorError};
use shared::purchase::{Order, OrderLine};
use shared::store::{StoreError, Versioned, commerce};

use crate::api::PlaceOrder;
use crate::context::Context;

/// What the processor made for the order.
struct Checkout {
    id: String,
    /// Absent when there is nothing left to pay.
    page: Option<String>,
}

/// Why an order has no payment page.
pub(crate) enum CheckoutError {
    /// The processor refuses the order, however often it is asked.
    Refused(Problem),
    Other(Problem),
}

impl From<Problem> for CheckoutError {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

impl From<StoreError> for CheckoutError {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
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
) -> Result<String, CheckoutError> {
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
        match commerce::update_order(&context.store, &with_session, order.revision).await {
            Ok(()) => {}
            Err(StoreError::Conflict { .. }) => changed_meanwhile(context, &with_session).await?,
            Err(error) => return Err(error.into()),
        }
    }
    let missing = || Problem::unavailable("the processor opened a checkout without a page");
    Ok(checkout.page.ok_or_else(missing)?)
}

/// The order has changed while its page was made: another request has made the same page, or the order has ended, and the page ends with it.
async fn changed_meanwhile(context: &Context, opened: &Order) -> Result<(), Problem> {
    let now = commerce::order(&context.store, opened.customer, opened.id).await?;
    let now = now.ok_or_else(Problem::not_found)?;
    let Some(session) = opened.session.as_ref().filter(|_| now.has_ended()) else {
        return if now.session == opened.session {
            Ok(())
        } else {
            Err(Problem::unavailable("the order changed while its checkout was opened"))
        };
    };
    close(context, &now, session).await?;
    let detail = format!(
        "This order has been ended meanwhile: it is {}. Place another one.",
        now.status
    );
    Err(Problem::conflict("order_ended", detail))
}

/// Sees to it that nobody can pay the order any more. `false` where somebody has.
///
/// PayPal keeps an order until it lapses: nothing is taken of it unless the settlement takes it, and that takes nothing for an order that has
/// ended.
pub(crate) async fn close(context: &Context, order: &Order, session: &str) -> Result<bool, Problem> {
    if order.processor == Processor::PayPal {
        let told = context.paypal.order(session).await.map_err(Problem::unavailable)?;
        return Ok(told.status != OrderStatus::Completed);
    }
    context
        .stripe
        .close_checkout_session(session)
        .await
        .map_err(Problem::unavailable)
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
) -> Result<Checkout, CheckoutError> {
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

async fn at_paypal(context: &Context, order: &Order, returns: Returns) -> Result<Checkout, CheckoutError> {
    let made = match &order.session {
        // PayPal forgets the key of a creation after six hours: what is there is looked up.
        Some(session) => context.paypal.order(session).await,
        None => {
            let request = paypal_order(order, returns).map_err(|error| {
                let problem = Problem::refused("checkout_refused", "/processor", format!("{error}."));
                CheckoutError::Refused(problem.caused_by(error))
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

fn refused(error: ProcessorError) -> CheckoutError {
    match &error {
        ProcessorError::Refused { message, .. } => {
            let detail = format!("The payment processor does not take this order: {message}");
            CheckoutError::Refused(Problem::refused("checkout_refused", "", detail).caused_by(error))
        }
        _ => CheckoutError::Other(Problem::unavailable(error)),
    }
}
