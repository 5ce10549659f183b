//! Receipts and news to customers, decisions to partners: by mail.
//!
//! * **Trigger:** SQS `notify`.
//! * **Writes:** mails through SES, and in the table `commerce` which messages have become mails; to its own queue, who else is to be told.
//! * **Idempotency key:** the message's id, leased before the mail is sent and marked after. A crash between sending and marking sends
//!   the mail a second time; nothing else does.
//!
//! Mail addresses are read from the user's profile at the moment of sending and stored nowhere else.

mod context;
mod handler;
mod letter;
mod notices;
mod receipt;
mod subscribers;

pub use context::Context;
pub use handler::handle;

#[cfg(test)]
mod tests;
