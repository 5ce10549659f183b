//! Payment intents: an amount to be paid, and the attempts to pay it.

use serde_json::{Value, json};

use super::{authentication, blank, capture, method_details, outcome, post_fee};
use crate::accounts::merge_metadata;
use crate::billing::{invoices::collect, methods};
use crate::checkout::cards::{self, Aftermath, Card, Effect};
use crate::checkout::session::merge;
use crate::wire::call::{Answer, Call};
use crate::wire::{error::ApiError, form::missing_param, list};
use crate::world::{Kind, Work, World, int, text};

/// Who pays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payer {
    pub email: Option<String>,
    pub name: Option<String>,
    pub country: Option<String>,
}

/// How an attempt that was not declined ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Paid,
    Processing,
    /// The bank wants the customer to confirm it first.
    ActionRequired,
    /// The money is held until it is captured.
    Held,
}

/// What a new intent is made of.
#[derive(Debug)]
pub(crate) struct Details {
    pub amount: i64,
    pub currency: String,
    pub customer: Value,
    pub methods: Value,
    /// Metadata, transfer group, description and the like, as given.
    pub given: Value,
}

/// Makes an intent, tells it, and returns its id.
pub(crate) fn make(world: &mut World, owner: Option<&str>, details: &Details) -> String {
    let id = world.id(Kind::PaymentIntent);
    let secret = world.id_with("secret", 24);
    let mut body = json!({
        "id": id,
        "object": "payment_intent",
        "amount": details.amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": null,
        "canceled_at": null,
        "cancellation_reason": null,
        "capture_method": "automatic_async",
        "client_secret": format!("{id}_{secret}"),
        "confirmation_method": "automatic",
        "created": world.now(),
        "currency": details.currency,
        "customer": details.customer,
        "description": null,
        "last_payment_error": null,
        "latest_charge": null,
        "livemode": false,
        "metadata": {},
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": null,
        "payment_method_configuration_details": null,
        "payment_method_options": {},
        "payment_method_types": details.methods,
        "processing": null,
        "receipt_email": null,
        "review": null,
        "setup_future_usage": null,
        "shipping": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": "requires_payment_method",
        "transfer_data": null,
        "transfer_group": null,
    });
    merge(&mut body, details.given.clone());
    world.shelf.put(Kind::PaymentIntent, owner, body);
    world.emit("payment_intent.created", &id);
    id
}

/// Tries to pay an intent with the card of a customer at hand. A decline is the error; the intent then waits for another payment method.
pub(crate) fn attempt(world: &mut World, intent: &str, card: &Card, payer: &Payer) -> Result<Attempt, ApiError> {
    let owner = world.owner_of(intent);
    let method = make_method(world, owner.as_deref(), card, payer);
    attempt_with(world, intent, &authentication::at_hand(card), method)
}

/// Tries to pay an intent with a payment method that exists; `card` says what becomes of it.
pub(crate) fn attempt_with(world: &mut World, intent: &str, card: &Card, method: Value) -> Result<Attempt, ApiError> {
    let (owner, body) = match world.shelf.entry(intent) {
        Some(entry) => (entry.owner.clone(), entry.body.clone()),
        None => return Err(ApiError::missing(Kind::PaymentIntent.noun(), intent, "intent")),
    };
    let method_id = text(&method, "id").to_owned();
    if card.effect == Effect::Authenticates {
        return Ok(authentication::ask(world, intent, &method_id));
    }
    let charge = make_charge(world, owner.as_deref(), &body, card, &method);
    match card.effect {
        Effect::Declines {
            code,
            decline_code,
            message,
        } => {
            let decline = (code == "card_declined").then_some(decline_code);
            let error = ApiError::card(code, decline, message)
                .with("charge", json!(charge))
                .with("payment_method", method);
            let failure = json!({"status": "failed", "paid": false, "captured": false, "amount_captured": 0,
                "failure_code": code, "failure_message": message});
            world.set(&charge, |body| merge(body, failure));
            world.set(intent, |body| {
                body["last_payment_error"] = error.object();
                body["latest_charge"] = json!(charge);
                body["next_action"] = Value::Null;
                body["status"] = json!("requires_payment_method");
            });
            world.emit("charge.failed", &charge);
            world.emit("payment_intent.payment_failed", intent);
            Err(error)
        }
        Effect::Debits { success } => {
            world.set(&charge, |body| merge(body, json!({"status": "pending", "paid": false})));
            world.set(intent, |body| {
                merge(
                    body,
                    json!({"status": "processing", "latest_charge": charge, "payment_method": method_id,
                    "last_payment_error": null}),
                );
            });
            world.emit("charge.pending", &charge);
            world.emit("payment_intent.processing", intent);
            if let Some(success) = success {
                let delay = world.settings.async_delay_ms;
                world.later(
                    delay,
                    Work::DebitSettles {
                        intent: intent.to_owned(),
                        success,
                    },
                );
            }
            Ok(Attempt::Processing)
        }
        Effect::Pays | Effect::Authenticates if capture::is_manual(&body, card) => {
            world.set(intent, |body| body["payment_method"] = json!(method_id));
            capture::hold(world, intent, &charge);
            Ok(Attempt::Held)
        }
        Effect::Pays | Effect::Authenticates => {
            world.set(intent, |body| body["payment_method"] = json!(method_id));
            succeed(world, intent, &charge, card);
            Ok(Attempt::Paid)
        }
    }
}

/// A bank debit ends; false if the intent was not waiting for that.
pub(crate) fn settle(world: &mut World, intent: &str, success: bool) -> bool {
    let Some(body) = world.shelf.get(Kind::PaymentIntent, intent) else {
        return false;
    };
    if text(body, "status") != "processing" {
        return false;
    }
    let charge = text(body, "latest_charge").to_owned();
    if success {
        let card = world
            .notes
            .get(&charge)
            .and_then(|note| cards::find(text(note, "card")));
        succeed(world, intent, &charge, card.unwrap_or(&cards::CARDS[0]));
        return true;
    }
    let message = "The customer's bank refused the debit.";
    let error = ApiError::card("payment_intent_payment_attempt_failed", None, message).with("charge", json!(charge));
    let failure = json!({"status": "failed", "paid": false, "captured": false, "amount_captured": 0,
        "failure_code": "debit_not_authorized", "failure_message": message});
    world.set(&charge, |body| merge(body, failure));
    world.set(intent, |body| {
        merge(
            body,
            json!({"status": "requires_payment_method", "last_payment_error": error.object(),
            "payment_method": null}),
        );
    });
    world.emit("charge.failed", &charge);
    world.emit("payment_intent.payment_failed", intent);
    true
}

/// An intent of a session that expired will never be paid.
pub(crate) fn cancel_abandoned(world: &mut World, intent: &str) {
    let open = world.shelf.get(Kind::PaymentIntent, intent).is_some_and(|body| {
        matches!(
            text(body, "status"),
            "requires_payment_method" | "requires_confirmation" | "requires_action"
        )
    });
    if open {
        cancel_as(world, intent, "automatic");
    }
}

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let amount = params.int("amount")?.ok_or_else(|| missing_param("amount"))?;
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(message)
            .code("parameter_invalid_integer")
            .param("amount"));
    }
    let methods = params.texts("payment_method_types");
    let details = Details {
        amount,
        currency: params.required("currency")?.to_ascii_lowercase(),
        customer: params.json("customer"),
        methods: if methods.is_empty() {
            json!(["card"])
        } else {
            json!(methods)
        },
        given: json!({
            "capture_method": params.given("capture_method").unwrap_or("automatic_async"),
            "description": params.json("description"),
            "metadata": params.map("metadata"),
            "receipt_email": params.json("receipt_email"),
            "transfer_group": params.json("transfer_group"),
        }),
    };
    let method = if params.flag("confirm") || params.given("payment_method").is_some() {
        Some(method_of(world, call)?)
    } else {
        None
    };
    let id = make(world, call.owner(), &details);
    match method {
        Some(method) if params.flag("confirm") => pay(world, call, &id, method),
        Some(method) => Ok(world.set(&id, |body| {
            body["status"] = json!("requires_confirmation");
            body["payment_method"] = method["id"].clone();
        })),
        None => Ok(world.set(&id, |_| {})),
    }
}

pub(crate) fn confirm(world: &mut World, call: &Call) -> Answer {
    let intent = retrieve(world, call)?;
    if !matches!(
        text(&intent, "status"),
        "requires_payment_method" | "requires_confirmation"
    ) {
        let message = format!(
            "You cannot confirm this PaymentIntent because it has a status of {}.",
            text(&intent, "status")
        );
        return Err(ApiError::refused("payment_intent_unexpected_state", message));
    }
    let method = match intent["payment_method"]
        .as_str()
        .filter(|_| call.params.given("payment_method").is_none())
    {
        Some(known) => world.find(Kind::PaymentMethod, known, call.owner(), "payment_method")?,
        None => method_of(world, call)?,
    };
    pay(world, call, call.id(), method)
}

pub(crate) fn cancel(world: &mut World, call: &Call) -> Answer {
    let intent = retrieve(world, call)?;
    if matches!(text(&intent, "status"), "succeeded" | "canceled" | "processing") {
        let message = format!(
            "You cannot cancel this PaymentIntent because it has a status of {}.",
            text(&intent, "status")
        );
        return Err(ApiError::refused("payment_intent_unexpected_state", message));
    }
    Ok(cancel_as(
        world,
        call.id(),
        call.params
            .given("cancellation_reason")
            .unwrap_or("requested_by_customer"),
    ))
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::PaymentIntent, call.id(), call.owner(), "intent")
}

pub(crate) fn retrieve_method(world: &World, call: &Call) -> Answer {
    world.find(Kind::PaymentMethod, call.id(), call.owner(), "payment_method")
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    Ok(world.set(call.id(), |body| {
        for field in ["description", "receipt_email", "transfer_group"] {
            if call.params.at(field).is_some() {
                body[field] = call.params.json(field);
            }
        }
        merge_metadata(body, &call.params);
    }))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let intents = world.select(Kind::PaymentIntent, call.owner(), |body| call.keeps(body, "customer"));
    list::page(call, Kind::PaymentIntent, "/v1/payment_intents", intents)
}

/// The payment method a call names: a stored one, or one of Stripe's ready names, of which each use makes a new one.
fn method_of(world: &mut World, call: &Call) -> Answer {
    let name = call
        .params
        .given("payment_method")
        .ok_or_else(|| missing_param("payment_method"))?;
    match cards::find(name) {
        Some(card) => Ok(make_method(world, call.owner(), card, &Payer::default())),
        None => world.find(Kind::PaymentMethod, name, call.owner(), "payment_method"),
    }
}

fn pay(world: &mut World, call: &Call, intent: &str, method: Value) -> Answer {
    let name = text(&method, "id").to_owned();
    let card = methods::would_answer(world, &method)
        .ok_or_else(|| ApiError::missing(Kind::PaymentMethod.noun(), &name, "payment_method"))?;
    let card = if call.params.flag("off_session") {
        authentication::off_session(&card)
    } else {
        card
    };
    let result = attempt_with(world, intent, &card, method);
    if matches!(result, Ok(Attempt::Paid | Attempt::Processing)) {
        collect::intent_paid(world, intent);
    }
    let body = world.set(intent, |_| {});
    result
        .map(|_| body.clone())
        .map_err(|error| error.with("payment_intent", body))
}

/// Cancels an intent, for a reason.
pub(crate) fn cancel_as(world: &mut World, intent: &str, reason: &str) -> Value {
    let now = world.now();
    let body = world.set(intent, |body| {
        merge(
            body,
            json!({"status": "canceled", "canceled_at": now, "cancellation_reason": reason}),
        );
    });
    world.emit("payment_intent.canceled", intent);
    body
}

/// The money has come: charge and intent succeed, and what the card brings with it is planned.
pub(super) fn succeed(world: &mut World, intent: &str, charge: &str, card: &Card) {
    world.set(charge, |body| merge(body, json!({"status": "succeeded", "paid": true})));
    world.set(intent, |body| {
        let amount = int(body, "amount");
        merge(
            body,
            json!({"status": "succeeded", "amount_received": amount, "latest_charge": charge,
            "last_payment_error": null, "next_action": null}),
        );
    });
    if card.is_debit() {
        // The money has taken days to come: when it has, its movement is there with it.
        post_fee(world, charge, false);
    } else {
        plan_fee(world, charge, card.fee_at_once);
    }
    world.emit("charge.succeeded", charge);
    world.emit("payment_intent.succeeded", intent);
    if let Aftermath::Dispute { reason, inquiry } = card.aftermath {
        let delay = world.settings.dispute_delay_ms;
        world.later(
            delay,
            Work::DisputeOpens {
                charge: charge.to_owned(),
                reason: reason.to_owned(),
                inquiry,
            },
        );
    }
}

/// The balance transaction of a charge is posted, at once or later.
pub(super) fn plan_fee(world: &mut World, charge: &str, at_once: bool) {
    if at_once {
        post_fee(world, charge, true);
        return;
    }
    let delay = world.settings.fee_delay_ms;
    world.later(
        delay,
        Work::FeeArrives {
            charge: charge.to_owned(),
        },
    );
}

/// Makes the payment method that a card given by hand is.
pub(crate) fn make_method(world: &mut World, owner: Option<&str>, card: &Card, payer: &Payer) -> Value {
    let mut body = json!({
        "id": world.id(Kind::PaymentMethod),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing(payer),
        "created": world.now(),
        "customer": null,
        "livemode": false,
        "metadata": {},
    });
    let mut details = method_details(card);
    let shape = text(&details, "type").to_owned();
    if let Some(shown) = details.get_mut(&shape).and_then(Value::as_object_mut) {
        for only_charges in [
            "amount_authorized",
            "installments",
            "mandate",
            "network",
            "three_d_secure",
        ] {
            shown.remove(only_charges);
        }
    }
    merge(&mut body, details);
    world.shelf.put(Kind::PaymentMethod, owner, body.clone());
    world
        .notes
        .insert(text(&body, "id").to_owned(), json!({"card": card.key}));
    body
}

pub(super) fn make_charge(
    world: &mut World,
    owner: Option<&str>,
    intent: &Value,
    card: &Card,
    method: &Value,
) -> String {
    let prefix = if card.is_debit() { "py" } else { "ch" };
    let id = world.id_with(prefix, 24);
    let mut body = blank(&id, int(intent, "amount"), text(intent, "currency"), world.now());
    let receipt = format!("{}/receipts/{id}", world.origin);
    merge(
        &mut body,
        json!({
            "billing_details": method["billing_details"],
            "customer": intent["customer"],
            "description": intent["description"],
            "metadata": intent["metadata"],
            "outcome": outcome(card),
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": method_details(card),
            "receipt_email": intent["receipt_email"],
            "receipt_url": receipt,
            "transfer_group": intent["transfer_group"],
        }),
    );
    world.shelf.put(Kind::Charge, owner, body);
    world.notes.insert(id.clone(), json!({"card": card.key}));
    id
}

fn billing(payer: &Payer) -> Value {
    json!({
        "address": {
            "city": null,
            "country": payer.country,
            "line1": null,
            "line2": null,
            "postal_code": null,
            "state": null,
        },
        "email": payer.email,
        "name": payer.name,
        "phone": null,
        "tax_id": null,
    })
}
