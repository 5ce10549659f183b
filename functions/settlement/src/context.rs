//! What settling needs: orders, the ledger, and the processors to ask.

use shared::messages::Queue;
use shared::processor::paypal::PayPalClient;
use shared::processor::stripe::StripeClient;
use shared::queues::Queues;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    /// For the next page of what has left the shop.
    pub queues: Queues,
    pub stripe: StripeClient,
    pub paypal: PayPalClient,
    /// Whole days from a sale until a partner's share may be paid out.
    pub hold_days: u32,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            store: start.store(&[
                TableName::Accounts,
                TableName::Catalogue,
                TableName::Commerce,
                TableName::Ledger,
            ]),
            queues: start.queues(&[Queue::Settlement]),
            stripe: start.stripe(),
            paypal: start.paypal(),
            hold_days: start.read(&env::PAYOUT_HOLD_DAYS),
        }
    }
}
