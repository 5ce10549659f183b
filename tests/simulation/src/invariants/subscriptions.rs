//! What must hold of subscriptions: the money, the state and the licence follow Stripe's.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use shared::purchase::Order;
use shared::subscription::Status;

use super::{int, text};
use crate::books::Books;
use crate::standing::Standing;

pub(super) fn every_paid_invoice_is_an_order(books: &Books) -> Vec<String> {
    let mut paid: BTreeMap<&str, i64> = BTreeMap::new();
    for invoice in &books.invoices {
        if text(invoice, "status") == "paid" && int(invoice, "amount_paid") > 0 {
            paid.insert(text(invoice, "id"), int(invoice, "amount_paid"));
        }
    }
    let mut wrong = Vec::new();
    for (order, invoice) in renewals(books) {
        if paid.remove(invoice) != Some(order.total.minor()) {
            wrong.push(format!("{} is {} of {invoice}, or again", order.id, order.total));
        }
    }
    wrong.extend(
        paid.iter()
            .map(|(invoice, minor)| format!("{minor} of {invoice} is no order")),
    );
    wrong
}

fn renewals(books: &Books) -> impl Iterator<Item = (&Order, &str)> {
    fn invoice(order: &Order) -> Option<(&Order, &str)> {
        Some((order, order.renewal.as_ref()?.invoice.as_str()))
    }
    books.orders.iter().filter_map(invoice)
}

fn expected(theirs: &Value) -> Option<Status> {
    let is_paused = theirs["pause_collection"].is_object();
    Some(match text(theirs, "status") {
        "canceled" => Status::Ended,
        "unpaid" => Status::Unpaid,
        "paused" => Status::Paused,
        "trialing" | "active" | "past_due" if is_paused => Status::Paused,
        "trialing" => Status::Trialing,
        "active" => Status::Active,
        "past_due" => Status::PastDue,
        "incomplete_expired" => Status::Lapsed,
        _ => return None,
    })
}

/// What was never begun is over.
pub(super) fn every_subscription_follows(books: &Books) -> Vec<String> {
    let follows = |standing: &&Standing| {
        let (ours, theirs) = (&standing.ours, &standing.theirs);
        if theirs.is_null() {
            return matches!(ours.status, Status::Lapsed | Status::Pending);
        }
        let item = &theirs["items"]["data"][0];
        expected(theirs) == Some(ours.status)
            && int(item, "quantity") == i64::from(ours.quantity)
            && text(&theirs["metadata"], "plan_id") == ours.plan.id.to_string()
            && int(&item["price"], "unit_amount") == ours.plan.price.minor()
    };
    let wrong = books.standings.iter().filter(|standing| !follows(standing));
    wrong
        .map(|standing| format!("{:?} is there {}", standing.ours, standing.theirs))
        .collect()
}

/// As long as Stripe says that a period is paid for or tried; not longer than until it ended, or the grace after what is not paid.
pub(super) fn licences_last_for_what_is_paid(books: &Books) -> Vec<String> {
    let mut wrong = Vec::new();
    for standing in books.standings.iter().filter(|standing| !standing.theirs.is_null()) {
        let (ours, theirs) = (&standing.ours, &standing.theirs);
        let Some(licence) = &standing.licence else {
            wrong.push(format!("{ours:?} has begun and has no licence"));
            continue;
        };
        let grant = licence.granted();
        let second = |value: &Value| value.as_i64().and_then(|second| Timestamp::from_second(second).ok());
        let expires = grant.expires_at.unwrap_or(Timestamp::MAX);
        let ended = second(&theirs["ended_at"]);
        let period_end = second(&theirs["items"]["data"][0]["current_period_end"]);
        let holds = match ours.status {
            Status::Ended => ended.is_some_and(|ended| expires <= ended),
            Status::Trialing | Status::Active => {
                period_end.is_some_and(|end| expires >= end || is_drafted(books, theirs))
            }
            Status::PastDue => period_end.is_some_and(|end| expires < end),
            _ => true,
        };
        let users = grant.limits.users;
        if !holds || users != Some(u64::from(ours.quantity)) {
            wrong.push(format!("{grant:?} of {ours:?}, which is there {theirs}"));
        }
    }
    wrong
}

/// Whether the invoice of the period that has begun is not charged yet.
fn is_drafted(books: &Books, theirs: &Value) -> bool {
    let invoices = books.invoices.iter();
    let mut invoices = invoices.filter(|invoice| invoice["customer"] == theirs["customer"]);
    invoices.any(|invoice| text(invoice, "status") == "draft")
}

/// Where all that was ever paid is given back, nothing runs on.
pub(super) fn what_is_given_back_ends(books: &Books) -> Vec<String> {
    let runs = |standing: &&Standing| {
        let account = standing.account;
        standing.ours.status.is_running() && account.refunded > 0 && account.refunded == account.paid
    };
    let wrong = books.standings.iter().filter(runs);
    wrong
        .map(|standing| format!("{:?} runs, and is given back: {:?}", standing.ours, standing.account))
        .collect()
}

/// Of what was paid, so much can be refunded as is not unspent credit. What is taken back in Stripe's dashboard or by a bank, nobody prevents.
pub(super) fn credit_is_not_refunded(books: &Books) -> Vec<String> {
    let twice = |standing: &&Standing| {
        let account = standing.account;
        !account.is_taken_back && account.refunded + account.credit > account.paid
    };
    let wrong = books.standings.iter().filter(twice);
    wrong
        .map(|standing| format!("{:?} of {:?}", standing.account, standing.ours))
        .collect()
}
