//! Invoices made by hand, for a customer and not for a subscription: nothing happens to them by itself.

use serde_json::{Value, json};

use super::lines::{self, Line, subscription_of};
use super::{Bill, draft, finalize, items, put_with};
use crate::accounts::merge_metadata;
use crate::billing::calendar::Period;
use crate::billing::methods;
use crate::wire::call::{Answer, Call};
use crate::wire::error::ApiError;
use crate::world::{Kind, World, text};

const DAY_S: i64 = 24 * 60 * 60;
/// What follows from the lines of an invoice.
const COUNTED: [&str; 9] = [
    "amount_due",
    "amount_remaining",
    "lines",
    "starting_balance",
    "subtotal",
    "subtotal_excluding_tax",
    "total",
    "total_discount_amounts",
    "total_excluding_tax",
];

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let (params, owner) = (&call.params, call.owner());
    for refused in ["subscription", "from_invoice", "discounts"] {
        if params.at(refused).is_some() {
            let message = format!("The stand-in makes invoices by hand without {refused}.");
            return Err(ApiError::invalid(message).param(refused));
        }
    }
    let customer = world.find(Kind::Customer, params.required("customer")?, owner, "customer")?;
    let customer = text(&customer, "id").to_owned();
    let method = methods::belonging(world, call, &customer, "default_payment_method")?;
    let pending = pending(world, owner, &customer, params.given("currency"));
    let currency = match (params.given("currency"), pending.first()) {
        (Some(currency), _) => currency.to_ascii_lowercase(),
        (None, Some(item)) => text(item, "currency").to_owned(),
        (None, None) => "eur".to_owned(),
    };
    let taken: Vec<Line> = if params.given("pending_invoice_items_behavior") == Some("include") {
        pending.iter().map(|item| items::line_of(world, item)).collect()
    } else {
        Vec::new()
    };
    let sent = params.given("collection_method") == Some("send_invoice");
    let days = params.int("days_until_due")?;
    if sent && days.is_none() && params.given("due_date").is_none() {
        let message = "You must pass either `days_until_due` or `due_date` with collection_method send_invoice.";
        return Err(ApiError::invalid(message).param("days_until_due"));
    }
    let due_date = match params.int("due_date")? {
        Some(date) => Some(date),
        None => days.map(|days| world.now() + days * DAY_S),
    };
    let given = json!({
        "auto_advance": params.flag("auto_advance"),
        "collection_method": if sent { "send_invoice" } else { "charge_automatically" },
        "default_payment_method": method,
        "description": params.json("description"),
        "due_date": due_date,
        "metadata": params.map("metadata"),
    });
    let bill = bill(world, customer, taken, currency);
    let id = put_with(world, &bill, given);
    world.find(Kind::Invoice, &id, owner, "id")
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    let invoice = world.find(Kind::Invoice, call.id(), call.owner(), "invoice")?;
    let params = &call.params;
    let method = methods::belonging(world, call, text(&invoice, "customer"), "default_payment_method")?;
    Ok(world.update(call.id(), "invoice.updated", |body| {
        if params.at("description").is_some() {
            body["description"] = params.json("description");
        }
        if params.at("auto_advance").is_some() {
            body["auto_advance"] = json!(params.flag("auto_advance"));
        }
        if method.is_some() {
            body["default_payment_method"] = json!(method);
        }
        merge_metadata(body, params);
    }))
}

/// Forgets a draft; the items it took wait for the next invoice again.
pub(crate) fn delete(world: &mut World, call: &Call) -> Answer {
    let invoice = open_draft(world, call, call.id())?;
    for item in lines::used_items(&invoice) {
        world.set(&item, |item| item["invoice"] = Value::Null);
    }
    world.emit("invoice.deleted", call.id());
    world.shelf.remove(call.id());
    Ok(json!({"id": call.id(), "object": "invoice", "deleted": true}))
}

/// Sends an invoice to its customer, who pays it on its page.
pub(crate) fn send(world: &mut World, call: &Call) -> Answer {
    let invoice = world.find(Kind::Invoice, call.id(), call.owner(), "invoice")?;
    if !matches!(text(&invoice, "status"), "draft" | "open") {
        let message = "You can only send an invoice that is draft or open.";
        return Err(ApiError::refused("invoice_not_editable", message));
    }
    finalize(world, call.id());
    world.emit("invoice.sent", call.id());
    world.find(Kind::Invoice, call.id(), call.owner(), "invoice")
}

/// The draft with this id, made by hand.
pub(super) fn open_draft(world: &World, call: &Call, id: &str) -> Answer {
    let invoice = world.find(Kind::Invoice, id, call.owner(), "invoice")?;
    if text(&invoice, "status") != "draft" || !subscription_of(&invoice).is_empty() {
        let message = "You can only do this to a draft invoice that is not for a subscription.";
        return Err(ApiError::refused("invoice_not_editable", message).param("invoice"));
    }
    Ok(invoice)
}

/// Puts an item on a draft, which is counted anew.
pub(super) fn take(world: &mut World, invoice: &Value, item: &str) {
    let id = text(invoice, "id");
    let mut used = lines::used_items(invoice);
    used.push(item.to_owned());
    let bodies: Vec<Value> = used
        .iter()
        .filter_map(|item| world.shelf.get(Kind::InvoiceItem, item).cloned())
        .collect();
    let lines = bodies.iter().map(|item| items::line_of(world, item)).collect();
    let (customer, currency) = (
        text(invoice, "customer").to_owned(),
        text(invoice, "currency").to_owned(),
    );
    let bill = bill(world, customer, lines, currency);
    let mut fresh = draft(world, &bill);
    fresh["lines"]["url"] = json!(format!("/v1/invoices/{id}/lines"));
    for line in fresh["lines"]["data"].as_array_mut().into_iter().flatten() {
        line["invoice"] = json!(id);
    }
    world.set(item, |item| item["invoice"] = json!(id));
    world.update(id, "invoice.updated", |body| {
        for field in COUNTED {
            body[field] = fresh[field].clone();
        }
    });
}

fn bill(world: &World, customer: String, lines: Vec<Line>, currency: String) -> Bill {
    let now = world.now();
    Bill {
        customer,
        subscription: Value::Null,
        reason: "manual",
        period: Period { start: now, end: now },
        lines,
        discounts: Vec::new(),
        currency,
    }
}

/// What waits for a customer's next invoice in one currency (the one of the oldest item, where none is named), the oldest first.
fn pending(world: &World, owner: Option<&str>, customer: &str, currency: Option<&str>) -> Vec<Value> {
    let mut waiting = world.select(Kind::InvoiceItem, owner, |item| {
        item["invoice"].is_null() && item["parent"].is_null() && text(item, "customer") == customer
    });
    waiting.reverse();
    let first = waiting.first().map(|item| text(item, "currency")).unwrap_or_default();
    let wanted = currency.map_or_else(|| first.to_owned(), str::to_ascii_lowercase);
    waiting
        .into_iter()
        .filter(|item| text(item, "currency") == wanted)
        .cloned()
        .collect()
}
