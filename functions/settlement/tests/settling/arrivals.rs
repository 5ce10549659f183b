//! When money counts as paid: when it has arrived.

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::messages::PaymentSubject;
use shared::processor::Processor;
use shared::purchase::OrderStatus;
use shared::store::commerce::{self, Disposition, InboxEvent};

use crate::till::{Till, charge, session, till};

const BEGAN: i64 = 1_764_460_800;
const ARRIVED: i64 = 1_764_806_400;

/// A bank debit that began on the last but one day of November, and arrived, where it has, in December.
fn debit(arrived: bool) -> Value {
    let mut debit = charge(arrived.then_some(35));
    debit["created"] = json!(BEGAN);
    debit["payment_method_details"] = json!({"type": "sepa_debit", "sepa_debit": {"last4": "3000"}});
    if arrived {
        debit["balance_transaction"]["created"] = json!(ARRIVED);
    }
    debit
}

fn paid_by(charge: Value) -> Value {
    let mut session = session("complete", "paid", 1799);
    session["payment_intent"]["latest_charge"] = charge;
    session
}

async fn settled(till: &Till, charge: Value) -> Timestamp {
    let order = till.order(&[(till.anna, 1799)]).await;
    till.hear_session(&order, paid_by(charge)).await.expect("settled");
    let order = till.stored(&order).await;
    let journal = till.world.journal();
    let sale = journal
        .iter()
        .find(|entry| entry.fact().reference() == order.id.to_string());
    assert_eq!(Some(sale.expect("posted").occurred_at()), order.paid_at);
    order.paid_at.expect("paid")
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

#[tokio::test]
async fn a_bank_debit_is_paid_when_its_money_has_arrived() {
    let till = till().await;
    assert_eq!(settled(&till, debit(true)).await, second(ARRIVED));
    let order = till.order(&[(till.anna, 1799)]).await;
    till.hear_session(&order, session("complete", "unpaid", 1799))
        .await
        .expect("on its way");
    assert_eq!(till.stored(&order).await.status, OrderStatus::AwaitingPayment);
    till.hear_session(&order, paid_by(debit(true))).await.expect("settled");
    let order = till.stored(&order).await;
    assert_eq!(order.paid_at, Some(second(ARRIVED)));
    let matures = order.available_on.expect("a day").to_string();
    assert_eq!(matures, "2025-12-11", "seven days after it arrived");
}

#[tokio::test]
async fn a_card_is_paid_when_it_is_charged_whenever_its_movement_is_told() {
    let till = till().await;
    assert_eq!(settled(&till, charge(None)).await, second(1_763_800_100));
    let mut told_later = charge(Some(35));
    told_later["balance_transaction"]["created"] = json!(ARRIVED);
    told_later["payment_method_details"] = json!({"type": "card"});
    assert_eq!(settled(&till, told_later).await, second(1_763_800_100));
}

#[tokio::test]
async fn a_debit_whose_movement_is_not_known_is_paid_when_the_processor_told_so() {
    let till = till().await;
    assert_eq!(
        settled(&till, debit(false)).await,
        till.world.now(),
        "of an event that nobody has kept"
    );
    let event = InboxEvent {
        id: "evt_1".into(),
        kind: "checkout.session.async_payment_succeeded".into(),
        created: second(ARRIVED + 5),
        received_at: till.world.now(),
        disposition: Disposition::Queued,
        object_id: None,
        account: None,
        omitted_bytes: None,
        body: None,
    };
    let taken = commerce::take_in(&till.world.store, Processor::Stripe, &event, &[]).await;
    assert!(taken.expect("memory"));
    assert_eq!(settled(&till, debit(false)).await, second(ARRIVED + 5));
}

#[tokio::test]
async fn a_fee_is_dated_by_its_movement() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1799)]).await;
    till.hear_of(&order, PaymentSubject::Charge, "ch_1", debit(true))
        .await
        .expect("posted");
    let journal = till.world.journal();
    assert_eq!(journal[0].occurred_at(), second(ARRIVED));
}
