//! Statements: what a partner was owed when a period began, everything that changed it, and what the partner was owed at the end.
//!
//! A statement is drawn up from the journal and nothing else, so it says what the books say: opening balance and lines make up the
//! closing balance, and the closing balance of one period is the opening balance of the next. What reaches the journal late stands in the
//! period in which it happened. Titles and rules come from the orders and only describe.
//!
//! [`tax`] adds up a year in the form that tax authorities ask platforms for.

mod period;
mod sums;
pub mod tax;

pub use period::{InvalidPeriod, Period};
pub use sums::{DaySums, Sums};

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::clock::day;
use crate::ids::{JournalId, OrderId, PartnerId};
use crate::ledger::{Account, Fact, JournalEntry};
use crate::money::{Currency, Money, MoneyError};
use crate::purchase::Order;

/// A Lambda answers with at most 6 MB. More lines than this would not fit in every format; a day has fewer.
pub const MAX_LINES: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub partner: PartnerId,
    pub period: Period,
    /// One for each currency that was owed or moved.
    pub sections: Vec<Section>,
}

/// One currency of a statement. Currencies are never netted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub opening: Money,
    /// By time.
    pub lines: Vec<Line>,
    pub closing: Money,
}

/// What one fact changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub entry: JournalId,
    pub at: Timestamp,
    pub fact: Fact,
    pub order: Option<OrderId>,
    /// Where a customer's money was divided, or given back: how.
    pub division: Option<Division>,
    /// What the partner got; below zero what was taken.
    pub net: Money,
    /// What the partner was owed afterwards.
    pub balance: Money,
    /// What it was about. Known where the order is.
    pub sold: Option<Sold>,
}

/// `gross` less `commission` is the line's `net`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Division {
    pub gross: Money,
    /// The marketplace's share, with what it passes on to those who brought the customer.
    pub commission: Money,
}

/// What an order says about its part in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sold {
    pub titles: Vec<String>,
    /// The rules by which it was divided, each once.
    pub rules: BTreeSet<String>,
}

impl Sold {
    /// What was sold for the partner; for somebody who only brought the customer, everything.
    pub fn of(order: &Order, partner: PartnerId) -> Self {
        let is_seller = order.lines.iter().any(|line| line.partner == partner);
        let lines = order.lines.iter().filter(|line| !is_seller || line.partner == partner);
        let (titles, rules) = lines
            .map(|line| (line.title.clone(), line.terms.rule.to_string()))
            .unzip();
        Self { titles, rules }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("the period has more than {MAX_LINES} lines")]
    TooLong,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// A statement in the making: takes the partner's entries in any order, each once.
#[derive(Debug)]
pub struct Draft {
    partner: PartnerId,
    period: Period,
    openings: BTreeMap<Currency, Money>,
    lines: Vec<Line>,
}

impl Draft {
    pub fn new(partner: PartnerId, period: Period) -> Self {
        Self {
            partner,
            period,
            openings: BTreeMap::new(),
            lines: Vec::new(),
        }
    }

    /// Takes what entries come to that are not added one by one: what they changed before the period began is owed when it begins. None of
    /// them may have happened in the period.
    pub fn open(&mut self, sums: &Sums) -> Result<(), MoneyError> {
        for day in sums.days().filter(|day| day.day < self.period.first()) {
            let net = day.net();
            let opening = self
                .openings
                .entry(net.currency())
                .or_insert(Money::zero(net.currency()));
            *opening = opening.checked_add(net)?;
        }
        Ok(())
    }

    pub fn add(&mut self, entry: &JournalEntry) -> Result<(), StatementError> {
        let day = day(entry.occurred_at());
        if day > self.period.last() {
            return Ok(());
        }
        for change in Change::of(entry, self.partner)? {
            if day < self.period.first() {
                let opening = self
                    .openings
                    .entry(change.net.currency())
                    .or_insert(Money::zero(change.net.currency()));
                *opening = opening.checked_add(change.net)?;
                continue;
            }
            if self.lines.len() == MAX_LINES {
                return Err(StatementError::TooLong);
            }
            self.lines.push(Line {
                entry: entry.id(),
                at: entry.occurred_at(),
                fact: entry.fact().clone(),
                order: entry.order(),
                division: change.division()?,
                net: change.net,
                // Known once all lines stand in order.
                balance: change.net,
                sold: None,
            });
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<Statement, MoneyError> {
        self.lines
            .sort_by(|a, b| (a.at, &a.fact, a.entry).cmp(&(b.at, &b.fact, b.entry)));
        let mut sections: BTreeMap<Currency, Section> = BTreeMap::new();
        for (currency, opening) in self.openings.into_iter().filter(|(_, opening)| !opening.is_zero()) {
            sections.insert(
                currency,
                Section {
                    opening,
                    lines: Vec::new(),
                    closing: opening,
                },
            );
        }
        for mut line in self.lines {
            let zero = Money::zero(line.net.currency());
            let section = sections.entry(line.net.currency()).or_insert(Section {
                opening: zero,
                lines: Vec::new(),
                closing: zero,
            });
            section.closing = section.closing.checked_add(line.net)?;
            line.balance = section.closing;
            section.lines.push(line);
        }
        Ok(Statement {
            partner: self.partner,
            period: self.period,
            sections: sections.into_values().collect(),
        })
    }
}

impl Statement {
    /// The orders that its lines are about.
    pub fn orders(&self) -> BTreeSet<OrderId> {
        self.sections
            .iter()
            .flat_map(|section| &section.lines)
            .filter_map(|line| line.order)
            .collect()
    }

    #[must_use]
    pub fn described(mut self, sold: &HashMap<OrderId, Sold>) -> Self {
        for line in self.sections.iter_mut().flat_map(|section| &mut section.lines) {
            line.sold = line.order.and_then(|order| sold.get(&order)).cloned();
        }
        self
    }
}

impl Section {
    pub fn currency(&self) -> Currency {
        self.opening.currency()
    }

    /// What each kind of fact changed in sum, in the order in which they first appear.
    pub fn summary(&self) -> Result<Vec<(&Fact, Money)>, MoneyError> {
        let mut sums: Vec<(&Fact, Money)> = Vec::new();
        for line in &self.lines {
            match sums.iter_mut().find(|(fact, _)| fact.name() == line.fact.name()) {
                Some((_, sum)) => *sum = sum.checked_add(line.net)?,
                None => sums.push((&line.fact, line.net)),
            }
        }
        Ok(sums)
    }
}

/// What an entry means to one partner, in one currency.
#[derive(Debug, Clone, Copy)]
struct Change {
    net: Money,
    /// `None` where no customer's money was divided.
    commission: Option<Money>,
}

impl Change {
    fn of(entry: &JournalEntry, partner: PartnerId) -> Result<Vec<Self>, MoneyError> {
        let divides = matches!(
            entry.fact(),
            Fact::Sale(_) | Fact::Refund(_) | Fact::RefundFailed(_) | Fact::DisputeLost(_)
        );
        let mut changes: BTreeMap<Currency, Self> = BTreeMap::new();
        for posting in entry.postings() {
            let currency = posting.amount.currency();
            let zero = Money::zero(currency);
            let is_theirs = posting.account == Account::PartnerPayable(partner);
            let is_commission = divides && posting.account == Account::PlatformRevenue;
            if !is_theirs && !is_commission {
                continue;
            }
            let change = changes.entry(currency).or_insert(Self {
                net: zero,
                commission: divides.then_some(zero),
            });
            // Credits are what is owed or earned, so the sign turns.
            if is_theirs {
                change.net = change.net.checked_sub(posting.amount)?;
            } else {
                change.commission = change
                    .commission
                    .map(|sum| sum.checked_sub(posting.amount))
                    .transpose()?;
            }
        }
        // Where nothing came from a customer, platform and partner only settle a share between themselves.
        for change in changes.values_mut() {
            let gross = change
                .commission
                .map(|commission| change.net.checked_add(commission))
                .transpose()?;
            change.commission = change
                .commission
                .filter(|_| gross.is_some_and(|gross| !gross.is_zero()));
        }
        Ok(changes.into_values().collect())
    }

    fn division(&self) -> Result<Option<Division>, MoneyError> {
        let divide = |commission| {
            Ok(Division {
                gross: self.net.checked_add(commission)?,
                commission,
            })
        };
        self.commission.map(divide).transpose()
    }
}

#[cfg(test)]
mod tests;
