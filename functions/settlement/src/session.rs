//! What a checkout session's state means for its order.

use jiff::Timestamp;
use shared::ids::{OrderId, UserId};
use shared::messages::{Envelope, Message};
use shared::money::{Currency, Money};
use shared::processor::Processor;
use shared::processor::stripe::objects::{Charge, CheckoutSession, PaymentStatus, SessionStatus};
use shared::purchase::{Order, OrderStatus, Payment, SettleError, settle};
use shared::runtime::{Delivery, Failure};
use shared::store::{Versioned, commerce, offers, relations, revenue};

use crate::context::Context;
use crate::{fee, origin};

/// What the processor says about the money.
#[derive(Debug, PartialEq)]
pub(crate) enum News {
    Paid {
        payment: Payment,
        /// What the customer has paid with, where the processor tells.
        paid_with: Option<String>,
    },
    OnItsWay,
    Ended(OrderStatus),
    /// The customer is still at it.
    Open,
}

pub(crate) async fn settle_session(
    context: &Context,
    delivery: &Delivery<Envelope>,
    session_id: &str,
    customer: UserId,
    order: OrderId,
) -> Result<(), Failure> {
    let session = context.stripe.checkout_session(session_id).await?;
    let order = origin::load(context, customer, order).await?;
    if order.session.as_deref().is_some_and(|known| known != session.id) {
        return Err(Failure::reject(format!(
            "session {} claims order {}, which has another",
            session.id, order.id
        )));
    }
    let arrived = match session.charge().map(Charge::arrived_at) {
        Some(Some(at)) => time(&session, at).map_err(Failure::reject)?,
        // Of what costs nothing, no money comes.
        None => time(&session, session.created).map_err(Failure::reject)?,
        Some(None) => told_at(context, delivery).await?,
    };
    let news = news(&session, arrived).map_err(Failure::reject)?;
    apply(context, delivery, &order, news).await
}

/// When the processor told the news: the best that is known of money whose movement is not known yet. No earlier than it came, so that no
/// period changes that is over.
pub(crate) async fn told_at(context: &Context, delivery: &Delivery<Envelope>) -> Result<Timestamp, Failure> {
    let Message::PaymentChanged { event_id, .. } = &delivery.message.message else {
        return Ok(delivery.now);
    };
    let event = commerce::event(&context.store, Processor::Stripe, event_id).await?;
    Ok(event.map_or(delivery.now, |event| event.created))
}

fn time(session: &CheckoutSession, second: i64) -> Result<Timestamp, String> {
    Timestamp::from_second(second).map_err(|error| format!("session {}: {error}", session.id))
}

/// Settles the session and posts what the processor kept of its charge: news of either may have been lost.
pub(crate) async fn settle_whole(
    context: &Context,
    delivery: &Delivery<Envelope>,
    session_id: &str,
    customer: UserId,
    order: OrderId,
) -> Result<(), Failure> {
    settle_session(context, delivery, session_id, customer, order).await?;
    let settled = origin::load(context, customer, order).await?;
    match &settled.charge {
        Some(charge) => fee::post_fee(context, delivery, charge, customer, order).await,
        None => Ok(()),
    }
}

pub(crate) async fn apply(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: &Versioned<Order>,
    news: News,
) -> Result<(), Failure> {
    let changed = match news {
        News::Paid { payment, paid_with } => return pay(context, delivery, order, &payment, paid_with).await,
        News::OnItsWay => order.await_payment(),
        News::Ended(status) => order.end_unpaid(status),
        News::Open => None,
    };
    match changed {
        Some(changed) => Ok(commerce::update_order(&context.store, &changed, order.revision).await?),
        None => Ok(()),
    }
}

pub(crate) async fn settle_free(
    context: &Context,
    delivery: &Delivery<Envelope>,
    customer: UserId,
    order: OrderId,
) -> Result<(), Failure> {
    let order = origin::load(context, customer, order).await?;
    // An order with a price is never settled by this message, whoever sent it: the amounts would not match.
    let payment = Payment {
        amount: Money::zero(order.total.currency()),
        charge: None,
        at: order.placed_at,
    };
    pay(context, delivery, &order, &payment, None).await
}

/// Settles the order. Where others were faster, the order and the counters are read again; the processor need not be asked once more.
async fn pay(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: &Versioned<Order>,
    payment: &Payment,
    paid_with: Option<String>,
) -> Result<(), Failure> {
    let mut tries = context.store.tries();
    let mut outcome = pay_once(context, delivery, order, payment, paid_with.as_deref()).await;
    while let Err(error) = &outcome
        && tries.again(error).await
    {
        let order = origin::load(context, order.customer, order.id).await?;
        outcome = pay_once(context, delivery, &order, payment, paid_with.as_deref()).await;
    }
    outcome
}

async fn pay_once(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: &Versioned<Order>,
    payment: &Payment,
    paid_with: Option<&str>,
) -> Result<(), Failure> {
    let to_settle = remaining(context, order).await?;
    let to_settle = relations::withhold_own_referrals(&context.store, &to_settle, paid_with, delivery.now).await?;
    let turnovers = revenue::turnovers(&context.store, to_settle.counters(payment.at)).await?;
    let settlement = match settle(
        &to_settle,
        payment,
        &turnovers,
        context.hold_days,
        delivery.seed,
        shared::licence::secret,
    ) {
        Ok(settlement) => settlement,
        Err(SettleError::AlreadyPaid) => return fee::share_known_fee(context, delivery, order).await,
        Err(error) => return Err(Failure::reject(error)),
    };
    // Refused where somebody else has settled it, changed it, or sold something under the same tiers since we read.
    let writes = commerce::settlement_writes(&settlement, order.revision, delivery.now)?;
    context.store.transact(writes).await?;
    tracing::info!(order.id = %order.id, total = %order.total, "order settled");
    fee::share_known_fee(context, delivery, &settlement.order).await
}

/// The order without what has left the shop meanwhile. What is paid is as it was when it was settled.
pub(crate) async fn remaining(context: &Context, order: &Order) -> Result<Order, Failure> {
    if order.status == OrderStatus::Paid {
        return Ok(order.clone());
    }
    let withdrawn = offers::withdrawn(&context.store, order).await?;
    if !withdrawn.is_empty() {
        tracing::info!(order.id = %order.id, ?withdrawn, "what is paid for has left the shop: it is given back");
    }
    Ok(order.without(&withdrawn))
}

/// Reads a session. A money field that Souk does not understand is refused rather than interpreted.
fn news(session: &CheckoutSession, arrived: Timestamp) -> Result<News, String> {
    match (session.status, session.payment_status) {
        (_, PaymentStatus::Paid | PaymentStatus::NoPaymentRequired) => Ok(News::Paid {
            payment: payment(session, arrived)?,
            paid_with: session.charge().and_then(Charge::means),
        }),
        (Some(SessionStatus::Open), PaymentStatus::Unpaid) => Ok(News::Open),
        (Some(SessionStatus::Expired), PaymentStatus::Unpaid) => Ok(News::Ended(OrderStatus::Expired)),
        (Some(SessionStatus::Complete), PaymentStatus::Unpaid) if payment_failed(session) => {
            Ok(News::Ended(OrderStatus::Cancelled))
        }
        (Some(SessionStatus::Complete), PaymentStatus::Unpaid) => Ok(News::OnItsWay),
        (None | Some(SessionStatus::Other), _) | (_, PaymentStatus::Other) => {
            Err(format!("session {} has a status that is not known here", session.id))
        }
    }
}

/// The payment intent says it: it is `processing` while the money is on its way (docs.stripe.com/payments/paymentintents/lifecycle).
fn payment_failed(session: &CheckoutSession) -> bool {
    let intent = session.payment_intent.as_ref().and_then(|intent| intent.object());
    intent.is_some_and(|intent| matches!(intent.status.as_str(), "requires_payment_method" | "canceled"))
}

fn payment(session: &CheckoutSession, arrived: Timestamp) -> Result<Payment, String> {
    let missing = |what: &str| format!("session {} has no {what}", session.id);
    let currency = session.currency.as_deref().ok_or_else(|| missing("currency"))?;
    let currency: Currency = currency
        .parse()
        .map_err(|error| format!("session {}: {error}", session.id))?;
    let amount = session.amount_total.ok_or_else(|| missing("amount"))?;
    Ok(Payment {
        amount: Money::new(amount, currency),
        charge: session.charge().map(|charge| charge.id.clone()),
        at: arrived,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(status: &str, payment_status: &str, intent: &str, expected: Result<&str, ()>) {
        let session = json!({
            "id": "cs_test_1", "status": status, "payment_status": payment_status, "amount_total": 1299, "currency": "eur",
            "livemode": false, "created": 1_763_800_000, "expires_at": 1_763_880_000,
            "payment_intent": {"id": "pi_1", "status": intent, "livemode": false},
        });
        let session: CheckoutSession = serde_json::from_value(session).expect("a session");
        let told = news(&session, Timestamp::UNIX_EPOCH)
            .map_err(|_| ())
            .map(|news| match news {
                News::Paid { payment, .. } => {
                    assert_eq!(payment.amount, Money::new(1299, Currency::EUR));
                    "paid"
                }
                News::OnItsWay => "on its way",
                News::Ended(OrderStatus::Expired) => "expired",
                News::Ended(_) => "cancelled",
                News::Open => "open",
            });
        assert_eq!(told, expected, "{status}, {payment_status}, {intent}");
    }

    #[test]
    fn a_session_tells_whether_the_money_is_there() {
        check("complete", "paid", "succeeded", Ok("paid"));
        check("complete", "unpaid", "processing", Ok("on its way"));
        check("complete", "unpaid", "requires_payment_method", Ok("cancelled"));
        check("complete", "unpaid", "canceled", Ok("cancelled"));
        check("open", "unpaid", "requires_payment_method", Ok("open"));
        check("expired", "unpaid", "requires_payment_method", Ok("expired"));
        check("complete", "half_paid", "succeeded", Err(()));
        check("melted", "unpaid", "processing", Err(()));
    }
}
