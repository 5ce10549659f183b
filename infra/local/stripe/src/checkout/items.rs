//! What a checkout session sells: line items and the prices and products made for them on the way.

use serde_json::{Value, json};

use crate::wire::error::ApiError;
use crate::wire::form::{Field, missing_param};
use crate::world::{Kind, World, int, text};

/// Stripe's bound on an amount: eight digits.
const MAX_AMOUNT: i64 = 99_999_999;

/// The line items of a session and the currency they share.
pub(super) fn read(world: &mut World, params: &Field, owner: Option<&str>) -> Result<(Vec<Value>, String), ApiError> {
    let fields = params.list("line_items");
    if fields.is_empty() {
        return Err(missing_param("line_items"));
    }
    if fields.len() > 100 {
        return Err(ApiError::invalid("Checkout Sessions can have at most 100 line items.").param("line_items"));
    }
    // All are read before any price is made: a refused session leaves nothing behind.
    let drafts: Vec<Draft> = fields
        .iter()
        .enumerate()
        .map(|(at, field)| Draft::read(world, field, at, owner))
        .collect::<Result<_, _>>()?;
    let currency = drafts[0].currency.clone();
    if let Some(other) = drafts.iter().find(|draft| draft.currency != currency) {
        let message = format!(
            "All prices on a Checkout Session must use the same currency; got {currency} and {}.",
            other.currency
        );
        return Err(ApiError::invalid(message).param("line_items"));
    }
    let total: i64 = drafts
        .iter()
        .map(|draft| draft.unit_amount.saturating_mul(draft.quantity))
        .fold(0, i64::saturating_add);
    check_total(total, &currency)?;
    Ok((
        drafts.into_iter().map(|draft| draft.make(world, owner)).collect(),
        currency,
    ))
}

pub(super) fn total(items: &[Value]) -> i64 {
    items.iter().map(|item| int(item, "amount_total")).sum()
}

fn check_total(total: i64, currency: &str) -> Result<(), ApiError> {
    let least = match currency {
        "eur" | "usd" | "chf" | "cad" | "aud" => 50,
        "gbp" => 30,
        "jpy" => 50,
        "sek" | "nok" => 300,
        "dkk" => 250,
        _ => 1,
    };
    if total > MAX_AMOUNT {
        let message = "The Checkout Session's total amount must be no more than 99999999.";
        return Err(ApiError::invalid(message).code("amount_too_large").param("line_items"));
    }
    if (1..least).contains(&total) {
        let message = format!(
            "The Checkout Session's total amount due must add up to at least {least} in the smallest unit of {currency}"
        );
        return Err(ApiError::invalid(message).code("amount_too_small").param("line_items"));
    }
    Ok(())
}

struct Draft {
    /// A price made before, else one to make.
    price: Option<Value>,
    product: Option<String>,
    name: String,
    description: Value,
    metadata: Value,
    images: Vec<String>,
    tax_behavior: String,
    unit_amount: i64,
    currency: String,
    quantity: i64,
}

impl Draft {
    fn read(world: &World, field: &Field, at: usize, owner: Option<&str>) -> Result<Self, ApiError> {
        let name = |path: &str| format!("line_items[{at}]{path}");
        let quantity = match field.int("quantity") {
            Ok(Some(quantity)) => quantity,
            Ok(None) => {
                let message = "Quantity is required. Add `quantity` to the line item.";
                return Err(ApiError::invalid(message)
                    .code("parameter_missing")
                    .param(&name("[quantity]")));
            }
            Err(error) => return Err(error.param(&name("[quantity]"))),
        };
        if quantity < 1 {
            let message = "This value must be greater than or equal to 1.";
            return Err(ApiError::invalid(message)
                .code("parameter_invalid_integer")
                .param(&name("[quantity]")));
        }
        if let Some(id) = field.given("price") {
            return Self::of_price(world, id, quantity, owner, &name("[price]"));
        }
        let text_at = |path: &str, bracket: &str| field.given(path).ok_or_else(|| missing_param(&name(bracket)));
        let currency = text_at("price_data.currency", "[price_data][currency]")?.to_ascii_lowercase();
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
            let message = format!("Invalid currency: {currency}. Stripe takes three-letter ISO currency codes.");
            return Err(ApiError::invalid(message).param(&name("[price_data][currency]")));
        }
        let unit_amount = field
            .int("price_data.unit_amount")
            .map_err(|error| error.param(&name("[price_data][unit_amount]")))?
            .ok_or_else(|| missing_param(&name("[price_data][unit_amount]")))?;
        if unit_amount < 0 {
            let message = "This value must be greater than or equal to 0.";
            let error = ApiError::invalid(message).code("parameter_invalid_integer");
            return Err(error.param(&name("[price_data][unit_amount]")));
        }
        let product = field.given("price_data.product").map(str::to_owned);
        let product_name = match &product {
            Some(id) => text(
                &world.find(Kind::Product, id, owner, &name("[price_data][product]"))?,
                "name",
            )
            .to_owned(),
            None => text_at("price_data.product_data.name", "[price_data][product_data][name]")?.to_owned(),
        };
        let product_data = |path: &str| {
            field
                .at("price_data.product_data")
                .unwrap_or(&Field::Text(String::new()))
                .json(path)
        };
        Ok(Self {
            price: None,
            product,
            name: product_name,
            description: product_data("description"),
            metadata: Value::Object(field.map("price_data.product_data.metadata")),
            images: field
                .texts("price_data.product_data.images")
                .into_iter()
                .map(str::to_owned)
                .collect(),
            tax_behavior: field
                .given("price_data.tax_behavior")
                .unwrap_or("unspecified")
                .to_owned(),
            unit_amount,
            currency,
            quantity,
        })
    }

    fn of_price(world: &World, id: &str, quantity: i64, owner: Option<&str>, param: &str) -> Result<Self, ApiError> {
        let price = world.find(Kind::Price, id, owner, param)?;
        let name = world
            .shelf
            .get(Kind::Product, text(&price, "product"))
            .map(|product| text(product, "name").to_owned());
        Ok(Self {
            product: Some(text(&price, "product").to_owned()),
            name: name.unwrap_or_default(),
            description: Value::Null,
            metadata: json!({}),
            images: Vec::new(),
            tax_behavior: String::new(),
            unit_amount: int(&price, "unit_amount"),
            currency: text(&price, "currency").to_owned(),
            quantity,
            price: Some(price),
        })
    }

    fn make(self, world: &mut World, owner: Option<&str>) -> Value {
        let amount = self.unit_amount * self.quantity;
        let (name, currency, quantity) = (self.name.clone(), self.currency.clone(), self.quantity);
        let price = match self.price.clone() {
            Some(price) => price,
            None => self.make_price(world, owner),
        };
        json!({
            "id": world.id_with("li", 24),
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": amount,
            "amount_tax": 0,
            "amount_total": amount,
            "currency": currency,
            "description": name,
            "price": price,
            "quantity": quantity,
        })
    }

    fn make_price(self, world: &mut World, owner: Option<&str>) -> Value {
        let now = world.now();
        let product = self.product.unwrap_or_else(|| {
            let id = world.id_with("prod", 14);
            let body = json!({
                "id": id,
                "object": "product",
                "active": false,
                "attributes": [],
                "created": now,
                "default_price": null,
                "description": self.description,
                "images": self.images,
                "livemode": false,
                "marketing_features": [],
                "metadata": self.metadata,
                "name": self.name,
                "package_dimensions": null,
                "shippable": null,
                "statement_descriptor": null,
                "tax_code": null,
                "type": "service",
                "unit_label": null,
                "updated": now,
                "url": null,
            });
            world.shelf.put(Kind::Product, owner, body);
            id
        });
        let price = json!({
            "id": world.id(Kind::Price),
            "object": "price",
            "active": false,
            "billing_scheme": "per_unit",
            "created": now,
            "currency": self.currency,
            "custom_unit_amount": null,
            "livemode": false,
            "lookup_key": null,
            "metadata": {},
            "nickname": null,
            "product": product,
            "recurring": null,
            "tax_behavior": self.tax_behavior,
            "tiers_mode": null,
            "transform_quantity": null,
            "type": "one_time",
            "unit_amount": self.unit_amount,
            "unit_amount_decimal": self.unit_amount.to_string(),
        });
        world.shelf.put(Kind::Price, owner, price.clone());
        price
    }
}
