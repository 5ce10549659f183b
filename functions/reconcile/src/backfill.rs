//! The first walk: events that Stripe has and the inbox has not (docs.stripe.com/webhooks/process-undelivered-events).
//!
//! Stripe lists the platform's own events, up to 30 days back. What happens to connected accounts is not among them; whoever acts on an
//! account fetches it first.

use jiff::{SignedDuration, Timestamp};
use shared::ids::MessageId;
use shared::processor::Processor;
use shared::processor::stripe::intake;
use shared::processor::stripe::requests::ListPage;
use shared::reconciliation::{DifferenceKind, Finding, Subject, Walk};
use shared::runtime::Failure;
use shared::seed::Seed;
use shared::store::{commerce, reconciliation};

use crate::run::Run;
use crate::walk::{OVERLAP, days};

/// How far back Stripe lists events, less an hour for the time that walking takes.
const REACH: SignedDuration = SignedDuration::from_hours(30 * 24 - 1);

/// `false` when there was not enough time.
pub(crate) async fn take_in_events(run: &mut Run<'_>) -> Result<bool, Failure> {
    let store = &run.context.store;
    let reach = run.tick.now - REACH;
    let from = match reconciliation::cursor(store, Walk::Events).await? {
        Some(until) if until < reach => {
            gap(run, until, reach).await?;
            reach
        }
        Some(until) => (until - OVERLAP).max(reach),
        None => reach,
    };
    for (from, until) in days(from, run.until()) {
        let mut page = ListPage {
            created_from: Some(from),
            created_before: Some(until),
            starting_after: None,
        };
        loop {
            if run.is_out_of_time() {
                return Ok(false);
            }
            let events = run.context.stripe.events(&page).await?;
            page.starting_after = events.next_page();
            let ids = events.data.iter().map(|event| event.id.as_str());
            let known = commerce::known_events(store, Processor::Stripe, ids).await?;
            for event in events.data.into_iter().filter(|event| !known.contains(&event.id)) {
                let seed = Seed::of(&run.tick.seed.id::<MessageId>(&event.id));
                if intake::take_in(store, event, run.context.livemode, seed, run.tick.now).await? {
                    run.counts.events_taken_in += 1;
                }
            }
            if page.starting_after.is_none() {
                break;
            }
        }
        reconciliation::advance(store, Walk::Events, until).await?;
    }
    Ok(true)
}

/// Events of this time are lost. The movements of money of that time are not: the second walk looks at every one of them.
async fn gap(run: &mut Run<'_>, from: Timestamp, until: Timestamp) -> Result<(), Failure> {
    let subject = Subject::Events { from, until };
    let before = reconciliation::difference(&run.context.store, &subject).await?;
    let finding = Finding::of(DifferenceKind::EventsGap);
    run.differs(before.as_ref(), subject, finding, Vec::new()).await
}
