//! Sends decided payouts through the processor and records what became of them.
//!
//! Trigger: SQS, FIFO by partner. Writes the payout's state, and with its end the journal entry (and, for a cancelled one, the balance) in one
//! transaction. Idempotency: the payout's id is the key of the transfer and its `transfer_group`, the payout's revision guards every step. A crash
//! between any two lines leaves a payout that the next delivery takes up; a timeout is an unknown outcome, asked again and never called a failure.

mod context;

pub use context::Context;

use jiff::Timestamp;
use shared::ids::{JournalId, PartnerId, PayoutId};
use shared::messages::{Envelope, Message};
use shared::partner::Block;
use shared::payout::{CancelReason, Payout, PayoutState, Step, cancel_entry, next_step, transfer_entry};
use shared::processor::ProcessorError;
use shared::processor::stripe::objects::Transfer;
use shared::processor::stripe::requests::{CreateTransfer, Metadata};
use shared::runtime::{Delivery, Failure};
use shared::seed::Seed;
use shared::store::{Versioned, ledger, partners};

pub async fn handle(context: &Context, delivery: Delivery<Envelope>) -> Result<(), Failure> {
    let Message::PayoutDecided { partner, payout } = &delivery.message.message else {
        return Err(Failure::reject(format!(
            "a message for {} arrived here",
            delivery.message.message.queue()
        )));
    };
    let payout = load(context, *partner, *payout).await?;
    let destination = destination(context, *partner).await?;
    match next_step(&payout, destination.as_deref(), delivery.now) {
        Step::Nothing => Ok(()),
        Step::Cancel(reason) => cancel(context, &payout, reason, delivery.seed, delivery.now).await,
        Step::Send => send(context, payout, delivery.seed, delivery.now).await,
        Step::LookUpThenSend => match find(context, &payout).await? {
            Some(transfer) => record(context, &payout, &transfer, delivery.seed).await,
            None => send(context, payout, delivery.seed, delivery.now).await,
        },
    }
}

async fn load(context: &Context, partner: PartnerId, payout: PayoutId) -> Result<Versioned<Payout>, Failure> {
    let found = ledger::payout(&context.store, partner, payout).await?;
    found.ok_or_else(|| Failure::reject(format!("payout {payout} of {partner} does not exist")))
}

/// Where the partner may be paid at this moment; `None` while a hold stands.
async fn destination(context: &Context, partner: PartnerId) -> Result<Option<String>, Failure> {
    let partner = partners::load(&context.store, partner).await?;
    let payable = partner.filter(|partner| partner.hold_on(Block::Payout).is_none());
    Ok(payable
        .and_then(|partner| partner.value.payout_account)
        .map(|account| account.account))
}

async fn send(context: &Context, payout: Versioned<Payout>, seed: Seed, now: Timestamp) -> Result<(), Failure> {
    let payout = if payout.state == PayoutState::Created {
        mark_sending(context, payout, now).await?
    } else {
        payout
    };
    let request = CreateTransfer {
        amount: payout.amount,
        destination: payout.destination.clone(),
        transfer_group: payout.id.to_string(),
        metadata: Metadata::from([("payout_id".into(), payout.id.to_string())]),
    };
    match context.stripe.create_transfer(&request, &payout.id.to_string()).await {
        Ok(transfer) => record(context, &payout, &transfer, seed).await,
        Err(ProcessorError::Refused { code, message, .. }) => {
            tracing::warn!(payout.id = %payout.id, stripe.code = code, stripe.message = message, "transfer refused");
            let short = code == "balance_insufficient";
            let reason = if short {
                CancelReason::PlatformBalanceShort
            } else {
                CancelReason::ProcessorRefused
            };
            cancel(context, &payout, reason, seed, now).await
        }
        Err(error) => Err(error.into()),
    }
}

/// From here on the processor may have been asked.
async fn mark_sending(
    context: &Context,
    payout: Versioned<Payout>,
    now: Timestamp,
) -> Result<Versioned<Payout>, Failure> {
    let sending = Payout {
        state: PayoutState::Sending { since: now },
        ..payout.value
    };
    context
        .store
        .write(ledger::update_payout(&sending, payout.revision)?)
        .await?;
    Ok(Versioned {
        value: sending,
        revision: payout.revision + 1,
    })
}

/// The transfer that an earlier attempt made, if it did.
async fn find(context: &Context, payout: &Payout) -> Result<Option<Transfer>, Failure> {
    let transfers = context.stripe.transfers_of(&payout.id.to_string()).await?;
    Ok(transfers.data.into_iter().next())
}

async fn record(context: &Context, payout: &Versioned<Payout>, transfer: &Transfer, seed: Seed) -> Result<(), Failure> {
    if transfer.amount != payout.amount.minor() {
        return Err(Failure::reject(format!(
            "transfer {} is not of the amount of payout {}",
            transfer.id, payout.id
        )));
    }
    let at = Timestamp::from_second(transfer.created).map_err(Failure::reject)?;
    let sent = PayoutState::Sent {
        transfer: transfer.id.clone(),
        at,
    };
    let sent = Payout {
        state: sent,
        ..payout.value.clone()
    };
    let entry = transfer_entry(seed.id::<JournalId>("transfer"), &sent, &transfer.id, at);
    let entry = entry.map_err(Failure::reject)?;
    let writes = vec![ledger::update_payout(&sent, payout.revision)?, ledger::post(&entry)?];
    context.store.transact(writes).await?;
    tracing::info!(payout.id = %sent.id, transfer.id = %transfer.id, amount = %sent.amount, "payout sent");
    Ok(())
}

/// Gives the amount back to the balance: it is due again at the next run.
async fn cancel(
    context: &Context,
    payout: &Versioned<Payout>,
    reason: CancelReason,
    seed: Seed,
    now: Timestamp,
) -> Result<(), Failure> {
    let cancelled = Payout {
        state: PayoutState::Cancelled { reason, at: now },
        ..payout.value.clone()
    };
    let entry = cancel_entry(seed.id::<JournalId>("cancel"), &cancelled, now).map_err(Failure::reject)?;
    let writes = vec![
        ledger::update_payout(&cancelled, payout.revision)?,
        ledger::post(&entry)?,
        ledger::give_back(&cancelled),
    ];
    context.store.transact(writes).await?;
    tracing::warn!(payout.id = %cancelled.id, reason = %reason, "payout cancelled and given back to the balance");
    Ok(())
}
