//! A payout run in-process: every shard gets its first pages, and a repeated run sends the same ones.

use payout::Context;
use shared::messages::{Envelope, Message, Queue};
use shared::runtime::Tick;
use shared::store::keys::BALANCE_SHARDS;
use shared::testing::TestWorld;

async fn run(world: &TestWorld, tick: &Tick) -> Vec<Envelope> {
    let context = Context {
        queues: world.queues.clone(),
    };
    payout::run(&context, tick.clone()).await.expect("a run");
    let sent = world.queues.as_memory().expect("in memory").take();
    let queued = sent.into_iter().map(|(queue, envelope)| {
        assert_eq!(queue, Queue::PayoutDecide);
        envelope
    });
    queued.collect()
}

#[tokio::test]
async fn every_shard_gets_a_first_page_of_balances_and_of_open_payouts() {
    let world = TestWorld::new();
    let tick = Tick {
        now: world.now(),
        seed: world.seed(),
        deadline: world.now() + jiff::SignedDuration::from_secs(30),
    };
    let sent = run(&world, &tick).await;
    for shard in 0..BALANCE_SHARDS {
        let at = tick.now;
        for wanted in [
            Message::PayoutPage { at, shard, after: None },
            Message::OpenPayoutPage { at, shard, after: None },
        ] {
            let found = sent.iter().filter(|envelope| envelope.message == wanted).count();
            assert_eq!(found, 1, "{wanted:?}");
        }
    }
    assert_eq!(sent.len(), 2 * usize::from(BALANCE_SHARDS));
    assert_eq!(run(&world, &tick).await, sent, "a retried run sends nothing new");
}

#[tokio::test]
async fn a_queue_that_is_down_fails_the_run() {
    let world = TestWorld::new();
    world.queues.as_memory().expect("in memory").set_broken(true);
    let tick = Tick {
        now: world.now(),
        seed: world.seed(),
        deadline: world.now(),
    };
    let context = Context {
        queues: world.queues.clone(),
    };
    assert!(payout::run(&context, tick).await.is_err());
}
