//! Holds the journal against the processors' own books, and fetches the news that never came.
//!
//! Trigger: schedule. Five walks, of which those along time and along the partners go on where the run before stopped: refunds that are
//! still on their way are asked about; events that are not in the inbox are taken in as the webhook would have, those of the platform, and
//! those of the partners' accounts, of which the held ones are looked at again; every movement on the platform's balance is matched with
//! the entries that explain it, or a difference is opened (what PayPal releases of what it held, wherever it lies); the differences that
//! stand are looked at again. Writes matches, differences, the entries of the platform's own movements, a report, how far it came, and
//! pending refunds as they are, with a message. Idempotency: a movement is matched by one conditional item, in the same transaction as
//! what follows from it; an event is taken in under its own id.

mod accounts;
mod backfill;
mod books;
mod context;
mod evidence;
mod movement;
mod refunds;
mod run;
mod walk;

pub use context::Context;

use shared::processor::Processor;
use shared::runtime::{Failure, Tick};

use crate::run::Run;

/// One run. What there is no time for is left to the next one, and the report says so.
pub async fn run(context: &Context, tick: Tick) -> Result<(), Failure> {
    let mut run = Run::begin(context, &tick).await?;
    let is_complete = walk_all(&mut run).await?;
    run.end(is_complete).await
}

/// `false` when there was not enough time.
async fn walk_all(run: &mut Run<'_>) -> Result<bool, Failure> {
    if !refunds::ask_again(run).await? {
        return Ok(false);
    }
    // Before the movements, of which there may be more than a run has time for. What fails with a partner's account holds up no movement.
    let accounts = accounts::follow(run).await;
    for processor in processors(run.context).await? {
        let is_complete =
            backfill::take_in_events(run, processor).await? && walk::match_movements(run, processor).await?;
        if !is_complete || processor == Processor::PayPal && !walk::match_releases(run).await? {
            return accounts.and(Ok(false));
        }
    }
    Ok(walk::review_differences(run).await? && accounts?)
}

/// A marketplace may do without PayPal.
async fn processors(context: &Context) -> Result<Vec<Processor>, Failure> {
    let mut processors = vec![Processor::Stripe];
    if context.paypal.is_set_up().await? {
        processors.push(Processor::PayPal);
    }
    Ok(processors)
}
