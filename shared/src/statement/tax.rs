//! A partner's year in the form that tax authorities ask platforms for.
//!
//! - **Form 1099-K** (US, IRC § 6050W): gross amounts by month and the number of payments. Nothing is deducted, neither fees nor refunds.
//! - **DAC7** (EU, Directive (EU) 2021/514, Annex V): by quarter the consideration, which is net of the platform's fees, the fees, and the
//!   number of activities. What was given back later is told apart, so that whoever reports can decide how to correct.
//!
//! Months and quarters are in UTC, by the processor's clock. Shares for bringing customers are no sales and not part of either.

use std::collections::BTreeMap;

use super::{DaySums, Sums};
use crate::ids::PartnerId;
use crate::ledger::JournalEntry;
use crate::money::{Currency, Money, MoneyError};

/// One partner's year. A draft until every entry of the partner's journal has been added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxYear {
    partner: PartnerId,
    year: i16,
    currencies: BTreeMap<Currency, Totals>,
}

/// What was sold in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    pub currency: Currency,
    pub months: [Month; 12],
    pub quarters: [Quarter; 4],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    pub gross: Money,
    pub payments: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarter {
    /// Credited to the partner for sales, after all fees.
    pub consideration: Money,
    /// The marketplace's share, and what the partner bore of the processor's fees.
    pub fees: Money,
    /// Orders in which something of the partner's was sold.
    pub activities: u32,
    /// Consideration of this or earlier quarters that was taken back for refunds and lost disputes.
    pub returned: Money,
    /// Fees that the marketplace gave back with it.
    pub returned_fees: Money,
}

impl TaxYear {
    pub fn new(partner: PartnerId, year: i16) -> Self {
        Self {
            partner,
            year,
            currencies: BTreeMap::new(),
        }
    }

    pub fn add(&mut self, entry: &JournalEntry) -> Result<(), MoneyError> {
        let mut sums = Sums::default();
        sums.add(entry, self.partner)?;
        self.add_sums(&sums)
    }

    /// Takes what entries come to that are not added one by one.
    pub fn add_sums(&mut self, sums: &Sums) -> Result<(), MoneyError> {
        for of_day in sums.days().filter(|of_day| of_day.day.year() == self.year) {
            if of_day.sales.entries + of_day.returns.entries + of_day.charges.entries == 0 {
                continue;
            }
            let totals = self
                .currencies
                .entry(of_day.currency)
                .or_insert_with(|| Totals::nothing(of_day.currency));
            totals.add(usize::from(of_day.day.month().unsigned_abs() - 1), of_day)?;
        }
        Ok(())
    }

    /// The currencies in which something was sold or taken back.
    pub fn totals(&self) -> impl Iterator<Item = &Totals> {
        self.currencies.values()
    }
}

impl Totals {
    fn nothing(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        let quarter = Quarter {
            consideration: zero,
            fees: zero,
            activities: 0,
            returned: zero,
            returned_fees: zero,
        };
        Self {
            currency,
            months: [Month {
                gross: zero,
                payments: 0,
            }; 12],
            quarters: [quarter; 4],
        }
    }

    /// Box 1a: the year's gross amount.
    pub fn gross(&self) -> Result<Money, MoneyError> {
        Money::sum(self.currency, self.months.iter().map(|month| month.gross))
    }

    /// Box 3: the year's payments.
    pub fn payments(&self) -> u32 {
        self.months.iter().map(|month| month.payments).sum()
    }

    fn add(&mut self, month: usize, of_day: &DaySums) -> Result<(), MoneyError> {
        let (sales, returns) = (of_day.sales, of_day.returns);
        let (net, commission) = (sales.net(self.currency), sales.commission(self.currency));
        let charged = of_day.charges.net(self.currency);
        let quarter = &mut self.quarters[month / 3];
        quarter.consideration = quarter.consideration.checked_add(net)?.checked_add(charged)?;
        quarter.fees = quarter.fees.checked_add(commission)?.checked_sub(charged)?;
        quarter.activities += sales.entries;
        quarter.returned = quarter.returned.checked_sub(returns.net(self.currency))?;
        quarter.returned_fees = quarter.returned_fees.checked_sub(returns.commission(self.currency))?;
        let month = &mut self.months[month];
        month.gross = month.gross.checked_add(net)?.checked_add(commission)?;
        month.payments += sales.entries;
        Ok(())
    }
}
