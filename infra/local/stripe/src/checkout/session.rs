//! Checkout sessions: created, looked at, expired.

use serde_json::{Value, json};

use super::items::{self, Terms};
use super::subscribe;
use crate::accounts::merge_metadata;
use crate::billing::coupons;
use crate::wire::call::{Answer, Call};
use crate::wire::form::{Field, missing_param};
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, Work, World, int, text};

const MIN_LIFE_S: i64 = 30 * 60;
const MAX_LIFE_S: i64 = 24 * 60 * 60;
/// Clients count half an hour from their own clock, which may be a little behind.
const CLOCK_SLACK_S: i64 = 60;

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let owner = call.owner();
    let recurring = match params.given("mode") {
        Some("payment") => false,
        Some("subscription") => true,
        None => return Err(ApiError::invalid("You must pass `mode` when creating a Checkout Session.").param("mode")),
        Some(mode) => {
            let message = format!("The stand-in serves Checkout Sessions in payment or subscription mode, not {mode}.");
            return Err(ApiError::invalid(message).param("mode"));
        }
    };
    check_mode(params, recurring)?;
    if params.given("ui_mode").is_some_and(|mode| mode != "hosted_page") {
        let message = "The stand-in serves Checkout Sessions with a hosted page only.";
        return Err(ApiError::invalid(message).param("ui_mode"));
    }
    let success_url = params
        .url("success_url")?
        .ok_or_else(|| missing_param("success_url"))?
        .to_owned();
    params.url("cancel_url")?;
    let customer = match params.given("customer") {
        Some(id) => Some(world.find(Kind::Customer, id, owner, "customer")?),
        None => None,
    };
    if customer.is_some() && params.given("customer_email").is_some() {
        let message = "You may only specify one of these parameters: customer, customer_email.";
        return Err(ApiError::invalid(message).param("customer_email"));
    }
    let now = world.now();
    let expires_at = expiry(params.int("expires_at")?, now)?;
    let coupon = coupons::named(world, params, owner)?;
    let wanted = if recurring {
        subscribe::wanted(call, coupon.as_ref(), now)?
    } else {
        of_payment(params)
    };
    let terms = Terms {
        recurring,
        trial: int(&wanted, "trial_days") > 0 || wanted["trial_end"].is_i64(),
        reduction: coupon.as_ref().map(coupons::reduction),
    };
    let (line_items, currency) = items::read(world, params, owner, terms)?;
    let (subtotal, off) = (
        items::total(&line_items, "amount_subtotal"),
        items::total(&line_items, "amount_discount"),
    );
    let id = world.id(Kind::Session);
    let url = format!("{}/pay/{id}", world.origin);
    let mut methods = params.texts("payment_method_types");
    if methods.is_empty() {
        methods = if currency == "eur" && !recurring {
            vec!["card", "sepa_debit"]
        } else {
            vec!["card"]
        };
    }
    let mut body = blank();
    let fields = json!({
        "id": id,
        "amount_subtotal": subtotal,
        "amount_total": subtotal - off,
        "cancel_url": params.json("cancel_url"),
        "client_reference_id": params.json("client_reference_id"),
        "created": now,
        "currency": currency,
        "customer": customer.as_ref().map(|customer| text(customer, "id")),
        "customer_creation": match (&customer, recurring) {
            (Some(_), _) => Value::Null,
            (None, true) => json!("always"),
            (None, false) => json!("if_required"),
        },
        "customer_email": params.json("customer_email"),
        "discounts": coupon.iter().map(|coupon| json!({"coupon": coupon["id"], "promotion_code": null}))
            .collect::<Vec<_>>(),
        "expires_at": expires_at,
        "locale": params.json("locale"),
        "metadata": params.map("metadata"),
        "mode": params.json("mode"),
        "payment_method_collection": params.given("payment_method_collection")
            .unwrap_or(if recurring { "always" } else { "if_required" }),
        "payment_method_types": methods,
        "submit_type": params.json("submit_type"),
        "success_url": success_url,
        "total_details": {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0},
        "url": url,
    });
    merge(&mut body, fields);
    world.shelf.put(Kind::Session, owner, body.clone());
    world.line_items.insert(id.clone(), line_items);
    // What the payment or the subscription is made of waits here until it is.
    world.notes.insert(id.clone(), wanted);
    world.later((expires_at - now) * 1000, Work::SessionExpires { session: id });
    Ok(body)
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Session, call.id(), call.owner(), "session")
}

pub(crate) fn line_items(world: &World, call: &Call) -> Answer {
    retrieve(world, call)?;
    let items = world.line_items.get(call.id()).into_iter().flatten().collect();
    list::page(
        call,
        Kind::Session,
        &format!("/v1/checkout/sessions/{}/line_items", call.id()),
        items,
    )
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    Ok(world.set(call.id(), |body| merge_metadata(body, &call.params)))
}

pub(crate) fn expire(world: &mut World, call: &Call) -> Answer {
    let session = retrieve(world, call)?;
    if text(&session, "status") != "open" {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `{}`.",
            text(&session, "status")
        );
        let mut error = ApiError::invalid(message);
        error.begun = true;
        return Err(error);
    }
    Ok(close_as_expired(world, call.id()))
}

/// A session nobody paid in time expires by itself.
pub(crate) fn expire_when_open(world: &mut World, session: &str) {
    if world
        .shelf
        .get(Kind::Session, session)
        .is_some_and(|body| text(body, "status") == "open")
    {
        close_as_expired(world, session);
    }
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let buyer = call.params.given("customer_details.email");
    let sessions = world.select(Kind::Session, call.owner(), |body| {
        ["status", "payment_intent", "customer", "subscription"]
            .iter()
            .all(|field| call.keeps(body, field))
            && buyer.is_none_or(|email| body["customer_details"]["email"].as_str() == Some(email))
    });
    list::page(call, Kind::Session, "/v1/checkout/sessions", sessions)
}

/// What only fits the other mode is refused.
fn check_mode(params: &Field, recurring: bool) -> Result<(), ApiError> {
    let (mode, strangers) = if recurring {
        ("subscription", ["payment_intent_data", "submit_type"].as_slice())
    } else {
        ("payment", ["subscription_data", "payment_method_collection"].as_slice())
    };
    if let Some(stranger) = strangers.iter().find(|name| params.at(name).is_some()) {
        let message = format!("You can not pass `{stranger}` in `{mode}` mode.");
        return Err(ApiError::invalid(message).param(stranger));
    }
    if recurring && params.texts("payment_method_types").iter().any(|kind| *kind != "card") {
        let message = "The stand-in takes cards only for subscriptions.";
        return Err(ApiError::invalid(message).param("payment_method_types"));
    }
    Ok(())
}

/// What the payment intent of a session is made of with the first attempt to pay.
fn of_payment(params: &Field) -> Value {
    json!({
        "description": params.json("payment_intent_data.description"),
        "metadata": params.map("payment_intent_data.metadata"),
        "transfer_group": params.json("payment_intent_data.transfer_group"),
        "receipt_email": params.json("payment_intent_data.receipt_email"),
        "statement_descriptor": params.json("payment_intent_data.statement_descriptor"),
        "statement_descriptor_suffix": params.json("payment_intent_data.statement_descriptor_suffix"),
    })
}

fn close_as_expired(world: &mut World, session: &str) -> Value {
    let body = world.set(session, |body| {
        body["status"] = json!("expired");
        body["url"] = Value::Null;
    });
    if let Some(intent) = body["payment_intent"].as_str() {
        crate::charges::intents::cancel_abandoned(world, intent);
    }
    world.emit("checkout.session.expired", session);
    body
}

fn expiry(wanted: Option<i64>, now: i64) -> Result<i64, ApiError> {
    let Some(time) = wanted else {
        return Ok(now + MAX_LIFE_S);
    };
    let refuse = |message: &str| Err(ApiError::invalid(message).param("expires_at"));
    if time < now + MIN_LIFE_S - CLOCK_SLACK_S {
        return refuse("The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.");
    }
    if time > now + MAX_LIFE_S + CLOCK_SLACK_S {
        return refuse("The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.");
    }
    Ok(time)
}

/// Sets every field of `fields` in `body`.
pub(crate) fn merge(body: &mut Value, fields: Value) {
    if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
        body.extend(fields);
    }
}

fn blank() -> Value {
    json!({
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": false},
        "after_expiration": null,
        "allow_promotion_codes": null,
        "automatic_tax": {"enabled": false, "liability": null, "provider": null, "status": null},
        "billing_address_collection": null,
        "client_secret": null,
        "collected_information": null,
        "consent": null,
        "consent_collection": null,
        "currency_conversion": null,
        "custom_fields": [],
        "custom_text": {
            "after_submit": null,
            "shipping_address": null,
            "submit": null,
            "terms_of_service_acceptance": null,
        },
        "customer_details": null,
        "discounts": [],
        "invoice": null,
        "invoice_creation": null,
        "livemode": false,
        "mode": "payment",
        "origin_context": null,
        "payment_intent": null,
        "payment_link": null,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": null,
        "payment_method_options": {},
        "payment_status": "unpaid",
        "permissions": null,
        "phone_number_collection": {"enabled": false},
        "recovered_from": null,
        "saved_payment_method_options": null,
        "setup_intent": null,
        "shipping_address_collection": null,
        "shipping_cost": null,
        "shipping_options": [],
        "status": "open",
        "subscription": null,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "wallet_options": null,
    })
}
