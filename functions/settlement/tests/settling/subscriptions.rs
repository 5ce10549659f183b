//! Subscriptions: whatever is told, however often, the subscription is what Stripe says now, and each paid invoice is an order once.

mod at_the_stand_in;
mod cards;
mod credit;
mod pages;
mod shop;
mod withdrawn_licences;

use std::cell::RefCell;

use serde_json::{Value, json};
use shared::ids::{OrderId, UserId};
use shared::ledger::{Account, Fact};
use shared::licence::Terms as LicenceTerms;
use shared::licensing::lifecycle::stand;
use shared::licensing::{Preset, StandingAct, Status as LicenceStatus};
use shared::messages::{Message, SubscriptionNews};
use shared::money::{BasisPoints, Currency, Money};
use shared::purchase::{Order, OrderStatus};
use shared::revenue::{Referrers, Terms};
use shared::runtime::Failure;
use shared::store::{Room, commerce, leases, licences, subscriptions};
use shared::subscription::{Billing, Plan, Status, Subscription, renewal_order};

use crate::till::{Till, till};

const BEGAN: i64 = 1_763_800_000;
const MONTH: i64 = 30 * 86_400;

struct Sold {
    till: Till,
    subscription: Subscription,
    told: RefCell<Value>,
    /// An invoice that could not be collected.
    open: RefCell<Option<Value>>,
}

/// Carla has opened a checkout for Anna's pads: two seats, a month at a time.
async fn begun() -> Sold {
    let till = till().await;
    let seed = till.world.seed();
    let plan = Plan {
        id: seed.id("plan"),
        listing: till
            .world
            .on_sale(till.anna, "Warm Pads", Money::new(0, Currency::EUR))
            .await,
        partner: till.anna,
        name: "Monthly".into(),
        every: Billing::Month,
        price: Money::new(1000, Currency::EUR),
        trial: None,
        grace_days: 14,
        educational_percent: None,
        terms: LicenceTerms::Preset(Preset::Individual),
        created_at: till.world.now(),
        retired_at: None,
    };
    let subscription = Subscription {
        id: seed.id("subscription"),
        customer: till.customer,
        title: "Warm Pads".into(),
        plan,
        quantity: 2,
        status: Status::Pending,
        licence: seed.id("licence"),
        terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
        referrers: Referrers::default(),
        tries: false,
        educational_percent: None,
        created_at: till.world.now(),
        session: Some("cs_1".into()),
        at_stripe: None,
        paid_until: None,
        trial_end: None,
        period_end: None,
        cancel_at: None,
        ended_at: None,
        end_reason: None,
        open_invoice: None,
        credit: None,
        told_of_trial_end: false,
    };
    subscriptions::create(&till.world.store, &subscription, None)
        .await
        .expect("a new subscription");
    Sold {
        till,
        subscription,
        told: RefCell::default(),
        open: RefCell::default(),
    }
}

fn session(status: &str, subscription: Option<&str>) -> Value {
    json!({"id": "cs_1", "status": status, "payment_status": "paid", "livemode": false, "created": BEGAN, "expires_at": BEGAN + 86_400,
        "subscription": subscription})
}

/// In its nth month.
fn told(status: &str, month: i64) -> Value {
    json!({"id": "sub_1", "object": "subscription", "status": status, "customer": "cus_1", "pause_collection": null, "trial_end": null,
        "cancel_at": null, "ended_at": null, "cancellation_details": null, "metadata": {},
        "items": {"data": [{"id": "si_1", "quantity": 2, "current_period_start": BEGAN + month * MONTH,
            "current_period_end": BEGAN + (month + 1) * MONTH, "price": {"product": "prod_1"}}]}})
}

/// Of the nth month.
fn invoice(of: &Subscription, month: i64, amount: i64) -> Value {
    let metadata = json!({"customer_id": of.customer, "subscription_id": of.id});
    json!({"id": format!("in_{month}"), "object": "invoice", "status": "paid", "currency": "eur", "amount_paid": amount, "amount_due": amount,
        "total": amount, "starting_balance": 0, "created": BEGAN + month * MONTH,
        "lines": {"data": [{"id": "il_1", "amount": amount, "description": null,
            "period": {"start": BEGAN + month * MONTH, "end": BEGAN + (month + 1) * MONTH}}]},
        "parent": {"subscription_details": {"metadata": metadata}},
        "payments": {"data": [{"id": "inpay_1", "invoice": format!("in_{month}"), "status": "paid",
            "payment": {"payment_intent": format!("pi_{month}")}}]}})
}

fn charge(month: i64, fee: Option<i64>) -> Value {
    let movement = fee.map(|fee| {
        json!({"id": format!("txn_{month}"), "amount": 2000, "fee": fee, "net": 2000 - fee, "currency": "eur", "type": "charge",
            "status": "pending", "available_on": BEGAN + month * MONTH, "created": BEGAN + month * MONTH})
    });
    json!({"id": format!("ch_{month}"), "amount": 2000, "amount_captured": 2000, "amount_refunded": 0, "currency": "eur",
        "status": "succeeded", "paid": true, "captured": true, "livemode": false, "created": BEGAN + month * MONTH,
        "payment_intent": format!("pi_{month}"), "balance_transaction": movement})
}

fn intent(month: i64, fee: Option<i64>) -> Value {
    json!({"id": format!("pi_{month}"), "status": "succeeded", "livemode": false, "latest_charge": charge(month, fee)})
}

fn list(items: &[Value]) -> Value {
    json!({"object": "list", "data": items, "has_more": false})
}

impl Sold {
    async fn hear(&self) -> Result<(), Failure> {
        self.till
            .hear(Message::SubscriptionChanged {
                event_id: "evt_1".into(),
                customer: self.subscription.customer,
                subscription: self.subscription.id,
                at: self.till.world.now(),
            })
            .await
    }

    /// News of a subscription that has begun; the invoices of these months are paid, and `new` of them have not been heard of.
    async fn hear_of(&self, answer: Value, months: i64, new: &[i64]) -> Result<(), Failure> {
        let paid = (0..months).rev().map(|month| invoice(&self.subscription, month, 2000));
        let open = self.open.borrow().clone();
        let invoices: Vec<_> = open.iter().cloned().chain(paid).collect();
        let ended = answer["status"] == "canceled";
        self.till.stripe.answers(200, answer.clone());
        self.till.stripe.answers(200, list(&invoices));
        let told = json!([answer, invoices]);
        if self.told.replace(told.clone()) != told {
            // Something has changed: Stripe is asked again once that is written.
            self.till.stripe.answers(200, answer);
        }
        if let (Some(void), true) = (open, ended) {
            self.till.stripe.answers(200, void);
        }
        for month in new {
            self.till.stripe.answers(200, intent(*month, Some(50)));
        }
        self.hear().await
    }

    /// The first month is paid.
    async fn paid(&self) {
        self.till.stripe.answers(200, session("complete", Some("sub_1")));
        self.hear_of(told("active", 0), 1, &[0]).await.expect("heard");
    }

    async fn stored(&self) -> Subscription {
        let found =
            subscriptions::subscription(&self.till.world.store, self.subscription.customer, self.subscription.id).await;
        found.expect("memory").expect("the subscription").value
    }

    async fn order(&self, month: i64) -> Option<Order> {
        let created = jiff::Timestamp::from_second(BEGAN + month * MONTH).expect("a time");
        let id: OrderId = renewal_order(&format!("in_{month}"), created);
        let found = commerce::order(&self.till.world.store, self.subscription.customer, id).await;
        found.expect("memory").map(|order| order.value)
    }

    async fn licences(&self) -> usize {
        let customer: UserId = self.subscription.customer;
        let page = licences::licences_of(&self.till.world.store, customer, None, 100).await;
        page.expect("memory").items.len()
    }

    fn news(&self) -> Vec<SubscriptionNews> {
        let messages = self.till.world.take_messages();
        let news = |message: &Message| match message {
            Message::SubscriptionNotice { news, .. } => Some(*news),
            _ => None,
        };
        messages.iter().filter_map(|envelope| news(&envelope.message)).collect()
    }
}

#[tokio::test]
async fn every_paid_month_is_an_order_and_lengthens_the_one_licence() {
    let sold = begun().await;
    sold.paid().await;
    sold.hear_of(told("active", 0), 1, &[])
        .await
        .expect("the same news again");
    sold.hear_of(told("active", 1), 2, &[1]).await.expect("heard");
    sold.hear_of(told("active", 1), 2, &[])
        .await
        .expect("the same news again");
    let order = sold.order(1).await.expect("a renewal");
    assert_eq!(
        (order.status, order.total.minor(), order.charge.as_deref()),
        (OrderStatus::Paid, 2000, Some("ch_1"))
    );
    assert_eq!(sold.till.owed(sold.till.anna).await, 3200);
    assert_eq!(sold.till.account(Account::ProcessorFees), 100);
    sold.till.check_books().await;
    assert_eq!(sold.licences().await, 1);
    let licence = commerce::licence(&sold.till.world.store, sold.subscription.licence)
        .await
        .expect("memory");
    let grant = licence.expect("issued").granted();
    assert_eq!(
        grant.expires_at.map(|at| at.as_second()),
        Some(BEGAN + 2 * MONTH + 14 * 86_400)
    );
    assert_eq!(grant.limits.users, Some(2));
    let receipts = sold.till.world.take_messages();
    assert_eq!(receipts.len(), 2, "one for each month: {receipts:?}");
}

#[tokio::test]
async fn lost_news_is_made_up_for_by_the_next() {
    let sold = begun().await;
    sold.till.stripe.answers(200, session("complete", Some("sub_1")));
    sold.hear_of(told("active", 3), 4, &[0, 1, 2, 3])
        .await
        .expect("heard of once, in the fourth month");
    for month in 0..4 {
        assert!(sold.order(month).await.is_some(), "month {month}");
    }
    assert_eq!(sold.till.owed(sold.till.anna).await, 4 * 1600);
    sold.till.world.take_messages();
}

/// Otherwise it would stay paused: who was told that it goes on may have read it before the pause was written.
#[tokio::test]
async fn what_changes_while_it_is_followed_is_followed_too() {
    let sold = begun().await;
    sold.paid().await;
    let mut paused = told("active", 0);
    paused["pause_collection"] = json!({"behavior": "void"});
    sold.told.replace(paused.clone());
    let invoices = list(&[invoice(&sold.subscription, 0, 2000)]);
    sold.till
        .stripe
        .answers(200, paused)
        .answers(200, invoices)
        .answers(200, told("active", 0));
    let again = sold.hear().await.expect_err("told again later");
    assert!(matches!(again, Failure::Retry(_)), "{again:?}");
    assert_eq!(sold.stored().await.status, Status::Paused);
    sold.hear_of(told("active", 0), 1, &[]).await.expect("heard");
    assert_eq!(sold.stored().await.status, Status::Active);
    sold.till.world.take_messages();
}

#[tokio::test]
async fn a_renewal_costs_two_transactions_and_what_they_write_is_counted() {
    let sold = begun().await;
    sold.paid().await;
    let meter = sold.till.world.store.meter();
    let before = meter.read();
    sold.hear_of(told("active", 1), 2, &[1]).await.expect("heard");
    let after = meter.read();
    // Subscription and licence follow (2 transactions' halves: 4 units); order, owner, entry and balance (8 units), the entry's place in the
    // index by months (1 unit); the fee (1 unit). What is on sale is read in two requests.
    assert_eq!(
        (
            after.requests - before.requests,
            after.write_units() - before.write_units()
        ),
        (9, 14)
    );
    let before = meter.read();
    sold.hear_of(told("active", 1), 2, &[]).await.expect("heard again");
    let after = meter.read();
    assert_eq!(
        (
            after.requests - before.requests,
            after.write_units() - before.write_units()
        ),
        (4, 0)
    );
    sold.till.world.take_messages();
}

#[tokio::test]
async fn a_checkout_that_nobody_finished_is_over() {
    let sold = begun().await;
    sold.till.stripe.answers(200, session("open", None));
    sold.hear().await.expect("nothing to do");
    assert_eq!(sold.stored().await.status, Status::Pending);
    sold.till.stripe.answers(200, session("expired", None));
    sold.hear().await.expect("heard");
    assert_eq!(sold.stored().await.status, Status::Lapsed);
    assert_eq!(sold.licences().await, 0);
}

#[tokio::test]
async fn who_does_not_pay_has_a_grace_and_hears_of_every_try() {
    let sold = begun().await;
    sold.paid().await;
    sold.till.world.take_messages();
    let overdue = |attempts: u32| {
        let mut open = invoice(&sold.subscription, 1, 0);
        open["status"] = json!("open");
        open["attempt_count"] = json!(attempts);
        open["hosted_invoice_url"] = json!("https://pay.example/in_1");
        sold.open.replace(Some(open));
    };
    for (attempts, news) in [(1, 1), (1, 0), (2, 1)] {
        overdue(attempts);
        sold.hear_of(told("past_due", 1), 1, &[]).await.expect("heard");
        assert_eq!(sold.news(), vec![SubscriptionNews::PaymentFailed; news], "{attempts}");
    }
    let stored = sold.stored().await;
    assert_eq!(stored.status, Status::PastDue);
    assert_eq!(
        stored.licensed_until().map(|at| at.as_second()),
        Some(BEGAN + MONTH + 14 * 86_400)
    );
    let mut ended = told("canceled", 1);
    ended["ended_at"] = json!(BEGAN + MONTH + 15 * 86_400);
    ended["cancellation_details"] = json!({"reason": "payment_failed"});
    sold.till.stripe.take_asked();
    sold.hear_of(ended, 1, &[]).await.expect("heard");
    assert_eq!(sold.news(), [SubscriptionNews::Ended]);
    let asked = sold.till.stripe.take_asked();
    let voided = asked
        .iter()
        .filter(|asked| asked.path.ends_with("/v1/invoices/in_1/void"));
    assert_eq!(
        voided.count(),
        1,
        "what nothing would come of cannot be paid: {asked:?}"
    );
    let licence = commerce::licence(&sold.till.world.store, sold.subscription.licence)
        .await
        .expect("memory");
    let over = jiff::Timestamp::from_second(BEGAN + MONTH).expect("a time");
    assert_eq!(licence.expect("issued").granted().status(over), LicenceStatus::Expired);
}

/// The bank of a customer who is away wants them to confirm a renewal.
#[tokio::test]
async fn a_renewal_that_is_to_be_confirmed_has_a_grace_and_is_told_of_once() {
    let sold = begun().await;
    sold.paid().await;
    sold.till.world.take_messages();
    let mut open = invoice(&sold.subscription, 1, 2000);
    open["status"] = json!("open");
    open["amount_paid"] = json!(0);
    open["attempt_count"] = json!(1);
    open["hosted_invoice_url"] = json!("https://pay.example/in_1");
    open["payments"]["data"][0]["status"] = json!("open");
    let late = told("past_due", 1);
    let invoices = list(&[open.clone(), invoice(&sold.subscription, 0, 2000)]);
    let waits = json!({"id": "pi_1", "status": "requires_action", "livemode": false, "latest_charge": null});
    for (news, once_more) in [(1, true), (0, false)] {
        sold.till
            .stripe
            .answers(200, late.clone())
            .answers(200, invoices.clone())
            .answers(200, waits.clone());
        if once_more {
            // Something has changed: Stripe is asked again once that is written.
            sold.till.stripe.answers(200, late.clone());
        }
        sold.hear().await.expect("heard");
        assert_eq!(sold.news(), vec![SubscriptionNews::PaymentFailed; news]);
    }
    let stored = sold.stored().await;
    let waiting = stored.open_invoice.as_ref().expect("an open invoice");
    assert!(waiting.needs_confirmation);
    assert_eq!(waiting.page.as_deref(), Some("https://pay.example/in_1"));
    assert_eq!(
        stored.licensed_until().map(|at| at.as_second()),
        Some(BEGAN + MONTH + 14 * 86_400),
        "the licence has its grace"
    );
    assert!(sold.order(1).await.is_none(), "nothing is paid yet");
    // It is confirmed.
    sold.hear_of(told("active", 1), 2, &[1]).await.expect("heard");
    let stored = sold.stored().await;
    assert_eq!((stored.status, stored.open_invoice), (Status::Active, None));
    assert!(sold.order(1).await.is_some());
    sold.till.world.take_messages();
}

#[tokio::test]
async fn a_charge_that_names_no_order_is_found_by_its_invoice() {
    let sold = begun().await;
    let news = || Message::UnnamedCharge {
        event_id: "evt_2".into(),
        charge: "ch_0".into(),
    };
    let payments = list(&[
        json!({"id": "inpay_1", "invoice": invoice(&sold.subscription, 0, 2000), "status": "paid",
        "payment": {"payment_intent": "pi_0"}}),
    ]);
    // It overtakes the news of the checkout: then the subscription is followed first.
    sold.till
        .stripe
        .answers(200, charge(0, Some(50)))
        .answers(200, payments.clone());
    sold.till
        .stripe
        .answers(200, session("complete", Some("sub_1")))
        .answers(200, told("active", 0))
        .answers(200, list(&[invoice(&sold.subscription, 0, 2000)]));
    sold.till
        .stripe
        .answers(200, told("active", 0))
        .answers(200, intent(0, None));
    sold.till.hear(news()).await.expect("heard");
    assert!(sold.order(0).await.is_some());
    assert_eq!(sold.till.account(Account::ProcessorFees), 50);
    let fees = sold.till.world.journal();
    assert_eq!(
        fees.iter()
            .filter(|entry| *entry.fact() == Fact::Fee("ch_0".into()))
            .count(),
        1
    );
    // Somebody else's on the same account.
    sold.till
        .stripe
        .answers(200, charge(7, Some(50)))
        .answers(200, list(&[]));
    sold.till.hear(news()).await.expect("not ours");
    assert_eq!(sold.till.account(Account::ProcessorFees), 50);
    sold.till.world.take_messages();
}

#[tokio::test]
async fn who_gets_the_running_month_back_is_not_charged_on() {
    let sold = begun().await;
    sold.paid().await;
    sold.hear_of(told("active", 1), 2, &[1]).await.expect("heard");
    sold.till.world.take_messages();
    sold.till.stripe.take_asked();
    for (month, cancels) in [(0, false), (1, true)] {
        let refund = json!({"id": format!("re_{month}"), "amount": 2000, "currency": "eur", "charge": charge(month, None), "status": "succeeded",
            "balance_transaction": "txn_re", "created": BEGAN + 2 * MONTH});
        let payments = list(&[
            json!({"id": "inpay_1", "invoice": invoice(&sold.subscription, month, 2000), "status": "paid",
            "payment": {"payment_intent": format!("pi_{month}")}}),
        ]);
        sold.till.stripe.answers(200, refund).answers(200, payments);
        sold.till
            .hear(Message::ReversalChanged {
                event_id: "evt_3".into(),
                subject: shared::messages::ReversalSubject::Refund,
                object_id: format!("re_{month}"),
                charge: format!("ch_{month}"),
            })
            .await
            .expect("made at the processor");
        let returned = sold.till.world.take_messages();
        let returned = returned
            .into_iter()
            .find(|told| matches!(told.message, Message::RenewalReturned { .. }));
        sold.till.stripe.take_asked();
        let invoices = list(&[
            invoice(&sold.subscription, 1, 2000),
            invoice(&sold.subscription, 0, 2000),
        ]);
        sold.till
            .stripe
            .answers(200, told("active", 1))
            .answers(200, invoices.clone());
        if cancels {
            let mut ended = told("canceled", 1);
            ended["ended_at"] = json!(BEGAN + MONTH + 5);
            ended["cancellation_details"] = json!({"reason": "cancellation_requested"});
            sold.till
                .stripe
                .answers(200, ended.clone())
                .answers(200, ended.clone())
                .answers(200, invoices)
                .answers(200, ended);
        }
        sold.till
            .hear(returned.expect("all of it was given back").message)
            .await
            .expect("heard");
        let asked = sold.till.stripe.take_asked();
        assert_eq!(
            asked.iter().any(|asked| asked.method == "DELETE"),
            cancels,
            "month {month}: {asked:?}"
        );
        assert_eq!(sold.stored().await.status == Status::Ended, cancels, "month {month}");
    }
    assert_eq!(sold.till.owed(sold.till.anna).await, 0);
    sold.till.check_books().await;
    sold.till.world.take_messages();
}

/// As with a sale: who gets a part back keeps what the rest has paid for.
#[tokio::test]
async fn who_gets_the_difference_of_an_upgrade_back_keeps_the_month() {
    let sold = begun().await;
    sold.paid().await;
    let mut difference = invoice(&sold.subscription, 0, 500);
    difference["id"] = json!("in_9");
    difference["created"] = json!(BEGAN + 1000);
    difference["payments"]["data"][0]["payment"]["payment_intent"] = json!("pi_9");
    difference["lines"]["data"][0]["parent"] =
        json!({"subscription_item_details": {"proration": true}, "invoice_item_details": null});
    let invoices = list(&[difference.clone(), invoice(&sold.subscription, 0, 2000)]);
    sold.till
        .stripe
        .answers(200, told("active", 0))
        .answers(200, invoices.clone())
        .answers(200, intent(9, Some(20)));
    sold.hear().await.expect("heard");
    assert_eq!(sold.till.owed(sold.till.anna).await, 2000);
    sold.till.world.take_messages();

    let mut of = charge(9, None);
    of["amount"] = json!(500);
    let refund = json!({"id": "re_9", "amount": 500, "currency": "eur", "charge": of, "status": "succeeded",
        "balance_transaction": "txn_re", "created": BEGAN + 2000});
    let payments = list(&[
        json!({"id": "inpay_1", "invoice": difference, "status": "paid", "payment": {"payment_intent": "pi_9"}}),
    ]);
    sold.till.stripe.answers(200, refund).answers(200, payments);
    let heard = Message::ReversalChanged {
        event_id: "evt_3".into(),
        subject: shared::messages::ReversalSubject::Refund,
        object_id: "re_9".into(),
        charge: "ch_9".into(),
    };
    sold.till.hear(heard).await.expect("made at the processor");
    let messages = sold.till.world.take_messages();
    let returned = messages
        .into_iter()
        .find(|told| matches!(told.message, Message::RenewalReturned { .. }));
    sold.till.stripe.answers(200, told("active", 0)).answers(200, invoices);
    sold.till.stripe.take_asked();
    let returned = returned.expect("all of the difference was given back");
    sold.till.hear(returned.message).await.expect("heard");
    let asked = sold.till.stripe.take_asked();
    assert!(asked.iter().all(|asked| asked.method == "GET"), "{asked:?}");
    assert_eq!(sold.stored().await.status, Status::Active);
    assert_eq!(sold.till.owed(sold.till.anna).await, 1600);
    sold.till.world.take_messages();
}
