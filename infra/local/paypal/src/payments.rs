//! Payments v2: captures with their fees, and what is refunded of them.

use serde_json::{Value, json};

use crate::amount::Sum;
use crate::disputes;
use crate::error::ApiError;
use crate::events;
use crate::movements::{self, Movement};
use crate::orders::Outcome;
use crate::world::{Kind, Work, World};

/// The order that was captured.
pub(crate) fn order_of(capture: &Value) -> Option<&str> {
    capture["supplementary_data"]["related_ids"]["order_id"].as_str()
}

pub(crate) fn refunds_of<'a>(world: &'a World, capture: &str) -> impl Iterator<Item = &'a Value> {
    let up = world.url(&format!("/v2/payments/captures/{capture}"));
    world
        .all(Kind::Refund)
        .filter(move |refund| refund["links"][1]["href"] == up.as_str())
}

/// Takes the money of an approved order.
pub(crate) fn capture(world: &mut World, order: &str, unit: &Value, outcome: Outcome) {
    let id = world.id();
    let amount = Sum::of(&unit["amount"]);
    let capture = json!({
        "id": id,
        "status": "PENDING",
        "status_details": {"reason": "ECHECK"},
        "amount": amount.json(),
        "final_capture": true,
        "custom_id": unit["custom_id"],
        "invoice_id": unit["invoice_id"],
        "create_time": world.time(),
        "update_time": world.time(),
        "supplementary_data": {"related_ids": {"order_id": order}},
        "links": [{"href": world.url(&format!("/v2/payments/captures/{id}")), "rel": "self", "method": "GET"}],
    });
    world.put(Kind::Capture, &id, capture.clone());
    if outcome == Outcome::Success {
        decide(world, &id, true);
    } else {
        events::emit(world, "PAYMENT.CAPTURE.PENDING", &capture);
        let work = Work::CaptureDecided {
            capture: id,
            completed: outcome == Outcome::Pending,
        };
        world.later(world.settings.pending_delay_ms, work);
    }
}

/// A pending capture is completed or denied; any other is left as it is.
pub(crate) fn decide(world: &mut World, id: &str, completed: bool) {
    let Some(capture) = world
        .get(Kind::Capture, id)
        .filter(|capture| capture["status"] == "PENDING")
    else {
        return;
    };
    let gross = Sum::of(&capture["amount"]);
    let fee = (gross.minor * world.settings.fee_bps / 10_000 + world.settings.fee_fixed_minor).min(gross.minor);
    let sum = |minor| Sum::new(minor, &gross.currency);
    let breakdown = json!({
        "gross_amount": gross.json(),
        "paypal_fee": sum(fee).json(),
        "net_amount": sum(gross.minor - fee).json(),
    });
    let time = world.time();
    world.change(Kind::Capture, id, |capture| {
        capture["status"] = json!(if completed { "COMPLETED" } else { "DECLINED" });
        capture["update_time"] = json!(time);
        if let Some(fields) = capture.as_object_mut() {
            fields.remove("status_details");
            if completed {
                fields.insert("seller_receivable_breakdown".to_owned(), breakdown);
            }
        }
    });
    let event = if completed {
        let custom = world.get(Kind::Capture, id).map(|capture| capture["custom_id"].clone());
        let movement = Movement {
            id,
            reference: None,
            code: "T0006",
            amount: gross,
            fee_minor: -fee,
            custom: &custom.unwrap_or_default(),
            status: "S",
        };
        movements::record(world, &movement);
        "PAYMENT.CAPTURE.COMPLETED"
    } else {
        "PAYMENT.CAPTURE.DENIED"
    };
    if let Some(capture) = world.get(Kind::Capture, id).cloned() {
        events::emit(world, event, &capture);
    }
}

/// Gives back all that is left, or an amount of it. Returns the refund's id. PayPal keeps its fee.
pub(crate) fn refund(world: &mut World, id: &str, body: &Value) -> Result<String, ApiError> {
    let capture = world.find(Kind::Capture, id)?;
    match capture["status"].as_str() {
        Some("COMPLETED" | "PARTIALLY_REFUNDED") => {}
        Some("REFUNDED") => {
            return Err(ApiError::issue(
                "CAPTURE_FULLY_REFUNDED",
                "The capture has already been fully refunded.",
            ));
        }
        _ => {
            return Err(ApiError::issue(
                "REFUND_NOT_ALLOWED",
                "A capture that was not completed cannot be refunded.",
            ));
        }
    }
    let gross = Sum::of(&capture["amount"]);
    let left = left(world, &capture)?.minor;
    if left == 0 {
        return Err(ApiError::issue(
            "CAPTURE_FULLY_REFUNDED",
            "The capture has already been fully refunded.",
        ));
    }
    let amount = match &body["amount"] {
        Value::Null => Sum::new(left, &gross.currency),
        given => Sum::read(given, "currency_code")?,
    };
    if amount.minor < left && disputes::has_open(world, id) {
        let why = "Partial refunds cannot be offered at this time because there is an open case on this transaction.";
        return Err(ApiError::issue("TRANSACTION_DISPUTED", why));
    }
    if amount.currency != gross.currency {
        let why = "Refund must be in the same currency as the capture.";
        return Err(ApiError::issue("REFUND_CAPTURE_CURRENCY_MISMATCH", why));
    }
    if amount.minor > left {
        let why = "The refund amount must be less than or equal to the capture amount that has not yet been refunded.";
        return Err(ApiError::issue("REFUND_AMOUNT_EXCEEDED", why));
    }
    let refund = world.id();
    let made = json!({
        "id": refund,
        "status": "COMPLETED",
        "amount": amount.json(),
        "custom_id": body["custom_id"],
        "invoice_id": body["invoice_id"],
        "seller_payable_breakdown": {
            "gross_amount": amount.json(),
            "paypal_fee": Sum::new(0, &gross.currency).json(),
            "net_amount": amount.json(),
            "total_refunded_amount": Sum::new(refunded(world, id) + amount.minor, &gross.currency).json(),
        },
        "create_time": world.time(),
        "update_time": world.time(),
        "links": [
            {"href": world.url(&format!("/v2/payments/refunds/{refund}")), "rel": "self", "method": "GET"},
            {"href": world.url(&format!("/v2/payments/captures/{id}")), "rel": "up", "method": "GET"},
        ],
    });
    world.put(Kind::Refund, &refund, made.clone());
    let movement = Movement {
        id: &refund,
        reference: Some(id),
        code: "T1107",
        amount: Sum::new(-amount.minor, &gross.currency),
        fee_minor: 0,
        custom: &made["custom_id"],
        status: "S",
    };
    movements::record(world, &movement);
    restate(world, id);
    events::emit(world, "PAYMENT.CAPTURE.REFUNDED", &made);
    Ok(refund)
}

/// Somebody refunds in PayPal's dashboard: the refund bears the text of the payment, for nobody has given it another.
pub(crate) fn refund_by_hand(world: &mut World, id: &str, amount: &Value) -> Result<Value, ApiError> {
    let capture = world.find(Kind::Capture, id)?;
    let body = json!({"amount": amount, "custom_id": capture["custom_id"], "invoice_id": capture["invoice_id"]});
    let refund = refund(world, id, &body)?;
    world.find(Kind::Refund, &refund)
}

/// What is left of a completed capture: neither refunded nor taken back.
pub(crate) fn left(world: &World, capture: &Value) -> Result<Sum, ApiError> {
    let id = capture["id"].as_str().unwrap_or_default();
    if !matches!(
        capture["status"].as_str(),
        Some("COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED")
    ) {
        return Err(ApiError::issue(
            "REFUND_NOT_ALLOWED",
            "A capture that was not completed cannot be refunded.",
        ));
    }
    let gross = Sum::of(&capture["amount"]);
    let gone = refunded(world, id) + disputes::taken(world, id);
    Ok(Sum::new((gross.minor - gone).max(0), &gross.currency))
}

/// A refund that was made turns out not to arrive. PayPal tells it to whoever asks.
pub(crate) fn fail_refund(world: &mut World, id: &str) -> Result<Value, ApiError> {
    let refund = world.find(Kind::Refund, id)?;
    if refund["status"] == "COMPLETED" {
        world.change(Kind::Refund, id, |refund| refund["status"] = json!("FAILED"));
        movements::restate(world, id, "V");
        let back = world.id();
        let movement = Movement {
            id: &back,
            reference: Some(id),
            code: "T1100",
            amount: Sum::of(&refund["amount"]),
            fee_minor: 0,
            custom: &refund["custom_id"],
            status: "S",
        };
        movements::record(world, &movement);
        let up = refund["links"][1]["href"].as_str().unwrap_or_default();
        if let Some(capture) = up.rsplit('/').next() {
            restate(world, capture);
        }
    }
    world.find(Kind::Refund, id)
}

fn refunded(world: &World, capture: &str) -> i64 {
    refunds_of(world, capture)
        .filter(|refund| refund["status"] == "COMPLETED")
        .map(|refund| Sum::of(&refund["amount"]).minor)
        .sum()
}

/// A capture's status says how much of it was given back.
fn restate(world: &mut World, capture: &str) {
    let refunded = refunded(world, capture);
    let time = world.time();
    world.change(Kind::Capture, capture, |capture| {
        let status = match refunded {
            0 => "COMPLETED",
            all if all == Sum::of(&capture["amount"]).minor => "REFUNDED",
            _ => "PARTIALLY_REFUNDED",
        };
        capture["status"] = json!(status);
        capture["update_time"] = json!(time);
    });
}
