//! Customers, as far as a platform without stored cards needs them: a name and an address to write to.

use serde_json::{Value, json};

use crate::accounts::merge_metadata;
use crate::wire::call::{Answer, Call};
use crate::wire::list;
use crate::world::{Kind, World, text};

const FIELDS: [&str; 4] = ["email", "name", "phone", "description"];

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
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
        "invoice_prefix": prefix,
        "livemode": false,
        "metadata": call.params.map("metadata"),
        "preferred_locales": [],
        "shipping": null,
        "tax_exempt": "none",
        "test_clock": null,
    });
    for field in FIELDS {
        body[field] = call.params.json(field);
    }
    world.shelf.put(Kind::Customer, call.owner(), body);
    world.emit("customer.created", &id);
    Ok(world.set(&id, |_| {}))
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Customer, call.id(), call.owner(), "id")
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    Ok(world.update(call.id(), "customer.updated", |body| {
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
