//! Sends decided payouts through the processor, records what became of them, and what the processor took back of them later.
//!
//! Trigger: SQS, FIFO by partner. Writes the payout's state, and with its end the journal entry (and, for what goes back to the balance, the
//! balance; and the partner, where its account has been found unfit) in one transaction. Idempotency: the payout's id is the key of Stripe's
//! transfer and its `transfer_group`, and PayPal's `sender_batch_id`; the payout's revision guards every step, a reversal is posted once
//! under its id. A crash between any two lines leaves a payout that the next delivery takes up; a timeout is an unknown outcome, asked again
//! and never called a failure.

mod check;
mod context;
mod paypal;
mod reversals;
mod sending;
mod stripe;

pub use context::Context;

use shared::ids::{PartnerId, PayoutId};
use shared::messages::{Envelope, Message};
use shared::payout::{CancelReason, Payout, PayoutState, Step, next_step};
use shared::processor::Processor;
use shared::runtime::{Delivery, Failure, accounted};
use shared::store::{Versioned, payouts};

use crate::check::{Checked, check};
use crate::sending::{Desk, Outcome, cancel, conclude, send};

pub async fn handle(context: &Context, delivery: Delivery<Envelope>) -> Result<(), Failure> {
    accounted(&context.store, delivery, async |delivery| {
        context.store.until_uncontended(|| follow(context, &delivery)).await
    })
    .await
}

async fn follow(context: &Context, delivery: &Delivery<Envelope>) -> Result<(), Failure> {
    let desk = Desk {
        context,
        now: delivery.now,
        seed: delivery.seed,
    };
    match &delivery.message.message {
        Message::PayoutDecided { partner, payout } => proceed(desk, load(context, *partner, *payout).await?).await,
        Message::TransferReversed {
            transfer,
            partner,
            payout,
            ..
        } => stripe::take_back(desk, load(context, *partner, *payout).await?, transfer).await,
        Message::PayPalPayoutItemChanged {
            item, partner, payout, ..
        } => paypal::hear(desk, load(context, *partner, *payout).await?, item).await,
        other => Err(Failure::reject(format!("a message for {} arrived here", other.queue()))),
    }
}

async fn load(context: &Context, partner: PartnerId, payout: PayoutId) -> Result<Versioned<Payout>, Failure> {
    let found = payouts::load(&context.store, partner, payout).await?;
    found.ok_or_else(|| Failure::reject(format!("payout {payout} of {partner} does not exist")))
}

/// The next step of a payout, from wherever an earlier delivery left it.
async fn proceed(desk: Desk<'_>, payout: Versioned<Payout>) -> Result<(), Failure> {
    let is_new = payout.state == PayoutState::Created;
    if is_new && payout.destination.processor() == Processor::PayPal && !desk.context.paypal.is_set_up().await? {
        return cancel(desk, &payout, CancelReason::PayPalNotOffered, None).await;
    }
    let checked = if is_new {
        check(desk, &payout).await?
    } else {
        Checked::default()
    };
    match next_step(&payout, checked.destination.as_ref(), desk.now) {
        Step::Nothing => Ok(()),
        Step::Cancel(reason) => cancel(desk, &payout, reason, checked.news).await,
        Step::Send => send(desk, payout).await,
        Step::LookUpThenSend => match stripe::find(desk, &payout).await? {
            Some(sent) => conclude(desk, &payout, Outcome::Sent(sent)).await,
            None => send(desk, payout).await,
        },
        Step::LookUp(batch) => {
            let outcome = paypal::look_up(desk, &payout, &batch).await?;
            conclude(desk, &payout, outcome).await
        }
        Step::AskAPerson => Err(Failure::reject(format!(
            "PayPal may have been asked for payout {} and does not know its id any more: look for a batch of it there",
            payout.id
        ))),
    }
}
