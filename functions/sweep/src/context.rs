//! What stands where it stood, and the queues that are told again.

use shared::clock::Clock;
use shared::messages::Queue;
use shared::queues::Queues;
use shared::runtime::Start;
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    pub queues: Queues,
    /// Only to stop in time; everything else happens at the tick's own time.
    pub clock: Clock,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            store: start.store(&[TableName::Catalogue, TableName::Commerce]),
            queues: start.queues(&[Queue::Settlement, Queue::PayoutDecide, Queue::Scan]),
            clock: Clock::System,
        }
    }
}
