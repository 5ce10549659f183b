//! The calls about subscriptions.

use serde_json::{Value, json};

use super::change::{self, Change};
use super::{FirstPayment, New, begin, check_method, items, states};
use crate::accounts::merge_metadata;
use crate::billing::calendar::Period;
use crate::billing::invoices::{self, collect};
use crate::billing::{coupons, cycle, methods};
use crate::wire::call::{Answer, Call};
use crate::wire::form::{Field, missing_param};
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, World, int, text};

const DAY_S: i64 = 24 * 60 * 60;
/// Stripe's bound on trials: two years.
const MAX_TRIAL_DAYS: i64 = 730;

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let (params, owner) = (&call.params, call.owner());
    let customer = world.find(Kind::Customer, params.required("customer")?, owner, "customer")?;
    let customer = text(&customer, "id").to_owned();
    if params.list("items").is_empty() {
        return Err(missing_param("items"));
    }
    only_automatic(params)?;
    let behavior = params.given("payment_behavior").unwrap_or("allow_incomplete");
    let own = methods::belonging(world, call, &customer, "default_payment_method")?;
    let trial_end = trial_end(params, world.now())?;
    let coupon = coupons::named(world, params, owner)?;
    let sold = items::read(world, params, "items", owner, &[])?;
    let free = sold.iter().all(|item| item.amount() == 0);
    let payment = if behavior == "default_incomplete" {
        FirstPayment::Awaited
    } else {
        if trial_end.is_none() && !free {
            let method = own.clone().or_else(|| methods::of_customer(world, &customer));
            check_method(world, method.as_deref(), behavior == "error_if_incomplete")?;
        }
        FirstPayment::Stored
    };
    let new = New {
        owner: owner.map(str::to_owned),
        customer,
        items: sold,
        trial_end,
        missing_method: missing_method(params),
        method: own,
        coupon,
        session: None,
        description: params.json("description"),
        metadata: Value::Object(params.map("metadata")),
    };
    let id = begin(world, &new, &payment);
    if params.flag("cancel_at_period_end") {
        cancel_at_period_end(world, &id, true);
    }
    world.find(Kind::Subscription, &id, owner, "id")
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Subscription, call.id(), call.owner(), "id")
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let status = call.params.given("status");
    let price = call.params.given("price");
    let subscriptions = world.select(Kind::Subscription, call.owner(), |body| {
        let fits = match status {
            None => text(body, "status") != "canceled",
            Some("all") => true,
            Some("ended") => states::is_over(body),
            Some(status) => text(body, "status") == status,
        };
        fits && call.keeps(body, "customer")
            && call.keeps(body, "collection_method")
            && price.is_none_or(|price| items::of(body).iter().any(|item| text(&item.price, "id") == price))
    });
    list::page(call, Kind::Subscription, "/v1/subscriptions", subscriptions)
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    let before = retrieve(world, call)?;
    let (params, id) = (&call.params, call.id());
    if states::is_over(&before)
        && params
            .children("")
            .iter()
            .any(|(name, _)| !matches!(name.as_str(), "metadata" | "cancellation_details" | "expand"))
    {
        let message = "A canceled subscription can only update its cancellation_details and metadata.";
        return Err(ApiError::invalid(message));
    }
    only_automatic(params)?;
    if params.given("payment_behavior") == Some("pending_if_incomplete") {
        let message = "The stand-in makes no pending updates.";
        return Err(ApiError::invalid(message).param("payment_behavior"));
    }
    let method = methods::belonging(world, call, text(&before, "customer"), "default_payment_method")?;
    let coupon = coupons::named(world, params, call.owner())?;
    let discounts = coupons::asked(params, coupon.as_ref());
    let longer = longer_trial(params, &before, world.now())?;
    let resumes_at = params.int("pause_collection.resumes_at")?;
    let cancel_at = cancel_at(params, &before)?;
    let change = change::read(world, params, &before, discounts)?;
    let costs = change
        .own_lines(world, &before)
        .iter()
        .map(|line| line.amount)
        .sum::<i64>()
        > 0;
    if params.given("payment_behavior") == Some("error_if_incomplete") && change.is_invoiced_now() && costs {
        let method = method.clone().or_else(|| methods::of_subscription(world, &before));
        check_method(world, method.as_deref(), true)?;
    }
    // Nothing is refused from here on.
    world.set(id, |body| {
        if method.is_some() {
            body["default_payment_method"] = json!(method);
        }
        if params.at("description").is_some() {
            body["description"] = params.json("description");
        }
        set_pause(body, params, resumes_at);
        set_trial_settings(body, params);
        merge_metadata(body, params);
        for field in ["comment", "feedback"] {
            if params
                .at("cancellation_details")
                .is_some_and(|details| details.at(field).is_some())
            {
                body["cancellation_details"][field] = params.json(&format!("cancellation_details.{field}"));
            }
        }
    });
    if let Some(end) = longer {
        set_trial_end(world, id, end);
    }
    if let Some(cancel_at) = cancel_at {
        set_cancel_at(world, id, cancel_at);
    }
    if params.at("discounts").is_some() {
        let discount = coupon.map(|coupon| coupons::redeem(world, &coupon, &before, None));
        world.set(id, |body| {
            body["discounts"] = discount.map_or(json!([]), |discount| json!([discount]));
        });
    }
    let invoice = if change.is_any() {
        change::apply(world, id, &change)
    } else {
        None
    };
    if params.at("cancel_at_period_end").is_some() {
        cancel_at_period_end(world, id, params.flag("cancel_at_period_end"));
    }
    world.emit_since("customer.subscription.updated", id, &before);
    if let Some(unpayable) = change.unpayable {
        unpayable.happens(world, id);
    }
    collect_now(world, invoice, params, &change);
    cycle::plan(world, id);
    retrieve(world, call)
}

/// Collects the invoice a change has made.
fn collect_now(world: &mut World, invoice: Option<String>, params: &Field, change: &Change) {
    let Some(invoice) = invoice else { return };
    debug_assert!(change.is_invoiced_now(), "only such a change makes an invoice");
    if params.given("payment_behavior") == Some("default_incomplete") {
        invoices::await_payment(world, &invoice);
    } else {
        // A decline is told by the subscription's status.
        let _declined = collect::attempt(world, &invoice, None, collect::Asked::BySchedule);
    }
}

pub(crate) fn cancel(world: &mut World, call: &Call) -> Answer {
    let body = retrieve(world, call)?;
    let id = call.id();
    if states::is_over(&body) {
        return Err(ApiError::missing(Kind::Subscription.noun(), id, "id"));
    }
    let (customer, currency) = (text(&body, "customer").to_owned(), text(&body, "currency").to_owned());
    let trialing = text(&body, "status") == "trialing";
    if call.params.flag("prorate") && !trialing {
        for line in change::unused(world, &body, world.now()) {
            invoices::items::put(world, &customer, &currency, &line);
        }
    }
    let params = &call.params;
    world.set(id, |body| {
        for field in ["comment", "feedback"] {
            if params.at(&format!("cancellation_details.{field}")).is_some() {
                body["cancellation_details"][field] = params.json(&format!("cancellation_details.{field}"));
            }
        }
        // The day it was cancelled is the day it ends, whatever was planned before.
        body["canceled_at"] = Value::Null;
    });
    states::end(world, id, Some("cancellation_requested"));
    if params.flag("invoice_now") {
        let body = world.set(id, |_| {});
        let lines = invoices::items::waiting(world, &body);
        if !lines.is_empty() {
            let invoice = cycle::issue(world, &body, "subscription_update", items::period(&body), lines);
            invoices::finalize(world, &invoice);
            let _declined = collect::attempt(world, &invoice, None, collect::Asked::BySchedule);
        }
    }
    retrieve(world, call)
}

pub(crate) fn resume(world: &mut World, call: &Call) -> Answer {
    let body = retrieve(world, call)?;
    let id = call.id();
    if text(&body, "status") != "paused" {
        let message = "Only a paused subscription can be resumed.";
        return Err(ApiError::invalid(message));
    }
    if call.params.given("billing_cycle_anchor") == Some("unchanged") {
        let message = "The stand-in resumes a subscription with a new period only.";
        return Err(ApiError::invalid(message).param("billing_cycle_anchor"));
    }
    let sold = items::of(&body);
    let now = world.now();
    let period = items::cycle(&sold).map_or(Period { start: now, end: now }, |cycle| cycle.period(now, now));
    let resumed = world.set(id, |body| {
        body["items"] = items::list(id, &sold, period);
        body["billing_cycle_anchor"] = json!(now);
    });
    let mut lines = items::lines(world, &resumed, &sold, period, false);
    lines.extend(invoices::items::waiting(world, &resumed));
    let invoice = cycle::issue(world, &resumed, "subscription_update", period, lines);
    world.emit_since("customer.subscription.updated", id, &body);
    invoices::finalize(world, &invoice);
    let _declined = collect::attempt(world, &invoice, None, collect::Asked::BySchedule);
    retrieve(world, call)
}

/// The end of a trial, by a number of days or by a time.
pub(crate) fn trial_end(params: &Field, now: i64) -> Result<Option<i64>, ApiError> {
    let refuse = |param: &str, message: &str| Err(ApiError::invalid(message).param(param));
    if let Some(days) = params.int("trial_period_days")? {
        if !(0..=MAX_TRIAL_DAYS).contains(&days) {
            return refuse("trial_period_days", "A trial lasts at most 730 days.");
        }
        return Ok((days > 0).then(|| now + days * DAY_S));
    }
    if params.given("trial_end") == Some("now") {
        return Ok(None);
    }
    match params.int("trial_end")? {
        Some(end) if end <= now => refuse(
            "trial_end",
            "Invalid timestamp: must be an integer Unix time in the future.",
        ),
        end => Ok(end),
    }
}

/// What becomes of a trial that ends without a payment method.
pub(crate) fn missing_method(params: &Field) -> String {
    params
        .given("trial_settings.end_behavior.missing_payment_method")
        .unwrap_or("create_invoice")
        .to_owned()
}

fn only_automatic(params: &Field) -> Result<(), ApiError> {
    if params.given("collection_method") == Some("send_invoice") {
        return Err(ApiError::invalid("The stand-in charges automatically only.").param("collection_method"));
    }
    Ok(())
}

fn longer_trial(params: &Field, before: &Value, now: i64) -> Result<Option<i64>, ApiError> {
    match params.given("trial_end") {
        None | Some("now") => Ok(None),
        Some(_) if text(before, "status") != "trialing" => {
            let message = "The stand-in changes the end of a running trial only.";
            Err(ApiError::invalid(message).param("trial_end"))
        }
        Some(_) => trial_end(params, now),
    }
}

fn set_trial_end(world: &mut World, id: &str, end: i64) {
    world.set(id, |body| {
        let (sold, start) = (items::of(body), items::period(body).start);
        body["trial_end"] = json!(end);
        body["billing_cycle_anchor"] = json!(end);
        body["items"] = items::list(id, &sold, Period { start, end });
    });
}

fn set_pause(body: &mut Value, params: &Field, resumes_at: Option<i64>) {
    match params.at("pause_collection") {
        Some(Field::Text(_)) => body["pause_collection"] = Value::Null,
        Some(Field::Node(_)) => {
            let behavior = params.json("pause_collection.behavior");
            body["pause_collection"] = json!({"behavior": behavior, "resumes_at": resumes_at});
        }
        None => {}
    }
}

fn set_trial_settings(body: &mut Value, params: &Field) {
    if params.at("trial_settings").is_some() {
        body["trial_settings"]["end_behavior"]["missing_payment_method"] = json!(missing_method(params));
    }
}

fn cancel_at_period_end(world: &mut World, id: &str, wanted: bool) {
    let end = world
        .shelf
        .get(Kind::Subscription, id)
        .map(|body| match text(body, "status") {
            "trialing" => int(body, "trial_end"),
            _ => items::period(body).end,
        });
    set_cancel_at(world, id, if wanted { end } else { None });
    world.set(id, |body| body["cancel_at_period_end"] = json!(wanted));
}

/// `cancel_at` as asked for: a time, the end of the period by its names, or none any more.
fn cancel_at(params: &Field, before: &Value) -> Result<Option<Option<i64>>, ApiError> {
    match params.text("cancel_at") {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some("min_period_end" | "max_period_end" | "max_billed_until") => Ok(Some(Some(items::period(before).end))),
        Some(_) => params.int("cancel_at").map(Some),
    }
}

fn set_cancel_at(world: &mut World, id: &str, time: Option<i64>) {
    let now = world.now();
    world.set(id, |body| {
        body["cancel_at"] = json!(time);
        body["cancel_at_period_end"] = json!(false);
        body["canceled_at"] = json!(time.map(|_| now));
        body["cancellation_details"]["reason"] = json!(time.map(|_| "cancellation_requested"));
    });
}
