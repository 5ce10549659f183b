//! Announces again what still stands at its first state a quarter of an hour after it was announced: its message was lost.
//!
//! Trigger: schedule. Sends the messages that orders, refunds, scans and rescans wait for, and has the open payouts looked after; writes
//! nothing but how far it came. Idempotency: a message has the same id at every sweep, and who gets it finds by the state and the facts
//! whether it is done.
//!
//! A stream forgets a change after a day, so an outage of the queues that lasts longer loses messages for good: from here they come back.
//! They are found by the state of what waits, not by what its item announces: an item whose message never reached the stream is found too.
//! Most of what waits has no lost message, though: a customer who does not pay. So the longer something has stood, the less often it is
//! announced ([`is_due`]).

mod announcement;
mod context;
mod due;

pub use context::Context;
pub use due::is_due;

use jiff::SignedDuration;
use shared::messages::{Envelope, Message};
use shared::page::PageKey;
use shared::queues::QueueError;
use shared::runtime::{Failure, Tick};
use shared::store::keys::{BALANCE_SHARDS, UNPAID_SHARDS};
use shared::store::sweeps::{SweepLane, SweepPlace, SweepRound, save_sweep_round, sweep_round};
use shared::store::{catalogue, commerce, reversals};
use strum::IntoEnumIterator;

/// As many as DynamoDB reads in one request.
const PAGE: usize = 100;
/// What a run leaves of its time for the page in hand, all of which may have to be announced.
const RESERVE: SignedDuration = SignedDuration::from_secs(60);

/// One run. What there is no time for is left to the next one, lane by lane: each comes on by a page at least. A lane that fails holds up no other.
pub async fn run(context: &Context, tick: Tick) -> Result<(), Failure> {
    let sweep = Sweep { context, tick: &tick };
    let mut outcome = sweep.payouts().await;
    for lane in SweepLane::iter() {
        outcome = outcome.and(sweep.lane(lane).await);
    }
    outcome
}

struct Sweep<'a> {
    context: &'a Context,
    tick: &'a Tick,
}

impl Sweep<'_> {
    /// Ends the lane's round that an earlier run has left, and then makes one of its own.
    async fn lane(&self, lane: SweepLane) -> Result<(), Failure> {
        let store = &self.context.store;
        let latest = sweep_round(store, lane).await?;
        let revision = latest.as_ref().map(|latest| latest.revision);
        let mut round = latest.map(|latest| latest.value);
        let walked = self.rounds(lane, &mut round).await;
        if let Some(round) = &round {
            save_sweep_round(store, lane, round, revision).await?;
        }
        let announced = walked?;
        tracing::info!(%lane, announced, "lane swept");
        Ok(())
    }

    /// How many messages were sent; `latest` then says how far the latest round came.
    async fn rounds(&self, lane: SweepLane, latest: &mut Option<SweepRound>) -> Result<usize, Failure> {
        let mut announced = 0;
        if let Some(unfinished) = latest.as_mut().filter(|round| round.place.is_some()) {
            announced += self.walk(lane, unfinished).await?;
            if unfinished.place.is_some() || self.is_out_of_time() {
                return Ok(announced);
            }
        }
        let round = latest.insert(self.next_round(latest.as_ref()));
        Ok(announced + self.walk(lane, round).await?)
    }

    fn next_round(&self, ended: Option<&SweepRound>) -> SweepRound {
        SweepRound {
            begun_at: self.tick.now,
            before: ended.map(|ended| ended.begun_at),
            place: Some(SweepPlace { shard: 0, after: None }),
        }
    }

    /// How many messages were sent; `round` then says where the next run goes on.
    async fn walk(&self, lane: SweepLane, round: &mut SweepRound) -> Result<usize, Failure> {
        let mut announced = 0;
        while let Some(place) = round.place.clone() {
            let (envelopes, next) = self.page(lane, round, &place).await?;
            for envelope in &envelopes {
                announced += self.send(envelope).await?;
            }
            round.place = after(lane, place.shard, next);
            if self.is_out_of_time() {
                break;
            }
        }
        Ok(announced)
    }

    fn is_out_of_time(&self) -> bool {
        self.tick.deadline.duration_since(self.context.clock.now()) < RESERVE
    }

    /// What a page of the lane announces, and where the next page of its shard begins.
    async fn page(
        &self,
        lane: SweepLane,
        round: &SweepRound,
        place: &SweepPlace,
    ) -> Result<(Vec<Envelope>, Option<PageKey>), Failure> {
        let (store, after) = (&self.context.store, place.after.clone());
        Ok(match lane {
            SweepLane::Orders => {
                let is_due = |since| is_due(since, round);
                let page = commerce::unpaid_orders(store, place.shard, after, PAGE, is_due).await?;
                (
                    page.items.iter().filter_map(announcement::of_order).collect(),
                    page.next,
                )
            }
            SweepLane::Refunds => {
                let page = reversals::unfinished_refunds(store, after, PAGE).await?;
                let due = page
                    .items
                    .iter()
                    .filter_map(|refund| announcement::of_refund(refund, round));
                (due.collect(), page.next)
            }
            SweepLane::Scans => {
                let page = catalogue::versions_to_be_scanned(store, after, PAGE).await?;
                let due = page
                    .items
                    .iter()
                    .filter_map(|version| announcement::of_scan(version, round));
                (due.collect(), page.next)
            }
            SweepLane::Rescans => {
                let page = catalogue::rescans(store, after, PAGE).await?;
                let mut envelopes = Vec::new();
                let open = page.items.iter().filter(|rescan| !rescan.is_complete());
                for rescan in open.filter(|rescan| is_due(rescan.begun_at, round)) {
                    envelopes.extend(catalogue::rescan_messages(store, rescan.id).await?);
                }
                (envelopes, page.next)
            }
        })
    }

    /// Payouts are taken up again by whoever decides about them, who knows how long each may take.
    async fn payouts(&self) -> Result<(), Failure> {
        for shard in 0..BALANCE_SHARDS {
            let (at, after) = (self.tick.now, None);
            let page = Message::OpenPayoutPage { at, shard, after };
            let id = self.tick.seed.id(&format!("open payouts {shard}"));
            self.send(&Envelope::new(id, page)).await?;
        }
        Ok(())
    }

    /// How many messages were sent. One that no queue takes holds up nothing else.
    async fn send(&self, envelope: &Envelope) -> Result<usize, Failure> {
        match self.context.queues.send(envelope).await {
            Ok(()) => Ok(1),
            Err(QueueError::Impossible(why)) => {
                tracing::error!(message.id = %envelope.id, why, "a message cannot be sent");
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The place after a page that was the last of its shard, or was not.
fn after(lane: SweepLane, shard: u8, next: Option<PageKey>) -> Option<SweepPlace> {
    if next.is_some() {
        return Some(SweepPlace { shard, after: next });
    }
    let shards = if lane == SweepLane::Orders { UNPAID_SHARDS } else { 1 };
    let shard = shard + 1;
    (shard < shards).then_some(SweepPlace { shard, after: None })
}
