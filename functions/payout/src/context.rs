//! What a payout run needs.

use shared::clock::Clock;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    /// Less than this stays owed until there is more.
    pub minimum_minor: u32,
    /// Only to stop in time; decisions are made at the tick's own time.
    pub clock: Clock,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            store: start.store(&[TableName::Accounts, TableName::Ledger]),
            minimum_minor: start.read(&env::PAYOUT_MINIMUM_MINOR),
            clock: Clock::System,
        }
    }
}
