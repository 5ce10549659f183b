//! Orders that are paid with PayPal: the same books, another clearing account.

use serde_json::{Value, json};
use shared::ledger::Account;
use shared::messages::Message;
use shared::processor::Processor;
use shared::purchase::{Order, OrderStatus};
use shared::runtime::Failure;
use shared::store::commerce;

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
