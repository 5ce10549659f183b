//! The payout run: decides which balances are due, and takes them off the books to be sent.
//!
//! Trigger: schedule. Writes, for each balance that is due, the payout, its journal entry and the balance in one transaction, with the message that
//! sends it. Idempotency: the balance's revision. Of two runs at once, or of a run beside a sale, one wins; the other reads again.

mod context;

pub use context::Context;

use jiff::SignedDuration;
use shared::ids::{JournalId, MessageId, PayoutId};
use shared::messages::{Envelope, Message};
use shared::partner::Block;
use shared::payout::{Balance, Due, NotDue, Payout, PayoutState, due, payout_entry};
use shared::runtime::{Failure, Tick};
use shared::store::keys::{BALANCE_SHARDS, Key};
use shared::store::{StoreError, Versioned, ledger, partners};

/// How many balances are read for each page of the index.
const PAGE: usize = 100;
/// A balance that keeps changing under us has sales coming in: it waits for the next run.
const ATTEMPTS: usize = 3;
/// What a run leaves of its time for the balance in hand.
const RESERVE: SignedDuration = SignedDuration::from_secs(5);

/// What a run did, for its log line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub decided: usize,
    pub nothing_payable: usize,
    pub below_minimum: usize,
    pub held: usize,
    pub contended: usize,
}

pub async fn run(context: &Context, tick: Tick) -> Result<(), Failure> {
    let mut summary = Summary::default();
    for shard in 0..BALANCE_SHARDS {
        let mut after = None;
        loop {
            let page = ledger::balance_keys(&context.store, shard, after, PAGE).await?;
            for key in &page.items {
                if tick.deadline.duration_since(context.clock.now()) < RESERVE {
                    return Err(Failure::retry(format!(
                        "the run ended before all balances were seen: {summary:?}"
                    )));
                }
                one(context, &tick, key, &mut summary).await?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    tracing::info!(
        payouts.decided = summary.decided,
        payouts.nothing_payable = summary.nothing_payable,
        payouts.below_minimum = summary.below_minimum,
        payouts.held = summary.held,
        payouts.contended = summary.contended,
        "payout run ended"
    );
    Ok(())
}

async fn one(context: &Context, tick: &Tick, key: &Key, summary: &mut Summary) -> Result<(), Failure> {
    for _ in 0..ATTEMPTS {
        let Some(balance) = ledger::balance(&context.store, key).await? else {
            return Ok(());
        };
        match decide(context, tick, &balance, summary).await {
            Err(StoreError::Conflict { .. } | StoreError::Busy) => {}
            outcome => return Ok(outcome?),
        }
    }
    summary.contended += 1;
    Ok(())
}

async fn decide(
    context: &Context,
    tick: &Tick,
    balance: &Versioned<Balance>,
    summary: &mut Summary,
) -> Result<(), StoreError> {
    let corrupt = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Corrupt(error);
    let minimum = i64::from(context.minimum_minor);
    // Whether the partner may be paid is asked only where there is something to pay: most balances have nothing.
    match due(balance, minimum, true, tick.now).map_err(|e| corrupt(e.into()))? {
        Due::NotYet(NotDue::BelowMinimum) => summary.below_minimum += 1,
        Due::NotYet(_) => summary.nothing_payable += 1,
        Due::Pay(amount) => {
            let partner = partners::load(&context.store, balance.partner).await?;
            let account = partner
                .as_ref()
                .filter(|partner| partner.hold_on(Block::Payout).is_none());
            let Some(destination) = account.and_then(|partner| partner.payout_account.as_ref()) else {
                summary.held += 1;
                return Ok(());
            };
            // The revision is part of the label: what was decided on one reading of the balance is one payout.
            let label = format!("{} {} {}", balance.partner, amount.currency(), balance.revision);
            let payout = Payout {
                id: tick.seed.id::<PayoutId>(&label),
                partner: balance.partner,
                amount,
                destination: destination.account.clone(),
                created_at: tick.now,
                state: PayoutState::Created,
            };
            let message = Message::PayoutDecided {
                partner: payout.partner,
                payout: payout.id,
            };
            let envelope = Envelope::new(tick.seed.id::<MessageId>(&label), message);
            let entry = payout_entry(tick.seed.id::<JournalId>(&label), &payout).map_err(|e| corrupt(e.into()))?;
            let writes = vec![
                ledger::create_payout(&payout, &envelope)?,
                ledger::post(&entry)?,
                ledger::debit(balance, &payout, tick.now),
            ];
            context.store.transact(writes).await?;
            tracing::info!(payout.id = %payout.id, partner.id = %payout.partner, amount = %payout.amount, "payout decided");
            summary.decided += 1;
        }
    }
    Ok(())
}
