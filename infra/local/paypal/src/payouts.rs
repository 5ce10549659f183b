//! Payouts v1: batches of items, each paid, unclaimed, failed or blocked, and returned after 30 days.

use serde_json::{Value, json};

use crate::amount::Sum;
use crate::error::ApiError;
use crate::events;
use crate::movements::{self, Movement};
use crate::world::{Kind, Work, World};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How long an item may be claimed, and how long a `sender_batch_id` is known (payouts_batch_v1).
const KEPT_MS: i64 = 30 * DAY_MS;

/// Whose mail address begins so is paid so; everybody else is paid.
const ODD_RECEIVERS: [(&str, &str, &str); 4] = [
    ("unclaimed", "UNCLAIMED", "RECEIVER_UNREGISTERED"),
    ("failed", "FAILED", "RECEIVER_ACCOUNT_LOCKED"),
    ("blocked", "BLOCKED", "TRANSACTION_DECLINED_BY_TRAVEL_RULE"),
    (
        "held",
        "ONHOLD",
        "PENDING_RECIPIENT_NON_HOLDING_CURRENCY_PAYMENT_PREFERENCE",
    ),
];

/// Returns the batch's id.
pub(crate) fn create(world: &mut World, body: &Value) -> Result<String, ApiError> {
    let header = &body["sender_batch_header"];
    if let Some(sender) = header["sender_batch_id"].as_str()
        && let Some(known) = known(world, sender)
    {
        return Err(ApiError::duplicate_batch(
            &world.url(&format!("/v1/payments/payouts/{known}")),
        ));
    }
    let items = body["items"].as_array().filter(|items| !items.is_empty());
    let Some(items) = items else {
        return Err(ApiError::invalid(
            "MISSING_REQUIRED_PARAMETER",
            "/items",
            "A batch has at least one item.",
        ));
    };
    let mut sums = Vec::new();
    for item in items {
        let receiver = item["receiver"].as_str().unwrap_or_default();
        let fits = match item["recipient_type"].as_str() {
            Some("EMAIL") => receiver.contains('@'),
            Some("PAYPAL_ID") => !receiver.is_empty(),
            _ => false,
        };
        if !fits {
            return Err(ApiError::invalid(
                "INVALID_PARAMETER_VALUE",
                "/items/receiver",
                "Receiver is invalid or does not match with type.",
            ));
        }
        sums.push(Sum::read(&item["amount"], "currency")?);
    }
    let fee = world.settings.payout_fee_minor;
    let currency = sums[0].currency.clone();
    let total = sums
        .iter()
        .filter(|sum| sum.currency == currency)
        .map(|sum| sum.minor + fee)
        .sum();
    if sums.iter().any(|sum| sum.currency != currency) {
        return Err(ApiError::invalid(
            "INVALID_PARAMETER_VALUE",
            "/items/amount/currency",
            "All items must have the same currency.",
        ));
    }
    if !world.has(&Sum::new(total, &currency)) {
        return Err(ApiError::insufficient_funds());
    }
    let batch = world.id();
    let header = json!({
        "payout_batch_id": batch,
        "batch_status": "PENDING",
        "time_created": world.time(),
        "sender_batch_header": header,
    });
    for item in items {
        add_item(world, &batch, item, &Sum::new(fee, &currency));
    }
    world.put(Kind::Batch, &batch, header);
    let work = Work::BatchProcessed { batch: batch.clone() };
    world.later(world.settings.payout_delay_ms, work);
    Ok(batch)
}

/// The batch that was made under this `sender_batch_id` in the last 30 days.
fn known(world: &World, sender: &str) -> Option<String> {
    let oldest = world.now_s() - KEPT_MS / 1000;
    let batch = world.all(Kind::Batch).rev().find(|batch| {
        let created: Option<jiff::Timestamp> = batch["time_created"].as_str().and_then(|time| time.parse().ok());
        batch["sender_batch_header"]["sender_batch_id"] == sender
            && created.is_some_and(|created| created.as_second() > oldest)
    })?;
    batch["payout_batch_id"].as_str().map(str::to_owned)
}

fn add_item(world: &mut World, batch: &str, item: &Value, fee: &Sum) {
    let (id, transaction) = (world.id(), world.id());
    let amount = Sum::of(&item["amount"]);
    let movement = Movement {
        id: &transaction,
        reference: None,
        code: "T0001",
        amount: Sum::new(-amount.minor, &amount.currency),
        fee_minor: -fee.minor,
        custom: &item["sender_item_id"],
        status: "P",
    };
    movements::record(world, &movement);
    let item = json!({
        "payout_item_id": id,
        "payout_batch_id": batch,
        "transaction_id": transaction,
        "transaction_status": "PENDING",
        "payout_item_fee": fee.payout_json(),
        "payout_item": item,
        "links": [{"href": world.url(&format!("/v1/payments/payouts-item/{id}")), "rel": "item", "method": "GET"}],
    });
    world.put(Kind::Item, &id, item);
}

/// The batch as it is now; its items are shown once PayPal has looked at it.
pub(crate) fn shown(world: &World, id: &str) -> Result<Value, ApiError> {
    let header = world.find(Kind::Batch, id)?;
    let mut batch = json!({"batch_header": header});
    if header["batch_status"] != "PENDING" {
        batch["items"] = items_of(world, id).cloned().collect();
    }
    Ok(batch)
}

fn items_of<'a>(world: &'a World, batch: &'a str) -> impl Iterator<Item = &'a Value> {
    world
        .all(Kind::Item)
        .filter(move |item| item["payout_batch_id"] == batch)
}

/// PayPal looks at a batch: each item is paid, or is not.
pub(crate) fn process(world: &mut World, id: &str) {
    let time = world.time();
    world.change(Kind::Batch, id, |batch| {
        batch["batch_status"] = json!("SUCCESS");
        batch["time_completed"] = json!(time);
    });
    let items: Vec<(String, &str)> = items_of(world, id)
        .map(|item| {
            let receiver = item["payout_item"]["receiver"].as_str().unwrap_or_default();
            let odd = ODD_RECEIVERS.iter().find(|(start, _, _)| receiver.starts_with(start));
            let item = item["payout_item_id"].as_str().unwrap_or_default().to_owned();
            (item, odd.map_or("SUCCESS", |(_, status, _)| status))
        })
        .collect();
    for (item, status) in items {
        settle(world, &item, status);
    }
    if let Some(batch) = world.get(Kind::Batch, id).cloned() {
        events::emit(world, "PAYMENT.PAYOUTSBATCH.SUCCESS", &json!({"batch_header": batch}));
    }
}

/// Nobody claimed an item.
pub(crate) fn returned(world: &mut World, item: &str) {
    let unclaimed = world
        .get(Kind::Item, item)
        .is_some_and(|item| item["transaction_status"] == "UNCLAIMED");
    if unclaimed {
        settle(world, item, "RETURNED");
    }
}

/// Gives an item a status. Money that comes back is a movement of its own; PayPal keeps its fee once the item has been paid.
pub(crate) fn settle(world: &mut World, id: &str, status: &str) {
    let Some(item) = world.get(Kind::Item, id).cloned() else {
        return;
    };
    let before = &item["transaction_status"];
    if before == status {
        return;
    }
    let mut transaction = item["transaction_id"].as_str().unwrap_or_default().to_owned();
    match status {
        "SUCCESS" => movements::restate(world, &transaction, "S"),
        "FAILED" | "BLOCKED" => movements::restate(world, &transaction, "D"),
        "RETURNED" | "REFUNDED" | "REVERSED" => {
            movements::restate(world, &transaction, "V");
            let back = world.id();
            let movement = Movement {
                id: &back,
                reference: Some(&transaction),
                code: "T1115",
                amount: Sum::of(&item["payout_item"]["amount"]),
                fee_minor: if before == "SUCCESS" {
                    0
                } else {
                    Sum::of(&item["payout_item_fee"]).minor
                },
                custom: &item["payout_item"]["sender_item_id"],
                status: "S",
            };
            movements::record(world, &movement);
            transaction = back;
        }
        _ => {}
    }
    let time = world.time();
    let error = ODD_RECEIVERS.iter().find(|(_, odd, _)| *odd == status);
    world.change(Kind::Item, id, |item| {
        item["transaction_status"] = json!(status);
        item["transaction_id"] = json!(transaction);
        item["time_processed"] = json!(time);
        item["errors"] = error.map_or(
            Value::Null,
            |(_, _, name)| json!({"name": name, "message": name.to_lowercase().replace('_', " ")}),
        );
    });
    if status == "UNCLAIMED" {
        world.later(KEPT_MS, Work::ItemReturned { item: id.to_owned() });
    }
    let event = match status {
        "SUCCESS" => "SUCCEEDED",
        "ONHOLD" => "HELD",
        other => other,
    };
    if let Some(item) = world.get(Kind::Item, id).cloned() {
        events::emit(world, &format!("PAYMENT.PAYOUTS-ITEM.{event}"), &item);
    }
}
