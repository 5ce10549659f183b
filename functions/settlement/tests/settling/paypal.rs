//! Orders that are paid with PayPal: the same books, another clearing account.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::ledger::Account;
use shared::licence::LicenceStatus;
use shared::messages::Message;
use shared::processor::Processor;
use shared::purchase::refund::{Refund, RefundOrigin, RefundState};
use shared::purchase::{Order, OrderStatus};
use shared::runtime::Failure;
use shared::store::{commerce, reversals};

use crate::till::{Till, till};

/// An order of 17.99 whose customer has been sent to PayPal.
async fn ordered(till: &Till) -> Order {
    let order = Order {
        processor: Processor::PayPal,
        session: Some("5O1".into()),
        ..till.order(&[(till.anna, 1299), (till.bert, 500)]).await
    };
    let stored = commerce::update_order(&till.world.store, &order, 1).await;
    stored.expect("the order as it was placed");
    let token = json!({"access_token": "A21", "token_type": "Bearer", "expires_in": 32_400});
    till.paypal.answers(200, token);
    order
}

/// PayPal's order, captured or not.
fn told(status: &str, capture: Option<&str>) -> Value {
    let amount = json!({"currency_code": "EUR", "value": "17.99"});
    let capture = capture.map(|status| {
        let mut capture =
            json!({"id": "3C6", "status": status, "amount": amount, "create_time": "2026-11-22T09:05:00Z"});
        if status == "COMPLETED" {
            let fee = json!({"currency_code": "EUR", "value": "0.79"});
            capture["seller_receivable_breakdown"] = json!({"gross_amount": amount, "paypal_fee": fee});
        }
        capture
    });
    let captures: Vec<_> = capture.into_iter().collect();
    json!({"id": "5O1", "status": status, "purchase_units": [{"amount": amount, "payments": {"captures": captures}}]})
}

impl Till {
    async fn hear_of_paypal(&self, order: &Order) -> Result<(), Failure> {
        let event_id = "WH-1".to_owned();
        self.hear(Message::PayPalOrderChanged {
            event_id,
            order: order.id,
        })
        .await
    }
}

#[tokio::test]
async fn an_approved_order_is_captured_and_settled_once() {
    let till = till().await;
    let order = ordered(&till).await;
    till.paypal
        .answers(200, told("APPROVED", None))
        .answers(201, told("COMPLETED", Some("COMPLETED")));
    till.hear_of_paypal(&order).await.expect("captured");
    let asked = till.paypal.take_asked();
    assert_eq!(asked[2].path, "/v2/checkout/orders/5O1/capture");
    assert_eq!(
        asked[2].header("paypal-request-id"),
        Some(order.id.to_string().as_str()),
        "one order, one key"
    );
    // What the capture's own event tells, twice.
    for _ in 0..2 {
        till.paypal.answers(200, told("COMPLETED", Some("COMPLETED")));
        till.hear_of_paypal(&order).await.expect("no news");
    }
    let stored = till.stored(&order).await;
    assert_eq!(
        (stored.status, stored.charge.as_deref()),
        (OrderStatus::Paid, Some("3C6"))
    );
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (1039, 400));
    assert_eq!(till.account(Account::PayPalClearing), 1799 - 79);
    assert_eq!(till.account(Account::ProcessorFees), 79);
    assert_eq!(
        till.account(Account::ProcessorClearing),
        0,
        "Stripe's books know nothing of it"
    );
    assert_eq!(till.world.take_messages().len(), 1, "one receipt");
    till.check_books().await;
}

#[tokio::test]
async fn money_on_its_way_is_waited_for() {
    let till = till().await;
    let order = ordered(&till).await;
    let hear = async |told: Value, expected: OrderStatus| {
        till.paypal.answers(200, told);
        till.hear_of_paypal(&order).await.expect("understood");
        assert_eq!(till.stored(&order).await.status, expected);
    };
    hear(told("PAYER_ACTION_REQUIRED", None), OrderStatus::Pending).await;
    hear(told("COMPLETED", Some("PENDING")), OrderStatus::AwaitingPayment).await;
    assert!(till.world.journal().is_empty());
    hear(told("COMPLETED", Some("DECLINED")), OrderStatus::Cancelled).await;
    hear(told("COMPLETED", Some("COMPLETED")), OrderStatus::Paid).await;
    till.check_books().await;
}

#[tokio::test]
async fn a_declined_card_leaves_the_order_open() {
    let till = till().await;
    let order = ordered(&till).await;
    let declined = json!({"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "INSTRUMENT_DECLINED"}]});
    till.paypal.answers(200, told("APPROVED", None)).answers(422, declined);
    till.hear_of_paypal(&order).await.expect("no news");
    assert_eq!(till.stored(&order).await.status, OrderStatus::Pending);
}

#[tokio::test]
async fn an_order_of_another_amount_is_not_captured() {
    let till = till().await;
    let order = ordered(&till).await;
    let mut other = told("APPROVED", None);
    other["purchase_units"][0]["amount"]["value"] = json!("17.98");
    till.paypal.answers(200, other);
    let outcome = till.hear_of_paypal(&order).await;
    assert!(matches!(outcome, Err(Failure::Reject(_))), "{outcome:?}");
    assert_eq!(till.paypal.take_asked().len(), 2, "a token and a look");
}

/// Of the order's 17.99 or a part of it. What was made here has the refund's id, what was made by hand the order's.
fn refunded(custom_id: &str, value: &str) -> Value {
    json!({"id": "1JU", "status": "COMPLETED", "custom_id": custom_id, "create_time": "2026-11-23T09:00:00Z",
        "amount": {"currency_code": "EUR", "value": value}})
}

impl Till {
    async fn sold_with_paypal(&self) -> Order {
        let order = ordered(self).await;
        self.paypal.answers(200, told("COMPLETED", Some("COMPLETED")));
        self.hear_of_paypal(&order).await.expect("settled");
        self.world.take_messages();
        self.paypal.take_asked();
        self.stored(&order).await
    }

    async fn refund_with_paypal(&self, order: &Order) -> Refund {
        let refund = self.begin_refund(order, &[(0, None), (1, None)]).await;
        refund.expect("all of it is left")
    }

    /// PayPal's event about a refund.
    async fn hear_refunded(&self, order: &Order, refund: Value) -> Result<(), Failure> {
        let mut capture = told("COMPLETED", Some("REFUNDED"))["purchase_units"][0]["payments"]["captures"][0].take();
        capture["custom_id"] = json!(order.id);
        self.paypal.answers(200, capture).answers(200, refund);
        self.hear(Message::PayPalRefundMade {
            event_id: "WH-2".into(),
            refund: "1JU".into(),
            capture: "3C6".into(),
        })
        .await
    }
}

#[tokio::test]
async fn a_refund_goes_back_through_the_capture_once() {
    let till = till().await;
    let order = till.sold_with_paypal().await;
    let refund = till.refund_with_paypal(&order).await;
    let object = refunded(&refund.id.to_string(), "17.99");
    till.paypal.answers(201, object.clone());
    till.hear_decided(&order, refund.id).await.expect("accepted");
    till.hear_decided(&order, refund.id).await.expect("done already");
    let asked = till.paypal.take_asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].path, "/v2/payments/captures/3C6/refund");
    assert_eq!(
        asked[0].header("paypal-request-id"),
        Some(refund.id.to_string().as_str())
    );
    till.hear_refunded(&order, object).await.expect("no news");
    let stored = till.stored_refund(&refund).await;
    assert!(
        matches!(stored.state, RefundState::Succeeded { .. }),
        "{:?}",
        stored.state
    );
    // PayPal keeps its fee.
    assert_eq!(till.account(Account::PayPalClearing), -79);
    assert_eq!(till.account(Account::PlatformRevenue), 0);
    assert_eq!(till.account(Account::ProcessorClearing), 0);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
    assert_eq!(till.world.take_messages().len(), 1, "the customer is told once");
    till.check_books().await;
}

#[tokio::test]
async fn scenario_47_a_refund_whose_key_expired_is_looked_up_first() {
    let till = till().await;
    let order = till.sold_with_paypal().await;
    let refund = till.refund_with_paypal(&order).await;
    till.paypal.answers(500, json!({}));
    let lost = till.hear_decided(&order, refund.id).await;
    assert!(matches!(lost, Err(Failure::Retry(_))), "the answer is lost");
    till.world.clock.advance(SignedDuration::from_hours(24 * 46));
    let mut object = told("COMPLETED", Some("REFUNDED"));
    object["purchase_units"][0]["payments"]["refunds"] = json!([refunded(&refund.id.to_string(), "17.99")]);
    till.paypal.answers(200, object);
    till.hear_decided(&order, refund.id).await.expect("found");
    let asked = till.paypal.take_asked();
    let methods: Vec<_> = asked.iter().map(|asked| asked.method.as_str()).collect();
    assert_eq!(methods, ["POST", "GET"], "it was not made twice");
    assert_eq!(till.account(Account::PayPalClearing), -79);
    till.world.take_messages();
    till.check_books().await;
}

#[tokio::test]
async fn scenario_19_a_refund_that_paypal_fails_later_is_found_by_asking() {
    let till = till().await;
    let order = till.sold_with_paypal().await;
    let refund = till.refund_with_paypal(&order).await;
    let told = |status: &str| {
        let mut object = refunded(&refund.id.to_string(), "17.99");
        object["status"] = json!(status);
        object
    };
    till.paypal.answers(201, told("PENDING"));
    till.hear_decided(&order, refund.id).await.expect("accepted");
    assert_eq!(till.account(Account::PayPalClearing), -79);
    for status in ["PENDING", "FAILED", "FAILED"] {
        till.paypal.answers(200, told(status));
        till.hear_decided(&order, refund.id).await.expect("looked up");
    }
    let asked = till.paypal.take_asked();
    let paths: Vec<_> = asked[1..]
        .iter()
        .map(|asked| (asked.method.as_str(), asked.path.as_str()))
        .collect();
    assert_eq!(
        paths,
        [("GET", "/v2/payments/refunds/1JU"); 2],
        "what has ended is not asked about"
    );
    let stored = till.stored_refund(&refund).await;
    assert!(matches!(stored.state, RefundState::Failed { .. }), "{:?}", stored.state);
    assert_eq!(till.account(Account::PayPalClearing), 1799 - 79);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Active);
    till.world.take_messages();
    till.check_books().await;
}

#[tokio::test]
async fn a_refund_made_in_paypals_dashboard_is_adopted_once() {
    let till = till().await;
    let order = till.sold_with_paypal().await;
    for _ in 0..2 {
        let object = refunded(&order.id.to_string(), "5.00");
        till.hear_refunded(&order, object).await.expect("adopted");
    }
    assert_eq!(till.account(Account::PayPalClearing), 1799 - 79 - 500);
    let refunds = reversals::refunds(&till.world.store, order.id, None, 10)
        .await
        .expect("memory");
    assert_eq!(refunds.items.len(), 1);
    assert_eq!(refunds.items[0].origin, RefundOrigin::Processor);
    till.world.take_messages();
    till.check_books().await;
}

/// PayPal's dispute of the whole order, with what it has moved: minor units, below zero what is taken, and whether it is a fee.
fn disputed(status: &str, outcome: Option<&str>, moved: &[(i64, bool)]) -> Value {
    let movement = |(index, (minor, is_fee)): (usize, &(i64, bool))| {
        let value = format!("{}.{:02}", minor.abs() / 100, minor.abs() % 100);
        json!({"affected_party": "SELLER", "amount": {"currency_code": "EUR", "value": value},
            "initiated_time": format!("2026-11-2{}T09:00:00Z", 3 + index), "type": if *minor < 0 { "DEBIT" } else { "CREDIT" },
            "reason": if *is_fee { "DISPUTE_FEE" } else { "DISPUTE_SETTLEMENT" }})
    };
    let buyers = json!({"affected_party": "BUYER", "amount": {"currency_code": "EUR", "value": "17.99"}, "type": "CREDIT",
        "reason": "DISPUTE_SETTLEMENT", "initiated_time": "2026-11-23T09:00:00Z"});
    let movements: Vec<_> = moved.iter().enumerate().map(movement).chain([buyers]).collect();
    json!({"dispute_id": "PP-D-1", "create_time": "2026-11-23T08:00:00Z", "status": status, "reason": "UNAUTHORISED",
        "disputed_transactions": [{"seller_transaction_id": "3C6"}], "dispute_amount": {"currency_code": "EUR", "value": "17.99"},
        "dispute_outcome": outcome.map(|code| json!({"outcome_code": code})), "money_movements": movements})
}

fn capture_of(order: &Order) -> Value {
    let mut capture = told("COMPLETED", Some("COMPLETED"))["purchase_units"][0]["payments"]["captures"][0].take();
    capture["custom_id"] = json!(order.id);
    capture
}

impl Till {
    async fn hear_of_dispute(&self, order: &Order, dispute: Value) {
        self.paypal
            .answers(200, dispute.clone())
            .answers(200, capture_of(order));
        let known = reversals::dispute(&self.world.store, order.id, "PP-D-1").await;
        if known.expect("memory").is_some() {
            self.paypal.answers(200, dispute);
        }
        let heard = self.hear(Message::PayPalDisputeChanged {
            event_id: "WH-3".into(),
            dispute: "PP-D-1".into(),
            capture: "3C6".into(),
        });
        heard.await.expect("followed");
    }

    async fn hear_of_reversal(&self, order: &Order, disputes: Value, then: &[Value]) {
        self.paypal
            .answers(200, capture_of(order))
            .answers(200, json!({"items": disputes}));
        for answer in then {
            self.paypal.answers(200, answer.clone());
        }
        let heard = self.hear(Message::PayPalCaptureReversed {
            event_id: "WH-4".into(),
            reversal: "9RV".into(),
            capture: "3C6".into(),
        });
        heard.await.expect("followed");
    }

    async fn shares(&self) -> (i64, i64) {
        (self.owed(self.anna).await, self.owed(self.bert).await)
    }

    async fn held(&self) -> (i64, i64) {
        (self.disputed(self.anna).await, self.disputed(self.bert).await)
    }
}

#[tokio::test]
async fn a_dispute_at_paypal_is_held_and_lost_and_may_be_won_later() {
    let till = till().await;
    let order = till.sold_with_paypal().await;
    till.hear_of_dispute(&order, disputed("OPEN", None, &[])).await;
    assert_eq!((till.shares().await, till.held().await), ((1039, 400), (1039, 400)));
    let lost = disputed(
        "RESOLVED",
        Some("RESOLVED_BUYER_FAVOUR"),
        &[(-1799, false), (-1400, true)],
    );
    for _ in 0..2 {
        till.hear_of_dispute(&order, lost.clone()).await;
    }
    assert_eq!((till.shares().await, till.held().await), ((0, 0), (0, 0)));
    assert_eq!(till.account(Account::PayPalClearing), -79 - 1400);
    assert_eq!(till.account(Account::ProcessorFees), 79 + 1400);
    assert_eq!(till.account(Account::DisputesPending), 0);
    assert_eq!(till.account(Account::ProcessorClearing), 0);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
    till.check_books().await;
    let moved = [(-1799, false), (-1400, true), (1799, false)];
    let won = disputed("RESOLVED", Some("RESOLVED_SELLER_FAVOUR"), &moved);
    till.hear_of_dispute(&order, won).await;
    assert_eq!((till.shares().await, till.held().await), ((1039, 400), (0, 0)));
    assert_eq!(till.account(Account::PayPalClearing), 1799 - 79 - 1400);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Active);
    till.check_books().await;
}

#[test]
fn the_samples_of_disputes_and_reversals_are_messages_of_the_queue() {
    for (text, expected) in [
        (
            include_str!("../../../../events/settlement/paypal-dispute.json"),
            Message::PayPalDisputeChanged {
                event_id: "WH-8AB68412PE120431D-D1TESTSAMPLE".into(),
                dispute: "PP-D-27803".into(),
                capture: "3C679366HH908993F".into(),
            },
        ),
        (
            include_str!("../../../../events/settlement/paypal-reversal.json"),
            Message::PayPalCaptureReversed {
                event_id: "WH-8AB68412PE120431D-V1TESTSAMPLE".into(),
                reversal: "9RV77777XX777777X".into(),
                capture: "3C679366HH908993F".into(),
            },
        ),
    ] {
        let sample: Value = serde_json::from_str(text).expect("an event of SQS");
        let record = &sample["Records"][0];
        let body = record["body"].as_str().expect("a body");
        let envelope: shared::messages::Envelope = serde_json::from_str(body).expect("a message");
        assert_eq!(envelope.message, expected);
        let group = record["attributes"]["MessageGroupId"].as_str();
        assert_eq!(group.map(str::to_owned), envelope.message.group());
    }
}

#[tokio::test]
async fn how_a_dispute_at_paypal_ends_says_who_keeps_the_money() {
    for (status, outcome, held) in [
        ("UNDER_REVIEW", None, 1039),
        ("RESOLVED", Some("RESOLVED_SELLER_FAVOUR"), 0),
        ("RESOLVED", Some("RESOLVED_WITH_PAYOUT"), 0),
        ("RESOLVED", Some("CANCELED_BY_BUYER"), 0),
        // What is not known here keeps the money where it is.
        ("RESOLVED", Some("ESCALATED_TO_MARS"), 1039),
        ("RESOLVED", None, 1039),
        ("APPEALED", None, 1039),
    ] {
        let till = till().await;
        let order = till.sold_with_paypal().await;
        till.hear_of_dispute(&order, disputed(status, outcome, &[])).await;
        assert_eq!(till.disputed(till.anna).await, held, "{status} {outcome:?}");
        assert_eq!(till.owed(till.anna).await, 1039);
    }
}

#[tokio::test]
async fn a_reversal_without_a_dispute_is_lost_once() {
    let till = till().await;
    let order = till.sold_with_paypal().await;
    let mut reversal = refunded("", "17.99");
    reversal["id"] = json!("9RV");
    for _ in 0..2 {
        till.hear_of_reversal(&order, json!([]), std::slice::from_ref(&reversal))
            .await;
    }
    assert_eq!(till.shares().await, (0, 0));
    assert_eq!(till.account(Account::PayPalClearing), -79);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
    // The dispute that comes to light later tells of the same money.
    let lost = disputed("RESOLVED", Some("RESOLVED_BUYER_FAVOUR"), &[(-1799, false)]);
    till.hear_of_dispute(&order, lost).await;
    assert_eq!((till.shares().await, till.held().await), ((0, 0), (0, 0)));
    assert_eq!(till.account(Account::PayPalClearing), -79);
    till.check_books().await;
}

#[tokio::test]
async fn a_reversal_of_which_a_dispute_tells_is_the_disputes() {
    let till = till().await;
    let order = till.sold_with_paypal().await;
    let lost = disputed("RESOLVED", Some("RESOLVED_BUYER_FAVOUR"), &[(-1799, false)]);
    let mut reversal = refunded("", "17.99");
    reversal["id"] = json!("9RV");
    let then = [reversal, lost.clone(), capture_of(&order), lost];
    till.hear_of_reversal(&order, json!([{"dispute_id": "PP-D-1"}]), &then)
        .await;
    assert_eq!(till.shares().await, (0, 0));
    assert_eq!(till.account(Account::PayPalClearing), -79);
    let known = reversals::all_disputes(&till.world.store, order.id)
        .await
        .expect("memory");
    assert_eq!(known.len(), 1);
    till.check_books().await;
}

#[tokio::test]
async fn a_reversal_beside_a_dispute_that_does_not_tell_of_it_is_lost_once() {
    let till = till().await;
    let order = till.sold_with_paypal().await;
    let mut reversal = refunded("", "5.00");
    reversal["id"] = json!("9RV");
    let open = disputed("OPEN", None, &[]);
    till.hear_of_dispute(&order, open.clone()).await;
    for _ in 0..2 {
        let then = [
            reversal.clone(),
            open.clone(),
            capture_of(&order),
            open.clone(),
            open.clone(),
        ];
        till.hear_of_reversal(&order, json!([{"dispute_id": "PP-D-1"}]), &then)
            .await;
    }
    assert_eq!(till.account(Account::PayPalClearing), 1799 - 79 - 500);
    till.hear_of_dispute(&order, disputed("RESOLVED", Some("RESOLVED_SELLER_FAVOUR"), &[]))
        .await;
    assert_eq!(till.held().await, (0, 0));
    assert_eq!(till.account(Account::PayPalClearing), 1799 - 79 - 500);
    assert_eq!(till.account(Account::DisputesPending), 0);
    till.check_books().await;
}

#[tokio::test]
async fn a_dispute_made_by_hand_holds_and_takes_what_an_operator_says() {
    use shared::purchase::dispute::{ClaimByHand, Ruling, close_by_hand, open_by_hand};
    let till = till().await;
    let order = till.sold_with_paypal().await;
    let claim = ClaimByHand {
        amount: None,
        reason: "unknown".into(),
        note: "T1999 in the dashboard".into(),
    };
    let opened = open_by_hand(&order, &claim, till.customer, till.world.seed(), till.world.now()).expect("paid");
    let act = |label: &str| shared::audit::AuditEvent {
        id: till.world.seed().id(label),
        at: till.world.now(),
        actor: till.customer,
        action: "dispute.open".into(),
        subject: opened.id.clone(),
        reason_code: None,
        evidence: None,
    };
    let hear = async || {
        let message = Message::DisputeMadeByHand {
            customer: order.customer,
            order: order.id,
            dispute: opened.id.clone(),
        };
        for _ in 0..2 {
            till.hear(message.clone()).await.expect("followed");
        }
    };
    let writes = reversals::keep_dispute_by_hand(&opened, None, &act("open"), till.world.seed().id("m1"));
    till.world.store.transact(writes.expect("items")).await.expect("new");
    hear().await;
    assert_eq!((till.shares().await, till.held().await), ((1039, 400), (1039, 400)));
    let stored = reversals::dispute(&till.world.store, order.id, &opened.id).await;
    let stored = stored.expect("memory").expect("kept");
    let ruling = Ruling {
        is_won: false,
        taken_minor: 1799,
        fee_minor: 500,
        transaction: Some("8XY".into()),
        at: till.world.now(),
    };
    let closed = close_by_hand(&order, &stored, ruling).expect("open");
    let writes = reversals::keep_dispute_by_hand(
        &closed,
        Some(stored.revision),
        &act("close"),
        till.world.seed().id("m2"),
    );
    till.world
        .store
        .transact(writes.expect("items"))
        .await
        .expect("as read");
    hear().await;
    assert_eq!((till.shares().await, till.held().await), ((0, 0), (0, 0)));
    assert_eq!(till.account(Account::PayPalClearing), -79 - 500);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
    till.check_books().await;
    till.world.take_messages();
}
