//! 3-D Secure: a bank wants its customer to confirm a payment, and who is away when it is made confirms it later.

use serde_json::{Value, json};

use super::intents::{Attempt, make_charge, succeed};
use crate::billing::{invoices::collect, methods};
use crate::checkout::cards::{Card, Effect};
use crate::checkout::session::merge;
use crate::wire::call::Answer;
use crate::wire::error::ApiError;
use crate::world::{Kind, World, text};

/// The card as it answers a customer at hand, who confirms what the bank asks.
pub(crate) fn at_hand(card: &Card) -> Card {
    match card.effect {
        Effect::Authenticates => Card {
            effect: Effect::Pays,
            ..*card
        },
        _ => *card,
    }
}

/// The card as it answers a charge that says the customer cannot be asked.
pub(super) fn off_session(card: &Card) -> Card {
    match card.effect {
        Effect::Authenticates => Card {
            effect: Effect::Declines {
                code: "authentication_required",
                decline_code: "authentication_required",
                message: "Your card was declined. This transaction requires authentication.",
            },
            ..*card
        },
        _ => *card,
    }
}

/// The intent waits for its customer: nothing is charged yet.
pub(super) fn ask(world: &mut World, intent: &str, method: &str) -> Attempt {
    let page = format!("{}/_control/payment_intents/{intent}/authenticate", world.origin);
    world.set(intent, |body| {
        merge(
            body,
            json!({
                "status": "requires_action",
                "payment_method": method,
                "last_payment_error": null,
                "next_action": {
                    "type": "use_stripe_sdk",
                    "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page},
                },
            }),
        );
    });
    world.emit("payment_intent.requires_action", intent);
    Attempt::ActionRequired
}

pub(crate) fn is_asked(intent: &Value) -> bool {
    text(intent, "status") == "requires_action"
}

/// What the customer does on their bank's page: confirms, and the intent is paid; or does not, and it waits for another
/// payment method.
pub(crate) fn answer(world: &mut World, intent: &str, confirmed: bool) -> Answer {
    let Some(entry) = world
        .shelf
        .entry(intent)
        .filter(|entry| entry.kind == Kind::PaymentIntent)
    else {
        return Err(ApiError::missing(Kind::PaymentIntent.noun(), intent, "intent"));
    };
    let (owner, body) = (entry.owner.clone(), entry.body.clone());
    if !is_asked(&body) {
        let message = format!(
            "This PaymentIntent has a status of {}: nothing is asked.",
            text(&body, "status")
        );
        return Err(ApiError::refused("payment_intent_unexpected_state", message));
    }
    if !confirmed {
        return Ok(refuse(world, intent));
    }
    let method = world
        .shelf
        .get(Kind::PaymentMethod, text(&body, "payment_method"))
        .cloned()
        .unwrap_or_default();
    let Some(card) = methods::would_answer(world, &method) else {
        return Err(ApiError::missing(
            Kind::PaymentMethod.noun(),
            text(&body, "payment_method"),
            "payment_method",
        ));
    };
    let card = at_hand(&card);
    let charge = make_charge(world, owner.as_deref(), &body, &card, &method);
    succeed(world, intent, &charge, &card);
    collect::intent_paid(world, intent);
    Ok(world.set(intent, |_| {}))
}

fn refuse(world: &mut World, intent: &str) -> Value {
    let message = "We are unable to authenticate your payment method. Please choose a different payment method and try \
                   again.";
    let error = ApiError::card("payment_intent_authentication_failure", None, message);
    let body = world.set(intent, |body| {
        let failed = json!({"status": "requires_payment_method", "last_payment_error": error.object(),
            "payment_method": null, "next_action": null});
        merge(body, failed);
    });
    world.emit("payment_intent.payment_failed", intent);
    collect::confirmation_refused(world, intent);
    body
}
