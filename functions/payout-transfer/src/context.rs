//! What sending a payout needs.

use shared::processor::paypal::PayPalClient;
use shared::processor::stripe::StripeClient;
use shared::runtime::Start;
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    pub stripe: StripeClient,
    pub paypal: PayPalClient,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            store: start.store(&[TableName::Accounts, TableName::Ledger]),
            stripe: start.stripe(),
            paypal: start.paypal(),
        }
    }
}
