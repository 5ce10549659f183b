//! What asking takes.

use shared::messages::Queue;
use shared::queues::Queues;
use shared::runtime::Start;

#[derive(Debug, Clone)]
pub struct Context {
    pub queues: Queues,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            queues: start.queues(&[Queue::Scan]),
        }
    }
}
