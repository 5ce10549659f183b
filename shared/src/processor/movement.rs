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

/// The end of a hold, which bears its transaction id ([`Transaction::movement_id`]).
pub const RELEASE_OF_A_HOLD: &str = "T1111";
/// Between a transaction id and what tells its movement from another. Ids at PayPal have none.
const SEPARATOR: char = '.';

impl Transaction {
    /// The movement's own id. PayPal's transaction ids are unique but for a hold and its release: what is held for a dispute and what is
    /// released when that ends bear one id.
    pub fn movement_id(&self) -> String {
        let id = &self.transaction_id;
        match self.transaction_event_code.as_str() {
            RELEASE_OF_A_HOLD => format!("{id}{SEPARATOR}{RELEASE_OF_A_HOLD}"),
            _ => id.clone(),
        }
    }

    /// The transaction id of a movement.
    pub fn id_of(movement: &str) -> &str {
        movement.split_once(SEPARATOR).map_or(movement, |(id, _)| id)
    }

    pub fn movement(&self) -> Result<Movement, MoneyError> {
        let amount = self.transaction_amount.money();
        let fee = self
            .fee_amount
            .map_or(Money::zero(amount.currency()), |fee| fee.money());
        Ok(Movement {
            processor: Processor::PayPal,
            id: self.movement_id(),
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
            id: self.movement_id(),
            kind: self.transaction_event_code.clone(),
            source: self.paypal_reference_id.clone(),
        }
    }
}
