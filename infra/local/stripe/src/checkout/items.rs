//! What a checkout session sells: line items and the prices and products made for them on the way.

use serde_json::{Value, json};

use crate::billing::catalogue::{self, NewPrice};
use crate::billing::{Reduction, least};
use crate::wire::error::ApiError;
use crate::wire::form::{Field, missing_param};
use crate::world::{Kind, World, int, text};

/// Stripe's bound on an amount: eight digits.
const MAX_AMOUNT: i64 = 99_999_999;

/// How a session charges what it sells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    /// A subscription begins, instead of one payment.
    pub recurring: bool,
    /// Nothing is charged yet.
    pub trial: bool,
    pub reduction: Option<Reduction>,
}

/// The line items of a session and the currency they share.
pub(super) fn read(
    world: &mut World,
    params: &Field,
    owner: Option<&str>,
    terms: Terms,
) -> Result<(Vec<Value>, String), ApiError> {
    let fields = params.list("line_items");
    if fields.is_empty() {
        return Err(missing_param("line_items"));
    }
    let most = if terms.recurring { 20 } else { 100 };
    if fields.len() > most {
        let message = format!("Checkout Sessions can have at most {most} line items.");
        return Err(ApiError::invalid(message).param("line_items"));
    }
    // All are read before any price is made: a refused session leaves nothing behind.
    let drafts: Vec<Draft> = fields
        .iter()
        .enumerate()
        .map(|(at, field)| Draft::read(world, field, at, owner))
        .collect::<Result<_, _>>()?;
    check_kind(&drafts, terms.recurring)?;
    let currency = drafts[0].currency().to_owned();
    if let Some(other) = drafts.iter().find(|draft| draft.currency() != currency) {
        let message = format!(
            "All prices on a Checkout Session must use the same currency; got {currency} and {}.",
            other.currency()
        );
        return Err(ApiError::invalid(message).param("line_items"));
    }
    let amounts: Vec<i64> = drafts
        .iter()
        .map(|draft| if terms.trial { 0 } else { draft.amount() })
        .collect();
    let off = terms
        .reduction
        .map_or_else(|| vec![0; amounts.len()], |reduction| reduction.over(&amounts));
    let total = amounts.iter().copied().fold(0, i64::saturating_add);
    check_total(total - off.iter().sum::<i64>(), &currency)?;
    let made = drafts.into_iter().zip(amounts).zip(off);
    Ok((
        made.map(|((draft, amount), off)| draft.make(world, owner, amount, off))
            .collect(),
        currency,
    ))
}

/// The sum of a field of the line items.
pub(super) fn total(items: &[Value], field: &str) -> i64 {
    items.iter().map(|item| int(item, field)).sum()
}

fn check_kind(drafts: &[Draft], recurring: bool) -> Result<(), ApiError> {
    let rhythm = |draft: &Draft| draft.recurring().clone();
    if !recurring && drafts.iter().any(|draft| !rhythm(draft).is_null()) {
        let message = "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode \
                       or use only one-time prices.";
        return Err(ApiError::invalid(message).param("line_items"));
    }
    if recurring && drafts.iter().any(|draft| rhythm(draft).is_null()) {
        let message = "The stand-in sells recurring prices only in `subscription` mode.";
        return Err(ApiError::invalid(message).param("line_items"));
    }
    let same = |draft: &Draft| {
        let (one, other) = (draft.recurring(), drafts[0].recurring());
        one["interval"] == other["interval"] && one["interval_count"] == other["interval_count"]
    };
    if !drafts.iter().all(same) {
        let message = "The stand-in bills all items of a subscription at one interval.";
        return Err(ApiError::invalid(message).param("line_items"));
    }
    Ok(())
}

fn check_total(total: i64, currency: &str) -> Result<(), ApiError> {
    let least = least(currency);
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
    price: Price,
    name: String,
    quantity: i64,
}

enum Price {
    Known(Value),
    /// Made with the session, and its product too if that is given here.
    New {
        price: NewPrice,
        product: Option<Value>,
    },
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
            let price = world.find(Kind::Price, id, owner, &name("[price]"))?;
            return Ok(Self {
                name: catalogue::product_name(world, &price),
                price: Price::Known(price),
                quantity,
            });
        }
        let Some(data) = field.at("price_data") else {
            return Err(missing_param(&name("[price_data][currency]")));
        };
        let inner = |part: &str| name(&format!("[price_data][{part}]"));
        let known = data.given("product").unwrap_or_default().to_owned();
        let price = NewPrice::read(data, known.clone(), &inner)?;
        let (name, product) = if known.is_empty() {
            let product_name = data
                .given("product_data.name")
                .ok_or_else(|| missing_param(&name("[price_data][product_data][name]")))?;
            (product_name.to_owned(), Some(product_data(data)))
        } else {
            let product = world.find(Kind::Product, &known, owner, &inner("product"))?;
            (text(&product, "name").to_owned(), None)
        };
        Ok(Self {
            price: Price::New { price, product },
            name,
            quantity,
        })
    }

    fn amount(&self) -> i64 {
        let unit = match &self.price {
            Price::Known(price) => int(price, "unit_amount"),
            Price::New { price, .. } => price.unit_amount,
        };
        unit.saturating_mul(self.quantity)
    }

    fn currency(&self) -> &str {
        match &self.price {
            Price::Known(price) => text(price, "currency"),
            Price::New { price, .. } => &price.currency,
        }
    }

    fn recurring(&self) -> &Value {
        match &self.price {
            Price::Known(price) => &price["recurring"],
            Price::New { price, .. } => &price.recurring,
        }
    }

    fn make(self, world: &mut World, owner: Option<&str>, amount: i64, off: i64) -> Value {
        let currency = self.currency().to_owned();
        let price = match self.price {
            Price::Known(price) => price,
            Price::New { mut price, product } => {
                if let Some(given) = product {
                    price.product = catalogue::new_product(world, owner, &self.name, given);
                }
                price.put(world, owner, false)
            }
        };
        json!({
            "id": world.id_with("li", 24),
            "object": "item",
            "amount_discount": off,
            "amount_subtotal": amount,
            "amount_tax": 0,
            "amount_total": amount - off,
            "currency": currency,
            "description": self.name,
            "price": price,
            "quantity": self.quantity,
        })
    }
}

/// The fields of `product_data`; what is made on the way to something else is not active.
fn product_data(data: &Field) -> Value {
    json!({
        "active": false,
        "description": data.json("product_data.description"),
        "images": data.texts("product_data.images"),
        "metadata": data.map("product_data.metadata"),
    })
}
