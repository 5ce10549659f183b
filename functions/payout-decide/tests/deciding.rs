//! Pages of a payout run in-process: what is due is decided once, whatever else happens at the same time.

use jiff::SignedDuration;
use payout_decide::Context;
use shared::ids::PartnerId;
use shared::ledger::BalanceChange;
use shared::messages::{Envelope, Message, Queue};
use shared::money::{Currency, Money};
use shared::payout::{NotDue, Payout, PayoutState};
use shared::runtime::{Delivery, Failure};
use shared::seed::Seed;
use shared::store::accounts::{self, Role};
use shared::store::keys::BALANCE_SHARDS;
use shared::store::payouts::{Decided, PayoutRules};
use shared::store::{Store, StoreError, keys, ledger, payouts};
use shared::testing::TestWorld;

fn context(world: &TestWorld) -> Context {
    Context {
        store: world.store.clone(),
        queues: world.queues.clone(),
        rules: PayoutRules {
            minimum: eur(1000),
            paypal_offered: true,
        },
    }
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

async fn earn(world: &TestWorld, partner: PartnerId, amount: Money, available_on: &str) {
    let credit = ledger::change_balance(&BalanceChange {
        partner,
        owed: amount,
        maturing: Some(available_on.parse().expect("a date")),
        disputed_minor: 0,
    });
    world.store.write(credit).await.expect("memory");
}

async fn deliver(world: &TestWorld, message: Envelope) -> Result<(), Failure> {
    let delivery = Delivery {
        seed: Seed::of(&message.id),
        message,
        now: world.now(),
        receives: 1,
        id: "1".into(),
    };
    payout_decide::handle(&context(world), delivery).await
}

/// The pages that a run begins with.
fn first_pages(world: &TestWorld) -> Vec<Envelope> {
    let at = world.now();
    let both = |shard| {
        [
            Message::PayoutPage { at, shard, after: None },
            Message::OpenPayoutPage { at, shard, after: None },
        ]
    };
    let envelope = |message| Envelope::new(world.seed().id("page"), message);
    (0..BALANCE_SHARDS).flat_map(both).map(envelope).collect()
}

fn sent_on(world: &TestWorld) -> Vec<Envelope> {
    let sent = world.queues.as_memory().expect("in memory").take();
    sent.into_iter().map(|(_, envelope)| envelope).collect()
}

/// A whole run: the first pages, and those that they send on. How many there were.
async fn run(world: &TestWorld) -> usize {
    let mut pages = first_pages(world);
    let mut count = 0;
    while let Some(page) = pages.pop() {
        deliver(world, page).await.expect("a page");
        pages.extend(sent_on(world));
        count += 1;
    }
    count
}

async fn owed(world: &TestWorld, partner: PartnerId) -> i64 {
    let balances = ledger::balances(&world.store, partner).await.expect("memory");
    balances.iter().map(|balance| balance.owed.minor()).sum()
}

async fn payouts_of(world: &TestWorld, partner: PartnerId) -> Vec<Payout> {
    let page = payouts::list(&world.store, partner, None, 10).await;
    page.expect("memory").items
}

#[tokio::test]
async fn a_page_that_comes_on_a_later_day_is_decided_on_that_day() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    let pages = first_pages(&world);
    earn(&world, anna, eur(2500), "2026-11-29").await;
    world.clock.advance(SignedDuration::from_hours(24 * 9));
    for page in pages {
        deliver(&world, page).await.expect("a page");
    }
    let payouts = payouts_of(&world, anna).await;
    assert_eq!(payouts.len(), 1, "what has matured since is due");
    assert_eq!(payouts[0].created_at, world.now(), "and paid out when it was");
}

#[tokio::test]
async fn what_is_due_leaves_the_balance_with_the_payout_and_its_message() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, eur(2500), "2026-11-20").await;
    earn(&world, anna, eur(700), "2026-11-22").await;
    earn(&world, anna, eur(400), "2026-11-23").await;
    run(&world).await;
    assert_eq!(owed(&world, anna).await, 400);
    let payouts = payouts_of(&world, anna).await;
    assert_eq!(payouts.len(), 1);
    assert_eq!(
        (payouts[0].amount, &payouts[0].state),
        (eur(3200), &PayoutState::Created)
    );
    assert_eq!(payouts[0].destination.to_string(), "acct_anna");
    let messages = world.take_messages();
    let expected = Message::PayoutDecided {
        partner: anna,
        payout: payouts[0].id,
    };
    let messages: Vec<_> = messages.iter().map(|envelope| &envelope.message).collect();
    assert_eq!(messages, [&expected]);
    assert_eq!(world.journal().len(), 1);
    run(&world).await;
    assert!(world.take_messages().is_empty(), "the next run finds nothing due");
    world.clock.advance(SignedDuration::from_hours(24));
    earn(&world, anna, eur(600), "2026-11-23").await;
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
    earn(&world, anna, eur(999), "2026-11-01").await;
    earn(&world, bert, eur(5000), "2026-11-01").await;
    earn(&world, carl, eur(-300), "2026-11-01").await;
    world.suspend(bert).await;
    run(&world).await;
    assert!(world.take_messages().is_empty());
    assert!(world.journal().is_empty());
    let owed = (
        owed(&world, anna).await,
        owed(&world, bert).await,
        owed(&world, carl).await,
    );
    assert_eq!(owed, (999, 5000, -300));
}

#[tokio::test]
async fn scenario_25_a_clawback_after_the_payout_carries_to_the_next() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, eur(2000), "2026-11-01").await;
    run(&world).await;
    earn(&world, anna, eur(-500), "2026-11-22").await;
    run(&world).await;
    assert_eq!(
        (owed(&world, anna).await, payouts_of(&world, anna).await.len()),
        (-500, 1)
    );
    earn(&world, anna, eur(1700), "2026-11-22").await;
    run(&world).await;
    let payouts = payouts_of(&world, anna).await;
    let mut paid: Vec<_> = payouts.iter().map(|payout| payout.amount.minor()).collect();
    paid.sort_unstable();
    assert_eq!((paid, owed(&world, anna).await), (vec![1200, 2000], 0));
    world.take_messages();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenario_33_of_two_runs_at_once_one_wins() {
    let world = TestWorld::new();
    let mut partners = Vec::new();
    for i in 0..10 {
        let partner = world.seller(&format!("partner{i}")).await;
        earn(&world, partner, eur(2000 + i), "2026-11-01").await;
        partners.push(partner);
    }
    let runs = [world.clone(), world.clone()].map(|world| tokio::spawn(async move { run(&world).await }));
    for run in runs {
        run.await.expect("a run");
    }
    for partner in partners {
        assert_eq!(
            (owed(&world, partner).await, payouts_of(&world, partner).await.len()),
            (0, 1)
        );
    }
    assert_eq!(world.take_messages().len(), 10);
}

#[tokio::test]
async fn scenario_33_two_readings_of_one_balance_make_one_payout() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, eur(2000), "2026-11-01").await;
    let key = keys::balance(anna, Currency::EUR);
    let stale = ledger::balance(&world.store, &key).await.expect("memory");
    run(&world).await;
    let payout = payouts_of(&world, anna).await.remove(0);
    let debit = ledger::debit(&stale.expect("a balance"), &payout, world.now());
    let again = world.store.write(debit).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })));
    world.take_messages();
}

#[tokio::test]
async fn scenario_40_two_currencies_are_never_netted() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, eur(-5000), "2026-11-01").await;
    earn(&world, anna, Money::new(9000, Currency::USD), "2026-11-01").await;
    earn(&world, anna, Money::new(7, Currency::JPY), "2026-11-01").await;
    run(&world).await;
    let amounts: Vec<_> = payouts_of(&world, anna)
        .await
        .iter()
        .map(|payout| payout.amount)
        .collect();
    // The marketplace's minimum is one in euros: it does not hold seven yen back.
    assert_eq!(amounts.len(), 2, "{amounts:?}");
    assert!(amounts.contains(&Money::new(9000, Currency::USD)) && amounts.contains(&Money::new(7, Currency::JPY)));
    assert_eq!(owed(&world, anna).await, -5000);
    world.take_messages();
}

#[tokio::test]
async fn a_page_that_comes_again_pays_nobody_twice() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, eur(2000), "2026-11-01").await;
    let pages = first_pages(&world);
    for page in pages.iter().chain(&pages) {
        deliver(&world, page.clone()).await.expect("a page");
    }
    // Money that came in between the two deliveries is decided by the next run.
    earn(&world, anna, eur(3000), "2026-11-01").await;
    for page in &pages {
        deliver(&world, page.clone()).await.expect("a page");
    }
    assert_eq!(
        (owed(&world, anna).await, payouts_of(&world, anna).await.len()),
        (3000, 1)
    );
    run(&world).await;
    assert_eq!(owed(&world, anna).await, 0);
    world.take_messages();
}

/// Balances that pay nothing, so many that the shard of this partner has several pages.
async fn crowd(world: &TestWorld, partner: PartnerId, count: usize) {
    let shard = |partner| keys::balance_by_shard(partner, Currency::EUR).0;
    let others = std::iter::repeat_with(|| world.seed().id::<PartnerId>("other"));
    for other in others.filter(|other| shard(*other) == shard(partner)).take(count) {
        earn(world, other, eur(-1), "2026-11-01").await;
    }
}

#[tokio::test]
async fn a_shard_is_read_page_by_page() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, eur(2000), "2026-11-01").await;
    crowd(&world, anna, 250).await;
    assert_eq!(run(&world).await, 32 + 2, "two more pages for 251 balances");
    assert_eq!(owed(&world, anna).await, 0);
    world.take_messages();
}

#[tokio::test]
async fn the_next_page_is_on_its_way_before_this_one_can_fail() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    crowd(&world, anna, 150).await;
    let ghost = first_ghost(&world.store, anna).await;
    earn(&world, ghost, eur(5000), "2026-11-01").await;
    let mut failed = 0;
    for page in first_pages(&world) {
        failed += usize::from(matches!(deliver(&world, page).await, Err(Failure::Reject(_))));
    }
    let next = sent_on(&world);
    assert_eq!((failed, next.len()), (1, 1));
    assert_eq!(next[0].message.queue(), Queue::PayoutDecide);
}

#[tokio::test]
async fn a_balance_that_cannot_be_decided_holds_up_none_of_its_neighbours() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    crowd(&world, anna, 50).await;
    let ghost = first_ghost(&world.store, anna).await;
    earn(&world, ghost, eur(5000), "2026-11-01").await;
    earn(&world, anna, eur(2000), "2026-11-01").await;
    for page in first_pages(&world) {
        let _ = deliver(&world, page).await;
    }
    assert_eq!((owed(&world, ghost).await, owed(&world, anna).await), (4999, 0));
    world.take_messages();
}

/// Whose balance is the first of the partner's shard; nobody's, as long as the partner has none.
async fn first_ghost(store: &Store, partner: PartnerId) -> PartnerId {
    let (index, _) = keys::balance_by_shard(partner, Currency::EUR);
    let shard = index
        .split('#')
        .nth(1)
        .and_then(|shard| shard.parse().ok())
        .expect("a shard");
    let first = ledger::balance_keys(store, shard, None, 1)
        .await
        .expect("memory")
        .items
        .remove(0);
    let balance = ledger::balance(store, &first).await.expect("memory");
    balance.expect("a balance").value.partner
}

#[tokio::test]
async fn a_payout_whose_message_was_lost_is_taken_up_again() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, eur(2000), "2026-11-01").await;
    run(&world).await;
    let first = world.take_messages();
    run(&world).await;
    assert!(world.take_messages().is_empty(), "it may still be on its way");
    world.clock.advance(SignedDuration::from_mins(16));
    run(&world).await;
    let again = world.take_messages();
    assert_eq!((again.len(), &again[0].message), (1, &first[0].message));
    assert_ne!(again[0].id, first[0].id, "the queue would drop the same id");
    assert_eq!((owed(&world, anna).await, payouts_of(&world, anna).await.len()), (0, 1));

    let payout = payouts::load(&world.store, anna, payouts_of(&world, anna).await[0].id).await;
    let payout = payout.expect("memory").expect("a payout");
    let sent = Payout {
        state: PayoutState::Sent {
            transfer: "tr_1".into(),
            at: world.now(),
        },
        ..payout.value.clone()
    };
    let write = payouts::update(&sent, payout.revision).expect("an item");
    world.store.write(write).await.expect("memory");
    assert!(payouts::open_of(&world.store, anna).await.expect("memory").is_empty());
    run(&world).await;
    assert!(world.take_messages().is_empty(), "what has ended is not open");
}

#[tokio::test]
async fn what_a_payout_costs_is_counted() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, eur(2000), "2026-11-01").await;
    let key = keys::balance(anna, Currency::EUR);
    world.store.meter().take();
    let decided = payouts::decide(
        &world.store,
        &key,
        context(&world).rules,
        world.now(),
        world.seed(),
        &[],
    )
    .await;
    decided.expect("memory");
    let usage = world.store.meter().take();
    // Balance, partner, and what its owner owns and owned are read; payout, entry and balance written as one, the payout and the entry also to an index.
    assert_eq!((usage.requests, usage.write_units()), (5, 8));
    world.take_messages();
}

#[tokio::test]
async fn samples_are_understood_or_refused() {
    let bodies = |event: &str| -> Vec<String> {
        let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
        let records = event["Records"].as_array().expect("records").iter();
        records
            .map(|record| record["body"].as_str().expect("a body").to_owned())
            .collect()
    };
    let world = TestWorld::new();
    let valid = bodies(include_str!("../../../events/payout-decide/valid.json"));
    let duplicate = bodies(include_str!("../../../events/payout-decide/duplicate.json"));
    for body in valid.iter().chain(&duplicate) {
        let page = serde_json::from_str(body).expect("an envelope");
        deliver(&world, page).await.expect("an empty page");
    }
    for body in bodies(include_str!("../../../events/payout-decide/malformed.json")) {
        assert!(serde_json::from_str::<Envelope>(&body).is_err(), "{body}");
    }
}

/// Anna has 20 euros to come, and owns bert's partner as well, which owes 7.
async fn two_partners_of_anna(world: &TestWorld) -> (PartnerId, PartnerId) {
    let (anna, bert) = (world.seller("anna").await, world.seller("bert").await);
    world.join(bert, "anna", Role::Owner).await;
    earn(world, anna, eur(2000), "2026-11-01").await;
    earn(world, bert, eur(-700), "2026-11-01").await;
    world.take_messages();
    (anna, bert)
}

async fn decided(world: &TestWorld, partner: PartnerId) -> Decided {
    let key = keys::balance(partner, Currency::EUR);
    let decided = payouts::decide(&world.store, &key, context(world).rules, world.now(), world.seed(), &[]).await;
    decided.expect("memory")
}

fn amount(decided: &Decided) -> i64 {
    match decided {
        Decided::Payout(payout) => payout.amount.minor(),
        other => panic!("no payout: {other:?}"),
    }
}

#[tokio::test]
async fn what_an_owner_owes_elsewhere_is_kept_also_after_leaving() {
    let world = TestWorld::new();
    let (anna, _) = two_partners_of_anna(&world).await;
    assert_eq!(amount(&decided(&world, anna).await), 1300);

    // Who leaves the partner that owes still answers for it, for half a year.
    let world = TestWorld::new();
    let (anna_again, bert_again) = two_partners_of_anna(&world).await;
    let owner = world.user("anna").await;
    let mut writes = accounts::remove_member(bert_again, owner).to_vec();
    writes.push(accounts::remember_former_owner(bert_again, owner, world.now()));
    world.store.transact(writes).await.expect("a member");
    assert_eq!(amount(&decided(&world, anna_again).await), 1300);

    let world = TestWorld::new();
    let (anna_later, bert_later) = two_partners_of_anna(&world).await;
    let long_ago = world.now() - SignedDuration::from_hours(181 * 24);
    let owner = world.user("anna").await;
    let mut writes = accounts::remove_member(bert_later, owner).to_vec();
    writes.push(accounts::remember_former_owner(bert_later, owner, long_ago));
    world.store.transact(writes).await.expect("a member");
    assert_eq!(amount(&decided(&world, anna_later).await), 2000);
}

#[tokio::test]
async fn what_a_refund_has_been_promised_is_not_paid_out() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    earn(&world, anna, eur(3000), "2026-11-01").await;
    let key = keys::balance(anna, Currency::EUR);
    let balance = ledger::balance(&world.store, &key)
        .await
        .expect("memory")
        .expect("a balance");
    world
        .store
        .write(ledger::promise(&balance, 1200))
        .await
        .expect("nobody else writes");
    assert_eq!(amount(&decided(&world, anna).await), 1800);
    world.take_messages();
}

#[tokio::test]
async fn a_payout_to_paypal_stays_due_where_paypal_is_not_set_up() {
    let world = TestWorld::new();
    let anna = world.seller("anna").await;
    world.paid_by_paypal(anna, "anna@example.com").await;
    earn(&world, anna, eur(3000), "2026-11-01").await;
    let key = keys::balance(anna, Currency::EUR);
    let rules = PayoutRules {
        paypal_offered: false,
        ..context(&world).rules
    };
    let decided = payouts::decide(&world.store, &key, rules, world.now(), world.seed(), &[]).await;
    assert_eq!(decided.expect("memory"), Decided::NotDue(NotDue::PayPalNotOffered));
    let balance = ledger::balance(&world.store, &key)
        .await
        .expect("memory")
        .expect("a balance");
    assert_eq!(balance.owed, eur(3000));
}
