//! What settling needs: orders, the ledger, and the processors to ask.

use shared::processor::paypal::PayPalClient;
use shared::processor::stripe::StripeClient;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    pub stripe: StripeClient,
    pub paypal: PayPalClient,
    /// Whole days from a sale until a partner's share may be paid out.
    pub hold_days: u32,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            store: start.store(&[TableName::Commerce, TableName::Ledger]),
            stripe: start.stripe(),
            paypal: start.paypal(),
            hold_days: start.read(&env::PAYOUT_HOLD_DAYS),
        }
    }
}
