//! A customer's balance: credit that pays the next invoices (less than zero), or too little to be charged (more).

use serde_json::{Value, json};

use crate::accounts::merge_metadata;
use crate::wire::call::{Answer, Call};
use crate::wire::form::missing_param;
use crate::wire::list;
use crate::world::{Kind, World, int, text};

/// An invoice has taken from the balance or given to it; afterwards it is `ending`.
pub(super) fn applied(world: &mut World, customer: &str, invoice: &Value, ending: i64) {
    let starting = world
        .shelf
        .get(Kind::Customer, customer)
        .map_or(0, |body| int(body, "balance"));
    if starting != ending {
        post(
            world,
            customer,
            ending - starting,
            text(invoice, "currency"),
            "applied_to_invoice",
            Some(invoice),
        );
    }
}

/// A voided invoice gives back what it took.
pub(super) fn unapplied(world: &mut World, invoice: &Value) {
    let Some(ending) = invoice["ending_balance"].as_i64() else {
        return;
    };
    let back = int(invoice, "starting_balance") - ending;
    if back != 0 {
        let customer = text(invoice, "customer");
        post(
            world,
            customer,
            back,
            text(invoice, "currency"),
            "unapplied_from_invoice",
            Some(invoice),
        );
    }
}

fn post(world: &mut World, customer: &str, amount: i64, currency: &str, kind: &str, invoice: Option<&Value>) -> Value {
    let owner = world.owner_of(customer);
    let after = world.update(customer, "customer.updated", |body| {
        body["balance"] = json!(int(body, "balance") + amount);
        body["currency"] = json!(currency);
    });
    let body = json!({
        "id": world.id(Kind::CustomerBalance),
        "object": "customer_balance_transaction",
        "amount": amount,
        "checkout_session": null,
        "created": world.now(),
        "credit_note": null,
        "currency": currency,
        "customer": customer,
        "customer_account": null,
        "description": null,
        "ending_balance": after["balance"],
        "invoice": invoice.map(|invoice| text(invoice, "id")),
        "livemode": false,
        "metadata": {},
        "type": kind,
    });
    world.shelf.put(Kind::CustomerBalance, owner.as_deref(), body.clone());
    body
}

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    world.find(Kind::Customer, call.id(), call.owner(), "customer")?;
    let amount = call.params.int("amount")?.ok_or_else(|| missing_param("amount"))?;
    let currency = call.params.required("currency")?.to_ascii_lowercase();
    let made = post(world, call.id(), amount, &currency, "adjustment", None);
    Ok(world.set(text(&made, "id"), |body| {
        body["description"] = call.params.json("description");
        merge_metadata(body, &call.params);
    }))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    world.find(Kind::Customer, call.id(), call.owner(), "customer")?;
    let transactions = world.select(Kind::CustomerBalance, call.owner(), |body| {
        text(body, "customer") == call.id() && call.keeps(body, "invoice")
    });
    let url = format!("/v1/customers/{}/balance_transactions", call.id());
    list::page(call, Kind::CustomerBalance, &url, transactions)
}
