//! From a decided payout to its end: sent, or given back to the balance.

use jiff::Timestamp;
use shared::ids::JournalId;
use shared::partner::Change;
use shared::payout::{CancelReason, Payout, PayoutState, cancel_entry, transfer_entry};
use shared::processor::ProcessorError;
use shared::processor::stripe::objects::Transfer;
use shared::processor::stripe::requests::{CreateTransfer, Metadata};
use shared::runtime::Failure;
use shared::seed::Seed;
use shared::store::{Versioned, ledger, partners, payouts};

use crate::context::Context;

/// What one delivery works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) context: &'a Context,
    pub(crate) now: Timestamp,
    pub(crate) seed: Seed,
}

pub(crate) async fn send(desk: Desk<'_>, payout: Versioned<Payout>) -> Result<(), Failure> {
    let payout = if payout.state == PayoutState::Created {
        mark_sending(desk, payout).await?
    } else {
        payout
    };
    let request = CreateTransfer {
        amount: payout.amount,
        destination: payout.destination.clone(),
        transfer_group: payout.id.to_string(),
        // By these the event of a reversal finds the payout.
        metadata: Metadata::from([
            ("partner_id".into(), payout.partner.to_string()),
            ("payout_id".into(), payout.id.to_string()),
        ]),
    };
    let stripe = &desk.context.stripe;
    match stripe.create_transfer(&request, &payout.id.to_string()).await {
        Ok(transfer) => record(desk, &payout, &transfer).await,
        Err(ProcessorError::Refused { code, message, .. }) => {
            tracing::warn!(payout.id = %payout.id, stripe.code = code, stripe.message = message, "transfer refused");
            let reason = match code.as_str() {
                "balance_insufficient" => CancelReason::PlatformBalanceShort,
                _ => CancelReason::ProcessorRefused,
            };
            cancel(desk, &payout, reason, None).await
        }
        Err(error) => Err(error.into()),
    }
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

/// The transfer that an earlier attempt made, if it did.
pub(crate) async fn find(desk: Desk<'_>, payout: &Payout) -> Result<Option<Transfer>, Failure> {
    let mut transfers = desk.context.stripe.transfers_of(&payout.id.to_string()).await?.data;
    if transfers.len() > 1 {
        let ids: Vec<_> = transfers.iter().map(|transfer| transfer.id.as_str()).collect();
        return Err(Failure::reject(format!(
            "payout {} has more than one transfer: {}",
            payout.id,
            ids.join(", ")
        )));
    }
    Ok(transfers.pop())
}

pub(crate) async fn record(desk: Desk<'_>, payout: &Versioned<Payout>, transfer: &Transfer) -> Result<(), Failure> {
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
    let entry = transfer_entry(desk.seed.id::<JournalId>("transfer"), &sent, &transfer.id, at);
    let entry = entry.map_err(Failure::reject)?;
    let writes = vec![payouts::update(&sent, payout.revision)?, ledger::post(&entry)?];
    desk.context.store.transact(writes).await?;
    tracing::info!(payout.id = %sent.id, transfer.id = %transfer.id, amount = %sent.amount, "payout sent");
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
        ledger::post(&entry)?,
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
