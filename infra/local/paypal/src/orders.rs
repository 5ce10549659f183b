//! Orders v2: made, approved by the buyer, captured.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::amount::Sum;
use crate::error::ApiError;
use crate::events;
use crate::payments;
use crate::world::{Kind, World};

/// PayPal's limits (orders_v2, `item.name` and `purchase_unit_request.custom_id`).
const MAX_NAME: usize = 127;
const MAX_CUSTOM_ID: usize = 255;

/// A buyer's way through the page.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub return_url: String,
    pub cancel_url: String,
    pub outcome: Outcome,
}

/// What becomes of the money once the order is captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    #[default]
    Success,
    /// The buyer may approve again.
    Declined,
    /// Pending, then completed.
    Pending,
    /// Pending, then denied.
    Denied,
}

/// Returns the order's id.
pub(crate) fn create(world: &mut World, body: &Value) -> Result<String, ApiError> {
    if body["intent"] != "CAPTURE" {
        let why = "The stand-in serves the intent CAPTURE only.";
        return Err(ApiError::invalid("INVALID_PARAMETER_VALUE", "/intent", why));
    }
    let Some([unit]) = body["purchase_units"].as_array().map(Vec::as_slice) else {
        let why = "The stand-in serves orders of one purchase unit.";
        return Err(ApiError::invalid("INVALID_ARRAY_LENGTH", "/purchase_units", why));
    };
    let total = Sum::read(&unit["amount"], "currency_code")?;
    check_items(unit, &total)?;
    if unit["custom_id"]
        .as_str()
        .is_some_and(|id| id.chars().count() > MAX_CUSTOM_ID)
    {
        let why = "The value of a field is too long.";
        return Err(ApiError::invalid(
            "INVALID_STRING_LENGTH",
            "/purchase_units/@reference_id=='default'/custom_id",
            why,
        ));
    }
    let context = &body["payment_source"]["paypal"]["experience_context"];
    let (Some(return_url), Some(cancel_url)) = (context["return_url"].as_str(), context["cancel_url"].as_str()) else {
        let why = "A return URL and a cancel URL are needed for a buyer to come back.";
        let field = "/payment_source/paypal/experience_context";
        return Err(ApiError::invalid("MISSING_REQUIRED_PARAMETER", field, why));
    };
    let visit = Visit {
        return_url: return_url.to_owned(),
        cancel_url: cancel_url.to_owned(),
        outcome: Outcome::default(),
    };
    let id = world.id();
    let mut unit = unit.clone();
    unit["reference_id"] = json!("default");
    let link = |rel: &str, href: String| json!({"href": href, "rel": rel, "method": "GET"});
    let order = json!({
        "id": id,
        "intent": "CAPTURE",
        "status": "PAYER_ACTION_REQUIRED",
        "payment_source": {"paypal": {}},
        "purchase_units": [unit],
        "create_time": world.time(),
        "links": [
            link("self", world.url(&format!("/v2/checkout/orders/{id}"))),
            link("payer-action", world.url(&format!("/checkoutnow?token={id}"))),
        ],
    });
    world.put(Kind::Order, &id, order);
    world.visits.insert(id.clone(), visit);
    Ok(id)
}

/// Items must add up to `item_total`, and that to the amount.
fn check_items(unit: &Value, total: &Sum) -> Result<(), ApiError> {
    let Some(items) = unit["items"].as_array() else {
        return Ok(());
    };
    let mut sum = 0_i64;
    for item in items {
        let name = item["name"].as_str().unwrap_or_default();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            let why = "The value of a field is either too short or too long.";
            return Err(ApiError::invalid(
                "INVALID_STRING_LENGTH",
                "/purchase_units/@reference_id=='default'/items/name",
                why,
            ));
        }
        let each = Sum::read(&item["unit_amount"], "currency_code")?;
        let quantity: Option<i64> = item["quantity"].as_str().and_then(|text| text.parse().ok());
        let quantity = quantity.filter(|quantity| *quantity > 0).unwrap_or_default();
        sum = sum.saturating_add(each.minor.saturating_mul(quantity));
    }
    let told = Sum::read(&unit["amount"]["breakdown"]["item_total"], "currency_code")?;
    if told.minor != sum {
        let why = "Should equal sum of (unit_amount * quantity) across all items for a given purchase_unit.";
        return Err(ApiError::issue("ITEM_TOTAL_MISMATCH", why));
    }
    if told != *total {
        let why =
            "Should equal item_total + tax_total + shipping + handling + insurance - shipping_discount - discount.";
        return Err(ApiError::issue("AMOUNT_MISMATCH", why));
    }
    Ok(())
}

/// The order with its capture and refunds, as it is now.
pub(crate) fn shown(world: &World, id: &str) -> Result<Value, ApiError> {
    let mut order = world.find(Kind::Order, id)?;
    let of_order = |capture: &&Value| payments::order_of(capture) == Some(id);
    if let Some(capture) = world.all(Kind::Capture).find(of_order) {
        let mut payments = json!({"captures": [capture]});
        let refunds: Vec<&Value> = payments::refunds_of(world, capture["id"].as_str().unwrap_or_default()).collect();
        if !refunds.is_empty() {
            payments["refunds"] = json!(refunds);
        }
        order["purchase_units"][0]["payments"] = payments;
    }
    Ok(order)
}

/// The buyer agrees; returns where the browser goes on.
pub(crate) fn approve(world: &mut World, id: &str, outcome: Outcome) -> Result<String, ApiError> {
    let order = world.find(Kind::Order, id)?;
    if order["status"] != "PAYER_ACTION_REQUIRED" {
        return Err(ApiError::issue(
            "ORDER_ALREADY_APPROVED",
            "The order has been approved already.",
        ));
    }
    let payer = world.id();
    let Some(visit) = world.visits.get_mut(id) else {
        return Err(ApiError::missing());
    };
    visit.outcome = outcome;
    let mut way = with_token(&visit.return_url, id);
    way.push_str("&PayerID=");
    way.push_str(&payer);
    world.change(Kind::Order, id, |order| {
        order["status"] = json!("APPROVED");
        order["payer"] = json!({"payer_id": payer, "email_address": "buyer@example.com",
            "name": {"given_name": "Jenny", "surname": "Rosen"}});
    });
    let order = shown(world, id)?;
    events::emit(world, "CHECKOUT.ORDER.APPROVED", &order);
    Ok(way)
}

/// PayPal tells the page it returns to which order it was.
pub(crate) fn with_token(url: &str, order: &str) -> String {
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}token={order}")
}

pub(crate) fn capture(world: &mut World, id: &str) -> Result<(), ApiError> {
    let order = world.find(Kind::Order, id)?;
    match order["status"].as_str() {
        Some("APPROVED") => {}
        Some("COMPLETED") => {
            let why = "Order already captured. If 'intent=CAPTURE' only one capture per order is allowed.";
            return Err(ApiError::issue("ORDER_ALREADY_CAPTURED", why));
        }
        _ => {
            let why = "Payer has not yet approved the Order for payment. Please redirect the payer to the link relation 'payer-action'.";
            return Err(ApiError::issue("ORDER_NOT_APPROVED", why));
        }
    }
    let outcome = world.visits.get(id).map(|visit| visit.outcome).unwrap_or_default();
    if outcome == Outcome::Declined {
        world.change(Kind::Order, id, |order| {
            order["status"] = json!("PAYER_ACTION_REQUIRED");
        });
        let why = "The instrument presented was either declined by the processor or bank, or it can't be used for this payment.";
        return Err(ApiError::issue("INSTRUMENT_DECLINED", why));
    }
    let unit = &order["purchase_units"][0];
    if let Some(invoice) = unit["invoice_id"].as_str()
        && world.all(Kind::Capture).any(|capture| capture["invoice_id"] == invoice)
    {
        let why = "Duplicate Invoice ID detected. To avoid a potential duplicate transaction your account setting requires that Invoice Id be unique for each transaction.";
        return Err(ApiError::issue("DUPLICATE_INVOICE_ID", why));
    }
    world.change(Kind::Order, id, |order| order["status"] = json!("COMPLETED"));
    payments::capture(world, id, unit, outcome);
    Ok(())
}
