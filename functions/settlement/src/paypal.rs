//! What the state of PayPal's order means for ours: once the buyer has approved it the money is taken, and then it is a payment like any.

use shared::ids::OrderId;
use shared::messages::Envelope;
use shared::processor::ProcessorError;
use shared::processor::paypal::objects::{self, Capture, CaptureStatus};
use shared::processor::paypal::reference;
use shared::purchase::fee::Fee;
use shared::purchase::{Order, OrderStatus, Payment};
use shared::runtime::{Delivery, Failure};
use shared::store::{Versioned, commerce, offers};

use crate::context::Context;
use crate::session::{self, News};
use crate::{fee, withdrawn};

pub(crate) async fn settle_order(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: OrderId,
) -> Result<(), Failure> {
    let order = load(context, order).await?;
    let Some(session) = &order.session else {
        return Err(Failure::retry(format!("order {} has no order at PayPal yet", order.id)));
    };
    let mut object = context.paypal.order(session).await?;
    // What has ended is not paid any more, though its buyer has approved it.
    if object.status == objects::OrderStatus::Approved && !order.has_ended() {
        if !offers::withdrawn(&context.store, &order).await?.is_empty() {
            return withdrawn::end(context, &order).await;
        }
        object = take_money(context, &order, object).await?;
    }
    if let Some(fee) = object
        .capture()
        .map(|capture| fee_of(capture, order.status))
        .transpose()
        .map_err(Failure::reject)?
        .flatten()
    {
        fee::post_paypals(context, delivery, &fee).await?;
    }
    let news = news(&object, order.status).map_err(Failure::reject)?;
    session::apply(context, delivery, &order, news).await
}

/// The order that a capture paid; `None` for a capture that is not of this marketplace.
///
/// News of a refund may overtake the news of the sale: then the sale is settled first, from what PayPal says now.
pub(crate) async fn order_of(
    context: &Context,
    delivery: &Delivery<Envelope>,
    capture: &Capture,
) -> Result<Option<Versioned<Order>>, Failure> {
    let custom = capture.custom_id.as_deref();
    if context.paypal.is_foreign(custom) {
        return Ok(None);
    }
    let Some(id) = custom.and_then(|custom| reference::id(custom).parse().ok()) else {
        return Ok(None);
    };
    let order = load(context, id).await?;
    if order.status == OrderStatus::Paid {
        return Ok(Some(order));
    }
    settle_order(context, delivery, id).await?;
    let order = load(context, id).await?;
    if order.status == OrderStatus::Paid {
        Ok(Some(order))
    } else {
        Err(Failure::retry(format!(
            "capture {} is of order {id}, which is not paid",
            capture.id
        )))
    }
}

async fn load(context: &Context, order: OrderId) -> Result<Versioned<Order>, Failure> {
    let found = commerce::order_by_id(&context.store, order).await?;
    found.ok_or_else(|| Failure::retry(format!("order {order} does not exist")))
}

/// Captures what the buyer has approved. A buyer whose card was declined is asked for another by PayPal, so that is no news.
async fn take_money(context: &Context, order: &Order, approved: objects::Order) -> Result<objects::Order, Failure> {
    let amount = approved.purchase_units.first().and_then(|unit| unit.amount);
    if amount.map(|amount| amount.money()) != Some(order.total) {
        return Err(Failure::reject(format!(
            "order {} costs {}, PayPal's order {} another amount",
            order.id, order.total, approved.id
        )));
    }
    match context.paypal.capture_order(&approved.id, &order.id.to_string()).await {
        Ok(captured) => Ok(captured),
        Err(ProcessorError::Refused { code, .. }) if code == "INSTRUMENT_DECLINED" => {
            tracing::info!(order.id = %order.id, "the buyer's means of payment was declined");
            Ok(approved)
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads PayPal's order. A status that Souk does not understand is refused rather than interpreted.
fn news(object: &objects::Order, so_far: OrderStatus) -> Result<News, String> {
    use objects::OrderStatus as Told;
    let unknown = || format!("PayPal's order {} has a status that is not known here", object.id);
    match (object.status, object.capture()) {
        (Told::Completed, Some(capture)) => match capture.status {
            CaptureStatus::Completed | CaptureStatus::PartiallyRefunded | CaptureStatus::Refunded => Ok(News::Paid {
                payment: payment(capture, so_far)?,
                paid_with: object.means(),
            }),
            CaptureStatus::Pending => Ok(News::OnItsWay),
            CaptureStatus::Declined | CaptureStatus::Failed => Ok(News::Ended(OrderStatus::Cancelled)),
            CaptureStatus::Other => Err(unknown()),
        },
        (Told::Created | Told::PayerActionRequired | Told::Approved, None) => Ok(News::Open),
        (Told::Voided, None) => Ok(News::Ended(OrderStatus::Cancelled)),
        _ => Err(unknown()),
    }
}

fn payment(capture: &Capture, so_far: OrderStatus) -> Result<Payment, String> {
    Ok(Payment {
        amount: capture.amount.money(),
        charge: Some(capture.id.clone()),
        at: arrived(capture, so_far)?,
    })
}

fn fee_of(capture: &Capture, so_far: OrderStatus) -> Result<Option<Fee>, String> {
    let Some(amount) = capture.fee().map(|fee| fee.money()).filter(|fee| !fee.is_zero()) else {
        return Ok(None);
    };
    Ok(Some(Fee {
        charge: capture.id.clone(),
        amount,
        at: arrived(capture, so_far)?,
    }))
}

/// When the money of a capture arrived: when its status became what it is. A refund changes the status once more; of what was not seen to be
/// pending before, the money had come when it was captured.
fn arrived(capture: &Capture, so_far: OrderStatus) -> Result<jiff::Timestamp, String> {
    let missing = || format!("capture {} has no time", capture.id);
    let at_last = capture.status == CaptureStatus::Completed || so_far == OrderStatus::AwaitingPayment;
    let updated = capture.update_time.filter(|_| at_last);
    updated.or(capture.create_time).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(status: &str, capture: Option<&str>, expected: Result<&str, ()>) {
        let capture = capture.map(|status| {
            json!({"id": "3C6", "status": status, "amount": {"currency_code": "EUR", "value": "12.99"},
                "create_time": "2026-11-22T09:00:00Z"})
        });
        let captures: Vec<_> = capture.into_iter().collect();
        let object = json!({"id": "5O1", "status": status, "purchase_units": [{"payments": {"captures": captures}}]});
        let object = serde_json::from_value(object).expect("an order of PayPal's");
        let told = news(&object, OrderStatus::Pending)
            .map_err(|_| ())
            .map(|news| match news {
                News::Paid { .. } => "paid",
                News::OnItsWay => "on its way",
                News::Ended(_) => "ended",
                News::Open => "open",
            });
        assert_eq!(told, expected, "{status}, {captures:?}");
    }

    #[test]
    fn a_capture_has_arrived_when_it_is_no_longer_pending() {
        let arrived = |status: &str, so_far| {
            let capture = json!({"id": "3C6", "status": status, "amount": {"currency_code": "EUR", "value": "12.99"},
                "create_time": "2026-11-28T09:00:00Z", "update_time": "2026-12-02T09:00:00Z"});
            let capture = serde_json::from_value(capture).expect("a capture");
            arrived(&capture, so_far).expect("a time").to_string()
        };
        assert_eq!(arrived("COMPLETED", OrderStatus::Pending), "2026-12-02T09:00:00Z");
        assert_eq!(arrived("REFUNDED", OrderStatus::Pending), "2026-11-28T09:00:00Z");
        assert_eq!(
            arrived("REFUNDED", OrderStatus::AwaitingPayment),
            "2026-12-02T09:00:00Z"
        );
    }

    #[test]
    fn an_order_of_paypals_tells_whether_the_money_is_there() {
        check("COMPLETED", Some("COMPLETED"), Ok("paid"));
        check("COMPLETED", Some("REFUNDED"), Ok("paid"));
        check("COMPLETED", Some("PENDING"), Ok("on its way"));
        check("COMPLETED", Some("DECLINED"), Ok("ended"));
        check("COMPLETED", Some("REVERSED"), Err(()));
        check("COMPLETED", None, Err(()));
        check("PAYER_ACTION_REQUIRED", None, Ok("open"));
        check("APPROVED", None, Ok("open"));
        check("VOIDED", None, Ok("ended"));
        check("MELTED", None, Err(()));
    }
}
