//! Webhook endpoints: those the stand-in was started with and those made through the API.

use serde_json::{Value, json};
use standin::matches_type;

use crate::config::API_VERSION;
use crate::wire::call::{Answer, Call};
use crate::wire::list;
use crate::world::{Kind, World, text};

/// What an endpoint hears and what signs it; the documents of the API do not show it.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    pub secrets: Vec<String>,
    pub connect: bool,
}

/// Makes the endpoints of the configuration, which hear everything of their kind.
pub(crate) fn configured(world: &mut World) {
    let (secret, connect_secret) = (&world.config.webhook_secret, &world.config.connect_webhook_secret);
    let own = world.config.webhook_urls.iter().map(|url| (url, false, secret));
    let connect = world
        .config
        .connect_webhook_urls
        .iter()
        .map(|url| (url, true, connect_secret));
    let all: Vec<_> = own
        .chain(connect)
        .map(|(url, connect, secret)| (url.clone(), connect, secret.clone()))
        .collect();
    for (url, connect, secret) in all {
        add(world, &url, &["*"], connect, secret);
    }
}

/// Makes an endpoint: for what happens in the platform's own account, or, with `connect`, in the accounts that are connected to it.
pub(crate) fn add(world: &mut World, url: &str, events: &[&str], connect: bool, secret: String) -> Value {
    let id = world.id(Kind::Endpoint);
    let body = json!({
        "id": id,
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": null,
        "created": world.now(),
        "description": null,
        "enabled_events": events,
        "livemode": false,
        "metadata": {},
        "status": "enabled",
        "url": url,
    });
    world.shelf.put(Kind::Endpoint, None, body.clone());
    world.receivers.insert(
        id,
        Receiver {
            secrets: vec![secret],
            connect,
        },
    );
    body
}

/// The enabled endpoints that want an event, and their addresses.
pub(crate) fn receivers(world: &World, event: &str, of_connected_account: bool) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = world
        .shelf
        .newest_first(Kind::Endpoint)
        .filter(|entry| {
            let connect = world
                .receivers
                .get(text(&entry.body, "id"))
                .is_some_and(|receiver| receiver.connect);
            let wanted = entry.body["enabled_events"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            text(&entry.body, "status") == "enabled"
                && connect == of_connected_account
                && wanted.into_iter().any(|pattern| matches_type(pattern, event))
        })
        .map(|entry| (text(&entry.body, "id").to_owned(), text(&entry.body, "url").to_owned()))
        .collect();
    found.reverse();
    found
}

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let url = call.params.required("url")?;
    let events = call.params.texts("enabled_events");
    let secret = world.id_with("whsec", 32);
    let made = add(world, url, &events, call.params.flag("connect"), secret.clone());
    let mut body = world.set(text(&made, "id"), |body| {
        body["description"] = call.params.json("description");
        body["metadata"] = Value::Object(call.params.map("metadata"));
        body["api_version"] = call
            .params
            .given("api_version")
            .map_or(json!(API_VERSION), |version| json!(version));
    });
    // The one and only time Stripe shows it.
    body["secret"] = json!(secret);
    Ok(body)
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Endpoint, call.id(), None, "webhook_endpoint")
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    let params = &call.params;
    Ok(world.set(call.id(), |body| {
        if let Some(url) = params.given("url") {
            body["url"] = json!(url);
        }
        if !params.texts("enabled_events").is_empty() {
            body["enabled_events"] = json!(params.texts("enabled_events"));
        }
        if params.at("disabled").is_some() {
            body["status"] = json!(if params.flag("disabled") { "disabled" } else { "enabled" });
        }
        if params.at("description").is_some() {
            body["description"] = params.json("description");
        }
    }))
}

pub(crate) fn delete(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    world.shelf.remove(call.id());
    world.receivers.remove(call.id());
    Ok(json!({"id": call.id(), "object": "webhook_endpoint", "deleted": true}))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    list::page(
        call,
        Kind::Endpoint,
        "/v1/webhook_endpoints",
        world.select(Kind::Endpoint, None, |_| true),
    )
}
