//! From Stripe's balance transaction, or PayPal's transaction, to a movement that can be held against the journal.

use jiff::Timestamp;

use super::Processor;
use super::paypal::objects::Transaction;
use super::stripe::objects::{BalanceTransaction, Expandable, Source};
use crate::money::{Currency, Money, MoneyError};
use crate::reconciliation::{Movement, Subject};

impl BalanceTransaction {
    /// Refused where the currency is not one that Souk can count in.
    pub fn movement(&self) -> Result<Movement, MoneyError> {
        let currency: Currency = self.currency.parse()?;
        Ok(Movement {
            processor: Processor::Stripe,
            id: self.id.clone(),
            kind: self.kind.clone(),
            source: self.source_id().map(str::to_owned),
            net: Money::new(self.net, currency),
            fee: Money::new(self.fee, currency),
            at: Timestamp::from_second(self.created).unwrap_or_default(),
        })
    }

    /// What a difference about it is about.
    pub fn subject(&self) -> Subject {
        Subject::Movement {
            processor: Processor::Stripe,
            id: self.id.clone(),
            kind: self.kind.clone(),
            source: self.source_id().map(str::to_owned),
        }
    }

    /// The object behind it, where there is one and it was expanded.
    pub fn about(&self) -> Option<&Source> {
        self.source.as_ref().and_then(Expandable::object)
    }

    fn source_id(&self) -> Option<&str> {
        self.source.as_ref().map(Expandable::id)
    }
}

impl Transaction {
    pub fn movement(&self) -> Result<Movement, MoneyError> {
        let amount = self.transaction_amount.money();
        let fee = self
            .fee_amount
            .map_or(Money::zero(amount.currency()), |fee| fee.money());
        Ok(Movement {
            processor: Processor::PayPal,
            id: self.transaction_id.clone(),
            kind: self.transaction_event_code.clone(),
            source: self.paypal_reference_id.clone(),
            net: amount.checked_add(fee)?,
            fee: fee.checked_neg()?,
            at: self.transaction_initiation_date,
        })
    }

    /// What a difference about it is about.
    pub fn subject(&self) -> Subject {
        Subject::Movement {
            processor: Processor::PayPal,
            id: self.transaction_id.clone(),
            kind: self.transaction_event_code.clone(),
            source: self.paypal_reference_id.clone(),
        }
    }
}
