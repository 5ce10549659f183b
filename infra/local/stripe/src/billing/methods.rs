//! Payment methods a customer has stored: attached, looked at, charged while the customer is away.

use serde_json::{Value, json};

use crate::accounts::merge_metadata;
use crate::charges::intents::{self, Attempt, Payer};
use crate::checkout::cards::{self, Card};
use crate::wire::call::{Answer, Call};
use crate::wire::{error::ApiError, form::bracketed, list};
use crate::world::{Kind, World, int, text};

/// Stores what was paid with for a customer, and returns its id.
pub(crate) fn keep(world: &mut World, method: &str, customer: &str) {
    world.set(method, |body| body["customer"] = json!(customer));
    world.emit("payment_method.attached", method);
}

/// A card given by hand becomes a stored payment method; a card that cannot be stored is declined.
pub(crate) fn store(world: &mut World, customer: &str, card: &Card, payer: &Payer) -> Result<String, ApiError> {
    if !card.attaches {
        return Err(decline(card));
    }
    let owner = world.owner_of(customer);
    let method = intents::make_method(world, owner.as_deref(), card, payer);
    let id = text(&method, "id").to_owned();
    keep(world, &id, customer);
    Ok(id)
}

/// What a subscription is paid with: its own payment method, else the customer's.
pub(crate) fn of_subscription(world: &World, subscription: &Value) -> Option<String> {
    let own = subscription["default_payment_method"].as_str();
    own.map(str::to_owned)
        .or_else(|| of_customer(world, text(subscription, "customer")))
}

pub(crate) fn of_customer(world: &World, customer: &str) -> Option<String> {
    let body = world.shelf.get(Kind::Customer, customer)?;
    body["invoice_settings"]["default_payment_method"]
        .as_str()
        .map(str::to_owned)
}

/// How a stored payment method would answer a charge now: as its number says, unless a control makes the customer's
/// charges fail.
pub(crate) fn would_answer(world: &World, method: &Value) -> Option<Card> {
    let stored = cards::find(text(world.notes.get(text(method, "id"))?, "card"))?;
    let trouble = world.notes.get(&trouble_of(text(method, "customer")));
    let failing = trouble
        .filter(|trouble| int(trouble, "charges") != 0)
        .and_then(|trouble| cards::find(text(trouble, "as")));
    Some(match failing {
        Some(failing) => Card {
            effect: failing.effect,
            ..*stored
        },
        None => *stored,
    })
}

/// Charges a stored payment method while the customer is away; uses up one failure that a control has asked for.
pub(crate) fn charge(world: &mut World, intent: &str, method: &str) -> Result<Attempt, ApiError> {
    let missing = || ApiError::missing(Kind::PaymentMethod.noun(), method, "payment_method");
    let body = world
        .shelf
        .get(Kind::PaymentMethod, method)
        .cloned()
        .ok_or_else(missing)?;
    let card = would_answer(world, &body).ok_or_else(missing)?;
    use_up_trouble(world, &body);
    intents::attempt_with(world, intent, &card, body)
}

/// The error a card answers a charge with, where that is not paid at once: nothing is charged for it, and a failure that a control has asked for is used up.
pub(crate) fn refusal(world: &mut World, method: &str) -> Option<ApiError> {
    let body = world.shelf.get(Kind::PaymentMethod, method)?.clone();
    let card = would_answer(world, &body)?;
    let refusal = match card.effect {
        cards::Effect::Declines { .. } => decline(&card),
        cards::Effect::Authenticates => action_required("subscription_payment_intent_requires_action"),
        cards::Effect::Pays | cards::Effect::Debits { .. } => return None,
    };
    use_up_trouble(world, &body);
    Some(refusal)
}

/// As Stripe refuses what only the customer's confirmation could pay.
pub(crate) fn action_required(code: &str) -> ApiError {
    let message = "This payment requires additional user action before it can be completed successfully. Payment can be                    completed using the PaymentIntent associated with it.";
    ApiError::card(code, None, message)
}

fn use_up_trouble(world: &mut World, method: &Value) {
    if let Some(trouble) = world.notes.get_mut(&trouble_of(text(method, "customer"))) {
        let left = int(trouble, "charges");
        trouble["charges"] = json!(if left > 0 { left - 1 } else { left });
    }
}

/// Makes so many charges of a customer's stored payment methods fail (less than zero: all of them) as a test card does.
pub(crate) fn make_trouble(world: &mut World, customer: &str, charges: i64, card: &Card) {
    let trouble = json!({"charges": charges, "as": card.key});
    world.notes.insert(trouble_of(customer), trouble);
}

/// What a control made fail were the cards of before: a new one answers for itself.
pub(crate) fn end_trouble(world: &mut World, customer: &str) {
    world.notes.remove(&trouble_of(customer));
}

/// Where the notes keep what a control has done to a customer's payment methods.
fn trouble_of(customer: &str) -> String {
    format!("{customer} trouble")
}

fn decline(card: &Card) -> ApiError {
    match card.effect {
        cards::Effect::Declines {
            code,
            decline_code,
            message,
        } => ApiError::card(code, (code == "card_declined").then_some(decline_code), message),
        cards::Effect::Pays | cards::Effect::Debits { .. } | cards::Effect::Authenticates => {
            ApiError::card("card_declined", Some("generic_decline"), "Your card was declined.")
        }
    }
}

/// Takes the id of a payment method or one of Stripe's ready names, of which each attachment makes a new one.
pub(crate) fn attach(world: &mut World, call: &Call) -> Answer {
    let owner = call.owner();
    let customer = world.find(Kind::Customer, call.params.required("customer")?, owner, "customer")?;
    let customer = text(&customer, "id");
    if let Some(card) = cards::find(call.id()) {
        let id = store(world, customer, card, &Payer::default())?;
        return world.find(Kind::PaymentMethod, &id, owner, "payment_method");
    }
    let method = world.find(Kind::PaymentMethod, call.id(), owner, "payment_method")?;
    if method["customer"].as_str().is_some_and(|holder| holder != customer) {
        let message = "The payment method you provided has already been attached to a customer.";
        return Err(ApiError::refused("payment_method_unexpected_state", message));
    }
    let card = world
        .notes
        .get(call.id())
        .and_then(|note| cards::find(text(note, "card")));
    if let Some(card) = card.filter(|card| !card.attaches) {
        return Err(decline(card));
    }
    keep(world, call.id(), customer);
    world.find(Kind::PaymentMethod, call.id(), owner, "payment_method")
}

/// Makes a payment method of a card or an account, or of a token that stands for one.
pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let (path, is_debit) = match params.required("type")? {
        "card" if params.given("card.token").is_some() => ("card.token", false),
        "card" => ("card.number", false),
        "sepa_debit" => ("sepa_debit.iban", true),
        other => {
            let message = format!("The stand-in makes payment methods of type card and sepa_debit, not {other}.");
            return Err(ApiError::invalid(message).param("type"));
        }
    };
    let name = params.required(path)?;
    let card = cards::find(name)
        .filter(|card| card.is_debit() == is_debit)
        .ok_or_else(|| ApiError::missing("token", name, &bracketed(path)))?;
    let payer = Payer {
        email: params.given("billing_details.email").map(str::to_owned),
        name: params.given("billing_details.name").map(str::to_owned),
        country: params.given("billing_details.address.country").map(str::to_owned),
    };
    let method = intents::make_method(world, call.owner(), card, &payer);
    Ok(world.set(text(&method, "id"), |body| merge_metadata(body, params)))
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    let method = world.find(Kind::PaymentMethod, call.id(), call.owner(), "payment_method")?;
    if !method["customer"].is_string() {
        let message = "You must save this PaymentMethod to a customer before you can update it.";
        return Err(ApiError::invalid(message));
    }
    Ok(world.update(call.id(), "payment_method.updated", |body| {
        for field in ["email", "name"] {
            let path = format!("billing_details.{field}");
            if call.params.at(&path).is_some() {
                body["billing_details"][field] = call.params.json(&path);
            }
        }
        merge_metadata(body, &call.params);
    }))
}

pub(crate) fn detach(world: &mut World, call: &Call) -> Answer {
    let method = world.find(Kind::PaymentMethod, call.id(), call.owner(), "payment_method")?;
    let Some(customer) = method["customer"].as_str() else {
        let message = "The payment method you provided is not attached to a customer so detachment is impossible.";
        return Err(ApiError::refused("payment_method_unexpected_state", message));
    };
    world.set(customer, |body| {
        if body["invoice_settings"]["default_payment_method"].as_str() == Some(call.id()) {
            body["invoice_settings"]["default_payment_method"] = Value::Null;
        }
    });
    let paid_with_it: Vec<String> = world
        .select(Kind::Subscription, call.owner(), |body| {
            body["default_payment_method"].as_str() == Some(call.id())
        })
        .into_iter()
        .map(|body| text(body, "id").to_owned())
        .collect();
    for subscription in paid_with_it {
        world.update(&subscription, "customer.subscription.updated", |body| {
            body["default_payment_method"] = Value::Null;
        });
    }
    Ok(world.update(call.id(), "payment_method.detached", |body| {
        body["customer"] = Value::Null;
    }))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let methods = world.select(Kind::PaymentMethod, call.owner(), |body| {
        // Methods that were only used once, without a customer, are not listed.
        body["customer"].is_string() && call.keeps(body, "customer") && call.keeps(body, "type")
    });
    list::page(call, Kind::PaymentMethod, "/v1/payment_methods", methods)
}

pub(crate) fn list_of_customer(world: &World, call: &Call) -> Answer {
    let customer = world.find(Kind::Customer, call.id(), call.owner(), "customer")?;
    let methods = world.select(Kind::PaymentMethod, call.owner(), |body| {
        body["customer"] == customer["id"] && call.keeps(body, "type")
    });
    let url = format!("/v1/customers/{}/payment_methods", call.id());
    list::page(call, Kind::PaymentMethod, &url, methods)
}

/// A payment method of this customer, named by a parameter.
pub(crate) fn belonging(world: &World, call: &Call, customer: &str, param: &str) -> Result<Option<String>, ApiError> {
    let Some(id) = call.params.given(param) else {
        return Ok(None);
    };
    let method = world.find(Kind::PaymentMethod, id, call.owner(), &bracketed(param))?;
    if method["customer"].as_str() != Some(customer) {
        let message = format!(
            "The customer does not have a payment method with the ID {id}. The payment method must be attached to the \
             customer."
        );
        return Err(ApiError::invalid(message)
            .code("resource_missing")
            .param(&bracketed(param)));
    }
    Ok(Some(id.to_owned()))
}
