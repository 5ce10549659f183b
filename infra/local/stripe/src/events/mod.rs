//! Events: what happened, told to webhook endpoints and kept for 30 days.
//!
//! Owns the event documents, who hears of them and what signs them; says nothing about when something happens.

pub(crate) mod endpoints;
pub(crate) mod signature;

use serde_json::{Value, json};
use standin::matches_type;

use crate::config::API_VERSION;
use crate::wire::call::{Answer, Call};
use crate::wire::{embedded, error::ApiError, list};
use crate::world::{Kind, World, int, text};

/// How far back Stripe's List Events reaches.
const KEPT_S: i64 = 30 * 24 * 60 * 60;

/// Makes an event about `object` and plans its deliveries. Suppressed types are never made at all.
pub(crate) fn emit(world: &mut World, event: &str, owner: Option<&str>, object: &Value, previous: Option<Value>) {
    if world.webhooks.is_suppressed(event) {
        return;
    }
    let mut data = json!({ "object": object });
    embedded::shorten(&mut data);
    if let Some(previous) = previous {
        data["previous_attributes"] = previous;
    }
    forge(world, event, owner, &data);
}

/// Makes an event of any content and returns it.
pub(crate) fn forge(world: &mut World, event: &str, owner: Option<&str>, data: &Value) -> Value {
    let id = world.id(Kind::Event);
    let request = world.request.as_ref();
    let mut body = json!({
        "id": id,
        "object": "event",
        "api_version": API_VERSION,
        "created": world.now(),
        "data": data,
        "livemode": false,
        "pending_webhooks": 0,
        "request": {
            "id": request.map(|request| request.id.as_str()),
            "idempotency_key": request.and_then(|request| request.idempotency_key.as_deref()),
        },
        "type": event,
    });
    if let Some(owner) = owner {
        body["account"] = json!(owner);
    }
    world.shelf.put(Kind::Event, owner, body);
    let receivers = endpoints::receivers(world, event, owner.is_some());
    for (endpoint, url) in &receivers {
        world.webhooks.plan(&id, event, endpoint, url);
    }
    world.set(&id, |body| body["pending_webhooks"] = json!(receivers.len()))
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    let event = world.find(Kind::Event, call.id(), call.owner(), "id")?;
    if int(&event, "created") < world.now() - KEPT_S {
        return Err(ApiError::missing(Kind::Event.noun(), call.id(), "id"));
    }
    Ok(event)
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let types = call.params.texts("types");
    let one = call.params.given("type");
    if one.is_some() && !types.is_empty() {
        return Err(ApiError::invalid("You may not specify both `type` and `types`.").param("types"));
    }
    let wanted: Vec<&str> = types.into_iter().chain(one).collect();
    let oldest = world.now() - KEPT_S;
    let delivered = call.params.given("delivery_success");
    let events = world.select(Kind::Event, call.owner(), |event| {
        let kind = text(event, "type");
        let fits = wanted.is_empty() || wanted.iter().any(|pattern| matches_type(pattern, kind));
        let success = world.webhooks.all_delivered(text(event, "id"));
        fits && int(event, "created") >= oldest && delivered.is_none_or(|wanted| (wanted == "true") == success)
    });
    list::page(call, Kind::Event, "/v1/events", events)
}
