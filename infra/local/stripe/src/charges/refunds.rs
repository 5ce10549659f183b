//! Refunds: in part or in whole, at once or pending, and some fail later.

use serde_json::{Value, json};

use super::fee_arrives;
use crate::accounts::merge_metadata;
use crate::balance::{self, Posting};
use crate::checkout::cards::{self, Aftermath};
use crate::wire::call::{Answer, Call};
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, Work, World, int, text};

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let charge = charge_of(world, call)?;
    let id = text(&charge, "id").to_owned();
    if params.flag("reverse_transfer") || params.flag("refund_application_fee") {
        let message = format!("Cannot reverse a transfer or refund an application fee: {id} has neither.");
        return Err(ApiError::invalid(message).param("reverse_transfer"));
    }
    if text(&charge, "status") != "succeeded" || charge["captured"] != json!(true) {
        let message = format!("This charge ({id}) is not paid and cannot be refunded.");
        return Err(ApiError::refused("charge_not_refundable", message));
    }
    if charge["disputed"] == json!(true) && !refundable_despite_dispute(world, &id) {
        let message = format!("Charge {id} has been charged back; cannot issue a refund.");
        return Err(ApiError::refused("charge_disputed", message));
    }
    if charge["refunded"] == json!(true) {
        let message = format!("Charge {id} has already been refunded.");
        return Err(ApiError::refused("charge_already_refunded", message));
    }
    let left = int(&charge, "amount") - int(&charge, "amount_refunded");
    let amount = params.int("amount")?.unwrap_or(left);
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(message)
            .code("parameter_invalid_integer")
            .param("amount"));
    }
    if amount > left {
        let currency = text(&charge, "currency");
        let message = format!(
            "Refund amount ({amount} {currency}, in its smallest unit) is greater than unrefunded amount on charge \
             ({left} {currency})"
        );
        let mut error = ApiError::invalid(message).param("amount");
        error.begun = true;
        return Err(error);
    }
    Ok(make(world, call, &charge, amount))
}

fn make(world: &mut World, call: &Call, charge: &Value, amount: i64) -> Value {
    let charge_id = text(charge, "id");
    let id = world.id(Kind::Refund);
    let aftermath = world
        .notes
        .get(charge_id)
        .and_then(|note| cards::find(text(note, "card")))
        .map_or(Aftermath::Nothing, |card| {
            if card.is_debit() {
                Aftermath::RefundPends
            } else {
                card.aftermath
            }
        });
    let owner = call.owner();
    // A refund needs the payment on the balance, whether its fee was due or not.
    fee_arrives(world, charge_id);
    let is_card = text(charge, "id").starts_with("ch_");
    let posting = Posting {
        kind: if is_card { "refund" } else { "payment_refund" },
        category: "refund",
        amount: -amount,
        fee: 0,
        currency: text(charge, "currency"),
        source: &id,
        description: Some("REFUND FOR CHARGE"),
        pending_s: 0,
    };
    let transaction = balance::post_settled(world, owner, &posting);
    let pends = aftermath == Aftermath::RefundPends;
    let body = json!({
        "id": id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": transaction,
        "charge": charge_id,
        "created": world.now(),
        "currency": charge["currency"],
        "destination_details": destination(is_card),
        "metadata": call.params.map("metadata"),
        "payment_intent": charge["payment_intent"],
        "reason": call.params.json("reason"),
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": if pends { "pending" } else { "succeeded" },
        "transfer_reversal": null,
    });
    world.shelf.put(Kind::Refund, owner, body.clone());
    world.emit("refund.created", &id);
    world.update(charge_id, "charge.refunded", |body| {
        let refunded = int(body, "amount_refunded") + amount;
        body["amount_refunded"] = json!(refunded);
        body["refunded"] = json!(refunded == int(body, "amount"));
    });
    let delay = world.settings.refund_delay_ms;
    match aftermath {
        Aftermath::RefundPends => world.later(delay, Work::RefundSettles { refund: id }),
        Aftermath::RefundFails => world.later(delay, Work::RefundFails { refund: id }),
        Aftermath::Nothing | Aftermath::Dispute { .. } => {}
    }
    body
}

/// A pending refund has arrived.
pub(crate) fn settle(world: &mut World, refund: &str) {
    if world
        .shelf
        .get(Kind::Refund, refund)
        .is_some_and(|body| text(body, "status") == "pending")
    {
        world.update(refund, "refund.updated", |body| body["status"] = json!("succeeded"));
        world.emit("charge.refund.updated", refund);
    }
}

/// The customer's bank sends a refund back: the money returns to the platform, the charge counts as not refunded.
pub(crate) fn fail(world: &mut World, refund: &str, reason: &str) -> Answer {
    let Some(entry) = world.shelf.entry(refund).filter(|entry| entry.kind == Kind::Refund) else {
        return Err(ApiError::missing(Kind::Refund.noun(), refund, "refund"));
    };
    let (owner, body) = (entry.owner.clone(), entry.body.clone());
    if !matches!(text(&body, "status"), "succeeded" | "pending") {
        return Err(ApiError::invalid(format!(
            "Refund {refund} is {} already.",
            text(&body, "status")
        )));
    }
    let amount = int(&body, "amount");
    let posting = Posting {
        kind: "refund_failure",
        category: "refund_failure",
        amount,
        fee: 0,
        currency: text(&body, "currency"),
        source: refund,
        description: Some("REFUND FAILURE"),
        pending_s: 0,
    };
    let transaction = balance::post_settled(world, owner.as_deref(), &posting);
    world.set(text(&body, "charge"), |charge| {
        charge["amount_refunded"] = json!(int(charge, "amount_refunded") - amount);
        charge["refunded"] = json!(false);
    });
    let after = world.update(refund, "refund.updated", |body| {
        body["status"] = json!("failed");
        body["failure_reason"] = json!(reason);
        body["failure_balance_transaction"] = json!(transaction);
    });
    world.emit("refund.failed", refund);
    world.emit("charge.refund.updated", refund);
    Ok(after)
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Refund, call.id(), call.owner(), "refund")
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    let after = world.update(call.id(), "refund.updated", |body| merge_metadata(body, &call.params));
    world.emit("charge.refund.updated", call.id());
    Ok(after)
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let refunds = world.select(Kind::Refund, call.owner(), |body| {
        call.keeps(body, "charge") && call.keeps(body, "payment_intent")
    });
    list::page(call, Kind::Refund, "/v1/refunds", refunds)
}

fn charge_of(world: &World, call: &Call) -> Answer {
    let params = &call.params;
    if let Some(id) = params.given("charge") {
        return world.find(Kind::Charge, id, call.owner(), "charge");
    }
    let Some(id) = params.given("payment_intent") else {
        let message = "One of the following params should be provided for this request: payment_intent or charge.";
        return Err(ApiError::invalid(message).code("parameter_missing").param("charge"));
    };
    let intent = world.find(Kind::PaymentIntent, id, call.owner(), "payment_intent")?;
    match intent["latest_charge"].as_str() {
        Some(charge) => world.find(Kind::Charge, charge, call.owner(), "charge"),
        None => {
            let message = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
            Err(ApiError::refused("payment_intent_unexpected_state", message))
        }
    }
}

/// An inquiry moves no money, so the charge may still be refunded; a won dispute leaves it as it was.
fn refundable_despite_dispute(world: &World, charge: &str) -> bool {
    let mut disputes = world
        .shelf
        .newest_first(Kind::Dispute)
        .filter(|entry| text(&entry.body, "charge") == charge);
    disputes.all(|entry| entry.body["is_charge_refundable"] == json!(true) || text(&entry.body, "status") == "won")
}

fn destination(is_card: bool) -> Value {
    if is_card {
        json!({"card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": "card"})
    } else {
        json!({"type": "sepa_debit"})
    }
}
