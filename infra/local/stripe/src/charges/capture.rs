//! Manual capture: money that is held first and taken later, all of it.

use serde_json::json;

use super::intents;
use crate::checkout::cards::Card;
use crate::checkout::session::merge;
use crate::wire::call::{Answer, Call};
use crate::wire::error::ApiError;
use crate::world::{World, int, text};

/// Holds an intent's amount on a card that pays.
pub(super) fn hold(world: &mut World, intent: &str, charge: &str) {
    world.set(charge, |body| {
        merge(body, json!({"captured": false, "amount_captured": 0}));
    });
    world.set(intent, |body| {
        let held = json!({"status": "requires_capture", "amount_capturable": body["amount"], "latest_charge": charge,
            "last_payment_error": null, "next_action": null});
        merge(body, held);
    });
    world.emit("charge.succeeded", charge);
    world.emit("payment_intent.amount_capturable_updated", intent);
}

/// Takes what is held.
pub(crate) fn capture(world: &mut World, call: &Call) -> Answer {
    let intent = intents::retrieve(world, call)?;
    if text(&intent, "status") != "requires_capture" {
        let message = format!(
            "This PaymentIntent could not be captured because it has a status of {}.",
            text(&intent, "status")
        );
        return Err(ApiError::refused("payment_intent_unexpected_state", message));
    }
    let wanted = call.params.int("amount_to_capture")?;
    if wanted.is_some_and(|wanted| wanted != int(&intent, "amount")) {
        let message = "The stand-in captures the whole amount only.";
        return Err(ApiError::invalid(message).param("amount_to_capture"));
    }
    let charge = text(&intent, "latest_charge").to_owned();
    world.update(&charge, "charge.captured", |body| {
        body["captured"] = json!(true);
        body["amount_captured"] = body["amount"].clone();
    });
    world.set(call.id(), |body| {
        let taken = json!({"status": "succeeded", "amount_capturable": 0, "amount_received": body["amount"]});
        merge(body, taken);
    });
    intents::plan_fee(world, &charge, false);
    world.emit("payment_intent.succeeded", call.id());
    intents::retrieve(world, call)
}

/// Whether a card that pays is held first.
pub(super) fn is_manual(intent: &serde_json::Value, card: &Card) -> bool {
    text(intent, "capture_method") == "manual" && !card.is_debit()
}
