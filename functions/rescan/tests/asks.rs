//! On schedule, `scanning` is asked to compare its rules.

use rescan::Context;
use shared::messages::{Message, Queue};
use shared::runtime::Tick;
use shared::testing::TestWorld;

#[tokio::test]
async fn the_rules_are_compared_once_for_each_tick() {
    let world = TestWorld::new();
    let tick = Tick {
        now: world.now(),
        seed: world.seed(),
        deadline: world.now(),
    };
    let context = Context {
        queues: world.queues.clone(),
    };
    for _ in 0..2 {
        rescan::run(&context, tick.clone()).await.expect("asked");
    }
    let sent = world.queues.as_memory().expect("in memory").take();
    let [first, again] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!(first, again, "the queue knows a retried one again");
    assert_eq!(
        (first.0, &first.1.message),
        (Queue::Scan, &Message::CompareRules { at: tick.now })
    );
}
