//! Begins a payout run: the balances, and the payouts that are still open, are divided into shards, and each shard gets its first page.
//!
//! Trigger: schedule. Writes nothing; sends messages to `payout-decide`, whose pages send on the next ones. Idempotency: none is needed
//! here. A run that is repeated, or meets another one, sends pages that find nothing left to decide.

mod context;

pub use context::Context;

use shared::messages::{Envelope, Message};
use shared::runtime::{Failure, Tick};
use shared::store::keys::BALANCE_SHARDS;

pub async fn run(context: &Context, tick: Tick) -> Result<(), Failure> {
    let at = tick.now;
    for shard in 0..BALANCE_SHARDS {
        let balances = Message::PayoutPage { at, shard, after: None };
        let open = Message::OpenPayoutPage { at, shard, after: None };
        for (kind, message) in [("balances", balances), ("open", open)] {
            let id = tick.seed.id(&format!("{kind} {shard}"));
            context.queues.send(&Envelope::new(id, message)).await?;
        }
    }
    tracing::info!(payouts.shards = BALANCE_SHARDS, "payout run begun");
    Ok(())
}
