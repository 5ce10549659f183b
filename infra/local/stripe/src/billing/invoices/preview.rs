//! The invoice that comes next, as it would be, with or without a change; nothing is made of it.

use serde_json::{Value, json};

use super::{Bill, draft, items as waiting_items};
use crate::billing::amounts::Reduction;
use crate::billing::calendar::Period;
use crate::billing::coupons;
use crate::billing::subscriptions::change::{self, Change, Prorations};
use crate::billing::subscriptions::{self, api, bill, items};
use crate::wire::call::{Answer, Call};
use crate::wire::error::ApiError;
use crate::wire::form::{Field, missing_param};
use crate::world::{Kind, World, int, text};

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    for refused in ["schedule", "schedule_details", "invoice_items"] {
        if params.at(refused).is_some() {
            let message = format!("The stand-in previews subscriptions only, without {refused}.");
            return Err(ApiError::invalid(message).param(refused));
        }
    }
    let coupon = coupons::named(world, params, call.owner())?;
    let discounts = coupons::asked(params, coupon.as_ref());
    let none = Field::default();
    let details = params.at("subscription_details").unwrap_or(&none);
    let (mut bill, date) = match params.given("subscription") {
        Some(id) => {
            let subscription = world.find(Kind::Subscription, id, call.owner(), "subscription")?;
            if subscriptions::states::is_over(&subscription) {
                let message = "No upcoming invoices: the subscription has ended.";
                return Err(ApiError::refused("invoice_upcoming_none", message).param("subscription"));
            }
            of_existing(world, details, &subscription, discounts.clone())?
        }
        None => (of_new(world, call, details)?, None),
    };
    if let Some(discounts) = discounts {
        bill.discounts = discounts;
    }
    let mut body = draft(world, &bill);
    let id = format!("upcoming_{}", text(&body, "id"));
    body["lines"]["url"] = json!(format!(
        "/v1/invoices/upcoming/lines?subscription={}",
        text(&bill.subscription, "id")
    ));
    for line in body["lines"]["data"].as_array_mut().into_iter().flatten() {
        line["invoice"] = json!(id);
    }
    body["id"] = json!(id);
    if let (Some(date), true) = (date, body["parent"].is_object()) {
        body["parent"]["subscription_details"]["subscription_proration_date"] = json!(date);
    }
    Ok(body)
}

/// The next invoice of a subscription: of the change if that makes one at once, else of its renewal.
fn of_existing(
    world: &mut World,
    details: &Field,
    subscription: &Value,
    discounts: Option<Vec<(String, Reduction)>>,
) -> Result<(Bill, Option<i64>), ApiError> {
    let change = change::read(world, details, subscription, discounts)?;
    let date = change.is_any().then_some(change.at);
    let waiting = waiting_items::waiting(world, subscription);
    if details.flag("cancel_now") {
        let mut lines = waiting;
        if change.prorations != Prorations::None {
            lines.extend(change::unused(world, subscription, change.at));
        }
        let period = items::period(subscription);
        return Ok((bill(world, subscription, "upcoming", period, lines), Some(change.at)));
    }
    if change.is_invoiced_now() {
        let mut bill = change::preview(world, subscription, &change, waiting);
        bill.reason = "upcoming";
        return Ok((bill, date));
    }
    Ok((renewal(world, subscription, &change, waiting), date))
}

fn renewal(world: &World, subscription: &Value, change: &Change, waiting: Vec<super::lines::Line>) -> Bill {
    let past = items::period(subscription);
    let mut lines = waiting;
    lines.extend(change.lines.iter().cloned());
    let cancelled = subscription["cancel_at"].as_i64().is_some_and(|time| time <= past.end);
    if let (Some(cycle), false) = (items::cycle(&change.after), cancelled) {
        let period = cycle.period(int(subscription, "billing_cycle_anchor"), past.end);
        lines.extend(items::lines(world, subscription, &change.after, period, false));
    }
    let mut bill = bill(world, subscription, "upcoming", past, lines);
    // The discounts that hold then, not now.
    bill.discounts = coupons::holding(world, subscription, past.end);
    bill
}

/// The first invoice of a subscription that does not exist yet.
fn of_new(world: &mut World, call: &Call, details: &Field) -> Result<Bill, ApiError> {
    let customer = call.params.required("customer")?;
    world.find(Kind::Customer, customer, call.owner(), "customer")?;
    if details.list("items").is_empty() {
        return Err(missing_param("subscription_details[items]"));
    }
    let now = world.now();
    let sold = items::read(world, details, "items", call.owner(), &[])?;
    let trial_end = api::trial_end(details, now)?;
    let period = match (trial_end, items::cycle(&sold)) {
        (None, Some(cycle)) => cycle.period(now, now),
        (end, _) => Period {
            start: now,
            end: end.unwrap_or(now),
        },
    };
    let unborn = json!({"customer": customer, "currency": sold.first().map(|item| text(&item.price, "currency")),
        "metadata": {}});
    let lines = items::lines(world, &unborn, &sold, period, trial_end.is_some());
    Ok(bill(world, &unborn, "upcoming", Period { start: now, end: now }, lines))
}
