//! Keeps partners' payout status and holds as Stripe sees their accounts.
//!
//! * **Trigger:** SQS FIFO `onboarding`, in order for each of Stripe's accounts; messages come from `account.updated` events, and from
//!   `payout.paid` and `payout.failed` of those accounts.
//! * **Writes:** the partner, with a notice to its owner when payouts begin or are held; table `accounts`.
//! * **Idempotency key:** the partner's revision. The event is only a hint: the account is fetched as it is now and the partner brought
//!   in line with it, so a second, late or early delivery finds nothing left to change. Ids come from the message.

mod context;
mod handler;

pub use context::Context;
pub use handler::handle;

#[cfg(test)]
mod tests;
