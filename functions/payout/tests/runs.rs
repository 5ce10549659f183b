//! Payout runs in-process: what is due is decided once, whatever else happens at the same time.

use payout::Context;
use shared::ids::PartnerId;
use shared::ledger::BalanceChange;
use shared::messages::Message;
use shared::money::{Currency, Money};
use shared::payout::PayoutState;
use shared::runtime::Tick;
use shared::store::{StoreError, keys, ledger};
use shared::testing::TestWorld;

fn context(world: &TestWorld) -> Context {
    Context {
        store: world.store.clone(),
        minimum_minor: 1000,
        clock: world.clock.clone(),
    }
}

async fn earn(world: &TestWorld, partner: PartnerId, minor: i64, available_on: &str) {
    let change = BalanceChange {
        partner,
        owed: Money::new(minor, Currency::EUR),
        maturing: Some(available_on.parse().expect("a date")),
        disputed_minor: 0,
    };
    world
        .store
        .write(ledger::change_balance(&change))
        .await
        .expect("memory");
}

async fn run(world: &TestWorld) {
    let deadline = world.now() + jiff::SignedDuration::from_mins(5);
    let tick = Tick {
        now: world.now(),
        seed: world.seed(),
        deadline,
    };
    payout::run(&context(world), tick).await.expect("a run");
}

async fn owed(world: &TestWorld, partner: PartnerId) -> i64 {
    let balances = ledger::balances(&world.store, partner).await.expect("memory");
    balances.iter().map(|balance| balance.owed.minor()).sum()
}

#[tokio::test]
async fn what_is_due_leaves_the_balance_with_the_payout_and_its_message() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, 2500, "2026-11-20").await;
    earn(&world, anna, 700, "2026-11-22").await;
    earn(&world, anna, 400, "2026-11-23").await;
    run(&world).await;
    assert_eq!(owed(&world, anna).await, 400);
    let payouts = ledger::payouts(&world.store, anna, None, 10)
        .await
        .expect("memory")
        .items;
    assert_eq!(payouts.len(), 1);
    assert_eq!(
        (payouts[0].amount.minor(), &payouts[0].state),
        (3200, &PayoutState::Created)
    );
    assert_eq!(payouts[0].destination, "acct_anna");
    let messages = world.take_messages();
    let expected = Message::PayoutDecided {
        partner: anna,
        payout: payouts[0].id,
    };
    assert_eq!(
        messages.iter().map(|envelope| &envelope.message).collect::<Vec<_>>(),
        [&expected]
    );
    assert_eq!(world.journal().len(), 1);
    run(&world).await;
    assert!(world.take_messages().is_empty(), "the next run finds nothing due");
    world.clock.advance(jiff::SignedDuration::from_hours(24));
    earn(&world, anna, 600, "2026-11-23").await;
    run(&world).await;
    assert_eq!(owed(&world, anna).await, 0);
}

#[tokio::test]
async fn below_the_minimum_held_or_nothing_stays_owed() {
    let world = TestWorld::new();
    let (anna, bert, carl) = (
        world.seller("anna").await,
        world.seller("bert").await,
        world.seller("carl").await,
    );
    earn(&world, anna, 999, "2026-11-01").await;
    earn(&world, bert, 5000, "2026-11-01").await;
    earn(&world, carl, -300, "2026-11-01").await;
    world.suspend(bert).await;
    run(&world).await;
    assert!(world.take_messages().is_empty());
    assert!(world.journal().is_empty());
    assert_eq!(
        (
            owed(&world, anna).await,
            owed(&world, bert).await,
            owed(&world, carl).await
        ),
        (999, 5000, -300)
    );
}

#[tokio::test]
async fn two_readings_of_one_balance_make_one_payout() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, 2000, "2026-11-01").await;
    let key = keys::balance(anna, Currency::EUR);
    let stale = ledger::balance(&world.store, &key)
        .await
        .expect("memory")
        .expect("a balance");
    run(&world).await;
    let payout = ledger::payouts(&world.store, anna, None, 1)
        .await
        .expect("memory")
        .items
        .remove(0);
    let again = world.store.write(ledger::debit(&stale, &payout, world.now())).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })));
    world.take_messages();
}

#[tokio::test]
async fn a_run_out_of_time_says_so() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, 2000, "2026-11-01").await;
    let tick = Tick {
        now: world.now(),
        seed: world.seed(),
        deadline: world.now(),
    };
    assert!(payout::run(&context(&world), tick).await.is_err());
    assert_eq!(owed(&world, anna).await, 2000);
}

#[tokio::test]
async fn a_run_pages_through_every_shard() {
    let world = TestWorld::new();
    let mut partners = Vec::new();
    for i in 0..40 {
        let partner = world.seller(&format!("partner{i}")).await;
        earn(&world, partner, 1000 + i, "2026-11-01").await;
        partners.push(partner);
    }
    run(&world).await;
    for partner in partners {
        assert_eq!(owed(&world, partner).await, 0);
    }
    assert_eq!(world.take_messages().len(), 40);
}
