//! What a partner's entries come to, day by day: enough to open a statement with, and to fill a tax report, without reading them again.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Change;
use crate::clock::day;
use crate::ids::PartnerId;
use crate::ledger::{Fact, JournalEntry};
use crate::money::{Currency, Money, MoneyError};

/// Of any number of entries, each added once, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<DaySums>", into = "Vec<DaySums>")]
pub struct Sums(BTreeMap<(Date, Currency), DaySums>);

/// What happened to one partner on one day in one currency. Amounts are in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySums {
    pub day: Date,
    pub currency: Currency,
    /// What the partner is owed more since.
    net_minor: i64,
    pub(super) sales: Share,
    /// What was given back to customers.
    pub(super) returns: Share,
    /// What the partner bore of the processor's fees; its commission is zero.
    pub(super) charges: Share,
}

/// A kind of entry: how many there were, what the partner got, and what the marketplace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Share {
    pub entries: u32,
    net_minor: i64,
    commission_minor: i64,
}

impl Sums {
    pub fn add(&mut self, entry: &JournalEntry, partner: PartnerId) -> Result<(), MoneyError> {
        let day = day(entry.occurred_at());
        for change in Change::of(entry, partner)? {
            let currency = change.net.currency();
            let sums = self
                .0
                .entry((day, currency))
                .or_insert_with(|| DaySums::nothing(day, currency));
            sums.net_minor = sum(currency, sums.net_minor, change.net)?;
            let zero = Money::zero(currency);
            match (entry.fact(), change.commission) {
                (Fact::Sale(_), Some(commission)) => sums.sales.add(change.net, commission)?,
                (_, Some(commission)) => sums.returns.add(change.net, commission)?,
                (Fact::FeeShare(_), None) => sums.charges.add(change.net, zero)?,
                (_, None) => {}
            }
        }
        Ok(())
    }

    pub fn days(&self) -> impl Iterator<Item = &DaySums> {
        self.0.values()
    }

    pub fn last_day(&self) -> Option<Date> {
        self.0.last_key_value().map(|((day, _), _)| *day)
    }

    /// The same month by month, on the first day of each.
    #[must_use]
    pub fn by_month(&self) -> Option<Self> {
        let mut months = Self::default();
        for of_day in self.days() {
            let (month, currency) = (of_day.day.first_of_month(), of_day.currency);
            let so_far = months
                .0
                .entry((month, currency))
                .or_insert_with(|| DaySums::nothing(month, currency));
            so_far.net_minor = so_far.net_minor.checked_add(of_day.net_minor)?;
            so_far.sales = so_far.sales.with(of_day.sales)?;
            so_far.returns = so_far.returns.with(of_day.returns)?;
            so_far.charges = so_far.charges.with(of_day.charges)?;
        }
        Some(months)
    }
}

impl DaySums {
    fn nothing(day: Date, currency: Currency) -> Self {
        Self {
            day,
            currency,
            net_minor: 0,
            sales: Share::default(),
            returns: Share::default(),
            charges: Share::default(),
        }
    }

    pub fn net(&self) -> Money {
        Money::new(self.net_minor, self.currency)
    }
}

impl Share {
    fn add(&mut self, net: Money, commission: Money) -> Result<(), MoneyError> {
        self.net_minor = sum(net.currency(), self.net_minor, net)?;
        self.commission_minor = sum(net.currency(), self.commission_minor, commission)?;
        self.entries += 1;
        Ok(())
    }

    fn with(self, other: Self) -> Option<Self> {
        Some(Self {
            entries: self.entries.checked_add(other.entries)?,
            net_minor: self.net_minor.checked_add(other.net_minor)?,
            commission_minor: self.commission_minor.checked_add(other.commission_minor)?,
        })
    }

    pub(super) fn net(self, currency: Currency) -> Money {
        Money::new(self.net_minor, currency)
    }

    pub(super) fn commission(self, currency: Currency) -> Money {
        Money::new(self.commission_minor, currency)
    }
}

fn sum(currency: Currency, so_far: i64, more: Money) -> Result<i64, MoneyError> {
    Ok(Money::new(so_far, currency).checked_add(more)?.minor())
}

impl From<Vec<DaySums>> for Sums {
    fn from(days: Vec<DaySums>) -> Self {
        Self(days.into_iter().map(|sums| ((sums.day, sums.currency), sums)).collect())
    }
}

impl From<Sums> for Vec<DaySums> {
    fn from(Sums(days): Sums) -> Self {
        days.into_values().collect()
    }
}
