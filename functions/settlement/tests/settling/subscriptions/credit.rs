//! Credit that a subscription has not spent is not refunded as well.
//!
//! Carla pays 99 € for a seat and 891 € for nine more; then she gives the nine back, and has 891 € of credit.

use shared::purchase::refund::{Refund, RefundError, RefundState};

use super::*;
use crate::refunds::object;

const SEAT: i64 = 9_900;
const NINE_SEATS: i64 = 89_100;

fn more_seats(of: &Subscription) -> Value {
    let mut upgrade = invoice(of, 0, NINE_SEATS);
    upgrade["id"] = json!("in_9");
    upgrade["created"] = json!(BEGAN + 1000);
    upgrade["payments"]["data"][0]["payment"]["payment_intent"] = json!("pi_9");
    upgrade["lines"]["data"][0]["parent"] =
        json!({"subscription_item_details": {"proration": true}, "invoice_item_details": null});
    upgrade
}

/// As Stripe tells it when its customer has so much credit.
fn with_credit(status: &str, minor: i64) -> Value {
    let mut told = told(status, 0);
    told["customer"] = json!({"id": "cus_1", "balance": -minor, "currency": "eur", "invoice_settings": null});
    told
}

impl Sold {
    fn invoices(&self) -> Vec<Value> {
        vec![more_seats(&self.subscription), invoice(&self.subscription, 0, SEAT)]
    }

    /// Stripe's answers to one look at the subscription; once more where something has changed.
    fn answers(&self, now: &Value, has_changed: bool) {
        let stripe = &self.till.stripe;
        stripe.answers(200, now.clone()).answers(200, list(&self.invoices()));
        if has_changed {
            stripe.answers(200, now.clone());
        }
    }

    async fn ten_seats_paid(&self) {
        self.till.stripe.answers(200, session("complete", Some("sub_1")));
        self.answers(&told("active", 0), true);
        self.till
            .stripe
            .answers(200, intent(0, None))
            .answers(200, intent(9, None));
        self.hear().await.expect("heard");
        self.till.world.take_messages();
    }

    async fn nine_seats_given_back(&self) {
        self.answers(&with_credit("active", NINE_SEATS), true);
        self.hear().await.expect("heard");
    }

    async fn paid_for(&self, invoice: &str, created: i64) -> Order {
        let created = jiff::Timestamp::from_second(created).expect("a time");
        let id = renewal_order(invoice, created);
        let found = commerce::order(&self.till.world.store, self.subscription.customer, id).await;
        found.expect("memory").expect("the order").value
    }

    async fn seat(&self) -> Order {
        self.paid_for("in_0", BEGAN).await
    }

    async fn upgrade(&self) -> Order {
        self.paid_for("in_9", BEGAN + 1000).await
    }

    /// What can be refunded of the seat, and of the nine.
    async fn refundable(&self) -> (i64, i64) {
        let of = |order: Order| order.lines[0].refundable_minor();
        (of(self.seat().await), of(self.upgrade().await))
    }

    async fn decide(&self, order: &Order, minor: i64) -> Refund {
        let begun = self.till.begin_refund(order, &[(0, Some(minor))]).await;
        begun.expect("within what is left")
    }
}

#[tokio::test]
async fn what_is_credit_is_not_refunded_as_well() {
    let sold = begun().await;
    sold.ten_seats_paid().await;
    assert_eq!(sold.refundable().await, (SEAT, NINE_SEATS));
    sold.nine_seats_given_back().await;
    assert_eq!(sold.refundable().await, (SEAT, 0));
    let credit = Money::new(NINE_SEATS, Currency::EUR);
    assert_eq!(sold.stored().await.credit, Some(credit));
    let upgrade = sold.upgrade().await;
    for asked in [None, Some(NINE_SEATS), Some(1)] {
        let refused = sold.till.begin_refund(&upgrade, &[(0, asked)]).await;
        let Err(RefundError::CreditUnspent {
            left,
            paid,
            returned,
            credit: unspent,
            ..
        }) = refused
        else {
            panic!("{asked:?}: {refused:?}")
        };
        let amounts = [left, paid, returned, unspent].map(|amount| amount.minor());
        assert_eq!(amounts, [0, NINE_SEATS, 0, NINE_SEATS]);
    }
    // Half of it pays something else, of which no card is charged: it is spent, and can be refunded.
    sold.answers(&with_credit("active", 40_000), true);
    sold.hear().await.expect("heard");
    assert_eq!(sold.refundable().await, (SEAT, NINE_SEATS - 40_000));
    // The same once more writes nothing.
    let before = sold.till.world.store.meter().read();
    sold.answers(&with_credit("active", 40_000), false);
    sold.hear().await.expect("heard");
    let written = sold.till.world.store.meter().read().write_units() - before.write_units();
    assert_eq!(written, 0);
    sold.till.world.take_messages();
}

/// The refund was decided first: Stripe is asked what the customer has before it is asked for the money.
#[tokio::test]
async fn a_refund_that_credit_has_overtaken_is_not_sent() {
    let sold = begun().await;
    sold.ten_seats_paid().await;
    let upgrade = sold.upgrade().await;
    let refund = sold.decide(&upgrade, NINE_SEATS).await;
    sold.till.stripe.take_asked();
    sold.answers(&with_credit("active", NINE_SEATS), true);
    sold.till.hear_decided(&upgrade, refund.id).await.expect("refused here");
    let asked = sold.till.stripe.take_asked();
    assert!(asked.iter().all(|asked| asked.method == "GET"), "{asked:?}");
    let stored = sold.till.stored_refund(&refund).await;
    assert!(
        matches!(&stored.state, RefundState::Refused { code, .. } if code == "credit_unspent"),
        "{stored:?}"
    );
    sold.answers(&with_credit("active", NINE_SEATS), false);
    sold.hear().await.expect("heard");
    assert_eq!(sold.refundable().await, (SEAT, 0), "what was set aside is free again");
    assert_eq!(sold.till.owed(sold.till.anna).await, (SEAT + NINE_SEATS) * 8 / 10);
    sold.till.world.take_messages();
}

/// What is not credit goes back: nothing pays for the period any more, the subscription ends, and what was credit is refundable.
#[tokio::test]
async fn credit_of_a_subscription_that_has_ended_is_taken_and_can_be_refunded() {
    let sold = begun().await;
    sold.ten_seats_paid().await;
    sold.nine_seats_given_back().await;
    let seat = sold.seat().await;
    let refund = sold.decide(&seat, SEAT).await;
    sold.answers(&with_credit("active", NINE_SEATS), false);
    sold.till.stripe.answers(200, object(&refund, "succeeded"));
    sold.till.hear_decided(&seat, refund.id).await.expect("accepted");
    let stored = sold.till.stored_refund(&refund).await;
    assert!(matches!(stored.state, RefundState::Succeeded { .. }), "{stored:?}");
    let messages = sold.till.world.take_messages();
    let returned = messages
        .into_iter()
        .find(|told| matches!(told.message, Message::RenewalReturned { .. }));

    let mut ended = with_credit("canceled", NINE_SEATS);
    ended["ended_at"] = json!(BEGAN + 5000);
    sold.answers(&with_credit("active", NINE_SEATS), false);
    sold.till.stripe.answers(200, ended.clone());
    sold.answers(&ended, true);
    let balance = |id: &str, ending: i64| json!({"id": id, "ending_balance": ending, "currency": "eur"});
    sold.till
        .stripe
        .answers(200, list(&[balance("cbtxn_1", -NINE_SEATS)]))
        .answers(200, balance("cbtxn_2", 0));
    sold.till.stripe.take_asked();
    let returned = returned.expect("nothing but credit is left");
    sold.till.hear(returned.message).await.expect("heard");
    let stored = sold.stored().await;
    assert_eq!((stored.status, stored.credit), (Status::Ended, None));
    let asked = sold.till.stripe.take_asked();
    let taken = asked
        .iter()
        .find(|asked| asked.method == "POST")
        .expect("the credit is taken");
    assert!(
        taken.form().contains(&("amount".to_owned(), NINE_SEATS.to_string())),
        "{taken:?}"
    );
    assert_eq!(taken.header("idempotency-key"), Some("cbtxn_1 taken"));
    assert_eq!(sold.refundable().await, (0, NINE_SEATS));

    // Heard again, there is nothing left to take.
    let mut over = ended;
    over["customer"]["balance"] = json!(0);
    sold.answers(&over, false);
    sold.hear().await.expect("heard");
    assert_eq!(sold.refundable().await, (0, NINE_SEATS));
    sold.till.world.take_messages();
}

/// Whoever gets money back for seats that they then give back has less left than their credit: nothing pays for the period.
#[tokio::test]
async fn credit_for_what_was_given_back_before_ends_the_subscription() {
    let sold = begun().await;
    sold.ten_seats_paid().await;
    let upgrade = sold.upgrade().await;
    let refund = sold.decide(&upgrade, 50_000).await;
    sold.answers(&told("active", 0), false);
    sold.till.stripe.answers(200, object(&refund, "succeeded"));
    sold.till.hear_decided(&upgrade, refund.id).await.expect("accepted");
    sold.till.stripe.take_asked();

    let now = with_credit("active", NINE_SEATS);
    let mut ended = with_credit("canceled", NINE_SEATS);
    ended["ended_at"] = json!(BEGAN + 5000);
    sold.answers(&now, true);
    sold.till.stripe.answers(200, ended.clone());
    sold.answers(&ended, true);
    let balance = json!({"id": "cbtxn_1", "ending_balance": -NINE_SEATS, "currency": "eur"});
    sold.till
        .stripe
        .answers(200, list(std::slice::from_ref(&balance)))
        .answers(200, balance);
    sold.hear().await.expect("heard");
    let asked = sold.till.stripe.take_asked();
    let methods: Vec<_> = asked
        .iter()
        .map(|asked| asked.method.as_str())
        .filter(|method| *method != "GET")
        .collect();
    assert_eq!(methods, ["DELETE", "POST"], "it is cancelled, and its credit taken");
    assert_eq!(sold.stored().await.status, Status::Ended);
    sold.till.world.take_messages();
}
