//! Takes an event in. What follows from it is a pure decision (`dispose`).
//!
//! | event | about | goes to |
//! |---|---|---|
//! | `CHECKOUT.ORDER.APPROVED`, `.VOIDED`, `PAYMENT.CAPTURE.PENDING`, `.COMPLETED`, `.DENIED`, `.DECLINED` | an order of ours | settlement |
//! | `PAYMENT.CAPTURE.REFUNDED` | money that goes back | settlement |
//! | `PAYMENT.PAYOUTS-ITEM.*` | a payout of ours | payout-transfer |
//! | `PAYMENT.CAPTURE.REVERSED`, `CUSTOMER.DISPUTE.*` | money that PayPal takes back, or may | settlement |
//! | anything else | | is stored |

use jiff::Timestamp;

use super::objects::{Event, Link, capture_of};
use super::reference;
use super::reference::PaidFor;
use crate::ids::OrderId;
use crate::messages::Message;
use crate::processor::intake::{self, Head, Intake, Verdict};
use crate::processor::{Deployment, Processor};
use crate::seed::Seed;
use crate::store::{Store, StoreError};

/// Stores the event with the message that follows from it.
pub async fn take_in(
    store: &Store,
    event: Event,
    deployment: &Deployment,
    seed: Seed,
    now: Timestamp,
) -> Result<Intake, StoreError> {
    if event.id.is_empty() {
        let body = serde_json::to_vec(&event).map_err(|error| StoreError::Corrupt(Box::new(error)))?;
        return keep_unread(store, &body, now).await;
    }
    let verdict = if deployment.is_foreign_mark(maker(&event)) {
        Verdict::forgotten("its object is another deployment's")
    } else {
        dispose(&event, seed)
    };
    let head = Head {
        processor: Processor::PayPal,
        id: event.id.clone(),
        kind: event.event_type.clone(),
        created: event.create_time,
        account: None,
    };
    intake::keep(store, head, &event, verdict, now).await
}

/// Stores a body that PayPal has signed, or listed, and that is no event, for a person to look at.
pub async fn keep_unread(store: &Store, body: &[u8], now: Timestamp) -> Result<Intake, StoreError> {
    intake::keep_unread(store, Processor::PayPal, body, "the body is not an event", now).await
}

/// The mark of the deployment that has made the object, as far as it bears one.
fn maker(event: &Event) -> Option<&str> {
    let item = || reference::mark_of_item(event.text("/payout_item/sender_item_id")?);
    custom(event).and_then(reference::mark).or_else(item)
}

fn dispose(event: &Event, seed: Seed) -> Verdict {
    let object_id = event.text("/id").map(str::to_owned);
    match event.event_type.as_str() {
        "CHECKOUT.ORDER.APPROVED"
        | "CHECKOUT.ORDER.VOIDED"
        | "PAYMENT.CAPTURE.PENDING"
        | "PAYMENT.CAPTURE.COMPLETED"
        | "PAYMENT.CAPTURE.DENIED"
        | "PAYMENT.CAPTURE.DECLINED" => {}
        "PAYMENT.CAPTURE.REFUNDED" => return refunded(event, object_id, seed),
        "PAYMENT.CAPTURE.REVERSED" => return reversed(event, object_id, seed),
        kind if kind.starts_with("PAYMENT.PAYOUTS-ITEM.") => return paid_out(event, seed),
        kind if kind.starts_with("CUSTOMER.DISPUTE.") => return disputed(event, seed),
        _ => return Verdict::stored(object_id),
    }
    let (Some(object_id), Some(order)) = (object_id.clone(), ours(event)) else {
        // Somebody else's payment on the same PayPal account, or one made by hand: no order of ours is concerned.
        return Verdict::stored(object_id);
    };
    let message = Message::PayPalOrderChanged {
        event_id: event.id.clone(),
        order,
    };
    Verdict::queued(object_id, message, seed)
}

/// Whether the capture is of an order of ours, only the capture itself tells: the settlement fetches it.
fn refunded(event: &Event, object_id: Option<String>, seed: Seed) -> Verdict {
    let links: Vec<Link> = serde_json::from_value(event.resource["links"].clone()).unwrap_or_default();
    let capture = capture_of(&links).map(str::to_owned);
    let (Some(refund), Some(capture)) = (object_id.clone(), capture) else {
        return Verdict::stored(object_id);
    };
    let message = Message::PayPalRefundMade {
        event_id: event.id.clone(),
        refund: refund.clone(),
        capture,
    };
    Verdict::queued(refund, message, seed)
}

fn paid_out(event: &Event, seed: Seed) -> Verdict {
    let item = event.text("/payout_item_id").map(str::to_owned);
    let paid_for: Option<PaidFor> = event
        .text("/payout_item/sender_item_id")
        .and_then(|reference| reference.parse().ok());
    let (Some(item), Some(PaidFor { partner, payout })) = (item.clone(), paid_for) else {
        return Verdict::stored(item);
    };
    let message = Message::PayPalPayoutItemChanged {
        event_id: event.id.clone(),
        item: item.clone(),
        partner,
        payout,
    };
    Verdict::queued(item, message, seed)
}

/// Whether the payment is of ours, only the capture itself tells: the settlement fetches it.
fn disputed(event: &Event, seed: Seed) -> Verdict {
    let dispute = event.text("/dispute_id").map(str::to_owned);
    let capture = event.text("/disputed_transactions/0/seller_transaction_id");
    let (Some(dispute), Some(capture)) = (dispute.clone(), capture) else {
        return Verdict::quarantined(dispute, "a dispute that names no payment");
    };
    let message = Message::PayPalDisputeChanged {
        event_id: event.id.clone(),
        dispute: dispute.clone(),
        capture: capture.to_owned(),
    };
    Verdict::queued(dispute, message, seed)
}

/// The object is what took the money back, with a link to the capture; or the capture itself.
fn reversed(event: &Event, object_id: Option<String>, seed: Seed) -> Verdict {
    let links: Vec<Link> = serde_json::from_value(event.resource["links"].clone()).unwrap_or_default();
    let Some(reversal) = object_id else {
        return Verdict::quarantined(None, "a reversal that names nothing");
    };
    let message = Message::PayPalCaptureReversed {
        event_id: event.id.clone(),
        capture: capture_of(&links).unwrap_or(&reversal).to_owned(),
        reversal: reversal.clone(),
    };
    Verdict::queued(reversal, message, seed)
}

/// The order that the object says it is for: PayPal was told when the order was made there, and tells it with order and capture.
fn ours(event: &Event) -> Option<OrderId> {
    reference::id(custom(event)?).parse().ok()
}

fn custom(event: &Event) -> Option<&str> {
    let of_order = || event.text("/purchase_units/0/custom_id");
    event.text("/custom_id").or_else(of_order)
}
