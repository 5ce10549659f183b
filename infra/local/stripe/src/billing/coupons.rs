//! Coupons, and the discounts that stand on a subscription because of one.

use serde_json::{Value, json};

use super::amounts::Reduction;
use super::calendar::add_months;
use crate::accounts::merge_metadata;
use crate::wire::call::{Answer, Call};
use crate::wire::form::{Field, missing_param};
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, World, int, text};

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let percent = params.given("percent_off").map(percentage).transpose()?;
    let amount = params.int("amount_off")?;
    if percent.is_some() == amount.is_some() {
        let message = "You must pass either percent_off or amount_off, and not both.";
        return Err(ApiError::invalid(message).param("percent_off"));
    }
    if amount.is_some_and(|amount| amount < 1) {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(message)
            .code("parameter_invalid_integer")
            .param("amount_off"));
    }
    if amount.is_some() && params.given("currency").is_none() {
        return Err(missing_param("currency"));
    }
    let duration = params.given("duration").unwrap_or("once");
    let months = params.int("duration_in_months")?;
    if (duration == "repeating") != months.is_some_and(|months| months > 0) {
        let message = "duration_in_months must be a positive number if duration is repeating, and absent otherwise.";
        return Err(ApiError::invalid(message).param("duration_in_months"));
    }
    let id = match params.given("id") {
        Some(id) if world.shelf.entry(id).is_some() => {
            return Err(ApiError::refused("resource_already_exists", "Coupon already exists.").param("id"));
        }
        Some(id) => id.to_owned(),
        // A coupon's own id has no prefix: it is what a person types.
        None => world.id_with("", 8).trim_start_matches('_').to_owned(),
    };
    let body = json!({
        "id": id,
        "object": "coupon",
        "amount_off": amount,
        "created": world.now(),
        "currency": params.json("currency"),
        "duration": duration,
        "duration_in_months": months,
        "livemode": false,
        "max_redemptions": params.int("max_redemptions")?,
        "metadata": params.map("metadata"),
        "name": params.json("name"),
        "percent_off": percent,
        "redeem_by": params.int("redeem_by")?,
        "times_redeemed": 0,
        "valid": true,
    });
    world.shelf.put(Kind::Coupon, call.owner(), body.clone());
    world.emit("coupon.created", &id);
    Ok(body)
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Coupon, call.id(), call.owner(), "coupon")
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    Ok(world.update(call.id(), "coupon.updated", |body| {
        if call.params.at("name").is_some() {
            body["name"] = call.params.json("name");
        }
        merge_metadata(body, &call.params);
    }))
}

/// A deleted coupon is not given any more; the discounts it gave stay.
pub(crate) fn delete(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    world.emit("coupon.deleted", call.id());
    world.shelf.remove(call.id());
    Ok(json!({"id": call.id(), "object": "coupon", "deleted": true}))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let coupons = world.select(Kind::Coupon, call.owner(), |_| true);
    list::page(call, Kind::Coupon, "/v1/coupons", coupons)
}

/// The coupon named by `discounts[0][coupon]`, if any; it must still be given.
pub(crate) fn named(world: &World, params: &Field, owner: Option<&str>) -> Result<Option<Value>, ApiError> {
    let discounts = params.list("discounts");
    let Some(first) = discounts.first() else {
        return Ok(None);
    };
    if discounts.len() > 1 {
        return Err(ApiError::invalid("The stand-in takes one discount at a time.").param("discounts"));
    }
    let id = first.given("coupon").ok_or_else(|| {
        ApiError::invalid("The stand-in takes discounts by coupon only.").param("discounts[0][coupon]")
    })?;
    let coupon = world.find(Kind::Coupon, id, owner, "discounts[0][coupon]")?;
    let late = coupon["redeem_by"].as_i64().is_some_and(|by| by < world.now());
    let used_up = coupon["max_redemptions"]
        .as_i64()
        .is_some_and(|most| int(&coupon, "times_redeemed") >= most);
    if late || used_up {
        let message = format!("Coupon {id} is expired and cannot be redeemed.");
        return Err(ApiError::refused("coupon_expired", message).param("discounts[0][coupon]"));
    }
    Ok(Some(coupon))
}

/// What the coupon takes off that the parameters name, under its name: nothing where they end the discounts. `None`: they leave those as they are.
pub(crate) fn asked(params: &Field, coupon: Option<&Value>) -> Option<Vec<(String, Reduction)>> {
    params.at("discounts")?;
    let named = |coupon: &Value| (text(coupon, "id").to_owned(), reduction(coupon));
    Some(coupon.map(named).into_iter().collect())
}

/// Puts a discount by a coupon on a subscription and returns its id.
pub(crate) fn redeem(world: &mut World, coupon: &Value, subscription: &Value, session: Option<&str>) -> String {
    let (id, now) = (world.id(Kind::Discount), world.now());
    let owner = world.owner_of(text(subscription, "id"));
    let body = json!({
        "id": id,
        "object": "discount",
        "checkout_session": session,
        "customer": subscription["customer"],
        "customer_account": null,
        "end": coupon["duration_in_months"].as_i64().map(|months| add_months(now, months)),
        "invoice": null,
        "invoice_item": null,
        "promotion_code": null,
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": now,
        "subscription": subscription["id"],
        "subscription_item": null,
    });
    world.shelf.put(Kind::Discount, owner.as_deref(), body);
    world.notes.insert(id.clone(), coupon.clone());
    world.set(text(coupon, "id"), |coupon| {
        coupon["times_redeemed"] = json!(int(coupon, "times_redeemed") + 1);
        if coupon["max_redemptions"].as_i64() == Some(int(coupon, "times_redeemed")) {
            coupon["valid"] = json!(false);
        }
    });
    world.emit("customer.discount.created", &id);
    id
}

/// The discounts of a subscription that hold at a time, each with what it takes off.
pub(crate) fn holding(world: &World, subscription: &Value, at: i64) -> Vec<(String, Reduction)> {
    let ids = subscription["discounts"].as_array().into_iter().flatten();
    ids.filter_map(Value::as_str)
        .filter(|id| {
            let discount = world.shelf.get(Kind::Discount, id);
            discount.is_some_and(|discount| discount["end"].as_i64().is_none_or(|end| at < end))
        })
        // The coupon itself may be deleted by now: the discount remembers it.
        .filter_map(|id| Some((id.to_owned(), reduction(world.notes.get(id)?))))
        .collect()
}

/// A discount that holds once has been given with an invoice.
pub(crate) fn spend(world: &mut World, subscription: &str) {
    let Some(body) = world.shelf.get(Kind::Subscription, subscription) else {
        return;
    };
    let (spent, left): (Vec<Value>, Vec<Value>) = body["discounts"]
        .as_array()
        .cloned()
        .unwrap_or_default()
        .into_iter()
        .partition(|id| {
            let coupon = id.as_str().and_then(|id| world.notes.get(id));
            coupon.is_some_and(|coupon| text(coupon, "duration") == "once")
        });
    if !spent.is_empty() {
        world.set(subscription, |body| body["discounts"] = json!(left));
    }
}

pub(crate) fn reduction(coupon: &Value) -> Reduction {
    match coupon["amount_off"].as_i64() {
        Some(amount) => Reduction::Amount(amount),
        None => Reduction::BasisPoints(basis_points(&coupon["percent_off"].to_string()).unwrap_or_default()),
    }
}

/// A percentage as a JSON number: above 0, at most 100, with at most two decimals.
fn percentage(given: &str) -> Answer {
    let refuse = || {
        let message = format!("Invalid percent_off: {given}; it must be above 0 and at most 100.");
        ApiError::invalid(message).param("percent_off")
    };
    let points = basis_points(given).ok_or_else(refuse)?;
    if !(1..=10_000).contains(&points) {
        return Err(refuse());
    }
    let (whole, part) = (points / 100, points % 100);
    if part == 0 {
        return Ok(json!(whole));
    }
    serde_json::from_str(&format!("{whole}.{part:02}")).map_err(|_| refuse())
}

/// `12.5` → 1250; `None` for what is no decimal number with at most two decimals.
fn basis_points(decimal: &str) -> Option<i64> {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    let part = part.trim_end_matches('0');
    if part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hundredths: i64 = format!("{part:0<2}").parse().ok()?;
    let whole: i64 = whole.parse::<u16>().ok()?.into();
    Some(whole * 100 + hundredths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_without_floats() {
        for (text, points) in [
            ("50", 5000),
            ("12.5", 1250),
            ("33.33", 3333),
            ("0.01", 1),
            ("100", 10_000),
            ("50.0", 5000),
        ] {
            assert_eq!(basis_points(text), Some(points), "{text}");
            let shown = percentage(text).expect(text).to_string();
            assert_eq!(basis_points(&shown), Some(points), "{text} as {shown}");
        }
        for bad in ["0", "100.01", "-5", "1.234", "x", "1.x", "1e2"] {
            assert!(percentage(bad).is_err(), "{bad}");
        }
    }
}
