//! Subscriptions: made, changed, paused, cancelled.
//!
//! All items of one share a currency, an interval and a period. What falls due by itself is `cycle`'s.

pub(crate) mod api;
pub(crate) mod change;
pub(crate) mod items;
pub(crate) mod states;

use serde_json::{Value, json};

use super::calendar::Period;
use super::invoices::{self, Bill, collect};
use super::{coupons, cycle, methods};
use crate::wire::error::ApiError;
use crate::world::{Kind, World, text};
use items::Item;

/// What a new subscription is made of.
#[derive(Debug)]
pub(crate) struct New {
    pub owner: Option<String>,
    pub customer: String,
    pub items: Vec<Item>,
    pub trial_end: Option<i64>,
    /// What becomes of a trial that ends without a payment method: `cancel`, `pause` or `create_invoice`.
    pub missing_method: String,
    pub method: Option<String>,
    pub coupon: Option<Value>,
    /// The checkout session it comes from.
    pub session: Option<String>,
    pub description: Value,
    pub metadata: Value,
}

/// How the first invoice is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FirstPayment {
    /// Has been, by the customer at hand.
    Made { intent: String },
    /// With what the customer has stored.
    Stored,
    /// By whoever confirms its payment intent, later.
    Awaited,
}

/// Makes a subscription and its first invoice; returns its id. A decline leaves it incomplete.
pub(crate) fn begin(world: &mut World, new: &New, payment: &FirstPayment) -> String {
    let trial = new.trial_end.is_some();
    let id = put(world, new);
    if let Some(coupon) = &new.coupon {
        let body = world.set(&id, |_| {});
        let discount = coupons::redeem(world, coupon, &body, new.session.as_deref());
        world.set(&id, |body| body["discounts"] = json!([discount]));
    }
    let body = world.set(&id, |_| {});
    let now = world.now();
    let items = items::of(&body);
    let mut lines = items::lines(world, &body, &items, items::period(&body), trial);
    lines.extend(invoices::items::waiting(world, &body));
    let at_once = Period { start: now, end: now };
    let bill = bill(world, &body, "subscription_create", at_once, lines);
    let invoice = invoices::put(world, &bill);
    note_billed(world, &id, &invoice);
    world.emit("customer.subscription.created", &id);
    match payment {
        FirstPayment::Made { intent } => {
            invoices::finalize(world, &invoice);
            collect::paid_by(world, &invoice, intent);
        }
        FirstPayment::Stored => {
            invoices::finalize(world, &invoice);
            // A decline is told by the status of the subscription and of the intent.
            let _declined = collect::attempt(world, &invoice, None, collect::Asked::BySchedule);
        }
        FirstPayment::Awaited => {
            invoices::finalize(world, &invoice);
            invoices::await_payment(world, &invoice);
        }
    }
    cycle::plan(world, &id);
    id
}

/// An invoice of a subscription, with the discounts that hold now.
pub(super) fn bill(
    world: &World,
    subscription: &Value,
    reason: &'static str,
    period: Period,
    lines: Vec<invoices::lines::Line>,
) -> Bill {
    Bill {
        customer: text(subscription, "customer").to_owned(),
        reason,
        period,
        lines,
        discounts: coupons::holding(world, subscription, world.now()),
        currency: text(subscription, "currency").to_owned(),
        subscription: subscription.clone(),
    }
}

/// Remembers what each item of a subscription was billed for its whole period, discounts taken off: what is unused of it
/// is given back, whatever the price is called by then.
pub(super) fn note_billed(world: &mut World, subscription: &str, invoice: &str) {
    let lines = world
        .shelf
        .get(Kind::Invoice, invoice)
        .and_then(|body| body["lines"]["data"].as_array().cloned())
        .unwrap_or_default();
    for line in lines {
        let details = &line["parent"]["subscription_item_details"];
        if text(details, "subscription") == subscription && details["proration"] == json!(false) {
            let taken: i64 = line["discount_amounts"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|each| crate::world::int(each, "amount"))
                .sum();
            let net = crate::world::int(&line, "amount") - taken;
            note_item(world, text(details, "subscription_item"), net);
        }
    }
}

pub(super) fn note_item(world: &mut World, item: &str, billed: i64) {
    world.notes.insert(item.to_owned(), json!({"billed": billed}));
}

/// What an item was billed for its whole period.
pub(super) fn billed(world: &World, item: &str) -> i64 {
    world
        .notes
        .get(item)
        .map_or(0, |note| crate::world::int(note, "billed"))
}

/// Refuses a new subscription that a stored payment method could not pay, if that is to be an error.
pub(super) fn check_method(world: &mut World, method: Option<&str>, error_if_declined: bool) -> Result<(), ApiError> {
    match method {
        None => Err(collect::no_method()),
        Some(method) if error_if_declined => methods::refusal(world, method).map_or(Ok(()), Err),
        Some(_) => Ok(()),
    }
}

fn put(world: &mut World, new: &New) -> String {
    let (id, now) = (world.id(Kind::Subscription), world.now());
    let anchor = new.trial_end.unwrap_or(now);
    let period = match (new.trial_end, items::cycle(&new.items)) {
        (None, Some(cycle)) => cycle.period(anchor, now),
        (end, _) => Period {
            start: now,
            end: end.unwrap_or(now),
        },
    };
    let body = json!({
        "id": id,
        "object": "subscription",
        "application": null,
        "application_fee_percent": null,
        "automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null},
        "billing_cycle_anchor": anchor,
        "billing_cycle_anchor_config": null,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": now},
        "billing_schedules": [],
        "billing_thresholds": null,
        "cancel_at": null,
        "cancel_at_period_end": false,
        "canceled_at": null,
        "cancellation_details": {"comment": null, "feedback": null, "reason": null},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": new.items.first().map_or("", |item| text(&item.price, "currency")),
        "customer": new.customer,
        "customer_account": null,
        "days_until_due": null,
        "default_payment_method": new.method,
        "default_source": null,
        "default_tax_rates": [],
        "description": new.description,
        "discounts": [],
        "ended_at": null,
        "invoice_settings": {"account_tax_ids": null, "issuer": {"type": "self"}},
        "items": items::list(&id, &new.items, period),
        "latest_invoice": null,
        "livemode": false,
        "metadata": new.metadata,
        "next_pending_invoice_item_invoice": null,
        "on_behalf_of": null,
        "pause_collection": null,
        "payment_settings": {"payment_method_options": null, "payment_method_types": null,
            "save_default_payment_method": if new.session.is_some() { "on_subscription" } else { "off" }},
        "pending_invoice_item_interval": null,
        "pending_setup_intent": null,
        "pending_update": null,
        "schedule": null,
        "start_date": now,
        "status": if new.trial_end.is_some() { "trialing" } else { "incomplete" },
        "test_clock": null,
        "transfer_data": null,
        "trial_end": new.trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": new.missing_method}},
        "trial_start": new.trial_end.map(|_| now),
    });
    world.shelf.put(Kind::Subscription, new.owner.as_deref(), body);
    world.set(&new.customer, |body| {
        body["currency"] = json!(new.items.first().map(|item| text(&item.price, "currency")));
    });
    id
}
