//! Settles orders: from a payment to the journal, the partners' balances, the licences and the receipt, and all the way back.
//!
//! Trigger: SQS, FIFO by order or subscription (what the processor tells about refunds and disputes: by charge). Writes order, journal entries, balances and licences
//! in one transaction, with the message that tells the customer; one journal entry for each charge's fee, and what partners bear of it. Idempotency: the revisions of order, refund
//! and dispute, and the journal's keys (`sale` of the order, `fee` and `fee_share` of the charge, `refund` of the refund, `dispute_funds` of the movement): whatever arrives
//! twice, or in another order, finds the fact posted. Closes the payment pages of what has left the shop; what is paid for it all the same is
//! settled without a share or a licence, and its refund begins in the same transaction.

mod context;
mod credit;
mod dispute;
mod fee;
mod origin;
mod paypal;
mod paypal_dispute;
mod refund;
mod requests;
mod session;
mod subscription;
mod withdrawn;

pub use context::Context;

use shared::messages::{Envelope, Message, PaymentSubject, ReversalSubject};
use shared::runtime::{Delivery, Failure, accounted};

/// One message of the queue. Balances and counters are everybody's: whoever meets others there decides anew.
pub async fn handle(context: &Context, delivery: Delivery<Envelope>) -> Result<(), Failure> {
    accounted(&context.store, delivery, async |delivery| {
        context.store.until_uncontended(|| follow(context, &delivery)).await
    })
    .await
}

async fn follow(context: &Context, delivery: &Delivery<Envelope>) -> Result<(), Failure> {
    match &delivery.message.message {
        Message::PaymentChanged {
            subject: PaymentSubject::CheckoutSession,
            object_id,
            customer,
            order,
            ..
        } => session::settle_session(context, delivery, object_id, *customer, *order).await,
        Message::PaymentChanged {
            subject: PaymentSubject::WholePayment,
            object_id,
            customer,
            order,
            ..
        } => session::settle_whole(context, delivery, object_id, *customer, *order).await,
        Message::PaymentChanged {
            subject: PaymentSubject::Charge,
            object_id,
            customer,
            order,
            ..
        } => fee::post_fee(context, delivery, object_id, *customer, *order).await,
        Message::PayPalOrderChanged { order, .. } => paypal::settle_order(context, delivery, *order).await,
        Message::PayPalRefundMade { refund, capture, .. } => {
            refund::hear_paypal(context, delivery, refund, capture).await
        }
        Message::PayPalDisputeChanged { dispute, .. } => paypal_dispute::hear(context, delivery, dispute).await,
        Message::PayPalCaptureReversed { reversal, capture, .. } => {
            paypal_dispute::hear_reversal(context, delivery, reversal, capture).await
        }
        Message::DisputeMadeByHand {
            customer,
            order,
            dispute,
        } => dispute::hear_by_hand(context, delivery, *customer, *order, dispute).await,
        Message::FreeOrderPlaced { customer, order } => {
            session::settle_free(context, delivery, *customer, *order).await
        }
        Message::RefundDecided {
            customer,
            order,
            refund,
        } => refund::send(context, delivery, *customer, *order, *refund).await,
        Message::ReversalChanged {
            subject: ReversalSubject::Refund,
            object_id,
            ..
        } => refund::hear_stripe(context, delivery, object_id).await,
        Message::ReversalChanged {
            subject: ReversalSubject::Dispute,
            object_id,
            ..
        } => dispute::hear(context, delivery, object_id).await,
        Message::SubscriptionChanged {
            customer,
            subscription,
            at,
            ..
        } => subscription::hear(context, delivery, *customer, *subscription, *at).await,
        Message::PaymentMethodChanged { customer, .. } => {
            subscription::take_new_card(context, delivery, customer).await
        }
        Message::UnnamedCharge { charge, .. } => fee::post_unnamed(context, delivery, charge).await,
        Message::RenewalReturned { customer, order } => {
            subscription::end_returned(context, delivery, *customer, *order).await
        }
        Message::ListingWithdrawn {
            listing,
            waiting,
            after,
        } => withdrawn::close_pages(context, delivery, *listing, *waiting, after.clone()).await,
        Message::PartnerWithdrawn { partner, after } => {
            withdrawn::close_pages_of(context, delivery, *partner, after.clone()).await
        }
        other => Err(Failure::reject(format!(
            "a message for the queue {} arrived here",
            other.queue()
        ))),
    }
}
