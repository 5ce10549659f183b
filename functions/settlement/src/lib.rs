//! Settles orders: from a payment to the journal, the partners' balances, the licences and the receipt.
//!
//! Trigger: SQS, FIFO by order. Writes order, journal entries, balances and licences in one transaction, with the message that sends the receipt;
//! and one journal entry for each charge's fee. Idempotency: the order's revision and the journal's keys (`sale` of the order, `fee` of the charge):
//! whatever arrives twice, or in another order, finds the fact posted.

mod context;
mod fee;
mod session;

pub use context::Context;

use shared::messages::{Envelope, Message, PaymentSubject};
use shared::runtime::{Delivery, Failure};

/// One message of the queue.
pub async fn handle(context: &Context, delivery: Delivery<Envelope>) -> Result<(), Failure> {
    match &delivery.message.message {
        Message::PaymentChanged {
            subject: PaymentSubject::CheckoutSession,
            object_id,
            customer,
            order,
            ..
        } => session::settle_session(context, &delivery, object_id, *customer, *order).await,
        Message::PaymentChanged {
            subject: PaymentSubject::Charge,
            object_id,
            ..
        } => fee::post_fee(context, &delivery, object_id).await,
        Message::FreeOrderPlaced { customer, order } => {
            session::settle_free(context, &delivery, *customer, *order).await
        }
        other => Err(Failure::reject(format!(
            "a message for the queue {} arrived here",
            other.queue()
        ))),
    }
}
