//! What the handler works with.

use shared::messages::Queue;
use shared::queues::Queues;
use shared::runtime::Start;
use strum::IntoEnumIterator;

#[derive(Debug, Clone)]
pub struct Context {
    pub queues: Queues,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let all: Vec<_> = Queue::iter().collect();
        Self {
            queues: start.queues(&all).with_parking(start.env),
        }
    }
}
