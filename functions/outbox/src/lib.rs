//! Relays the messages that state changes carry to their queues.
//!
//! * **Trigger:** the DynamoDB streams of all tables but `requests`, filtered to items that carry an outbox.
//! * **Writes:** nothing but messages: to the queues, and to the parking queue what can never be relayed, whole, with the reason.
//! * **Idempotency key:** the message's id. A record that comes twice is sent twice; FIFO queues drop the second one for five minutes,
//!   and every consumer recognises it for good.
//!
//! Messages leave one by one in the order of the stream, so that those of one group cannot overtake each other. When a queue does not
//! answer, the batch fails and comes again from its first record.

mod context;
mod handler;

pub use context::Context;
pub use handler::handle;

#[cfg(test)]
mod tests;
