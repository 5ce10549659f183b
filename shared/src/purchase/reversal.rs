//! What goes back: from an amount that the customer gets to what each leg of each line gives up.
//!
//! A refund and a lost dispute do the same: they take the amount from what is *left* of each line, so nothing is reversed twice,
//! whatever came before. What is more than a line has left (a refund and a dispute over the same money) is the platform's loss.
//! What goes back was not sold after all: the counter that the sale moved goes down by as much, and up again when it comes back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Order, OrderLine};
use crate::ids::{LicenceId, PartnerId};
use crate::ledger::{Account, BalanceChange, Fact, JournalEntry, LedgerError, Posting};
use crate::money::{Money, MoneyError};
use crate::revenue::{Counter, Legs};
use crate::seed::Seed;

/// An amount of one line, by the line's place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAmount {
    pub line: usize,
    pub minor: i64,
}

/// What one line gives back: the customer gets `minor`, the legs bear their part of it and the platform's losses the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    pub line: usize,
    pub minor: i64,
    pub legs: Legs,
}

/// How far a counter of what was sold moves because money went back, or came back. Each line's counter is the one that its sale moved,
/// whenever that was, so that together they count exactly what is left of every sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnoverChange {
    pub counter: Counter,
    pub minor: i64,
}

/// What a reversal is called in the journal, and where the money goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub fact: Fact,
    /// The account on the other side of what partners and platform give back.
    pub account: Account,
    pub processor_ref: Option<String>,
    pub at: Timestamp,
    /// The name of the entry's id within its work; with the partner's id it is unique there.
    pub label: &'static str,
}

/// Which way the money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the customer.
    Back,
    /// It did not arrive, or was returned: everything as before.
    Forth,
}

impl OrderLine {
    /// What has been given back of the price so far, by refunds and lost disputes.
    pub fn refunded(&self) -> Money {
        // The legs were parts of the price, so their sum is none that could overflow.
        Money::new(self.returned.total().unwrap_or(i64::MAX), self.price.currency())
    }

    /// What is left of each leg.
    pub fn remaining(&self) -> Result<Legs, MoneyError> {
        self.legs().checked_sub(&self.returned)
    }

    /// What refunds may still promise: what is left, less what the customer has as credit instead.
    pub fn refundable_minor(&self) -> i64 {
        (self.unclaimed_minor() - self.credited_minor).max(0)
    }

    /// What is left: not what refunds have promised, nor what lost disputes have taken.
    pub fn unclaimed_minor(&self) -> i64 {
        if self.division.is_some() {
            (self.price.minor() - self.claimed_minor - self.lost_minor).max(0)
        } else {
            0
        }
    }
}

/// What each line gives back, of what it has left.
pub(super) fn take(order: &Order, amounts: &[LineAmount]) -> Result<Vec<Returned>, MoneyError> {
    let mut returned = Vec::with_capacity(amounts.len());
    for amount in amounts.iter().filter(|amount| amount.minor > 0) {
        let line = order.lines.get(amount.line).ok_or(MoneyError::NoWeight)?;
        let left = line.remaining()?;
        let legs = left.apportion(amount.minor.min(left.total()?))?;
        returned.push(Returned {
            line: amount.line,
            minor: amount.minor,
            legs,
        });
    }
    Ok(returned)
}

/// Spreads an amount over the lines in proportion to what each has left. What is more than all of them have left goes to the first
/// line that was paid for, whose legs will not cover it.
pub(super) fn spread(order: &Order, minor: i64) -> Result<Vec<LineAmount>, MoneyError> {
    let left = order
        .lines
        .iter()
        .map(|line| line.remaining()?.total())
        .collect::<Result<Vec<_>, _>>()?;
    let total = left
        .iter()
        .try_fold(0_i64, |sum, part| sum.checked_add(*part))
        .ok_or(MoneyError::Overflow)?;
    let covered = minor.min(total);
    let mut amounts: Vec<_> = if covered > 0 {
        let weights: Vec<_> = left.iter().map(|part| u64::try_from(*part).unwrap_or(0)).collect();
        let parts = Money::new(covered, order.total.currency()).split(&weights)?;
        parts
            .iter()
            .enumerate()
            .map(|(line, part)| LineAmount {
                line,
                minor: part.minor(),
            })
            .collect()
    } else {
        (0..order.lines.len())
            .map(|line| LineAmount { line, minor: 0 })
            .collect()
    };
    let paid_for = order.lines.iter().position(|line| !line.price.is_zero());
    if let Some(amount) = paid_for.and_then(|line| amounts.get_mut(line)) {
        amount.minor += minor - covered;
    }
    amounts.retain(|amount| amount.minor > 0);
    Ok(amounts)
}

/// What the legs get back of what a refund took that has failed. What went back by other ways beyond all that the legs had was this
/// money: the platform's loss is made good first, as if the refund had failed before.
pub(super) fn undone(order: &Order, taken: &[Returned]) -> Result<Vec<Returned>, MoneyError> {
    let mut others = order.excess_minor;
    for part in taken {
        others -= part.minor - part.legs.total()?;
    }
    let mut undone = Vec::with_capacity(taken.len());
    for part in taken {
        let covered = part.legs.total()?;
        let kept = others.clamp(0, covered);
        others -= kept;
        let legs = part.legs.apportion(covered - kept)?;
        undone.push(Returned { legs, ..*part });
    }
    Ok(undone)
}

/// How an amount that has been taken is taken anew, as if it had been another from the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Retaken {
    pub order: Order,
    /// What is taken now.
    pub returned: Vec<Returned>,
    /// What that is more, or less, than was taken before, line by line.
    pub difference: Vec<Returned>,
}

/// Takes `minor` in place of what was taken. The result depends on what was taken last only by what others have taken since, so that
/// several steps end where one would have.
pub(super) fn retake(order: &Order, taken: &[Returned], minor: i64) -> Result<Retaken, MoneyError> {
    let undone = undone(order, taken)?;
    let base = apply(order, &undone, Direction::Forth)?;
    let returned = take(&base, &spread(&base, minor)?)?;
    let mut difference: BTreeMap<usize, (i64, Legs)> = BTreeMap::new();
    for part in &returned {
        difference.insert(part.line, (part.minor, part.legs));
    }
    for part in &undone {
        let (minor, legs) = difference.entry(part.line).or_default();
        *minor = minor.checked_sub(part.minor).ok_or(MoneyError::Overflow)?;
        *legs = legs.checked_sub(&part.legs)?;
    }
    let difference = difference
        .into_iter()
        .filter(|(_, (minor, legs))| *minor != 0 || *legs != Legs::default())
        .map(|(line, (minor, legs))| Returned { line, minor, legs })
        .collect();
    Ok(Retaken {
        order: apply(&base, &returned, Direction::Back)?,
        returned,
        difference,
    })
}

/// The order with what was given back, or got back again.
pub(super) fn apply(order: &Order, returned: &[Returned], direction: Direction) -> Result<Order, MoneyError> {
    let mut order = order.clone();
    for part in returned {
        let excess = part.minor - part.legs.total()?;
        order.excess_minor += match direction {
            Direction::Back => excess,
            Direction::Forth => -excess,
        };
        let line = order.lines.get_mut(part.line).ok_or(MoneyError::NoWeight)?;
        line.returned = match direction {
            Direction::Back => line.returned.checked_add(&part.legs)?,
            Direction::Forth => line.returned.checked_sub(&part.legs)?,
        };
    }
    Ok(order)
}

/// The licences of those lines of which nothing is left: what was bought has been given back.
pub(super) fn spent(order: &Order, returned: &[Returned]) -> Result<Vec<LicenceId>, MoneyError> {
    let mut licences = Vec::new();
    // What a subscription pays for ends with the subscription.
    if order.renewal.is_some() {
        return Ok(licences);
    }
    for part in returned {
        let line = order.lines.get(part.line).ok_or(MoneyError::NoWeight)?;
        if line.remaining()?.total()? == 0 && !line.withdrawn {
            licences.push(line.licence);
        }
    }
    Ok(licences)
}

impl Order {
    /// What has been given back of the total so far, by refunds and lost disputes.
    pub fn refunded(&self) -> Money {
        let minor = self.lines.iter().map(|line| line.refunded().minor());
        Money::new(minor.fold(0, i64::saturating_add), self.total.currency())
    }

    /// What is left of each partner's shares, sellers' and referrers' alike.
    pub fn remaining_shares(&self) -> Result<BTreeMap<PartnerId, Money>, MoneyError> {
        let whole = |(line, of): (usize, &OrderLine)| {
            let legs = of.remaining()?;
            let minor = legs.total()?;
            Ok(Returned { line, minor, legs })
        };
        let left: Vec<_> = self
            .lines
            .iter()
            .enumerate()
            .map(whole)
            .collect::<Result<_, MoneyError>>()?;
        let shares = burden(self, &left)?.into_iter();
        Ok(shares
            .map(|(partner, minor)| (partner, Money::new(minor, self.total.currency())))
            .collect())
    }
}

/// How much each partner bears, sellers and those who brought the customer alike.
pub(super) fn burden(order: &Order, returned: &[Returned]) -> Result<BTreeMap<PartnerId, i64>, MoneyError> {
    let mut burden: BTreeMap<PartnerId, i64> = BTreeMap::new();
    let mut bear = |partner: PartnerId, minor: i64| {
        let sum = burden.entry(partner).or_default();
        *sum = sum.checked_add(minor).ok_or(MoneyError::Overflow)?;
        Ok::<_, MoneyError>(())
    };
    for part in returned {
        let line = order.lines.get(part.line).ok_or(MoneyError::NoWeight)?;
        bear(line.partner, part.legs.partner)?;
        for (referrer, minor) in referred(order, &part.legs) {
            bear(referrer, minor)?;
        }
    }
    burden.retain(|_, minor| *minor != 0);
    Ok(burden)
}

/// What those who brought the customer bear.
fn referred(order: &Order, legs: &Legs) -> impl Iterator<Item = (PartnerId, i64)> {
    let shares = [
        (order.referrers.affiliate, legs.affiliate),
        (order.referrers.reseller, legs.reseller),
    ];
    let borne = shares.into_iter().filter(|(_, minor)| *minor != 0);
    borne.filter_map(|(referrer, minor)| Some((referrer?, minor)))
}

/// One balanced entry for each partner that is concerned, in that partner's journal, and one of the platform's for what nobody has sold.
pub(super) fn entries(
    order: &Order,
    returned: &[Returned],
    cause: &Cause,
    direction: Direction,
    seed: Seed,
) -> Result<Vec<JournalEntry>, LedgerError> {
    let currency = order.total.currency();
    let mut postings: BTreeMap<Option<PartnerId>, Vec<Posting>> = BTreeMap::new();
    let mut post = |journal: Option<PartnerId>, account: Account, minor: i64| {
        let minor = match direction {
            Direction::Back => minor,
            Direction::Forth => -minor,
        };
        postings.entry(journal).or_default().push(Posting {
            account,
            amount: Money::new(minor, currency),
        });
    };
    for part in returned {
        let line = order.lines.get(part.line).ok_or(MoneyError::NoWeight)?;
        let covered = part.legs.total()?;
        let journal = line.journal();
        if let Some(partner) = journal {
            post(journal, Account::PartnerPayable(partner), part.legs.partner);
        }
        // The sale credited the platform with everything but the partner's leg.
        post(journal, Account::PlatformRevenue, covered - part.legs.partner);
        post(journal, Account::PlatformLosses, part.minor - covered);
        post(journal, cause.account, -part.minor);
        for (referrer, minor) in referred(order, &part.legs) {
            post(Some(referrer), Account::PartnerPayable(referrer), minor);
            post(Some(referrer), Account::PlatformRevenue, -minor);
        }
    }
    // Two lines of one partner may make up for each other.
    let mut moved = Vec::with_capacity(postings.len());
    for (partner, postings) in postings {
        let postings = merged(postings)?;
        if postings.iter().any(|posting| !posting.amount.is_zero()) {
            moved.push((partner, postings));
        }
    }
    let entry = |(partner, postings): (Option<PartnerId>, Vec<Posting>)| {
        // One delivery may find several refunds of a charge changed.
        let name = format!("{} {}", cause.label, cause.fact.reference());
        let id = match partner {
            Some(partner) => seed.id(&format!("{name} {partner}")),
            None => seed.id(&format!("{name} of what was withdrawn")),
        };
        let entry = JournalEntry::new(id, cause.fact.clone(), partner, cause.at, postings)?;
        let entry = entry.of_order(order.id);
        Ok(match &cause.processor_ref {
            Some(reference) => entry.with_processor_ref(reference),
            None => entry,
        })
    };
    moved.into_iter().map(entry).collect()
}

/// One posting for each account.
fn merged(postings: Vec<Posting>) -> Result<Vec<Posting>, MoneyError> {
    let mut sums: BTreeMap<Account, Money> = BTreeMap::new();
    for Posting { account, amount } in postings {
        let sum = sums.get(&account).copied().unwrap_or(Money::zero(amount.currency()));
        sums.insert(account, sum.checked_add(amount)?);
    }
    Ok(sums
        .into_iter()
        .map(|(account, amount)| Posting { account, amount })
        .collect())
}

/// What the balances lose, or gain again. Money that had not matured is taken from the day on which it would have.
pub(super) fn balance_changes(
    order: &Order,
    returned: &[Returned],
    direction: Direction,
    today: Date,
) -> Result<Vec<BalanceChange>, MoneyError> {
    let currency = order.total.currency();
    let maturing = order.available_on.filter(|day| *day > today);
    let change = |(partner, minor): (PartnerId, i64)| {
        let owed = match direction {
            Direction::Back => Money::new(minor, currency).checked_neg()?,
            Direction::Forth => Money::new(minor, currency),
        };
        Ok(BalanceChange {
            partner,
            owed,
            maturing,
            disputed_minor: 0,
        })
    };
    burden(order, returned)?.into_iter().map(change).collect()
}

/// How the counters follow, each once.
pub(super) fn turnover_changes(
    order: &Order,
    returned: &[Returned],
    direction: Direction,
) -> Result<Vec<TurnoverChange>, MoneyError> {
    let mut changes: BTreeMap<Counter, i64> = BTreeMap::new();
    for part in returned {
        let line = order.lines.get(part.line).ok_or(MoneyError::NoWeight)?;
        let Some(counter) = order.paid_at.and_then(|paid_at| line.counter(paid_at)) else {
            continue;
        };
        let covered = part.legs.total()?;
        let sum = changes.entry(counter).or_default();
        *sum = match direction {
            Direction::Back => sum.checked_sub(covered),
            Direction::Forth => sum.checked_add(covered),
        }
        .ok_or(MoneyError::Overflow)?;
    }
    Ok(moving(changes))
}

/// Several changes as one for each counter: a transaction has no item twice.
pub(super) fn netted_turnovers(changes: Vec<TurnoverChange>) -> Result<Vec<TurnoverChange>, MoneyError> {
    let mut sums: BTreeMap<Counter, i64> = BTreeMap::new();
    for change in changes {
        let sum = sums.entry(change.counter).or_default();
        *sum = sum.checked_add(change.minor).ok_or(MoneyError::Overflow)?;
    }
    Ok(moving(sums))
}

fn moving(changes: BTreeMap<Counter, i64>) -> Vec<TurnoverChange> {
    let moved = changes.into_iter().filter(|(_, minor)| *minor != 0);
    moved
        .map(|(counter, minor)| TurnoverChange { counter, minor })
        .collect()
}

#[cfg(test)]
mod tests;
