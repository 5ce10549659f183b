//! Decides which balances are due and takes them off the books to be sent; and takes up payouts whose message was lost.
//!
//! Trigger: SQS, one page of a shard's balances or open payouts a message. Writes, for each balance that is due, the payout, its journal
//! entry and the balance in one transaction, with the message that sends it. Idempotency: the balance's revision, and the payout's.
//!
//! The next page is sent off before this one is decided, so that the pages of a shard run side by side and a page that fails holds up
//! none. A page that comes again sends the next one again: what has been decided is no longer due, so that costs reads and pays nobody
//! twice.

mod context;

pub use context::Context;

use jiff::Timestamp;
use shared::clock::day;
use shared::messages::{Envelope, Message};
use shared::page::{Page, PageKey};
use shared::payout::NotDue;
use shared::runtime::{Delivery, Failure, accounted};
use shared::seed::Seed;
use shared::store::payouts::{self, Decided};
use shared::store::{Key, StoreError, ledger};

/// As many as are decided well within the function's time; a page of the index is read in one request.
const PAGE: usize = 100;

/// What became of one page, for its log line.
#[derive(Debug, Default)]
struct Summary {
    decided: usize,
    nothing_payable: usize,
    below_minimum: usize,
    held: usize,
    contended: usize,
}

pub async fn handle(context: &Context, delivery: Delivery<Envelope>) -> Result<(), Failure> {
    accounted(&context.store, delivery, async |delivery| {
        context.store.until_uncontended(|| page(context, &delivery)).await
    })
    .await
}

async fn page(context: &Context, delivery: &Delivery<Envelope>) -> Result<(), Failure> {
    let seed = delivery.seed;
    match delivery.message.message.clone() {
        Message::PayoutPage { at, shard, after } => {
            let page = ledger::balance_keys(&context.store, shard, after, PAGE).await?;
            let next = |after| Message::PayoutPage { at, shard, after };
            send_next(context, &page, seed, next).await?;
            decide_all(context, &page.items, decided_at(at, delivery.now), seed).await
        }
        Message::OpenPayoutPage { at, shard, after } => {
            let page = payouts::open_keys(&context.store, shard, after, PAGE).await?;
            let next = |after| Message::OpenPayoutPage { at, shard, after };
            send_next(context, &page, seed, next).await?;
            take_up_all(context, &page.items, at, seed).await
        }
        other => Err(Failure::reject(format!("a message for {} arrived here", other.queue()))),
    }
}

async fn send_next(
    context: &Context,
    page: &Page<Key>,
    seed: Seed,
    message: impl FnOnce(Option<PageKey>) -> Message,
) -> Result<(), Failure> {
    if page.next.is_some() {
        let envelope = Envelope::new(seed.id("next"), message(page.next.clone()));
        context.queues.send(&envelope).await?;
    }
    Ok(())
}

/// The time at which the run began, so that all balances are seen on the same day. A page that comes on a later day is decided on that day: it
/// may find money that was earned since, which is paid out in no period that is over.
fn decided_at(began: Timestamp, now: Timestamp) -> Timestamp {
    if day(now) > day(began) { now } else { began }
}

async fn decide_all(context: &Context, balances: &[Key], at: Timestamp, seed: Seed) -> Result<(), Failure> {
    let (mut summary, mut unfit) = (Summary::default(), Vec::new());
    for balance in balances {
        match payouts::decide(&context.store, balance, context.rules, at, seed, &[]).await {
            Ok(Decided::Payout(_)) => summary.decided += 1,
            Ok(Decided::NotDue(NotDue::NothingPayable)) => summary.nothing_payable += 1,
            Ok(Decided::NotDue(NotDue::BelowMinimum { .. })) => summary.below_minimum += 1,
            Ok(Decided::NotDue(NotDue::PartnerHeld(_) | NotDue::PayPalNotOffered)) => summary.held += 1,
            Ok(Decided::Contended) => summary.contended += 1,
            // For people to look at; its neighbours are paid meanwhile.
            Err(StoreError::Corrupt(why)) => unfit.push(format!("{balance}: {why}")),
            Err(error) => return Err(error.into()),
        }
    }
    tracing::info!(
        payouts.decided = summary.decided,
        payouts.nothing_payable = summary.nothing_payable,
        payouts.below_minimum = summary.below_minimum,
        payouts.held = summary.held,
        payouts.contended = summary.contended,
        "page of balances decided"
    );
    if unfit.is_empty() {
        Ok(())
    } else {
        Err(Failure::reject(unfit.join("; ")))
    }
}

async fn take_up_all(context: &Context, open: &[Key], at: Timestamp, seed: Seed) -> Result<(), Failure> {
    for key in open {
        let Some(payout) = payouts::at(&context.store, key)
            .await?
            .filter(|payout| payout.is_stuck(at))
        else {
            continue;
        };
        let again = payouts::announce_again(&payout, seed.id(&payout.id.to_string()))?;
        match context.store.write(again).await {
            Ok(()) => {
                tracing::warn!(payout.id = %payout.id, partner.id = %payout.partner, "stuck payout taken up again");
            }
            // It moves after all.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
