//! The second walk: events that a processor has and the inbox has not (docs.stripe.com/webhooks/process-undelivered-events;
//! developer.paypal.com/docs/api/webhooks/v1/#webhooks-events_list).
//!
//! Both list events up to 30 days back. What happens to Stripe's connected accounts is not among them: see `accounts`.

use jiff::{SignedDuration, Timestamp};
use shared::processor::Processor;
use shared::reconciliation::{DifferenceKind, Finding, Subject, Walk};
use shared::runtime::Failure;
use shared::store::reconciliation;

use crate::books::Events;
use crate::run::Run;
use crate::walk::{OVERLAP, days};

/// How far back events are listed, less an hour for the time that walking takes.
pub(crate) const REACH: SignedDuration = SignedDuration::from_hours(30 * 24 - 1);

/// `false` when there was not enough time.
pub(crate) async fn take_in_events(run: &mut Run<'_>, processor: Processor) -> Result<bool, Failure> {
    let store = &run.context.store;
    let reach = run.tick.now - REACH;
    let walk = Walk::Events(processor);
    let from = match reconciliation::cursor(store, walk).await? {
        Some(until) if until < reach => {
            gap(run, processor, until, reach).await?;
            reach
        }
        Some(until) => (until - OVERLAP).max(reach),
        None => reach,
    };
    for (from, until) in days(from, run.until()) {
        let mut page = Some(Events::first(processor, from, until));
        while let Some(events) = page {
            if run.is_out_of_time() {
                return Ok(false);
            }
            page = events.take_in(run).await?;
        }
        reconciliation::advance(store, walk, until).await?;
    }
    Ok(true)
}

/// Events of this time are lost. The movements of money of that time are not: the third walk looks at every one of them.
async fn gap(run: &mut Run<'_>, processor: Processor, from: Timestamp, until: Timestamp) -> Result<(), Failure> {
    let subject = Subject::Events { processor, from, until };
    let before = reconciliation::difference(&run.context.store, &subject).await?;
    let finding = Finding::of(DifferenceKind::EventsGap);
    run.differs(before.as_ref(), subject, finding, Vec::new()).await
}
