//! The lists of events and of movements, as Souk's client pages through them.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::clock::Clock;
use shared::processor::Listed;
use shared::processor::paypal::objects::{ItemStatus, Transaction, TransactionStatus};
use shared::processor::paypal::requests::{EventsPage, TransactionsPage};

use crate::support::{PayPal, eur, payout_request, refund_request, refused};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

async fn movements(paypal: &PayPal, from: Timestamp, until: Timestamp) -> Vec<Transaction> {
    let list = paypal.client.transactions(&TransactionsPage::first(from, until)).await;
    list.expect("a list").into_transactions().collect()
}

#[tokio::test]
async fn every_change_of_the_balance_is_a_movement() {
    let paypal = PayPal::start().await;
    let order = paypal.paid("ord_1").await;
    let capture = order.capture().expect("captured").id.clone();
    let refund = paypal
        .client
        .refund_capture(&capture, &refund_request("rfd_1", Some(500)), "r1")
        .await;
    let refund = refund.expect("a refund").id;
    paypal
        .client
        .create_payout(&payout_request("pay_1", "unclaimed@example.com", 700), "p1")
        .await
        .expect("a batch");
    let now = Clock::System.now();
    let (from, until) = (now - HOUR, now + HOUR);
    let found = paypal
        .until(async |_| {
            let found = movements(&paypal, from, until).await;
            (found.len() == 3).then_some(found)
        })
        .await;
    let told: Vec<_> = found
        .iter()
        .map(|one| {
            (
                one.transaction_event_code.as_str(),
                one.custom_field.as_deref(),
                one.transaction_status,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("T0006", Some("ord_1"), TransactionStatus::Success),
            ("T1107", Some("rfd_1"), TransactionStatus::Success),
            ("T0001", Some("item of pay_1"), TransactionStatus::Pending),
        ]
    );
    assert_eq!(
        (&found[0].transaction_id, &found[1].transaction_id),
        (&capture, &refund)
    );
    assert_eq!(found[1].paypal_reference_id.as_ref(), Some(&capture));
    assert_eq!(
        (found[2].transaction_amount, found[2].fee_amount),
        (eur(-700), Some(eur(-25)))
    );
    let sum: i64 = found
        .iter()
        .map(|one| one.transaction_amount.money().minor() + one.fee_amount.map_or(0, |fee| fee.money().minor()))
        .sum();
    assert_eq!(paypal.balance().await, format!("{}.{:02}", sum / 100, sum % 100));

    let too_long = TransactionsPage::first(from - SignedDuration::from_hours(31 * 24), until);
    assert_eq!(
        refused(paypal.client.transactions(&too_long).await),
        "INVALID_PARAMETER_VALUE"
    );
    let one = TransactionsPage {
        transaction: Some(refund),
        ..TransactionsPage::first(from, until)
    };
    let one: Vec<_> = paypal
        .client
        .transactions(&one)
        .await
        .expect("a list")
        .into_transactions()
        .collect();
    assert_eq!(one, [found[1].clone()]);
}

#[tokio::test]
async fn what_comes_back_unclaimed_is_a_movement_of_its_own_with_the_fee() {
    let paypal = PayPal::start().await;
    paypal
        .control("balance", json!({"value": "100.00", "currency": "EUR"}))
        .await;
    let batch = paypal
        .client
        .create_payout(&payout_request("pay_1", "unclaimed@example.com", 700), "p1")
        .await;
    let batch = batch.expect("a batch").batch_header.payout_batch_id;
    let item = paypal
        .until(async |client| client.payout(&batch).await.expect("a batch").item().cloned())
        .await;
    assert_eq!(item.transaction_status, Some(ItemStatus::Unclaimed));
    let path = format!("payouts-items/{}", item.payout_item_id);
    paypal.control(&path, json!({"status": "RETURNED"})).await;
    let now = Clock::System.now();
    let found = movements(&paypal, now - HOUR, now + HOUR).await;
    let told: Vec<_> = found
        .iter()
        .map(|one| {
            (
                one.transaction_event_code.as_str(),
                one.transaction_status,
                one.fee_amount,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("T0001", TransactionStatus::Reversed, Some(eur(-25))),
            ("T1115", TransactionStatus::Success, Some(eur(25)))
        ]
    );
    assert_eq!(found[1].paypal_reference_id, item.transaction_id);
    let item = paypal.client.payout_item(&item.payout_item_id).await.expect("an item");
    assert_eq!(item.transaction_id.as_ref(), Some(&found[1].transaction_id));
    assert_eq!(paypal.balance().await, "100.00");
}

#[tokio::test]
async fn events_are_listed_for_thirty_days() {
    let paypal = PayPal::start().await;
    for number in 0..120 {
        let event = json!({"type": "BILLING.PLAN.CREATED", "resource": {"id": format!("P-{number}")}});
        paypal.control("events", event).await;
    }
    let now = Clock::System.now();
    let first = paypal
        .client
        .events(&EventsPage::first(now - HOUR, now + HOUR))
        .await
        .expect("a page");
    let second = first.next_page().expect("another page");
    let second = paypal.client.events(&second).await.expect("a page");
    assert_eq!(
        (first.events.len(), second.events.len(), second.next_page()),
        (100, 20, None)
    );
    let Listed::Read(newest) = &first.events[0] else {
        panic!("no event: {:?}", first.events[0]);
    };
    assert_eq!(newest.text("/id"), Some("P-119"), "newest first");
    paypal.advance(json!({"days": 31})).await;
    let late = paypal
        .client
        .events(&EventsPage::first(now - HOUR, now + HOUR))
        .await
        .expect("a page");
    assert!(late.events.is_empty());
}
