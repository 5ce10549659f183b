//! What paying a checkout session in subscription mode does: a customer, what they pay with, a subscription, its invoice.

use serde_json::{Value, json};

use super::cards::Card;
use crate::billing::subscriptions::{self, FirstPayment, New, items::Item};
use crate::billing::{least, methods, settle};
use crate::charges::intents::{self, Details, Payer};
use crate::customers;
use crate::wire::call::Call;
use crate::wire::error::ApiError;
use crate::wire::form::Field;
use crate::world::{Kind, World, int, text};

/// What a session in subscription mode was given for its subscription, until it is paid.
pub(super) fn wanted(call: &Call, coupon: Option<&Value>, now: i64) -> Result<Value, ApiError> {
    let none = Field::default();
    let data = call.params.at("subscription_data").unwrap_or(&none);
    // The trial is counted from the payment; the end itself is only checked here.
    subscriptions::api::trial_end(data, now).map_err(|error| error.param("subscription_data[trial_end]"))?;
    Ok(json!({
        "coupon": coupon,
        "description": data.json("description"),
        "metadata": data.map("metadata"),
        "missing_method": subscriptions::api::missing_method(data),
        "trial_days": data.int("trial_period_days")?,
        "trial_end": data.int("trial_end")?,
    }))
}

/// True if a session needs nothing to pay with.
pub(crate) fn needs_no_card(session: &Value) -> bool {
    text(session, "mode") == "subscription"
        && int(session, "amount_total") == 0
        && text(session, "payment_method_collection") == "if_required"
}

/// Begins the subscription of an open session. A decline leaves the session open and makes no subscription.
pub(super) fn subscribe(
    world: &mut World,
    session: &Value,
    card: Option<&'static Card>,
    payer: &Payer,
) -> Result<&'static str, ApiError> {
    let id = text(session, "id");
    if card.is_some_and(Card::is_debit) {
        return Err(ApiError::invalid("The stand-in takes cards only for subscriptions."));
    }
    if card.is_none() && !needs_no_card(session) {
        return Err(ApiError::invalid("This Checkout Session needs something to pay with."));
    }
    let owner = world.owner_of(id);
    let customer = customer_of(world, session, payer);
    let balance = world
        .shelf
        .get(Kind::Customer, &customer)
        .map_or(0, |body| int(body, "balance"));
    let due = settle(int(session, "amount_total"), balance, least(text(session, "currency"))).due;
    let (method, payment) = match card {
        Some(card) if due > 0 => {
            let intent = intent_of(world, session, &customer, due);
            intents::attempt(world, &intent, card, payer)?;
            let method = world.set(&intent, |_| {})["payment_method"].clone();
            let method = method.as_str().unwrap_or_default().to_owned();
            methods::keep(world, &method, &customer);
            (Some(method), FirstPayment::Made { intent })
        }
        Some(card) => (
            Some(methods::store(world, &customer, card, payer)?),
            FirstPayment::Stored,
        ),
        None => (None, FirstPayment::Stored),
    };
    let wanted = world.notes.get(id).cloned().unwrap_or_default();
    let trial_end = match wanted["trial_days"].as_i64() {
        Some(days) if days > 0 => Some(world.now() + days * 86_400),
        _ => wanted["trial_end"].as_i64(),
    };
    let new = New {
        owner,
        customer: customer.clone(),
        items: items(world, id),
        trial_end,
        missing_method: text(&wanted, "missing_method").to_owned(),
        method,
        coupon: Some(wanted["coupon"].clone()).filter(|coupon| !coupon.is_null()),
        session: Some(id.to_owned()),
        description: wanted["description"].clone(),
        metadata: wanted["metadata"].clone(),
    };
    let subscription = subscriptions::begin(world, &new, &payment);
    let invoice = world.set(&subscription, |_| {})["latest_invoice"].clone();
    world.set(id, |body| {
        body["customer"] = json!(customer);
        body["invoice"] = invoice;
        body["subscription"] = json!(subscription);
    });
    Ok(if int(session, "amount_total") == 0 {
        "no_payment_required"
    } else {
        "paid"
    })
}

/// The customer named with the session, or one made of who pays; a second attempt finds the one of the first.
fn customer_of(world: &mut World, session: &Value, payer: &Payer) -> String {
    if let Some(known) = session["customer"].as_str() {
        return known.to_owned();
    }
    let id = text(session, "id");
    if let Some(made) = world.notes.get(id).and_then(|note| note["customer"].as_str()) {
        return made.to_owned();
    }
    let email = payer
        .email
        .clone()
        .or_else(|| session["customer_email"].as_str().map(str::to_owned));
    let owner = world.owner_of(id);
    let made = customers::make(world, owner.as_deref(), json!({"email": email, "name": payer.name}));
    remember(world, id, "customer", &made);
    made
}

fn intent_of(world: &mut World, session: &Value, customer: &str, due: i64) -> String {
    let id = text(session, "id");
    if let Some(made) = world.notes.get(id).and_then(|note| note["intent"].as_str()) {
        return made.to_owned();
    }
    let details = Details {
        amount: due,
        currency: text(session, "currency").to_owned(),
        customer: json!(customer),
        methods: json!(["card"]),
        given: json!({"description": "Subscription creation", "setup_future_usage": "off_session"}),
    };
    let owner = world.owner_of(id);
    let made = intents::make(world, owner.as_deref(), &details);
    remember(world, id, "intent", &made);
    made
}

fn remember(world: &mut World, session: &str, field: &str, made: &str) {
    let note = world.notes.entry(session.to_owned()).or_default();
    note[field] = json!(made);
}

fn items(world: &mut World, session: &str) -> Vec<Item> {
    let sold = world.line_items.get(session).cloned().unwrap_or_default();
    sold.into_iter()
        .map(|line| Item {
            id: world.id_with("si", 14),
            price: line["price"].clone(),
            quantity: int(&line, "quantity"),
            metadata: json!({}),
            created: world.now(),
        })
        .collect()
}
