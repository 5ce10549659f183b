//! Invoice items: what waits for the next invoice of a customer, be it made by hand or by a change of a subscription.

use serde_json::{Value, json};

use super::lines::{Line, pricing};
use super::manual;
use crate::billing::calendar::Period;
use crate::billing::catalogue;
use crate::wire::call::{Answer, Call};
use crate::wire::form::missing_param;
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, World, int, text};

/// Puts a line down until the next invoice takes it.
pub(crate) fn put(world: &mut World, customer: &str, currency: &str, line: &Line) -> String {
    let id = world.id(Kind::InvoiceItem);
    let owner = world.owner_of(customer);
    let parent = match &line.subscription {
        Some(subscription) => json!({
            "subscription_details": {"subscription": subscription, "subscription_item": line.subscription_item},
            "type": "subscription_details",
        }),
        None => Value::Null,
    };
    let body = json!({
        "id": id,
        "object": "invoiceitem",
        "amount": line.amount,
        "currency": currency,
        "customer": customer,
        "customer_account": null,
        "date": world.now(),
        "description": line.description,
        "discountable": !line.proration && line.amount >= 0,
        "discounts": [],
        "invoice": null,
        "livemode": false,
        "metadata": line.metadata,
        "net_amount": line.amount,
        "parent": parent,
        "period": {"end": line.period.end, "start": line.period.start},
        "pricing": pricing(&line.price),
        "proration": line.proration,
        "proration_details": {"discount_amounts": []},
        "quantity": line.quantity,
        "quantity_decimal": line.quantity.to_string(),
        "tax_rates": [],
        "test_clock": null,
    });
    world.shelf.put(Kind::InvoiceItem, owner.as_deref(), body);
    world.emit("invoiceitem.created", &id);
    id
}

/// What waits for the next invoice of a subscription: its own items and the customer's, the oldest first.
pub(crate) fn waiting(world: &World, subscription: &Value) -> Vec<Line> {
    let owner = world.owner_of(text(subscription, "id"));
    let mut items = world.select(Kind::InvoiceItem, owner.as_deref(), |item| {
        let of = item["parent"]["subscription_details"]["subscription"].as_str();
        item["invoice"].is_null()
            && item["customer"] == subscription["customer"]
            && item["currency"] == subscription["currency"]
            && of.is_none_or(|of| subscription["id"] == of)
    });
    items.reverse();
    items.into_iter().map(|item| line_of(world, item)).collect()
}

pub(super) fn line_of(world: &World, item: &Value) -> Line {
    let price = text(&item["pricing"]["price_details"], "price");
    let details = &item["parent"]["subscription_details"];
    Line {
        amount: int(item, "amount"),
        description: text(item, "description").to_owned(),
        price: world.shelf.get(Kind::Price, price).cloned().unwrap_or_default(),
        quantity: int(item, "quantity"),
        period: Period {
            start: int(&item["period"], "start"),
            end: int(&item["period"], "end"),
        },
        subscription_item: details["subscription_item"].as_str().map(str::to_owned),
        subscription: details["subscription"].as_str().map(str::to_owned),
        invoice_item: item["id"].as_str().map(str::to_owned),
        proration: item["proration"] == json!(true),
        metadata: item["metadata"].clone(),
    }
}

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let (params, owner) = (&call.params, call.owner());
    let customer = world.find(Kind::Customer, params.required("customer")?, owner, "customer")?;
    let subscription = match params.given("subscription") {
        Some(id) => Some(world.find(Kind::Subscription, id, owner, "subscription")?),
        None => None,
    };
    let onto = match params.given("invoice") {
        Some(id) => Some(manual::open_draft(world, call, id)?),
        None => None,
    };
    let price = match params.given("pricing.price") {
        Some(id) => world.find(Kind::Price, id, owner, "pricing[price]")?,
        None => Value::Null,
    };
    let quantity = params.int("quantity")?.unwrap_or(1);
    let (amount, currency) = match params.int("amount")? {
        Some(amount) => (amount, params.required("currency")?.to_ascii_lowercase()),
        None if price.is_null() => return Err(missing_param("amount")),
        None => (catalogue::amount(&price, quantity), text(&price, "currency").to_owned()),
    };
    let now = world.now();
    let description = match params.given("description") {
        Some(description) => description.to_owned(),
        None => catalogue::product_name(world, &price),
    };
    let line = Line {
        amount,
        description,
        price,
        quantity,
        period: Period {
            start: params.int("period.start")?.unwrap_or(now),
            end: params.int("period.end")?.unwrap_or(now),
        },
        subscription_item: None,
        subscription: subscription.map(|body| text(&body, "id").to_owned()),
        invoice_item: None,
        proration: false,
        metadata: Value::Object(params.map("metadata")),
    };
    let id = put(world, text(&customer, "id"), &currency, &line);
    if let Some(draft) = onto {
        manual::take(world, &draft, &id);
    }
    world.find(Kind::InvoiceItem, &id, owner, "invoiceitem")
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::InvoiceItem, call.id(), call.owner(), "invoiceitem")
}

pub(crate) fn delete(world: &mut World, call: &Call) -> Answer {
    let item = retrieve(world, call)?;
    if !item["invoice"].is_null() {
        let message = "This invoice item is on an invoice already and cannot be deleted.";
        return Err(ApiError::invalid(message));
    }
    world.emit("invoiceitem.deleted", call.id());
    world.shelf.remove(call.id());
    Ok(json!({"id": call.id(), "object": "invoiceitem", "deleted": true}))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let pending = call.params.given("pending");
    let items = world.select(Kind::InvoiceItem, call.owner(), |body| {
        call.keeps(body, "customer")
            && call.keeps(body, "invoice")
            && pending.is_none_or(|pending| (pending == "true") == body["invoice"].is_null())
    });
    list::page(call, Kind::InvoiceItem, "/v1/invoiceitems", items)
}
