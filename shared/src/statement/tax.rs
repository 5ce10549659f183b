//! A partner's year in the form that tax authorities ask platforms for.
//!
//! - **Form 1099-K** (US, IRC § 6050W): gross amounts by month and the number of payments. Nothing is deducted, neither fees nor refunds.
//! - **DAC7** (EU, Directive (EU) 2021/514, Annex V): by quarter the consideration, which is net of the platform's fees, the fees, and the
//!   number of activities. What was given back later is told apart, so that whoever reports can decide how to correct.
//!
//! Months and quarters are in UTC, by the processor's clock. Shares for bringing customers are no sales and not part of either.

use std::collections::BTreeMap;

use super::Change;
use crate::clock::day;
use crate::ids::PartnerId;
use crate::ledger::{Fact, JournalEntry};
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
        let day = day(entry.occurred_at());
        if day.year() != self.year {
            return Ok(());
        }
        for change in Change::of(entry, self.partner)? {
            let currency = change.net.currency();
            let month = usize::from(day.month().unsigned_abs() - 1);
            if change.commission.is_none() && !matches!(entry.fact(), Fact::FeeShare(_)) {
                continue;
            }
            let totals = self
                .currencies
                .entry(currency)
                .or_insert_with(|| Totals::nothing(currency));
            match (entry.fact(), change.commission) {
                (Fact::Sale(_), Some(commission)) => totals.sell(month, change.net, commission)?,
                (_, Some(commission)) => totals.take_back(month, change.net, commission)?,
                (_, None) => totals.charge(month, change.net)?,
            }
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

    fn sell(&mut self, month: usize, net: Money, commission: Money) -> Result<(), MoneyError> {
        let quarter = &mut self.quarters[month / 3];
        quarter.consideration = quarter.consideration.checked_add(net)?;
        quarter.fees = quarter.fees.checked_add(commission)?;
        quarter.activities += 1;
        let month = &mut self.months[month];
        month.gross = month.gross.checked_add(net.checked_add(commission)?)?;
        month.payments += 1;
        Ok(())
    }

    fn take_back(&mut self, month: usize, net: Money, commission: Money) -> Result<(), MoneyError> {
        let quarter = &mut self.quarters[month / 3];
        quarter.returned = quarter.returned.checked_sub(net)?;
        quarter.returned_fees = quarter.returned_fees.checked_sub(commission)?;
        Ok(())
    }

    fn charge(&mut self, month: usize, net: Money) -> Result<(), MoneyError> {
        let quarter = &mut self.quarters[month / 3];
        quarter.consideration = quarter.consideration.checked_add(net)?;
        quarter.fees = quarter.fees.checked_sub(net)?;
        Ok(())
    }
}
