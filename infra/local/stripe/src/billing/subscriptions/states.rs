//! What becomes of a subscription when an invoice is paid or not, and how it ends.

use serde_json::{Value, json};

use crate::billing::{cycle, invoices};
use crate::world::{Kind, World, text};

/// An invoice of the subscription has been paid: the first makes it begin, the latest makes amends.
pub(crate) fn invoice_paid(world: &mut World, subscription: &str, invoice: &str) {
    let Some(body) = world.shelf.get(Kind::Subscription, subscription) else {
        return;
    };
    let latest = text(body, "latest_invoice") == invoice;
    match text(body, "status") {
        "incomplete" => become_active(world, subscription),
        "past_due" | "unpaid" if latest => become_active(world, subscription),
        "paused" if latest => {
            become_active(world, subscription);
            world.emit("customer.subscription.resumed", subscription);
        }
        _ => {}
    }
}

/// An invoice that was not paid is void: an incomplete subscription ends with its first, a late one is forgiven.
pub(crate) fn invoice_voided(world: &mut World, subscription: &str, invoice: &str) {
    let Some(body) = world.shelf.get(Kind::Subscription, subscription) else {
        return;
    };
    if text(body, "latest_invoice") != invoice {
        return;
    }
    match text(body, "status") {
        "incomplete" => {
            let now = world.now();
            world.update(subscription, "customer.subscription.updated", |body| {
                body["status"] = json!("incomplete_expired");
                body["ended_at"] = json!(now);
            });
        }
        "past_due" | "unpaid" => become_active(world, subscription),
        _ => {}
    }
}

/// An attempt to collect a later invoice has failed.
pub(crate) fn payment_failed(world: &mut World, subscription: &str) {
    let hit = world
        .shelf
        .get(Kind::Subscription, subscription)
        .is_some_and(|body| matches!(text(body, "status"), "active" | "trialing"));
    if hit {
        world.update(subscription, "customer.subscription.updated", |body| {
            body["status"] = json!("past_due");
        });
    }
}

/// The attempts are over, and the subscription stays without being paid for.
pub(crate) fn unpaid(world: &mut World, subscription: &str) {
    let hit = world
        .shelf
        .get(Kind::Subscription, subscription)
        .is_some_and(|body| matches!(text(body, "status"), "active" | "past_due"));
    if hit {
        world.update(subscription, "customer.subscription.updated", |body| {
            body["status"] = json!("unpaid");
        });
    }
}

/// A trial ended without anything to pay with, and the subscription waits for it.
pub(crate) fn pause(world: &mut World, subscription: &str) {
    world.set(subscription, |body| body["status"] = json!("paused"));
    world.emit("customer.subscription.paused", subscription);
}

/// Ends a subscription now; a no-op for one that has ended.
pub(crate) fn end(world: &mut World, subscription: &str, reason: Option<&str>) {
    let over = world.shelf.get(Kind::Subscription, subscription).is_none_or(is_over);
    if over {
        return;
    }
    let now = world.now();
    world.set(subscription, |body| {
        body["status"] = json!("canceled");
        body["ended_at"] = json!(now);
        // A cancellation at the end of the period was asked for earlier, and that is when it was cancelled.
        if body["canceled_at"].is_null() {
            body["canceled_at"] = json!(now);
        }
        if let Some(reason) = reason {
            body["cancellation_details"]["reason"] = json!(reason);
        }
    });
    invoices::stop_trying(world, subscription);
    world.emit("customer.subscription.deleted", subscription);
}

/// The first invoice was not paid within a day.
pub(crate) fn expire(world: &mut World, subscription: &str) {
    let now = world.now();
    let latest = world.update(subscription, "customer.subscription.updated", |body| {
        body["status"] = json!("incomplete_expired");
        body["ended_at"] = json!(now);
    })["latest_invoice"]
        .clone();
    if let Some(invoice) = latest.as_str() {
        invoices::give_up(world, invoice, "void");
    }
}

pub(crate) fn is_over(subscription: &Value) -> bool {
    matches!(text(subscription, "status"), "canceled" | "incomplete_expired")
}

fn become_active(world: &mut World, subscription: &str) {
    world.update(subscription, "customer.subscription.updated", |body| {
        body["status"] = json!("active");
    });
    cycle::plan(world, subscription);
}
