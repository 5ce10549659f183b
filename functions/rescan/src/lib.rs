//! Has everything that is listed scanned again when the scan's rules have changed.
//!
//! Trigger: schedule. Writes nothing; asks `scanning`, which alone has the rules, to compare them with those of the last time. Idempotency:
//! none is needed here. A set of rules begins one rescan, however often it is asked for.

mod context;

pub use context::Context;

use shared::messages::{Envelope, Message};
use shared::runtime::{Failure, Tick};

pub async fn run(context: &Context, tick: Tick) -> Result<(), Failure> {
    let message = Message::CompareRules { at: tick.now };
    context
        .queues
        .send(&Envelope::new(tick.seed.id("compare"), message))
        .await?;
    Ok(())
}
