//! From a decided payout to its end: sent, or given back to the balance. How each processor is asked is in a module of its own.

use jiff::Timestamp;
use shared::ids::JournalId;
use shared::money::Money;
use shared::partner::{Change, Destination};
use shared::payout::{CancelReason, Payout, PayoutState, Transfer, cancel_entry, transfer_entry};
use shared::processor::paypal::requests::CreatePayout;
use shared::processor::stripe::requests::CreateTransfer;
use shared::runtime::Failure;
use shared::seed::Seed;
use shared::store::{Versioned, ledger, partners, payouts};

use crate::context::Context;
use crate::{paypal, stripe};

/// What one delivery works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) context: &'a Context,
    pub(crate) now: Timestamp,
    pub(crate) seed: Seed,
}

/// What a processor says about a payout that it was asked for.
#[derive(Debug)]
pub(crate) enum Outcome {
    Sent(Sent),
    /// Taken on as this batch, and neither paid nor refused so far.
    Accepted(String),
    /// It is proven that the money is with the platform, and stays there.
    NotSent(CancelReason),
}

#[derive(Debug)]
pub(crate) struct Sent {
    /// By which the processor is asked about it later.
    pub(crate) id: String,
    pub(crate) amount: Money,
    pub(crate) transfer: Transfer,
}

/// What the processor is asked, made before the payout says that it may have been: whatever is missing on our side must not leave a payout
/// that only the processor's answer can end.
enum Request {
    Transfer(CreateTransfer),
    Batch(CreatePayout),
}

pub(crate) async fn send(desk: Desk<'_>, payout: Versioned<Payout>) -> Result<(), Failure> {
    let request = match &payout.destination {
        Destination::Stripe { account } => Request::Transfer(stripe::request(&payout, account)),
        Destination::PayPal { receiver } => Request::Batch(paypal::request(desk, &payout, *receiver).await?),
    };
    let payout = if payout.state == PayoutState::Created {
        mark_sending(desk, payout).await?
    } else {
        payout
    };
    let outcome = match &request {
        Request::Transfer(transfer) => stripe::ask(desk, &payout, transfer).await?,
        Request::Batch(batch) => paypal::ask(desk, &payout, batch).await?,
    };
    conclude(desk, &payout, outcome).await
}

/// From here on the processor may have been asked.
async fn mark_sending(desk: Desk<'_>, payout: Versioned<Payout>) -> Result<Versioned<Payout>, Failure> {
    let sending = Payout {
        state: PayoutState::Sending { since: desk.now },
        ..payout.value
    };
    let write = payouts::update(&sending, payout.revision)?;
    desk.context.store.write(write).await?;
    Ok(Versioned {
        value: sending,
        revision: payout.revision + 1,
    })
}

/// Writes down what the processor says about an open payout.
pub(crate) async fn conclude(desk: Desk<'_>, payout: &Versioned<Payout>, outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Sent(sent) => record(desk, payout, &sent).await,
        Outcome::Accepted(batch) => accept(desk, payout, &batch).await,
        Outcome::NotSent(reason) => {
            let news = match (&payout.destination, reason) {
                (Destination::PayPal { receiver }, CancelReason::NotReceived) => {
                    paypal::not_received(desk, payout, *receiver).await?
                }
                _ => None,
            };
            cancel(desk, payout, reason, news).await
        }
    }
}

async fn record(desk: Desk<'_>, payout: &Versioned<Payout>, done: &Sent) -> Result<(), Failure> {
    if done.amount != payout.amount {
        return Err(Failure::reject(format!(
            "{} is of {}, payout {} of {}",
            done.id, done.amount, payout.id, payout.amount
        )));
    }
    let sent = Payout {
        state: PayoutState::Sent {
            transfer: done.id.clone(),
            at: done.transfer.at,
        },
        ..payout.value.clone()
    };
    let entry = transfer_entry(desk.seed.id::<JournalId>("transfer"), &sent, &done.transfer);
    let entry = entry.map_err(Failure::reject)?;
    let writes = vec![
        payouts::update(&sent, payout.revision)?,
        ledger::post(&entry, desk.now)?,
    ];
    desk.context.store.transact(writes).await?;
    tracing::info!(payout.id = %sent.id, transfer.id = %done.id, amount = %sent.amount, "payout sent");
    Ok(())
}

async fn accept(desk: Desk<'_>, payout: &Versioned<Payout>, batch: &str) -> Result<(), Failure> {
    if let PayoutState::Accepted { batch: known, .. } = &payout.state {
        return if known == batch {
            Ok(())
        } else {
            Err(Failure::reject(format!(
                "payout {} has two batches: {known} and {batch}",
                payout.id
            )))
        };
    }
    let accepted = Payout {
        state: PayoutState::Accepted {
            batch: batch.to_owned(),
            at: desk.now,
        },
        ..payout.value.clone()
    };
    let write = payouts::update(&accepted, payout.revision)?;
    desk.context.store.write(write).await?;
    tracing::info!(payout.id = %accepted.id, batch.id = batch, amount = %accepted.amount, "payout accepted");
    Ok(())
}

/// Gives the amount back to the balance: it is due again at the next run. What was learnt about the partner is written with it.
pub(crate) async fn cancel(
    desk: Desk<'_>,
    payout: &Versioned<Payout>,
    reason: CancelReason,
    news: Option<Versioned<Change>>,
) -> Result<(), Failure> {
    let cancelled = Payout {
        state: PayoutState::Cancelled { reason, at: desk.now },
        ..payout.value.clone()
    };
    let entry = cancel_entry(desk.seed.id::<JournalId>("cancel"), &cancelled, desk.now).map_err(Failure::reject)?;
    let writes = vec![
        payouts::update(&cancelled, payout.revision)?,
        ledger::post(&entry, desk.now)?,
        ledger::give_back(cancelled.partner, cancelled.amount),
    ];
    let store = &desk.context.store;
    match news {
        Some(change) => partners::save(store, &change, change.revision, writes).await?,
        None => store.transact(writes).await?,
    }
    tracing::warn!(payout.id = %cancelled.id, reason = %reason, "payout cancelled and given back to the balance");
    Ok(())
}
