//! What deciding about payouts needs.

use shared::messages::Queue;
use shared::queues::Queues;
use shared::runtime::Start;
use shared::store::payouts::PayoutRules;
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    /// For the page after the one in hand.
    pub queues: Queues,
    pub rules: PayoutRules,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            store: start.store(&[TableName::Accounts, TableName::Ledger]),
            queues: start.queues(&[Queue::PayoutDecide]),
            rules: start.payout_rules(),
        }
    }
}
