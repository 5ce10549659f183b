//! What must hold of those who are paid: what they give back by their own decision they have.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{PartnerId, RefundId};
use shared::ledger::Fact;
use shared::money::Currency;
use shared::purchase::refund::{Refund, RefundOrigin};

use crate::books::Books;

/// Nobody owes more than others have taken: banks, operators, and people at Stripe's dashboard. A unit for each refund is left to rounding, which is
/// done over what is left of a line when the refund is posted.
pub(super) fn partners_bear_what_they_refund(books: &Books) -> Vec<String> {
    let decided = |refund: &&Refund| matches!(refund.origin, RefundOrigin::Partner { .. }) && refund.review.is_none();
    let decided: BTreeSet<RefundId> = books.refunds.iter().filter(decided).map(|refund| refund.id).collect();
    let mut taken: BTreeMap<(PartnerId, Currency), i64> = BTreeMap::new();
    for entry in &books.journal {
        let is_own = match &entry.fact {
            Fact::Payout(_) => true,
            Fact::Refund(refund) => decided.contains(refund),
            _ => false,
        };
        for (partner, currency, minor) in entry.owed() {
            let least = if is_own { 1 } else { (-minor).max(0) };
            *taken.entry((partner, currency)).or_default() += least;
        }
    }
    let owing = books.owed.iter().filter(|(_, owed)| **owed < 0);
    let unborne = owing.filter(|(of, owed)| -**owed > taken.get(of).copied().unwrap_or(0));
    unborne
        .map(|(of, owed)| format!("{of:?} owe {owed}, and others took {:?}", taken.get(of)))
        .collect()
}

/// At rest nothing is on its way.
pub(super) fn promises_end(books: &Books) -> Vec<String> {
    let left = books.promised.iter().filter(|(_, promised)| **promised != 0);
    left.map(|(of, promised)| format!("{of:?} still promise {promised}"))
        .collect()
}

/// What the owner's other partners owe at the end.
pub(super) fn owed_by_others(books: &Books, partner: PartnerId, currency: Currency) -> i64 {
    debts(&books.owed, partner, currency) * i64::from(books.one_owner)
}

fn debts(owed: &BTreeMap<(PartnerId, Currency), i64>, partner: PartnerId, currency: Currency) -> i64 {
    let others = owed
        .iter()
        .filter(|((of, of_currency), _)| *of != partner && *of_currency == currency);
    others.map(|(_, owed)| (-owed).max(0)).sum()
}

/// Seen where nothing comes between the reading of a debt and the writing of a payout: a debt that arises there is kept at the next one.
pub(super) fn owners_debts_are_kept(books: &Books) -> Vec<String> {
    let mut wrong = Vec::new();
    if !books.one_owner || !books.is_calm {
        return wrong;
    }
    let mut owed: BTreeMap<(PartnerId, Currency), i64> = BTreeMap::new();
    for entry in &books.journal {
        for (partner, currency, minor) in entry.owed() {
            let left = owed.entry((partner, currency)).or_default();
            *left += minor;
            let left = *left;
            let debts = debts(&owed, partner, currency);
            if matches!(entry.fact, Fact::Payout(_)) && left < debts {
                wrong.push(format!(
                    "{:?} leaves {left} where {debts} are owed elsewhere",
                    entry.fact
                ));
            }
        }
    }
    wrong
}
