//! What stood still is announced again, with the same ids, and less often the longer it has stood.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use shared::ids::{ListingId, PartnerId, UserId};
use shared::listing::rescan;
use shared::listing::{Stage, Version, sample};
use shared::messages::{Envelope, Message, PaymentSubject};
use shared::money::{BasisPoints, Currency, Money};
use shared::processor::Processor;
use shared::purchase::refund::{Refund, RefundOrigin, RefundReason, RefundState};
use shared::purchase::{Offer, Order, OrderStatus, place};
use shared::revenue::{Referrers, Terms};
use shared::runtime::Tick;
use shared::seed::Seed;
use shared::store::outbox::MARKER;
use shared::store::sweeps::SweepRound;
use shared::store::{Update, Write, catalogue, commerce, keys, reversals};
use shared::testing::TestWorld;
use sweep::{Context, is_due};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

struct Story {
    world: TestWorld,
    context: Context,
}

impl Story {
    fn new() -> Self {
        let world = TestWorld::new();
        let context = Context {
            store: world.store.clone(),
            queues: world.queues.clone(),
            clock: world.clock.clone(),
        };
        Self { world, context }
    }

    fn tick(&self, minutes: i64) -> Tick {
        let now = self.world.now() + SignedDuration::from_mins(minutes);
        Tick {
            now,
            seed: Seed::fresh(now),
            deadline: now + MINUTE * 5,
        }
    }

    /// What a sweep so many minutes later announces, but for the pages of open payouts.
    async fn sweep(&self, minutes: i64) -> Vec<Envelope> {
        self.sweep_until(self.tick(minutes)).await
    }

    async fn sweep_until(&self, tick: Tick) -> Vec<Envelope> {
        sweep::run(&self.context, tick).await.expect("swept");
        let sent = self.world.queues.as_memory().expect("in memory").take();
        let (pages, rest): (Vec<_>, Vec<_>) = sent
            .into_iter()
            .map(|(_, envelope)| envelope)
            .partition(|envelope| matches!(envelope.message, Message::OpenPayoutPage { .. }));
        assert_eq!(pages.len(), 16, "the payouts of every shard are looked after");
        rest
    }

    async fn order(&self, minor: i64, change: impl FnOnce(Order) -> Order) -> Order {
        let seed = self.world.seed();
        let offer = Offer {
            listing: seed.id::<ListingId>("listing"),
            partner: seed.id::<PartnerId>("partner"),
            title: "Pads".to_owned(),
            price: Money::new(minor, Currency::EUR),
            terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
            policy: None,
        };
        let customer = seed.id::<UserId>("customer");
        let order = place(customer, &[offer], Referrers::default(), seed, self.world.now()).expect("an order");
        let order = change(order);
        let created = commerce::create_order(&self.world.store, &order, &[]).await;
        created.expect("a new order").value
    }

    async fn version(&self, stage: Stage) -> Version {
        let (store, seed) = (&self.world.store, self.world.seed());
        let version = Version {
            id: seed.id("version"),
            stage,
            ..sample::version()
        };
        let key = keys::version(version.listing, version.id);
        let draft = Write::create(key, &version).expect("an item");
        store.write(draft).await.expect("a new version");
        catalogue::begin_scan(store, &version, 1).await.expect("as it was read");
        version
    }

    async fn refund(&self, state: RefundState) -> Refund {
        let seed = self.world.seed();
        let refund = Refund {
            id: seed.id("refund"),
            order: seed.id("order"),
            customer: seed.id("customer"),
            amount: Money::new(500, Currency::EUR),
            lines: Vec::new(),
            reason: RefundReason::Other,
            origin: RefundOrigin::Operator {
                user: seed.id("operator"),
            },
            note: None,
            created_at: self.world.now(),
            state,
            processor_ref: None,
            returned: Vec::new(),
            review: None,
            promised: Vec::new(),
        };
        let key = keys::refund(refund.order, refund.id);
        let draft = Write::create(key, &refund).expect("an item");
        self.world.store.write(draft).await.expect("a new refund");
        let write = reversals::update_refund(&refund, 1, &[]).expect("an item");
        self.world.store.write(write).await.expect("as it was read");
        refund
    }
}

fn at_stripe(order: Order) -> Order {
    Order {
        session: Some("cs_1".to_owned()),
        ..order
    }
}

#[test]
fn what_stands_is_announced_after_a_quarter_of_an_hour_and_then_ever_less_often() {
    let since: Timestamp = "2026-11-22T09:00:00Z".parse().expect("a time");
    let round = |before: Option<i64>, minutes: i64| SweepRound {
        begun_at: since + MINUTE * i32::try_from(minutes).expect("a few"),
        before: before.map(|before| since + MINUTE * i32::try_from(before).expect("a few")),
        place: None,
    };
    let due: Vec<i64> = (0..100)
        .filter(|sweep| is_due(since, &round(Some(15 * sweep - 15), 15 * sweep)))
        .collect();
    assert_eq!(due, [1, 2, 4, 8, 16, 32, 48, 64, 80, 96]);
    assert!(!is_due(since, &round(None, 14)), "its message is still on its way");
    assert!(!is_due(since, &round(None, -15)), "clocks differ");
    assert!(is_due(since, &round(None, 50)), "nobody has announced it");
    assert!(is_due(since, &round(Some(14), 50)), "two rounds that were not made");
    assert!(!is_due(since, &round(Some(31), 59)), "between two announcements");
    assert!(is_due(since, &round(Some(10), 2 * 24 * 60)), "an outage of two days");
}

#[tokio::test]
async fn unpaid_orders_are_asked_about_where_they_can_be_paid() {
    let story = Story::new();
    let free = story.order(0, |order| order).await;
    let card = story.order(1299, at_stripe).await;
    let debit = |order| Order {
        status: OrderStatus::AwaitingPayment,
        ..at_stripe(order)
    };
    let debit = story.order(1299, debit).await;
    let paypal = |order| Order {
        processor: Processor::PayPal,
        ..at_stripe(order)
    };
    let paypal = story.order(1299, paypal).await;
    story.order(1299, |order| order).await;
    assert_eq!(story.sweep(14).await, []);
    let told = story.sweep(15).await;
    assert_eq!(told.len(), 4, "{told:?}");
    let message = |order: &Order| {
        let id = Seed::of(&order.id).id("announced again");
        let found = told.iter().find(|envelope| envelope.id == id);
        found.map(|envelope| envelope.message.clone()).expect("announced")
    };
    let (customer, order) = (free.customer, free.id);
    assert_eq!(message(&free), Message::FreeOrderPlaced { customer, order });
    for order in [&card, &debit] {
        let Message::PaymentChanged {
            subject,
            object_id,
            order: of,
            ..
        } = message(order)
        else {
            panic!("{:?}", message(order));
        };
        assert_eq!(
            (subject, object_id.as_str(), of),
            (PaymentSubject::WholePayment, "cs_1", order.id)
        );
    }
    assert!(matches!(message(&paypal), Message::PayPalOrderChanged { order, .. } if order == paypal.id));
    assert_eq!(story.sweep(30).await, told, "the same ids again");
    assert_eq!(story.sweep(45).await, []);
}

#[tokio::test]
async fn an_order_that_was_paid_or_has_ended_is_left_alone() {
    let story = Story::new();
    for status in [OrderStatus::Paid, OrderStatus::Expired, OrderStatus::Cancelled] {
        let order = story.order(1299, at_stripe).await;
        let ended = Order { status, ..order };
        commerce::update_order(&story.world.store, &ended, 1)
            .await
            .expect("as it was read");
    }
    assert_eq!(story.sweep(15).await, []);
}

#[tokio::test]
async fn refunds_that_nobody_has_accepted_are_sent_again() {
    let story = Story::new();
    let now = story.world.now();
    let created = story.refund(RefundState::Created).await;
    let sending = story
        .refund(RefundState::Sending {
            since: now + MINUTE * 15,
        })
        .await;
    for state in [
        RefundState::Requested,
        RefundState::Pending { at: now },
        RefundState::Succeeded { at: now },
    ] {
        story.refund(state).await;
    }
    let told = async |minutes: i64| {
        let told = story.sweep(minutes).await;
        let refund = |envelope: &Envelope| match envelope.message {
            Message::RefundDecided { refund, .. } => refund,
            _ => panic!("{envelope:?}"),
        };
        told.iter().map(refund).collect::<Vec<_>>()
    };
    assert_eq!(told(15).await, [created.id]);
    let both = BTreeSet::from_iter(told(30).await);
    assert_eq!(both, BTreeSet::from([created.id, sending.id]));
    assert_eq!(told(45).await, [sending.id], "half an hour after it began");
}

#[tokio::test]
async fn scans_and_rescans_go_on() {
    let story = Story::new();
    let (store, now, seed) = (&story.world.store, story.world.now(), story.world.seed());
    let upload = seed.id("upload");
    let stage = Stage::Scanning {
        upload,
        object_version: "v1".to_owned(),
    };
    story.version(stage).await;
    let begun = rescan::begin(seed.id("operator"), now, &seed);
    catalogue::begin_rescan(store, &begun).await.expect("a new rescan");
    // What was counted meanwhile leaves the messages on the rescan.
    catalogue::count_page(store, begun.rescan.id, seed.id("another page"), 3, false)
        .await
        .expect("counted");
    let told = story.sweep(15).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        matches!(&told[0].message, Message::ScanAgain { upload: of, .. } if *of == upload),
        "{told:?}"
    );
    assert_eq!(told[1], begun.message, "under the id that its page is counted by");
}

#[tokio::test]
async fn an_upload_whose_arrival_was_never_told_is_looked_for_as_long_as_it_may_come() {
    let story = Story::new();
    let (store, seed) = (&story.world.store, story.world.seed());
    let upload = seed.id("upload");
    let waiting = story.version(Stage::Draft { upload: Some(upload) }).await;
    story.version(Stage::Draft { upload: None }).await;
    let told = story.sweep(15).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let message = Message::ScanAgain {
        partner: waiting.partner,
        listing: waiting.listing,
        version: waiting.id,
        upload,
    };
    assert_eq!(told[0].message, message);
    assert_eq!(story.sweep(14 * 24 * 60).await, told);
    assert_eq!(story.sweep(15 * 24 * 60).await, [], "nobody has uploaded anything");
    let arrived = Stage::Scanning {
        upload,
        object_version: "v1".to_owned(),
    };
    let scanning = Version {
        stage: arrived,
        ..waiting
    };
    catalogue::begin_scan(store, &scanning, 2)
        .await
        .expect("as it was read");
    assert_eq!(story.sweep(16 * 24 * 60).await, told, "but these bytes are there");
}

#[tokio::test]
async fn what_a_run_has_no_time_for_is_left_to_the_next_ones() {
    let story = Story::new();
    let mut expected = Vec::new();
    for _ in 0..24 {
        expected.push(story.order(0, |order| order).await.id);
    }
    let refund = story.refund(RefundState::Created).await;
    let mut told = Vec::new();
    for run in 0..8 {
        let tick = story.tick(15 + run);
        let deadline = story.world.now();
        let sent = story.sweep_until(Tick { deadline, ..tick }).await;
        let orders = sent.iter().filter_map(|envelope| match &envelope.message {
            Message::FreeOrderPlaced { order, .. } => Some(*order),
            _ => None,
        });
        told.extend(orders);
        let of_refund = |envelope: &&Envelope| matches!(&envelope.message, Message::RefundDecided { refund: of, .. } if *of == refund.id);
        assert_eq!(
            sent.iter().filter(of_refund).count(),
            usize::from(run == 0),
            "no lane waits for another"
        );
        assert!(run > 0 || told.len() < expected.len(), "one shard of eight");
    }
    told.sort();
    expected.sort();
    assert_eq!(told, expected, "each of them once");
    assert_eq!(story.sweep(24).await, [], "the next round finds nothing that is due");
    let late = story.order(0, |order| order).await;
    let tick = story.tick(25);
    let deadline = story.world.now();
    assert_eq!(story.sweep_until(Tick { deadline, ..tick }).await, []);
    let told = story.sweep(60).await;
    assert!(
        told.iter()
            .any(|envelope| matches!(&envelope.message, Message::FreeOrderPlaced { order, .. } if *order == late.id)),
        "a round that was left is ended, and another one made: {told:?}"
    );
}

#[tokio::test]
async fn a_run_that_finds_nothing_due_reads_the_index_alone() {
    let story = Story::new();
    for _ in 0..100 {
        story.order(1299, at_stripe).await;
    }
    story.sweep(15).await;
    let before = story.world.store.meter().read();
    assert_eq!(story.sweep(20).await, []);
    let after = story.world.store.meter().read();
    // Of four lanes the round is read and written, and eight shards of the orders and three other lists are read.
    assert_eq!(after.requests - before.requests, 4 * 2 + 8 + 3);
}

#[tokio::test]
async fn what_an_outage_has_kept_from_being_announced_is_announced_after_it() {
    let story = Story::new();
    let queues = story.world.queues.as_memory().expect("in memory").clone();
    assert_eq!(story.sweep(0).await, []);
    let order = story.order(0, |order| order).await;
    queues.set_broken(true);
    for sweep in 1..=192 {
        let outcome = sweep::run(&story.context, story.tick(15 * sweep)).await;
        assert!(outcome.is_err(), "nothing can be sent");
    }
    queues.set_broken(false);
    let told = story.sweep(2 * 24 * 60 + 15).await;
    let [by_the_round_that_was_stopped, by_the_next] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(by_the_round_that_was_stopped, by_the_next, "one message, by its id");
    assert!(matches!(&by_the_next.message, Message::FreeOrderPlaced { order: of, .. } if *of == order.id));
}

/// The relay's filter passes over an item without the mark, which items of an older release lack.
#[tokio::test]
async fn what_the_stream_was_never_told_of_is_found_as_well() {
    let story = Story::new();
    let (store, seed) = (&story.world.store, story.world.seed());
    let begun = rescan::begin(seed.id("operator"), story.world.now(), &seed);
    catalogue::begin_rescan(store, &begun).await.expect("a new rescan");
    let unmarked = Update::new().remove(MARKER);
    let write = Write::update(keys::rescan(begun.rescan.id), unmarked);
    store.write(write).await.expect("without its mark");
    let order = story.order(0, |order| order).await;
    let told = story.sweep(15).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(matches!(&told[0].message, Message::FreeOrderPlaced { order: of, .. } if *of == order.id));
    assert_eq!(told[1], begun.message);
}

#[tokio::test]
async fn a_queue_that_is_down_fails_the_run() {
    let story = Story::new();
    story.world.queues.as_memory().expect("in memory").set_broken(true);
    assert!(sweep::run(&story.context, story.tick(15)).await.is_err());
}
