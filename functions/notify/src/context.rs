//! What the handler works with.

use shared::mail::Mail;
use shared::messages::Queue;
use shared::queues::Queues;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    pub mail: Mail,
    /// For those whom a message tells to be told, and the page after them.
    pub queues: Queues,
    /// Origin of the web pages that mails lead to.
    pub public_url: String,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            store: start.store(&[TableName::Accounts, TableName::Commerce]),
            mail: start.mail(),
            queues: start.queues(&[Queue::Notify]),
            public_url: start.read(&env::PUBLIC_URL),
        }
    }
}
