//! Everything at once, for a while, while functions die: `make soak MINUTES=10`.
//!
//! 1. Customers browse, order (now and then the same order twice at once), pay, and have their licences checked. What becomes of each sale is
//!    diced: it is kept, refunded, or disputed, and the dispute is won or lost. A partner publishes and asks to be paid out.
//! 2. Every webhook comes twice, late and out of order. Every second or so one of the stack's functions is killed, whatever it is doing. Whoever was not
//!    answered asks again under the same key, as clients must.
//! 3. When the time is over everything comes to rest: each sale is what was diced, and there are no others; no queue holds anything, and
//!    nothing is among the dead letters; reconciliation finds no difference with Stripe; each payout was sent once; and the books, folded from
//!    the first entry to the last, agree with every balance.
//!
//! One test, alone on its stack. It says what it did.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]
#![expect(clippy::print_stdout, reason = "it says what it did")]

mod audit;
mod client;
mod customers;
mod killer;
mod sellers;

use std::time::Duration;

use serde_json::json;
use support::Stack;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use crate::audit::Tally;
use crate::killer::Killer;
use crate::sellers::Market;

const VARIABLE: &str = "SOAK_MINUTES";
const CUSTOMERS: usize = 6;
/// However long it runs, it ends: what a machine sells in an hour is less.
const MAX_VISITS_EACH: usize = 2_000;
/// What was on its way when its function was killed is invisible for so long. The template's times are six times what a function may take,
/// longer than a minute's soak; a delivery that comes while another still works is one more thing to bear.
const VISIBILITY_S: u32 = 15;

#[tokio::test]
async fn nothing_is_lost_and_nothing_is_doubled() {
    LocalSet::new().run_until(soak()).await;
}

async fn soak() {
    let stack = Stack::load();
    let market = Market::open(&stack).await;
    for queue in stack.description().queues.keys().filter(|name| !is_final(name)) {
        stack.aws().set_visibility(queue, VISIBILITY_S).await;
    }
    let badly = json!({"copies": 2, "order": "shuffle", "seed": rand::random::<u32>(), "delay_ms": 700});
    stack.stripe().control("webhooks", badly).await;

    let until = Instant::now() + duration();
    let killer = Killer::of(&stack);
    let killing = spawn_local(killer.clone().kill_until(until));
    let visits: Vec<_> = (0..CUSTOMERS)
        .map(|number| spawn_local(customers::visit_until(market.clone(), number, until)))
        .collect();
    let selling = spawn_local(sellers::sell_until(market.clone(), killer, until));

    let mut tally = Tally::default();
    for visits in visits {
        tally.customers.push(visits.await.unwrap());
    }
    tally.kills = killing.await.unwrap();
    tally.add_selling(selling.await.unwrap());
    let well = json!({"copies": 1, "order": "as_emitted", "delay_ms": 0, "hold": false});
    stack.stripe().control("webhooks", well).await;
    println!("{tally}");
    let books = audit::everything_is_as_it_should_be(&market, &tally).await;
    println!("the books: {books}");
}

/// Queues that nobody consumes.
fn is_final(queue: &str) -> bool {
    queue.ends_with("dead-letters") || queue == "parked"
}

#[expect(clippy::disallowed_methods, reason = "how long to soak is the caller's to say")]
fn duration() -> Duration {
    let minutes = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
    Duration::from_secs(minutes.unwrap_or(1_u64) * 60)
}
