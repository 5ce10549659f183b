//! Paying a checkout session: what pressing the button on the payment page does.

use serde_json::{Value, json};

use super::cards::Card;
use super::subscribe::subscribe;
use crate::charges::intents::{self, Attempt, Payer};
use crate::wire::error::ApiError;
use crate::world::{Kind, World, int, text};

/// Pays an open session with a test card, or completes it without one where it needs none; a decline leaves the session
/// open, as with Stripe.
pub(crate) fn pay(
    world: &mut World,
    session: &str,
    card: Option<&'static Card>,
    payer: &Payer,
) -> Result<Value, ApiError> {
    let (owner, body) = match world.shelf.entry(session) {
        Some(entry) if entry.kind == Kind::Session => (entry.owner.clone(), entry.body.clone()),
        _ => return Err(ApiError::missing(Kind::Session.noun(), session, "session")),
    };
    if text(&body, "status") != "open" {
        let message = format!(
            "This Checkout Session is {} and can no longer be paid.",
            text(&body, "status")
        );
        return Err(ApiError::invalid(message));
    }
    if text(&body, "mode") == "subscription" {
        let paid = subscribe(world, &body, card, payer)?;
        complete(world, session, paid, payer);
        return Ok(emit(world, session, "checkout.session.completed"));
    }
    if int(&body, "amount_total") == 0 {
        complete(world, session, "no_payment_required", payer);
        return Ok(emit(world, session, "checkout.session.completed"));
    }
    let Some(card) = card else {
        return Err(ApiError::invalid("This Checkout Session needs something to pay with."));
    };
    if card.is_debit()
        && !body["payment_method_types"]
            .as_array()
            .is_some_and(|all| all.contains(&json!("sepa_debit")))
    {
        return Err(ApiError::invalid("This Checkout Session does not take bank debits."));
    }
    let intent = match body["payment_intent"].as_str() {
        Some(intent) => intent.to_owned(),
        None => make_intent(world, owner.as_deref(), &body),
    };
    let paid = match intents::attempt(world, &intent, card, payer)? {
        Attempt::Paid => "paid",
        Attempt::Processing | Attempt::ActionRequired | Attempt::Held => "unpaid",
    };
    complete(world, session, paid, payer);
    Ok(emit(world, session, "checkout.session.completed"))
}

/// A bank debit has succeeded or failed; its session hears of it.
pub(crate) fn debit_settles(world: &mut World, intent: &str, success: bool) {
    if !intents::settle(world, intent, success) {
        return;
    }
    let session = world
        .shelf
        .newest_first(Kind::Session)
        .find(|entry| text(&entry.body, "payment_intent") == intent)
        .map(|entry| text(&entry.body, "id").to_owned());
    let Some(session) = session else { return };
    if success {
        world.set(&session, |body| body["payment_status"] = json!("paid"));
        emit(world, &session, "checkout.session.async_payment_succeeded");
    } else {
        emit(world, &session, "checkout.session.async_payment_failed");
    }
}

fn make_intent(world: &mut World, owner: Option<&str>, session: &Value) -> String {
    let id = text(session, "id");
    let wanted = world.notes.get(id).cloned().unwrap_or_default();
    let details = intents::Details {
        amount: int(session, "amount_total"),
        currency: text(session, "currency").to_owned(),
        customer: session["customer"].clone(),
        methods: session["payment_method_types"].clone(),
        given: wanted,
    };
    let intent = intents::make(world, owner, &details);
    world.set(id, |body| body["payment_intent"] = json!(intent));
    intent
}

fn complete(world: &mut World, session: &str, payment_status: &str, payer: &Payer) {
    world.set(session, |body| {
        let email = payer
            .email
            .clone()
            .or_else(|| body["customer_email"].as_str().map(str::to_owned));
        body["status"] = json!("complete");
        body["payment_status"] = json!(payment_status);
        body["url"] = Value::Null;
        body["customer_details"] = json!({
            "address": {
                "city": null,
                "country": payer.country,
                "line1": null,
                "line2": null,
                "postal_code": null,
                "state": null,
            },
            "business_name": null,
            "email": email,
            "individual_name": null,
            "name": payer.name,
            "phone": null,
            "tax_exempt": "none",
            "tax_ids": [],
        });
    });
}

fn emit(world: &mut World, session: &str, event: &str) -> Value {
    world.emit(event, session);
    world.shelf.get(Kind::Session, session).cloned().unwrap_or_default()
}
