//! What a subscription is for: prices and quantities, as asked for and as its document holds them.

use serde_json::{Value, json};

use crate::billing::calendar::{Cycle, Period, day};
use crate::billing::catalogue::{self, NewPrice};
use crate::billing::invoices::lines::Line;
use crate::wire::error::ApiError;
use crate::wire::form::{Field, missing_param};
use crate::world::{Kind, World, int, text};

/// One item: what it is sold for, and how many.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub id: String,
    pub price: Value,
    pub quantity: i64,
    pub metadata: Value,
    pub created: i64,
}

impl Item {
    /// For a whole period.
    pub(crate) fn amount(&self) -> i64 {
        catalogue::amount(&self.price, self.quantity)
    }

    fn shown(&self, subscription: &str, period: Period) -> Value {
        json!({
            "id": self.id,
            "object": "subscription_item",
            "billing_thresholds": null,
            "created": self.created,
            "current_period_end": period.end,
            "current_period_start": period.start,
            "discounts": [],
            "metadata": self.metadata,
            "price": self.price,
            "quantity": self.quantity,
            "subscription": subscription,
            "tax_rates": [],
        })
    }
}

/// The items of a subscription's document.
pub(crate) fn of(subscription: &Value) -> Vec<Item> {
    let items = subscription["items"]["data"].as_array().into_iter().flatten();
    items
        .map(|item| Item {
            id: text(item, "id").to_owned(),
            price: item["price"].clone(),
            quantity: int(item, "quantity"),
            metadata: item["metadata"].clone(),
            created: int(item, "created"),
        })
        .collect()
}

/// The list that a subscription's document shows.
pub(crate) fn list(subscription: &str, items: &[Item], period: Period) -> Value {
    let data: Vec<Value> = items.iter().map(|item| item.shown(subscription, period)).collect();
    json!({
        "object": "list",
        "data": data,
        "has_more": false,
        "url": format!("/v1/subscription_items?subscription={subscription}"),
    })
}

/// The period a subscription is in, which all its items share.
pub(crate) fn period(subscription: &Value) -> Period {
    let first = &subscription["items"]["data"][0];
    Period {
        start: int(first, "current_period_start"),
        end: int(first, "current_period_end"),
    }
}

/// How often a subscription is billed.
pub(crate) fn cycle(items: &[Item]) -> Option<Cycle> {
    items.first().and_then(|item| Cycle::of_price(&item.price))
}

/// The items as the parameter asks for them: all of a new subscription, or changes to those there are. Items that are
/// not named stay as they are.
pub(crate) fn read(
    world: &mut World,
    params: &Field,
    path: &str,
    owner: Option<&str>,
    present: &[Item],
) -> Result<Vec<Item>, ApiError> {
    let mut items = present.to_vec();
    for (at, field) in params.list(path).into_iter().enumerate() {
        let name = |part: &str| format!("items[{at}][{part}]");
        let known = match field.given("id") {
            Some(id) => {
                let found = items.iter().position(|item| item.id == id);
                Some(found.ok_or_else(|| ApiError::missing("subscription item", id, &name("id")))?)
            }
            None => None,
        };
        if let (Some(known), true) = (known, field.flag("deleted")) {
            items.remove(known);
            continue;
        }
        let price = price(world, field, owner, &name)?;
        let quantity = quantity(field, &name)?;
        match known {
            Some(known) => {
                let item = &mut items[known];
                if let Some(price) = price {
                    item.price = price;
                }
                item.quantity = quantity.unwrap_or(item.quantity);
                if let (Some(metadata), true) = (item.metadata.as_object_mut(), field.at("metadata").is_some()) {
                    metadata.extend(field.map("metadata"));
                }
            }
            None => items.push(Item {
                id: world.id_with("si", 14),
                price: price.ok_or_else(|| missing_param(&name("price")))?,
                quantity: quantity.unwrap_or(1),
                metadata: Value::Object(field.map("metadata")),
                created: world.now(),
            }),
        }
    }
    check(&items)?;
    Ok(items)
}

fn check(items: &[Item]) -> Result<(), ApiError> {
    let Some(first) = items.first() else {
        return Err(ApiError::invalid("A subscription must have at least one item.").param("items"));
    };
    if items.len() > 20 {
        return Err(ApiError::invalid("A subscription can have at most 20 items.").param("items"));
    }
    for item in items {
        if Cycle::of_price(&item.price).is_none() {
            let message = format!(
                "The price specified is set to `type=one_time` but this field only accepts prices with \
                 `type=recurring`. ({})",
                text(&item.price, "id")
            );
            return Err(ApiError::invalid(message).param("items"));
        }
        if item.price["currency"] != first.price["currency"] || cycle(items) != Cycle::of_price(&item.price) {
            let message = "The stand-in bills all items of a subscription in one currency and at one interval.";
            return Err(ApiError::invalid(message).param("items"));
        }
    }
    Ok(())
}

fn price(
    world: &mut World,
    field: &Field,
    owner: Option<&str>,
    name: &dyn Fn(&str) -> String,
) -> Result<Option<Value>, ApiError> {
    if let Some(id) = field.given("price") {
        return world.find(Kind::Price, id, owner, &name("price")).map(Some);
    }
    let Some(data) = field.at("price_data") else {
        return Ok(None);
    };
    let product = data
        .required("product")
        .map_err(|error| error.param(&name("price_data")))?;
    let product = world.find(Kind::Product, product, owner, &name("price_data"))?;
    let inner = |part: &str| format!("{}[{part}]", name("price_data"));
    let price = NewPrice::read(data, text(&product, "id").to_owned(), &inner)?;
    Ok(Some(price.put(world, owner, false)))
}

fn quantity(field: &Field, name: &dyn Fn(&str) -> String) -> Result<Option<i64>, ApiError> {
    let quantity = field.int("quantity").map_err(|error| error.param(&name("quantity")))?;
    match quantity {
        Some(quantity) if quantity < 0 => {
            let message = "This value must be greater than or equal to 0.";
            let error = ApiError::invalid(message).code("parameter_invalid_integer");
            Err(error.param(&name("quantity")))
        }
        quantity => Ok(quantity),
    }
}

/// The lines that bill the items for a whole period; a trial's cost nothing.
pub(crate) fn lines(world: &World, subscription: &Value, items: &[Item], period: Period, trial: bool) -> Vec<Line> {
    let line = |item: &Item| {
        let product = catalogue::product_name(world, &item.price);
        let rhythm = catalogue::rhythm(&item.price).unwrap_or_default();
        let description = if trial {
            format!("Trial period for {product}")
        } else {
            format!("{} × {product} ({rhythm})", item.quantity)
        };
        Line {
            amount: if trial { 0 } else { item.amount() },
            description,
            price: item.price.clone(),
            quantity: item.quantity,
            period,
            subscription_item: Some(item.id.clone()),
            subscription: subscription["id"].as_str().map(str::to_owned),
            invoice_item: None,
            proration: false,
            metadata: subscription["metadata"].clone(),
        }
    };
    items.iter().map(line).collect()
}

/// `Unused time on Pro after 7 Jan 2026`, as Stripe calls a proration.
pub(crate) fn proration_text(world: &World, item: &Item, at: i64, given_back: bool) -> String {
    let what = if given_back { "Unused" } else { "Remaining" };
    let count = if item.quantity == 1 {
        String::new()
    } else {
        format!("{} × ", item.quantity)
    };
    let product = catalogue::product_name(world, &item.price);
    format!("{what} time on {count}{product} after {}", day(at))
}
