//! Holds the journal against the processor's own books, and fetches the news that never came.
//!
//! Trigger: schedule. Three walks, each of which goes on where the run before stopped: events that are not in the inbox are taken in as
//! the webhook would have; every movement on the platform's balance is matched with the entries that explain it, or a difference is
//! opened; the differences that stand are looked at again. Writes matches, differences, the entries of the platform's own movements,
//! and a report. Idempotency: a movement is matched by one conditional item, in the same transaction as what follows from it; an event
//! is taken in under its own id.

mod backfill;
mod context;
mod evidence;
mod movement;
mod run;
mod walk;

pub use context::Context;

use shared::runtime::{Failure, Tick};

use crate::run::Run;

/// One run. What there is no time for is left to the next one, and the report says so.
pub async fn run(context: &Context, tick: Tick) -> Result<(), Failure> {
    let mut run = Run::begin(context, &tick).await?;
    let is_complete = backfill::take_in_events(&mut run).await?
        && walk::match_movements(&mut run).await?
        && walk::review_differences(&mut run).await?;
    run.end(is_complete).await
}
