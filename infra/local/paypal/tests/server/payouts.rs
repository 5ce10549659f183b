//! Batches of payouts, and what becomes of their items.

use serde_json::json;
use shared::processor::paypal::objects::{BatchStatus, ItemStatus, PayoutBatch, PayoutItem};

use crate::support::{PayPal, eur, payout_request, refused};

async fn with_money() -> PayPal {
    let paypal = PayPal::start().await;
    paypal
        .control("balance", json!({"value": "100.00", "currency": "EUR"}))
        .await;
    paypal
}

async fn pay(paypal: &PayPal, payout: &str, receiver: &str) -> PayoutBatch {
    let request = payout_request(payout, receiver, 700);
    paypal.client.create_payout(&request, payout).await.expect("a batch")
}

/// The item once PayPal has looked at the batch.
async fn settled(paypal: &PayPal, batch: &PayoutBatch) -> PayoutItem {
    paypal
        .until(async |client| {
            let found = client
                .payout(&batch.batch_header.payout_batch_id)
                .await
                .expect("a batch");
            found.item().cloned()
        })
        .await
}

#[tokio::test]
async fn a_batch_is_paid_and_costs_its_fee() {
    let paypal = with_money().await;
    paypal.control("settings", json!({"payout_delay_ms": 60_000})).await;
    let batch = pay(&paypal, "pay_1", "partner@example.com").await;
    assert_eq!(
        (batch.batch_header.batch_status, batch.item()),
        (BatchStatus::Pending, None)
    );
    paypal.control("clock/advance", json!({"minutes": 2})).await;
    let item = settled(&paypal, &batch).await;
    assert_eq!(item.transaction_status, Some(ItemStatus::Success));
    assert_eq!(
        (item.payout_item.amount, item.payout_item_fee),
        (eur(700), Some(eur(25)))
    );
    assert_eq!(item.payout_item.sender_item_id.as_deref(), Some("item of pay_1"));
    assert_eq!(
        paypal.client.payout_item(&item.payout_item_id).await.expect("an item"),
        item
    );
    assert_eq!(paypal.balance().await, "92.75");
}

#[tokio::test]
async fn scenario_45_a_batch_is_made_once_whatever_the_request_id() {
    let paypal = with_money().await;
    let first = pay(&paypal, "pay_1", "partner@example.com").await;
    for request_id in ["pay_1", "another"] {
        let request = payout_request("pay_1", "partner@example.com", 700);
        let again = paypal
            .client
            .create_payout(&request, request_id)
            .await
            .expect("the first batch");
        assert_eq!(again.batch_header.payout_batch_id, first.batch_header.payout_batch_id);
    }
    assert_eq!(paypal.observe("").await["counts"]["payouts"], 1);
    paypal.advance(json!({"days": 31})).await;
    let second = pay(&paypal, "pay_1", "partner@example.com").await;
    assert_ne!(second.batch_header.payout_batch_id, first.batch_header.payout_batch_id);
}

#[tokio::test]
async fn scenario_46_an_unclaimed_item_returns_after_thirty_days_or_is_claimed_before() {
    let paypal = with_money().await;
    let batches = [
        pay(&paypal, "pay_1", "unclaimed@example.com").await,
        pay(&paypal, "pay_2", "unclaimed@example.com").await,
    ];
    let [left, claimed] = [settled(&paypal, &batches[0]).await, settled(&paypal, &batches[1]).await];
    assert_eq!(left.transaction_status, Some(ItemStatus::Unclaimed));
    assert_eq!(left.errors.expect("a reason").name, "RECEIVER_UNREGISTERED");
    assert_eq!(paypal.balance().await, "85.50", "the money has left");
    let path = format!("payouts-items/{}", claimed.payout_item_id);
    paypal.control(&path, json!({"status": "SUCCESS"})).await;

    paypal.advance(json!({"days": 31})).await;
    let status = async |id: &str| paypal.client.payout_item(id).await.expect("an item").transaction_status;
    assert_eq!(status(&left.payout_item_id).await, Some(ItemStatus::Returned));
    assert_eq!(status(&claimed.payout_item_id).await, Some(ItemStatus::Success));
    assert_eq!(paypal.balance().await, "92.75", "one came back");
}

#[tokio::test]
async fn items_that_are_not_paid_give_the_money_back() {
    let paypal = with_money().await;
    for (receiver, status) in [
        ("failed@example.com", ItemStatus::Failed),
        ("blocked@example.com", ItemStatus::Blocked),
    ] {
        let item = settled(&paypal, &pay(&paypal, receiver, receiver).await).await;
        assert_eq!(item.transaction_status, Some(status));
    }
    assert_eq!(paypal.balance().await, "100.00");
    let held = settled(&paypal, &pay(&paypal, "held", "held@example.com").await).await;
    assert_eq!(held.transaction_status, Some(ItemStatus::OnHold));
    assert_eq!(paypal.balance().await, "92.75");
}

#[tokio::test]
async fn nobody_is_paid_what_is_not_there() {
    let paypal = PayPal::start().await;
    let request = payout_request("pay_1", "partner@example.com", 700);
    let poor = paypal.client.create_payout(&request, "k").await;
    assert_eq!(refused(poor), "INSUFFICIENT_FUNDS");
    let request = payout_request("pay_1", "nobody", 700);
    let nobody = paypal.client.create_payout(&request, "k").await;
    assert_eq!(refused(nobody), "INVALID_PARAMETER_VALUE");
    paypal
        .control("balance", json!({"value": "7.25", "currency": "EUR"}))
        .await;
    pay(&paypal, "pay_1", "partner@example.com").await;
    assert_eq!(paypal.balance().await, "0.00");
}
