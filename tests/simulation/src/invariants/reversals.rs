//! What must hold of money that goes back: by refunds, and by disputes.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::PartnerId;
use shared::ledger::{Account, Fact};
use shared::licence::LicenceStatus;
use shared::money::Currency;
use shared::purchase::dispute::DisputeStatus;
use shared::purchase::refund::{Refund, RefundOrigin, RefundState};
use shared::purchase::{Order, OrderStatus};

use super::{int, text};
use crate::books::Books;

/// Each refund that was decided has ended, and Stripe has as many as were accepted, with the same amounts and ends.
pub(super) fn every_refund_ended(books: &Books) -> Vec<String> {
    let theirs = |refund: &Refund| {
        let id = refund.processor_ref.as_deref()?;
        books.stripe_refunds.iter().find(|theirs| text(theirs, "id") == id)
    };
    let agrees = |refund: &Refund| match (&refund.state, theirs(refund)) {
        (RefundState::Declined { .. } | RefundState::Superseded { .. } | RefundState::Refused { .. }, None) => true,
        (RefundState::Succeeded { .. }, Some(theirs)) => {
            text(theirs, "status") == "succeeded" && int(theirs, "amount") == refund.amount.minor()
        }
        (RefundState::Failed { .. }, Some(theirs)) => text(theirs, "status") == "failed",
        _ => false,
    };
    let wrong = books.refunds.iter().filter(|refund| !agrees(refund));
    let known: BTreeSet<_> = books
        .refunds
        .iter()
        .filter_map(|refund| refund.processor_ref.as_deref())
        .collect();
    let strange = books
        .stripe_refunds
        .iter()
        .filter(|theirs| !known.contains(text(theirs, "id")));
    wrong
        .map(|refund| format!("{refund:?}"))
        .chain(strange.map(|theirs| format!("a refund that is not in the books: {theirs}")))
        .collect()
}

/// Neither by Stripe, nor by what was promised at the counter for each line, nor by what is set aside for promises.
pub(super) fn never_more_than_paid(books: &Books) -> Vec<String> {
    let mut wrong = Vec::new();
    for charge in &books.charges {
        let id = text(charge, "id");
        let refunds = books
            .stripe_refunds
            .iter()
            .filter(|refund| text(refund, "charge") == id);
        let refunded: i64 = refunds
            .filter(|refund| text(refund, "status") != "failed")
            .map(|refund| int(refund, "amount"))
            .sum();
        if refunded > int(charge, "amount") {
            wrong.push(format!("{refunded} of {charge}"));
        }
    }
    for order in &books.orders {
        for (index, line) in order.lines.iter().enumerate() {
            let promised = |ours: bool| -> i64 {
                let refunds = books.refunds.iter().filter(|refund| {
                    refund.order == order.id
                        && is_promised(refund)
                        && (!ours || refund.origin != RefundOrigin::Processor)
                });
                let parts = refunds.flat_map(|refund| &refund.lines);
                parts.filter(|part| part.line == index).map(|part| part.minor).sum()
            };
            if promised(true) > line.price.minor() || promised(false) != line.claimed_minor {
                wrong.push(format!(
                    "{} of line {index} of {} is promised, {} is set aside",
                    promised(false),
                    order.id,
                    line.claimed_minor
                ));
            }
        }
    }
    wrong
}

fn is_promised(refund: &Refund) -> bool {
    !matches!(
        refund.state,
        RefundState::Requested
            | RefundState::Declined { .. }
            | RefundState::Superseded { .. }
            | RefundState::Refused { .. }
            | RefundState::Failed { .. }
    )
}

/// By order and account: what the sale gave, and what is left of it. Partners and platform alike keep between nothing and that.
pub(super) fn no_leg_turns(books: &Books) -> Vec<String> {
    let legs = legs(books);
    let turned = legs
        .iter()
        .filter(|(_, (sold, left))| *left < (*sold).min(0) || *left > (*sold).max(0));
    turned
        .map(|(leg, (sold, left))| format!("{leg:?} got {sold} and has {left} left"))
        .collect()
}

fn legs(books: &Books) -> BTreeMap<(String, Option<PartnerId>, String), (i64, i64)> {
    let mut legs: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for entry in &books.journal {
        let (order, is_sale) = match (&entry.fact, entry.order) {
            (Fact::Sale(order), _) => (*order, true),
            (Fact::Refund(_) | Fact::RefundFailed(_) | Fact::DisputeLost(_), Some(order)) => (order, false),
            _ => continue,
        };
        for posting in &entry.postings {
            if !matches!(posting.account, Account::PartnerPayable(_) | Account::PlatformRevenue) {
                continue;
            }
            let leg = (order.to_string(), entry.partner, posting.account.to_string());
            let (sold, left) = legs.entry(leg).or_default();
            *left -= posting.amount.minor();
            if is_sale {
                *sold -= posting.amount.minor();
            }
        }
    }
    legs
}

/// What the partners have left of each order.
pub(super) fn orders_agree_with_journal(books: &Books) -> Vec<String> {
    let mut by_journal: BTreeMap<(String, PartnerId), i64> = BTreeMap::new();
    for ((order, partner, account), (_, left)) in legs(books) {
        let Some(partner) = partner.filter(|_| account != Account::PlatformRevenue.to_string()) else {
            continue;
        };
        by_journal.insert((order, partner), left);
    }
    let mut by_order: BTreeMap<(String, PartnerId), i64> = BTreeMap::new();
    for order in &books.orders {
        for line in order.lines.iter().filter(|line| line.division.is_some()) {
            let left = line.legs().partner - line.returned.partner;
            *by_order.entry((order.id.to_string(), line.partner)).or_default() += left;
        }
    }
    let keys: BTreeSet<_> = by_journal.keys().chain(by_order.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|key| by_journal.get(key).unwrap_or(&0) != by_order.get(key).unwrap_or(&0));
    differ
        .map(|key| {
            format!(
                "{key:?}: {:?} by the journal, {:?} by the order",
                by_journal.get(key),
                by_order.get(key)
            )
        })
        .collect()
}

/// Where only one thing went back of a line, the partner bears as much of it as it got of the price: to the nearest unit, a half upwards.
pub(super) fn every_reversal_is_divided(books: &Books) -> Vec<String> {
    let mut wrong = Vec::new();
    for order in &books.orders {
        let refunds = books.refunds.iter().filter(|refund| refund.order == order.id);
        let refunds = refunds.filter(|refund| refund.state != RefundState::Requested);
        let disputes = books.disputes.iter().filter(|dispute| dispute.order == order.id);
        let all: Vec<_> = refunds
            .map(|refund| &refund.returned)
            .chain(disputes.map(|dispute| &dispute.returned))
            .collect();
        let [only] = all.as_slice() else { continue };
        for part in only.iter() {
            let Some(line) = order.lines.get(part.line) else {
                continue;
            };
            let (price, got) = (line.price.minor(), line.legs().partner);
            let expected = (2 * part.minor * got + price).div_euclid(2 * price);
            if part.legs.partner != expected {
                wrong.push(format!("{part:?} of {price}, of which the partner got {got}"));
            }
        }
    }
    wrong
}

/// Where one refund or one dispute took all of an order, nobody keeps anything of it.
pub(super) fn given_back_in_full(books: &Books) -> Vec<String> {
    let mut full: BTreeSet<String> = BTreeSet::new();
    for order in &books.orders {
        let refunds = books.refunds.iter().filter(|refund| refund.order == order.id);
        let mut succeeded = refunds.filter(|refund| matches!(refund.state, RefundState::Succeeded { .. }));
        let by_refund = succeeded.any(|refund| refund.amount == order.total);
        let disputes = books
            .stripe_disputes
            .iter()
            .filter(|dispute| text(dispute, "status") == "lost");
        let mut lost = disputes.filter(|dispute| order.charge.as_deref() == Some(text(dispute, "charge")));
        if by_refund || lost.any(|dispute| int(dispute, "amount") == order.total.minor()) {
            full.insert(order.id.to_string());
        }
    }
    let legs = legs(books);
    let kept = legs
        .iter()
        .filter(|((order, ..), (_, left))| full.contains(order) && *left != 0);
    kept.map(|(leg, (_, left))| format!("{leg:?} keeps {left}")).collect()
}

pub(super) fn licences_follow_the_money(books: &Books) -> Vec<String> {
    let mut wrong = Vec::new();
    let bought = |order: &&Order| order.status == OrderStatus::Paid && order.renewal.is_none();
    for order in books.orders.iter().filter(bought) {
        for line in order
            .lines
            .iter()
            .filter(|line| !line.price.is_zero() && !line.withdrawn)
        {
            let (sold, back) = (line.legs(), line.returned);
            let is_left = [
                sold.partner - back.partner,
                sold.platform - back.platform,
                sold.affiliate - back.affiliate,
                sold.reseller - back.reseller,
            ]
            .iter()
            .any(|leg| *leg != 0);
            let licence = books.licences.iter().find(|licence| licence.id == line.licence);
            let is_active = licence.is_some_and(|licence| licence.status == LicenceStatus::Active);
            if is_left != is_active {
                wrong.push(format!(
                    "of {} {back:?} of {sold:?} has gone back: {licence:?}",
                    order.id
                ));
            }
        }
    }
    wrong
}

/// Each dispute of Stripe's is in the books with its end, its money is nowhere in between, and no balance holds anything for it.
pub(super) fn every_dispute_ended(books: &Books) -> Vec<String> {
    let mut wrong = Vec::new();
    for theirs in &books.stripe_disputes {
        let known = books.disputes.iter().find(|known| known.id == text(theirs, "id"));
        let expected = match text(theirs, "status") {
            "won" => Some(DisputeStatus::Won),
            "lost" => Some(DisputeStatus::Lost),
            "warning_closed" => Some(DisputeStatus::Closed),
            _ => None,
        };
        if expected.is_none() || known.map(|known| known.status) != expected {
            wrong.push(format!("{theirs} is here {known:?}"));
        }
    }
    let held = books.disputed.iter().filter(|(_, minor)| **minor != 0);
    wrong.extend(held.map(|(balance, minor)| format!("{minor} of {balance:?} is still held")));
    let postings = books.journal.iter().flat_map(|entry| &entry.postings);
    let pending = postings.filter(|posting| posting.account == Account::DisputesPending);
    let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
    for posting in pending {
        *sums.entry(posting.amount.currency()).or_default() += posting.amount.minor();
    }
    let left = sums.iter().filter(|(_, minor)| **minor != 0);
    wrong
        .extend(left.map(|(currency, minor)| format!("{minor} {currency} of disputes that are over is still pending")));
    wrong
}
