//! Time for one subscription alone: the clock stays where it is for everything else, and for whoever else looks at it.

use serde_json::{Value, json};

use super::cycle;
use super::invoices::{collect, lines::subscription_of};
use super::subscriptions::items;
use crate::world::{Kind, World, int, text};

const TIMES: [&str; 8] = [
    "billing_cycle_anchor",
    "cancel_at",
    "canceled_at",
    "created",
    "ended_at",
    "start_date",
    "trial_end",
    "trial_start",
];
const ITEM_TIMES: [&str; 3] = ["created", "current_period_end", "current_period_start"];

/// Moves a subscription back in time, with the next attempt at its open invoices; then what is due by now happens. Invoices themselves
/// stay where they are: they were made when they were made.
pub(crate) fn age(world: &mut World, id: &str, seconds: i64) {
    world.set(id, |body| {
        for field in TIMES {
            move_back(&mut body[field], seconds);
        }
        for item in body["items"]["data"].as_array_mut().into_iter().flatten() {
            for field in ITEM_TIMES {
                move_back(&mut item[field], seconds);
            }
        }
        if let Some(resumes_at) = body.pointer_mut("/pause_collection/resumes_at") {
            move_back(resumes_at, seconds);
        }
    });
    let aged = world.set(id, |_| {});
    let (sold, start) = (items::of(&aged), items::period(&aged).start);
    // Months differ in length: the period is the calendar's, counted from where it now began.
    if let Some(cycle) = items::cycle(&sold).filter(|_| text(&aged, "status") != "trialing") {
        let period = cycle.period(int(&aged, "billing_cycle_anchor"), start);
        world.set(id, |body| body["items"] = items::list(id, &sold, period));
    }
    if let Some(told_of) = world.notes.get_mut(id).and_then(|note| note.get_mut("told_of")) {
        move_back(told_of, seconds);
    }
    let owner = world.owner_of(id);
    let waiting = world.select(Kind::Invoice, owner.as_deref(), |invoice| {
        subscription_of(invoice) == id && matches!(text(invoice, "status"), "draft" | "open")
    });
    let waiting: Vec<String> = waiting.iter().map(|invoice| text(invoice, "id").to_owned()).collect();
    world.emit("customer.subscription.updated", id);
    for invoice in waiting {
        world.set(&invoice, |body| {
            move_back(&mut body["next_payment_attempt"], seconds);
            move_back(&mut body["automatically_finalizes_at"], seconds);
        });
        collect::age(world, &invoice, seconds);
        collect::due(world, &invoice);
    }
    cycle::due(world, id);
    cycle::plan(world, id);
}

fn move_back(time: &mut Value, seconds: i64) {
    if let Some(at) = time.as_i64() {
        *time = json!(at - seconds);
    }
}
