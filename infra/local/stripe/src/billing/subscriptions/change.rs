//! A change of what a subscription is for: what it gives back, what it asks for, and whether a new period begins.
//!
//! Read and computed first, done afterwards: a preview stops in between.

use serde_json::{Value, json};

use super::items::{self, Item};
use super::{bill, billed, note_item, states};
use crate::billing::amounts::{Reduction, share_of_rest};
use crate::billing::calendar::Period;
use crate::billing::invoices::{self, Bill, lines::Line};
use crate::billing::{coupons, cycle, methods};
use crate::wire::error::ApiError;
use crate::wire::form::Field;
use crate::world::{World, text};

/// What becomes of the difference for the rest of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prorations {
    OnNextInvoice,
    InvoicedNow,
    None,
}

#[derive(Debug)]
pub(crate) struct Change {
    pub before: Vec<Item>,
    pub after: Vec<Item>,
    /// The time from which on the difference is counted.
    pub at: i64,
    pub prorations: Prorations,
    /// Another interval, a moved anchor or a trial ended early: the period ends now, and the next one is billed.
    pub begins_anew: bool,
    /// A trial that is ended early and has nothing to go on with.
    pub unpayable: Option<UnpayableTrial>,
    pub period: Period,
    /// What is given back and asked for because of the change.
    pub lines: Vec<Line>,
}

impl Change {
    pub(crate) fn is_any(&self) -> bool {
        self.before != self.after || self.begins_anew || self.unpayable.is_some()
    }

    /// Whether an invoice is made of it at once.
    pub(crate) fn is_invoiced_now(&self) -> bool {
        self.begins_anew || (self.prorations == Prorations::InvoicedNow && !self.lines.is_empty())
    }

    /// All lines of the invoice that is made at once, but for what waited already.
    pub(crate) fn own_lines(&self, world: &World, subscription: &Value) -> Vec<Line> {
        let mut lines = self.lines.clone();
        if self.begins_anew {
            lines.extend(items::lines(world, subscription, &self.after, self.period, false));
        }
        lines
    }
}

/// What becomes of a trial that ends without anything to pay with, where its settings want no invoice then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnpayableTrial {
    Cancels,
    Pauses,
}

impl UnpayableTrial {
    /// As a trial that ends now would end. Settings and payment method that come with the change count already.
    fn of(world: &World, field: &Field, subscription: &Value) -> Option<Self> {
        let named = field.given("trial_settings.end_behavior.missing_payment_method");
        let settings = &subscription["trial_settings"]["end_behavior"];
        if field.given("default_payment_method").is_some() || methods::of_subscription(world, subscription).is_some() {
            return None;
        }
        match named.unwrap_or_else(|| text(settings, "missing_payment_method")) {
            "cancel" => Some(Self::Cancels),
            "pause" => Some(Self::Pauses),
            _ => None,
        }
    }

    /// For a trial whose time has come.
    pub(crate) fn at_end(world: &World, subscription: &Value) -> Option<Self> {
        Self::of(world, &Field::default(), subscription)
    }

    pub(crate) fn happens(self, world: &mut World, id: &str) {
        match self {
            Self::Cancels => states::end(world, id, None),
            Self::Pauses => states::pause(world, id),
        }
    }
}

/// Reads a change from parameters that begin at `field`. What it asks for is reduced by the discounts that come with it, or else by those
/// that hold.
pub(crate) fn read(
    world: &mut World,
    field: &Field,
    subscription: &Value,
    discounts: Option<Vec<(String, Reduction)>>,
) -> Result<Change, ApiError> {
    let owner = world.owner_of(text(subscription, "id"));
    let before = items::of(subscription);
    let after = items::read(world, field, "items", owner.as_deref(), &before)?;
    let period = items::period(subscription);
    let now = world.now();
    let at = match field.int("proration_date")? {
        Some(at) if !(period.start..=period.end).contains(&at) => {
            let message = "Invalid proration_date: it must be within the current period of the subscription.";
            return Err(ApiError::invalid(message).param("proration_date"));
        }
        at => at.unwrap_or(now),
    };
    let prorations = match field.given("proration_behavior") {
        Some("always_invoice") => Prorations::InvoicedNow,
        Some("none") => Prorations::None,
        _ => Prorations::OnNextInvoice,
    };
    let trialing = text(subscription, "status") == "trialing";
    let ends_trial = field.given("trial_end") == Some("now") && trialing;
    let unpayable = if ends_trial {
        UnpayableTrial::of(world, field, subscription)
    } else {
        None
    };
    let ends_trial = ends_trial && unpayable.is_none();
    let moved = field.given("billing_cycle_anchor") == Some("now");
    let begins_anew = ends_trial || (!trialing && (moved || items::cycle(&before) != items::cycle(&after)));
    let next = match items::cycle(&after) {
        Some(cycle) if begins_anew => cycle.period(now, now),
        _ => period,
    };
    let lines = if prorations == Prorations::None || trialing {
        Vec::new()
    } else {
        let reductions = discounts.unwrap_or_else(|| coupons::holding(world, subscription, now));
        let share = Share {
            subscription,
            period,
            at,
        };
        share.lines(world, &before, &after, begins_anew, &reductions)
    };
    Ok(Change {
        before,
        after,
        at,
        prorations,
        begins_anew,
        unpayable,
        period: next,
        lines,
    })
}

/// Does a change; returns the invoice made of it, which is final but not collected yet.
pub(crate) fn apply(world: &mut World, id: &str, change: &Change) -> Option<String> {
    let before = world.set(id, |_| {});
    let (past, now) = (items::period(&before), world.now());
    let body = world.set(id, |body| {
        body["items"] = items::list(id, &change.after, change.period);
        if change.begins_anew {
            body["billing_cycle_anchor"] = json!(change.period.start);
            if text(body, "status") == "trialing" {
                body["status"] = json!("active");
                body["trial_end"] = json!(change.period.start);
            }
        }
        if change.unpayable.is_some() {
            body["trial_end"] = json!(now);
        }
    });
    let (customer, currency) = (text(&body, "customer").to_owned(), text(&body, "currency").to_owned());
    if change.prorations != Prorations::None {
        let nets = nets(&change.after, &coupons::holding(world, &body, world.now()));
        for (item, net) in change.after.iter().zip(nets) {
            if text(&before, "status") != "trialing" && !change.before.contains(item) {
                note_item(world, &item.id, net);
            }
        }
    }
    for line in &change.lines {
        invoices::items::put(world, &customer, &currency, line);
    }
    if !change.is_invoiced_now() {
        return None;
    }
    // The prorations wait like everything else, so that they are taken with what waited before.
    let mut lines = invoices::items::waiting(world, &body);
    if change.begins_anew {
        lines.extend(items::lines(world, &body, &change.after, change.period, false));
    }
    let looked_at = if change.begins_anew { change.period } else { past };
    let invoice = cycle::issue(world, &body, "subscription_update", looked_at, lines);
    invoices::finalize(world, &invoice);
    Some(invoice)
}

/// What a cancellation gives back: all that is unused.
pub(crate) fn unused(world: &World, subscription: &Value, at: i64) -> Vec<Line> {
    let share = Share {
        subscription,
        period: items::period(subscription),
        at,
    };
    share.lines(world, &items::of(subscription), &[], true, &[])
}

/// The invoice a change makes at once, as it would be; `waiting` is what waits for it already.
pub(crate) fn preview(world: &World, subscription: &Value, change: &Change, waiting: Vec<Line>) -> Bill {
    let mut lines = waiting;
    lines.extend(change.own_lines(world, subscription));
    bill(world, subscription, "subscription_update", change.period, lines)
}

/// The rest of a period, of which a change gives back and asks for.
struct Share<'a> {
    subscription: &'a Value,
    period: Period,
    at: i64,
}

impl Share<'_> {
    fn lines(
        &self,
        world: &World,
        before: &[Item],
        after: &[Item],
        all_end: bool,
        reductions: &[(String, Reduction)],
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        for item in before {
            if all_end || !after.contains(item) {
                let back = share_of_rest(-billed(world, &item.id), self.period, self.at);
                if back != 0 {
                    lines.push(self.line(world, item, back));
                }
            }
        }
        if all_end {
            return lines;
        }
        for (item, net) in after.iter().zip(nets(after, reductions)) {
            if !before.contains(item) {
                let more = share_of_rest(net, self.period, self.at);
                if more != 0 {
                    lines.push(self.line(world, item, more));
                }
            }
        }
        lines
    }

    fn line(&self, world: &World, item: &Item, amount: i64) -> Line {
        Line {
            amount,
            description: items::proration_text(world, item, self.at, amount < 0),
            price: item.price.clone(),
            quantity: item.quantity,
            period: Period {
                start: self.at,
                end: self.period.end,
            },
            subscription_item: Some(item.id.clone()),
            subscription: self.subscription["id"].as_str().map(str::to_owned),
            invoice_item: None,
            proration: true,
            metadata: self.subscription["metadata"].clone(),
        }
    }
}

/// What items come to for a whole period, discounts taken off.
fn nets(items: &[Item], reductions: &[(String, Reduction)]) -> Vec<i64> {
    let mut amounts: Vec<i64> = items.iter().map(Item::amount).collect();
    for (_, reduction) in reductions {
        let parts = reduction.over(&amounts);
        for (amount, part) in amounts.iter_mut().zip(parts) {
            *amount -= part;
        }
    }
    amounts
}
