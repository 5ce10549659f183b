//! Products and prices: what is sold and for how much, made by themselves or on the way to something else.

use serde_json::{Map, Value, json};

use super::calendar::Cycle;
use crate::accounts::merge_metadata;
use crate::checkout::session::merge;
use crate::wire::call::{Answer, Call};
use crate::wire::form::{Field, missing_param};
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, World, int, text};

/// A new product's name and what else of it is given; does not tell of it.
pub(crate) fn new_product(world: &mut World, owner: Option<&str>, name: &str, given: Value) -> String {
    let id = given["id"]
        .as_str()
        .map_or_else(|| world.id_with(Kind::Product.prefix(), 14), str::to_owned);
    let now = world.now();
    let mut body = json!({
        "id": id,
        "object": "product",
        "active": true,
        "created": now,
        "default_price": null,
        "description": null,
        "images": [],
        "livemode": false,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": null,
        "shippable": null,
        "statement_descriptor": null,
        "tax_code": null,
        "unit_label": null,
        "updated": now,
        "url": null,
    });
    merge(&mut body, given);
    body["id"] = json!(id);
    world.shelf.put(Kind::Product, owner, body);
    id
}

/// What a new price is made of.
#[derive(Clone, Debug)]
pub(crate) struct NewPrice {
    pub product: String,
    pub currency: String,
    pub unit_amount: i64,
    /// As a price shows it; null for a price that is paid once.
    pub recurring: Value,
    pub tax_behavior: String,
}

impl NewPrice {
    /// Reads the fields that a price shares with `price_data`; `name` is what the field is called in errors.
    pub(crate) fn read(field: &Field, product: String, name: &dyn Fn(&str) -> String) -> Result<Self, ApiError> {
        let currency = field
            .given("currency")
            .ok_or_else(|| missing_param(&name("currency")))?
            .to_ascii_lowercase();
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
            let message = format!("Invalid currency: {currency}. Stripe takes three-letter ISO currency codes.");
            return Err(ApiError::invalid(message).param(&name("currency")));
        }
        let unit_amount = field
            .int("unit_amount")
            .map_err(|error| error.param(&name("unit_amount")))?
            .ok_or_else(|| missing_param(&name("unit_amount")))?;
        if unit_amount < 0 {
            let message = "This value must be greater than or equal to 0.";
            let error = ApiError::invalid(message).code("parameter_invalid_integer");
            return Err(error.param(&name("unit_amount")));
        }
        Ok(Self {
            product,
            currency,
            unit_amount,
            recurring: recurring(field, name)?,
            tax_behavior: field.given("tax_behavior").unwrap_or("unspecified").to_owned(),
        })
    }

    /// Puts the price down; prices made on the way to something else are not active, as with Stripe.
    pub(crate) fn put(self, world: &mut World, owner: Option<&str>, active: bool) -> Value {
        let price = json!({
            "id": world.id(Kind::Price),
            "object": "price",
            "active": active,
            "billing_scheme": "per_unit",
            "created": world.now(),
            "currency": self.currency,
            "custom_unit_amount": null,
            "livemode": false,
            "lookup_key": null,
            "metadata": {},
            "nickname": null,
            "product": self.product,
            "type": if self.recurring.is_null() { "one_time" } else { "recurring" },
            "recurring": self.recurring,
            "tax_behavior": self.tax_behavior,
            "tiers_mode": null,
            "transform_quantity": null,
            "unit_amount": self.unit_amount,
            "unit_amount_decimal": self.unit_amount.to_string(),
        });
        world.shelf.put(Kind::Price, owner, price.clone());
        price
    }
}

fn recurring(field: &Field, name: &dyn Fn(&str) -> String) -> Answer {
    if field.at("recurring").is_none() {
        return Ok(Value::Null);
    }
    if field.given("recurring.usage_type") == Some("metered") {
        return Err(ApiError::invalid("The stand-in meters no usage.").param(&name("recurring")));
    }
    let interval = field
        .given("recurring.interval")
        .ok_or_else(|| missing_param(&name("recurring")))?;
    let count = field.int("recurring.interval_count")?.unwrap_or(1);
    if Cycle::new(interval, count).is_none() {
        let message = "The maximum interval is 3 years, and it must be at least one.";
        return Err(ApiError::invalid(message).param(&name("recurring")));
    }
    Ok(json!({"interval": interval, "interval_count": count, "meter": null, "usage_type": "licensed"}))
}

pub(crate) fn create_product(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let name = params.required("name")?;
    if let Some(id) = params.given("id")
        && world.shelf.entry(id).is_some()
    {
        return Err(ApiError::refused("resource_already_exists", "Product already exists.").param("id"));
    }
    if params.at("default_price_data").is_some() {
        let message = "The stand-in makes prices by POST /v1/prices.";
        return Err(ApiError::invalid(message).param("default_price_data"));
    }
    let given = json!({
        "id": params.json("id"),
        "active": params.text("active") != Some("false"),
        "description": params.json("description"),
        "images": params.texts("images"),
        "metadata": params.map("metadata"),
        "statement_descriptor": params.json("statement_descriptor"),
        "tax_code": params.json("tax_code"),
        "unit_label": params.json("unit_label"),
        "url": params.json("url"),
    });
    let id = new_product(world, call.owner(), name, given);
    world.emit("product.created", &id);
    world.find(Kind::Product, &id, call.owner(), "id")
}

pub(crate) fn retrieve_product(world: &World, call: &Call) -> Answer {
    world.find(Kind::Product, call.id(), call.owner(), "id")
}

pub(crate) fn update_product(world: &mut World, call: &Call) -> Answer {
    retrieve_product(world, call)?;
    let now = world.now();
    Ok(world.update(call.id(), "product.updated", |body| {
        change(
            body,
            call,
            &["name", "description", "default_price", "tax_code", "unit_label", "url"],
        );
        if call.params.at("images").is_some() {
            body["images"] = json!(call.params.texts("images"));
        }
        body["updated"] = json!(now);
    }))
}

pub(crate) fn delete_product(world: &mut World, call: &Call) -> Answer {
    retrieve_product(world, call)?;
    let priced = world.select(Kind::Price, call.owner(), |price| text(price, "product") == call.id());
    if !priced.is_empty() {
        let message = "This product cannot be deleted because it has one or more user-created prices.";
        return Err(ApiError::invalid(message));
    }
    world.emit("product.deleted", call.id());
    world.shelf.remove(call.id());
    Ok(json!({"id": call.id(), "object": "product", "deleted": true}))
}

pub(crate) fn list_products(world: &World, call: &Call) -> Answer {
    let ids = call.params.texts("ids");
    let products = world.select(Kind::Product, call.owner(), |body| {
        keeps_active(call, body) && (ids.is_empty() || ids.contains(&text(body, "id")))
    });
    list::page(call, Kind::Product, "/v1/products", products)
}

pub(crate) fn create_price(world: &mut World, call: &Call) -> Answer {
    let (params, owner) = (&call.params, call.owner());
    let product = match (params.given("product"), params.given("product_data.name")) {
        (Some(id), _) => text(&world.find(Kind::Product, id, owner, "product")?, "id").to_owned(),
        (None, Some(_)) => String::new(),
        (None, None) => return Err(missing_param("product")),
    };
    let mut price = NewPrice::read(params, product, &str::to_owned)?;
    let key = params.given("lookup_key");
    free_lookup_key(world, call, key)?;
    if price.product.is_empty() {
        let given = json!({"metadata": params.map("product_data.metadata")});
        price.product = new_product(world, owner, params.required("product_data.name")?, given);
        let product = price.product.clone();
        world.emit("product.created", &product);
    }
    let price = price.put(world, owner, params.text("active") != Some("false"));
    let id = text(&price, "id");
    let body = world.set(id, |body| {
        body["lookup_key"] = json!(key);
        body["nickname"] = params.json("nickname");
        body["metadata"] = Value::Object(params.map("metadata"));
    });
    world.emit("price.created", id);
    Ok(body)
}

pub(crate) fn retrieve_price(world: &World, call: &Call) -> Answer {
    world.find(Kind::Price, call.id(), call.owner(), "price")
}

pub(crate) fn update_price(world: &mut World, call: &Call) -> Answer {
    retrieve_price(world, call)?;
    let key = call.params.given("lookup_key");
    free_lookup_key(world, call, key)?;
    Ok(world.update(call.id(), "price.updated", |body| {
        change(body, call, &["lookup_key", "nickname", "tax_behavior"]);
    }))
}

pub(crate) fn list_prices(world: &World, call: &Call) -> Answer {
    let keys = call.params.texts("lookup_keys");
    let prices = world.select(Kind::Price, call.owner(), |body| {
        ["product", "currency", "type"]
            .iter()
            .all(|field| call.keeps(body, field))
            && keeps_active(call, body)
            && (keys.is_empty() || keys.contains(&text(body, "lookup_key")))
            && call
                .params
                .given("recurring.interval")
                .is_none_or(|interval| text(&body["recurring"], "interval") == interval)
    });
    list::page(call, Kind::Price, "/v1/prices", prices)
}

/// What a price comes to for a quantity.
pub(crate) fn amount(price: &Value, quantity: i64) -> i64 {
    int(price, "unit_amount").saturating_mul(quantity)
}

/// What is sold at a price, as a line of an invoice calls it.
pub(crate) fn product_name(world: &World, price: &Value) -> String {
    let product = world.shelf.get(Kind::Product, text(price, "product"));
    product.map_or_else(String::new, |product| text(product, "name").to_owned())
}

fn change(body: &mut Value, call: &Call, fields: &[&str]) {
    for field in fields {
        if call.params.at(field).is_some() {
            body[*field] = call.params.json(field);
        }
    }
    if call.params.at("active").is_some() {
        body["active"] = json!(call.params.flag("active"));
    }
    merge_metadata(body, &call.params);
}

fn keeps_active(call: &Call, body: &Value) -> bool {
    let wanted: Option<&str> = call.params.given("active");
    wanted.is_none_or(|wanted| body["active"] == json!(wanted == "true"))
}

/// A lookup key names one price; `transfer_lookup_key` takes it from the one that has it.
fn free_lookup_key(world: &mut World, call: &Call, key: Option<&str>) -> Result<(), ApiError> {
    let Some(key) = key else { return Ok(()) };
    let holder = world
        .select(Kind::Price, call.owner(), |body| text(body, "lookup_key") == key)
        .first()
        .map(|body| text(body, "id").to_owned())
        .filter(|id| id != call.id());
    match holder {
        Some(holder) if call.params.flag("transfer_lookup_key") => {
            world.update(&holder, "price.updated", |body| body["lookup_key"] = Value::Null);
            Ok(())
        }
        Some(holder) => {
            let message = format!(
                "A price (`{holder}`) already uses that lookup key. Set `transfer_lookup_key` to true to transfer it."
            );
            Err(ApiError::invalid(message).param("lookup_key"))
        }
        None => Ok(()),
    }
}

/// The recurring part of a price for texts: `per month`, `every 3 months`.
pub(crate) fn rhythm(price: &Value) -> Option<String> {
    let recurring: &Map<String, Value> = price["recurring"].as_object()?;
    let interval = recurring.get("interval")?.as_str()?;
    Some(match recurring.get("interval_count")?.as_i64()? {
        1 => format!("per {interval}"),
        count => format!("every {count} {interval}s"),
    })
}
