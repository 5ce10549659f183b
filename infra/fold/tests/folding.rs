//! Books that agree, and every way in which they may not.

use fold::{Verdict, check};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::ids::{PartnerId, UserId};
use shared::ledger::{Account, Fact, JournalEntry, Posting};
use shared::money::{BasisPoints, Currency, Money};
use shared::processor::Processor;
use shared::purchase::refund::{
    RefundOrigin, RefundPolicy, RefundReason, RefundReport, RefundRequest, ReportedStatus, advance, begin,
};
use shared::purchase::{Offer, Order, Payment, place, settle};
use shared::reconciliation::{Match, Walk};
use shared::revenue::{Referrers, Terms, Turnovers};
use shared::store::{Update, Write, commerce, keys, ledger, reconciliation, reversals};
use shared::testing::TestWorld;

struct Shop {
    world: TestWorld,
    anna: PartnerId,
    customer: UserId,
}

async fn shop() -> Shop {
    let world = TestWorld::new();
    let (anna, customer) = (world.seller("anna").await, world.customer("carla").await);
    Shop { world, anna, customer }
}

impl Shop {
    /// Sells Anna's pads, which mature in a week.
    async fn sell(&self, minor: i64) -> Order {
        let seed = self.world.seed();
        let offer = Offer {
            listing: seed.id("listing"),
            partner: self.anna,
            title: "Pads".into(),
            price: Money::new(minor, Currency::EUR),
            terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
            policy: None,
        };
        let order = place(self.customer, &[offer], Referrers::default(), seed, self.world.now()).expect("an order");
        commerce::create_order(&self.world.store, &order, &[])
            .await
            .expect("a new order");
        let payment = Payment {
            amount: order.total,
            charge: Some(format!("ch_{}", order.id)),
            at: self.world.now(),
        };
        let settlement = settle(&order, &payment, &Turnovers::new(), 7, seed, || [7; 16]).expect("paid in full");
        let writes = commerce::settlement_writes(&settlement, 1, self.world.now()).expect("items");
        self.world.store.transact(writes).await.expect("settled");
        settlement.order
    }

    /// Gives a part of an order back, before it has matured.
    async fn refund(&self, order: &Order, minor: i64) {
        let (store, seed, now) = (&self.world.store, self.world.seed(), self.world.now());
        let stored = commerce::order(store, order.customer, order.id)
            .await
            .expect("memory")
            .expect("the order");
        let request = RefundRequest {
            lines: Some(vec![(0, Some(Money::new(minor, Currency::EUR)))]),
            reason: RefundReason::Other,
            note: None,
        };
        let origin = RefundOrigin::Operator { user: self.customer };
        let begun =
            begin(&stored, &request, origin, RefundPolicy { window_days: 14 }, seed, now).expect("within the price");
        let writes = reversals::begin_refund(&begun.order, stored.revision, &begun.refund, None, &[]).expect("items");
        store.transact(writes).await.expect("a new refund");
        let report = RefundReport {
            reference: "re_1".into(),
            amount: begun.refund.amount,
            status: ReportedStatus::Succeeded,
            moved: true,
            failure: None,
            created: now,
        };
        let advanced = advance(&begun.order, &begun.refund, &report, seed, now)
            .expect("covered")
            .expect("news");
        let writes = reversals::advance_refund(&advanced, stored.revision + 1, Some(1), &[], now).expect("items");
        store.transact(writes).await.expect("as it was read");
    }

    async fn tamper(&self, update: Update) {
        let balance = keys::balance(self.anna, Currency::EUR);
        self.world
            .store
            .write(Write::update(balance, update))
            .await
            .expect("memory");
    }

    async fn verdict(&self) -> Verdict {
        check(&self.world.store, self.world.now()).await.expect("a verdict")
    }

    /// The only thing that is wrong, if one thing is.
    async fn wrong(&self) -> String {
        let differences = self.verdict().await.differences;
        assert_eq!(differences.len(), 1, "{differences:#?}");
        differences[0].to_string()
    }
}

fn entry(shop: &Shop, charge: &str, at: Timestamp) -> JournalEntry {
    let posting = |account, minor| Posting {
        account,
        amount: Money::new(minor, Currency::EUR),
    };
    let postings = vec![
        posting(Account::ProcessorFees, 44),
        posting(Account::ProcessorClearing, -44),
    ];
    JournalEntry::new(
        shop.world.seed().id("fee"),
        Fact::Fee(charge.into()),
        None,
        at,
        postings,
    )
    .expect("balanced")
}

#[tokio::test]
async fn books_that_agree_have_no_difference() {
    let shop = shop().await;
    let order = shop.sell(1299).await;
    shop.sell(500).await;
    shop.refund(&order, 300).await;
    let verdict = shop.verdict().await;
    assert_eq!(
        verdict.summary().to_string(),
        "3 entries, 1 balances, 0 differences",
        "{:#?}",
        verdict.differences
    );
    shop.world.clock.advance(SignedDuration::from_hours(24 * 30));
    assert_eq!(
        shop.verdict().await.differences,
        [],
        "days that have come no longer hold anything"
    );
}

#[tokio::test]
async fn a_balance_that_is_not_the_sum_of_its_entries_is_told() {
    let shop = shop().await;
    shop.sell(1299).await;
    shop.tamper(Update::new().add("owed", 1)).await;
    assert_eq!(
        shop.wrong().await,
        format!("{} EUR owed: 1040 cached, 1039 folded", shop.anna)
    );
}

#[tokio::test]
async fn a_day_that_holds_another_amount_is_told_until_it_has_come() {
    let shop = shop().await;
    shop.sell(1299).await;
    shop.tamper(Update::new().add("d20261129", -39)).await;
    assert_eq!(
        shop.wrong().await,
        format!("{} EUR maturing on 2026-11-29: 1000 cached, 1039 folded", shop.anna)
    );
    shop.world.clock.advance(SignedDuration::from_hours(24 * 7));
    assert_eq!(shop.verdict().await.differences, []);
}

#[tokio::test]
async fn a_hold_without_a_dispute_is_told() {
    let shop = shop().await;
    shop.sell(1299).await;
    shop.tamper(Update::new().add("disputed", 500)).await;
    assert_eq!(
        shop.wrong().await,
        format!("{} EUR held by disputes: 500 cached, 0 folded", shop.anna)
    );
}

#[tokio::test]
async fn an_entry_that_does_not_balance_is_told_and_hides_no_other() {
    let shop = shop().await;
    shop.sell(1299).await;
    let lopsided = json!({"id": shop.world.seed().id::<shared::ids::JournalId>("j"), "fact": {"fee": "ch_1"},
        "occurred_at": "2026-11-22T09:00:00Z", "postings": [
            {"account": "processor_fees", "amount": {"amount": 44, "currency": "EUR"}},
            {"account": "processor_clearing", "amount": {"amount": -43, "currency": "EUR"}}]});
    let write = Write::create(keys::platform_journal("fee", "ch_1"), &lopsided).expect("an item");
    shop.world.store.write(write).await.expect("memory");
    let told = shop.wrong().await;
    assert!(
        told.contains("fee#ch_1") && told.contains("sum to 1 instead of zero"),
        "{told}"
    );
    assert_eq!(shop.verdict().await.entries, 1);
}

#[tokio::test]
async fn an_entry_under_another_key_than_its_facts_is_told() {
    let shop = shop().await;
    let fee = entry(&shop, "ch_1", shop.world.now());
    let write = Write::create(keys::platform_journal("fee", "ch_2"), &fee).expect("an item");
    shop.world.store.write(write).await.expect("memory");
    assert!(shop.wrong().await.contains("under another key"));
}

#[tokio::test]
async fn money_that_only_the_journal_has_moved_is_told_once_it_has_been_looked_for() {
    let shop = shop().await;
    let fee = entry(&shop, "ch_1", shop.world.now());
    shop.world
        .store
        .write(ledger::post(&fee, shop.world.now()).expect("an item"))
        .await
        .expect("memory");
    assert_eq!(shop.verdict().await.differences, [], "nobody has looked yet");
    let later = shop.world.now() + SignedDuration::from_hours(25);
    reconciliation::advance(&shop.world.store, Walk::Movements(Processor::Stripe), later)
        .await
        .expect("memory");
    assert!(
        shop.wrong()
            .await
            .ends_with("the processor's books have no such movement")
    );
    let found = Match {
        processor: Processor::Stripe,
        transaction: "txn_1".into(),
        net: Money::new(-44, Currency::EUR),
        entries: vec![fee.id()],
        by: shop.world.seed().id("run"),
        at: later,
    };
    let write = reconciliation::create_match(&found).expect("an item");
    shop.world.store.write(write).await.expect("memory");
    assert_eq!(shop.verdict().await.differences, []);
}
