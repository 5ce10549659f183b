//! The billing portal, as far as a customer needs it to change what they pay with.
//!
//! Owns the sessions and what a change of the card does; its page is among the pages. Nothing is charged by a change:
//! what waits for payment is tried again when it would have been anyway.

use serde_json::{Value, json};

use super::methods;
use super::subscriptions::states::is_over;
use crate::charges::intents::Payer;
use crate::checkout::cards::Card;
use crate::wire::call::{Answer, Call};
use crate::wire::error::ApiError;
use crate::wire::form::{Field, missing_param};
use crate::world::{Kind, World, text};

/// The only configuration there is; sessions have to name one.
const CONFIGURATION: &str = "bpc_standin_default";

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let (params, owner) = (&call.params, call.owner());
    only_served(params)?;
    let customer = world.find(Kind::Customer, params.required("customer")?, owner, "customer")?;
    params.url("return_url")?;
    let flow = flow(params)?;
    let id = world.id(Kind::PortalSession);
    let body = json!({
        "id": id,
        "object": "billing_portal.session",
        "configuration": CONFIGURATION,
        "created": world.now(),
        "customer": customer["id"],
        "customer_account": null,
        "flow": flow,
        "livemode": false,
        "locale": params.json("locale"),
        "on_behalf_of": null,
        "return_url": params.json("return_url"),
        "url": format!("{}/portal/{id}", world.origin),
    });
    world.shelf.put(Kind::PortalSession, owner, body.clone());
    world.emit("billing_portal.session.created", &id);
    Ok(body)
}

fn only_served(params: &Field) -> Result<(), ApiError> {
    if let Some(configuration) = params.given("configuration")
        && configuration != CONFIGURATION
    {
        return Err(ApiError::missing("configuration", configuration, "configuration"));
    }
    for name in ["customer_account", "on_behalf_of"] {
        if params.given(name).is_some() {
            let message = format!("The stand-in makes portal sessions of customers only, without {name}.");
            return Err(ApiError::invalid(message).param(name));
        }
    }
    Ok(())
}

/// What the customer is sent to the portal for; null for whatever they like.
fn flow(params: &Field) -> Result<Value, ApiError> {
    let Some(flow) = params.at("flow_data") else {
        return Ok(Value::Null);
    };
    let kind = flow.given("type").ok_or_else(|| missing_param("flow_data[type]"))?;
    if kind != "payment_method_update" {
        let message = format!("The stand-in's portal changes payment methods only, it has no flow {kind}.");
        return Err(ApiError::invalid(message).param("flow_data[type]"));
    }
    for name in [
        "subscription_cancel",
        "subscription_update",
        "subscription_update_confirm",
    ] {
        if flow.at(name).is_some() {
            let message = format!("You may only specify {name} with a flow of that type.");
            return Err(ApiError::invalid(message).param(&format!("flow_data[{name}]")));
        }
    }
    let after = match flow.given("after_completion.type") {
        None => json!({"hosted_confirmation": null, "redirect": null, "type": "portal_homepage"}),
        Some("redirect") => {
            let path = "flow_data.after_completion.redirect.return_url";
            params.required(path)?;
            let url = params.url(path)?;
            json!({"hosted_confirmation": null, "redirect": {"return_url": url}, "type": "redirect"})
        }
        Some(other) => {
            let message = format!("The stand-in's portal ends with a redirect, not with {other}.");
            return Err(ApiError::invalid(message).param("flow_data[after_completion][type]"));
        }
    };
    Ok(json!({
        "after_completion": after,
        "subscription_cancel": null,
        "subscription_update": null,
        "subscription_update_confirm": null,
        "type": kind,
    }))
}

/// The customer of a session and their subscriptions that are not over, the oldest first.
pub(crate) fn look(world: &World, session: &str) -> Option<(Value, Vec<Value>)> {
    let session = world.shelf.get(Kind::PortalSession, session)?;
    let customer = world.shelf.get(Kind::Customer, text(session, "customer"))?;
    let owner = world.owner_of(text(session, "id"));
    let mut subscriptions: Vec<Value> = world
        .select(Kind::Subscription, owner.as_deref(), |body| {
            body["customer"] == customer["id"] && !is_over(body)
        })
        .into_iter()
        .cloned()
        .collect();
    subscriptions.reverse();
    Some((customer.clone(), subscriptions))
}

/// Stores a card as what the customer is charged by from now on, and returns the payment method. As at Stripe, a subscription
/// that has a payment method of its own keeps it. A card that is refused changes nothing.
pub(crate) fn change_card(world: &mut World, session: &str, card: &'static Card) -> Result<String, ApiError> {
    let Some((customer, _)) = look(world, session) else {
        return Err(ApiError::missing(Kind::PortalSession.noun(), session, "session"));
    };
    if card.is_debit() {
        return Err(ApiError::invalid("The stand-in takes cards only for subscriptions."));
    }
    let payer = Payer {
        email: customer["email"].as_str().map(str::to_owned),
        name: customer["name"].as_str().map(str::to_owned),
        country: None,
    };
    let customer = text(&customer, "id");
    let method = methods::store(world, customer, card, &payer)?;
    methods::end_trouble(world, customer);
    world.update(customer, "customer.updated", |body| {
        body["invoice_settings"]["default_payment_method"] = json!(method);
    });
    Ok(method)
}

/// Where a session leads when the card is changed.
pub(crate) fn way_back(session: &Value) -> Option<&str> {
    let flow = &session["flow"]["after_completion"]["redirect"]["return_url"];
    flow.as_str().or_else(|| session["return_url"].as_str())
}
