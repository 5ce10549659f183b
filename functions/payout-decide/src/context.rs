//! What deciding about payouts needs.

use shared::messages::Queue;
use shared::money::Money;
use shared::queues::Queues;
use shared::runtime::Start;
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    /// For the page after the one in hand.
    pub queues: Queues,
    /// Less than this stays owed until there is more, unless the partner's terms say otherwise.
    pub minimum: Money,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            store: start.store(&[TableName::Accounts, TableName::Ledger]),
            queues: start.queues(&[Queue::PayoutDecide]),
            minimum: start.payout_minimum(),
        }
    }
}
