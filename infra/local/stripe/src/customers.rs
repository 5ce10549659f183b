//! Customers: a name, an address to write to, and what their invoices are paid with.

use serde_json::{Value, json};

use crate::accounts::merge_metadata;
use crate::billing::methods;
use crate::charges::intents::Payer;
use crate::checkout::cards;
use crate::checkout::session::merge;
use crate::wire::call::{Answer, Call};
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, World, text};

const FIELDS: [&str; 4] = ["email", "name", "phone", "description"];

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let mut given = json!({"metadata": call.params.map("metadata")});
    for field in FIELDS {
        given[field] = call.params.json(field);
    }
    // A ready payment method is stored with its customer; any other belongs to nobody yet.
    let card = match call.params.given("payment_method") {
        Some(name) => {
            Some(cards::find(name).ok_or_else(|| ApiError::missing("PaymentMethod", name, "payment_method"))?)
        }
        None => None,
    };
    let id = make(world, call.owner(), given);
    if let Some(card) = card {
        let method = methods::store(world, &id, card, &Payer::default())?;
        if call.params.given("invoice_settings.default_payment_method").is_some() {
            world.set(&id, |body| {
                body["invoice_settings"]["default_payment_method"] = json!(method);
            });
        }
    }
    Ok(world.set(&id, |_| {}))
}

/// Makes a customer of the fields given and tells of it.
pub(crate) fn make(world: &mut World, owner: Option<&str>, given: Value) -> String {
    let id = world.id_with("cus", 14);
    let prefix = id.chars().skip(4).take(8).collect::<String>().to_uppercase();
    let mut body = json!({
        "id": id,
        "object": "customer",
        "address": null,
        "balance": 0,
        "created": world.now(),
        "currency": null,
        "default_source": null,
        "delinquent": false,
        "discount": null,
        "email": null,
        "invoice_prefix": prefix,
        "invoice_settings": {"custom_fields": null, "default_payment_method": null, "footer": null,
            "rendering_options": null},
        "livemode": false,
        "name": null,
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "shipping": null,
        "tax_exempt": "none",
        "test_clock": null,
    });
    merge(&mut body, given);
    world.shelf.put(Kind::Customer, owner, body);
    world.emit("customer.created", &id);
    id
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Customer, call.id(), call.owner(), "id")
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    let path = "invoice_settings.default_payment_method";
    let method = methods::belonging(world, call, call.id(), path)?;
    Ok(world.update(call.id(), "customer.updated", |body| {
        if call.params.at(path).is_some() {
            body["invoice_settings"]["default_payment_method"] = json!(method);
        }
        for field in FIELDS {
            if call.params.at(field).is_some() {
                body[field] = call.params.json(field);
            }
        }
        merge_metadata(body, &call.params);
    }))
}

pub(crate) fn delete(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    world.emit("customer.deleted", call.id());
    world.shelf.remove(call.id());
    Ok(json!({"id": call.id(), "object": "customer", "deleted": true}))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let email = call.params.given("email");
    let keep = |body: &Value| email.is_none_or(|email| text(body, "email") == email);
    list::page(
        call,
        Kind::Customer,
        "/v1/customers",
        world.select(Kind::Customer, call.owner(), keep),
    )
}
