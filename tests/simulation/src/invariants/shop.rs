//! What must hold of what is sold: when it is earned, that it was on sale, that a cart is ordered once.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::ids::OrderId;
use shared::ledger::Fact;
use shared::purchase::refund::RefundState;
use shared::purchase::{Order, OrderStatus};

use super::{int, text};
use crate::books::Books;

/// What is told at midnight is written a little later.
const PROMPTLY: SignedDuration = SignedDuration::from_mins(10);

/// When the money of a charge came: with its movement, or at once where the movement is told later.
fn arrival(books: &Books, order: &Order) -> Option<i64> {
    let charge = order.charge.as_deref()?;
    let charge = books.charges.iter().find(|known| text(known, "id") == charge)?;
    let movements = books.transactions.iter();
    let mut movements =
        movements.filter(|movement| movement["source"] == charge["id"] && text(movement, "type") != "refund");
    let is_card = charge["payment_method_details"]["type"] == "card";
    let created = |object: &Value| int(object, "created");
    if is_card {
        Some(created(charge))
    } else {
        movements.next().map(created)
    }
}

fn orders_by_id(books: &Books) -> BTreeMap<OrderId, &Order> {
    books.orders.iter().map(|order| (order.id, order)).collect()
}

pub(super) fn earned_from_arrival(books: &Books) -> Vec<String> {
    let orders = orders_by_id(books);
    let mut wrong = Vec::new();
    for entry in &books.journal {
        let Fact::Sale(order) = &entry.fact else { continue };
        let arrived = orders.get(order).and_then(|order| arrival(books, order));
        if arrived.is_some_and(|arrived| entry.occurred_at.as_second() < arrived) {
            wrong.push(format!("{entry:?} is of money that came at {arrived:?}"));
        }
    }
    wrong
}

/// Seen where nothing is late by itself.
pub(super) fn closed_months_stay(books: &Books) -> Vec<String> {
    if !books.is_prompt {
        return Vec::new();
    }
    let month = |at: Timestamp| at.to_zoned(TimeZone::UTC).date().first_of_month();
    let dated = books.journal.iter().zip(&books.written_at);
    // What a processor moves by itself is no partner's: the reconciliation finds it, and dates it by its movement.
    let dated = dated.filter(|(entry, _)| !matches!(entry.fact, Fact::Processor(_)));
    let late = dated.filter(|(entry, written)| month(entry.occurred_at) < month(**written - PROMPTLY));
    late.map(|(entry, written)| format!("{entry:?} was written at {written}"))
        .collect()
}

pub(super) fn nothing_withdrawn_is_sold(books: &Books) -> Vec<String> {
    let mut wrong = Vec::new();
    for order in books.orders.iter().filter(|order| order.status == OrderStatus::Paid) {
        let Some(arrived) = arrival(books, order) else { continue };
        for line in order.lines.iter().filter(|line| !line.withdrawn) {
            let mut gone = books.withdrawals.iter().filter(|gone| gone.listing == line.listing);
            if gone.any(|gone| gone.until.is_none() && arrived > gone.from.as_second()) {
                wrong.push(format!(
                    "{} of {} was paid when it had left the shop",
                    line.listing, order.id
                ));
            }
        }
    }
    wrong
}

/// Unless the customer's bank has sent it back, or Stripe refuses it because somebody else was faster to take or give back a part.
pub(super) fn withdrawn_goes_back(books: &Books) -> Vec<String> {
    let mut wrong = Vec::new();
    for order in books.orders.iter().filter(|order| order.status == OrderStatus::Paid) {
        let mut refunds = books.refunds.iter().filter(|refund| refund.order == order.id);
        let has_ended = |state: &RefundState| matches!(state, RefundState::Failed { .. } | RefundState::Refused { .. });
        let is_prevented = refunds.any(|refund| has_ended(&refund.state));
        for line in order.lines.iter().filter(|line| line.withdrawn) {
            let back = line.returned;
            let back = back.partner + back.platform + back.affiliate + back.reseller;
            if line.legs().partner != 0 || (back != line.price.minor() && !is_prevented) {
                wrong.push(format!("of {} {back} has gone back: {line:?}", order.id));
            }
        }
    }
    wrong
}

/// Two clicks lead to one order, unless what is in the cart has left the shop.
pub(super) fn carts_are_ordered_once(books: &Books) -> Vec<String> {
    let clicks: Vec<_> = books
        .errands
        .iter()
        .zip(&books.clicks)
        .filter(|(_, clicks)| **clicks)
        .collect();
    let of = |customer| {
        books
            .orders
            .iter()
            .filter(move |order| order.customer == customer)
            .count()
    };
    let mut wrong = Vec::new();
    for pair in clicks.chunks(2) {
        let made: Vec<_> = pair.iter().filter_map(|(order, _)| order.as_ref()).collect();
        if made.len() > 1 || (made.is_empty() && books.withdrawals.is_empty()) {
            wrong.push(format!("two clicks lead to {made:?}"));
        }
        let ids = books
            .orders
            .iter()
            .find(|order| made.iter().any(|id| **id == order.id.to_string()));
        if ids.is_some_and(|order| of(order.customer) != 1) {
            wrong.push(format!("beside {made:?} there are other orders of the same cart"));
        }
    }
    wrong
}
