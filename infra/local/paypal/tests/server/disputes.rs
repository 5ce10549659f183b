//! Disputes, reversals, and refunds by hand: what the API tells of them, which events come, what moves on the balance.

use serde_json::{Value, json};
use shared::processor::paypal::objects::{
    Dispute, DisputeStatus, MoneyDirection, OutcomeCode, RefundStatus, Transaction,
};
use shared::processor::paypal::requests::TransactionsPage;

use crate::support::{PayPal, eur, listening, refund_request, refused};

impl PayPal {
    /// A payment of 22.99 EUR, of which 22.07 come in.
    async fn captured(&self) -> String {
        let order = self.paid("ord_1").await;
        order.capture().expect("captured").id.clone()
    }

    async fn disputed(&self, capture: &str, claim: Value) -> String {
        let opened = self.control(&format!("captures/{capture}/dispute"), claim).await;
        opened["dispute_id"].as_str().expect("an id").to_owned()
    }

    async fn close(&self, dispute: &str, outcome: &str) {
        self.control(&format!("disputes/{dispute}/close"), json!({"outcome": outcome}))
            .await;
    }

    async fn dispute(&self, id: &str) -> Dispute {
        self.client.dispute(id).await.expect("a dispute")
    }

    /// Code and gross amount of each movement, oldest first.
    async fn moved(&self) -> Vec<(String, i64)> {
        let code = |one: &Transaction| {
            (
                one.transaction_event_code.clone(),
                one.transaction_amount.money().minor(),
            )
        };
        self.movements().await.iter().map(code).collect()
    }

    async fn movements(&self) -> Vec<Transaction> {
        let now = shared::clock::Clock::System.now();
        let hour = jiff::SignedDuration::from_hours(1);
        let list = self
            .client
            .transactions(&TransactionsPage::first(now - hour, now + hour))
            .await;
        list.expect("a list").into_transactions().collect()
    }
}

fn codes(moved: &[(&str, i64)]) -> Vec<(String, i64)> {
    moved.iter().map(|(code, minor)| ((*code).to_owned(), *minor)).collect()
}

#[tokio::test]
async fn a_dispute_holds_what_has_come_in_and_is_lost() {
    let (paypal, receiver) = listening(&[]).await;
    paypal.control("webhooks", json!({"order": "sequential"})).await;
    let capture = paypal.captured().await;
    let id = paypal.disputed(&capture, json!({})).await;
    let open = paypal.dispute(&id).await;
    assert_eq!(
        (open.status, open.capture(), open.dispute_amount),
        (DisputeStatus::Open, Some(capture.as_str()), Some(eur(2_299)))
    );
    assert!(open.money_movements.is_empty() && open.seller_response_due_date.is_some());
    let listed = paypal.client.disputes_of(&capture).await.expect("a list");
    assert_eq!((listed.items.len(), &listed.items[0].dispute_id), (1, &id));
    assert_eq!(paypal.balance().await, "0.00");

    paypal
        .control(&format!("disputes/{id}/update"), json!({"status": "UNDER_REVIEW"}))
        .await;
    assert_eq!(paypal.dispute(&id).await.status, DisputeStatus::UnderReview);
    paypal.close(&id, "lost").await;
    let lost = paypal.dispute(&id).await;
    assert_eq!(
        (
            lost.status,
            lost.dispute_outcome.and_then(|outcome| outcome.outcome_code)
        ),
        (DisputeStatus::Resolved, Some(OutcomeCode::ResolvedBuyerFavour))
    );
    let moved: Vec<_> = lost
        .money_movements
        .iter()
        .map(|moved| (moved.affected_party.as_deref(), moved.direction))
        .collect();
    assert_eq!(
        moved,
        [
            (Some("SELLER"), Some(MoneyDirection::Debit)),
            (Some("BUYER"), Some(MoneyDirection::Credit))
        ]
    );
    let expected = [("T0006", 2_299), ("T1110", -2_207), ("T1111", 2_207), ("T1106", -2_299)];
    assert_eq!(paypal.moved().await, codes(&expected));
    let movements = paypal.movements().await;
    assert_eq!(
        movements[1].transaction_id, movements[2].transaction_id,
        "a hold and its release"
    );
    assert_eq!(movements[3].paypal_reference_id, Some(capture));
    assert_eq!(paypal.balance().await, "-0.92");
    let told = [
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.CAPTURE.COMPLETED",
        "CUSTOMER.DISPUTE.CREATED",
        "CUSTOMER.DISPUTE.UPDATED",
        "CUSTOMER.DISPUTE.RESOLVED",
        "PAYMENT.CAPTURE.REVERSED",
    ];
    assert_eq!(receiver.types(6).await, told);
    // What was taken is told like a refund of the capture.
    let reversal = paypal
        .client
        .refund(&movements[3].transaction_id)
        .await
        .expect("a reversal");
    assert_eq!(
        (reversal.status, reversal.amount),
        (RefundStatus::Completed, Some(eur(2_299)))
    );
}

#[tokio::test]
async fn a_chargeback_costs_a_fee_and_may_be_won_on_appeal() {
    let paypal = PayPal::start().await;
    let capture = paypal.captured().await;
    let id = paypal
        .disputed(&capture, json!({"channel": "EXTERNAL", "hold": false}))
        .await;
    paypal.close(&id, "lost").await;
    let movements = paypal.movements().await;
    let expected = [("T0006", 2_299), ("T1201", -2_299), ("T0106", -1_400)];
    assert_eq!(paypal.moved().await, codes(&expected));
    assert_eq!(
        movements[2].paypal_reference_id.as_ref(),
        Some(&movements[1].transaction_id),
        "the fee is of the chargeback, not of the payment"
    );
    paypal.control(&format!("disputes/{id}/overturn"), json!({})).await;
    let won = paypal.dispute(&id).await;
    let outcome = won.dispute_outcome.and_then(|outcome| outcome.outcome_code);
    assert_eq!(outcome, Some(OutcomeCode::ResolvedSellerFavour));
    assert_eq!(paypal.moved().await[3], ("T1202".to_owned(), 2_299));
    assert_eq!(paypal.balance().await, "8.07");
    paypal.control(&format!("disputes/{id}/overturn"), json!({})).await;
    assert_eq!(
        paypal.moved().await[4..],
        codes(&[("T1201", -2_299), ("T0106", -1_400)])
    );
}

#[tokio::test]
async fn what_the_seller_does_not_lose_is_released() {
    for (outcome, code) in [
        ("won", OutcomeCode::ResolvedSellerFavour),
        ("payout", OutcomeCode::ResolvedWithPayout),
        ("cancelled", OutcomeCode::CanceledByBuyer),
    ] {
        let paypal = PayPal::start().await;
        let capture = paypal.captured().await;
        let id = paypal.disputed(&capture, json!({})).await;
        paypal.close(&id, outcome).await;
        let closed = paypal.dispute(&id).await;
        assert_eq!(
            closed.dispute_outcome.and_then(|outcome| outcome.outcome_code),
            Some(code)
        );
        assert!(closed.money_movements.is_empty());
        assert_eq!(paypal.balance().await, "22.07");
        let again = paypal
            .post(&format!("/_control/disputes/{id}/close"), "{\"outcome\": \"lost\"}")
            .await;
        assert_eq!(again.status, 422, "{}", again.text);
    }
}

#[tokio::test]
async fn an_open_case_stands_in_the_way_of_a_refund_of_a_part() {
    let paypal = PayPal::start().await;
    let capture = paypal.captured().await;
    let part = json!({"amount": {"value": "10.00", "currency_code": "EUR"}});
    let id = paypal.disputed(&capture, part).await;
    let partly = paypal
        .client
        .refund_capture(&capture, &refund_request("rfd_1", Some(500)), "r1")
        .await;
    assert_eq!(refused(partly), "TRANSACTION_DISPUTED");
    paypal.close(&id, "lost").await;
    let rest = paypal
        .client
        .refund_capture(&capture, &refund_request("rfd_2", None), "r2")
        .await
        .expect("a refund");
    assert_eq!(rest.amount, Some(eur(1_299)), "what the dispute has taken is gone");
    let more = paypal
        .client
        .refund_capture(&capture, &refund_request("rfd_3", None), "r3")
        .await;
    assert_eq!(refused(more), "CAPTURE_FULLY_REFUNDED");
}

#[tokio::test]
async fn paypal_reverses_a_payment_without_a_dispute() {
    let (paypal, receiver) = listening(&[]).await;
    let capture = paypal.captured().await;
    let part = json!({"amount": {"value": "5.00", "currency_code": "EUR"}});
    let reversal = paypal.control(&format!("captures/{capture}/reverse"), part).await;
    assert!(
        paypal
            .client
            .disputes_of(&capture)
            .await
            .expect("a list")
            .items
            .is_empty()
    );
    let told = paypal
        .client
        .refund(reversal["id"].as_str().expect("an id"))
        .await
        .expect("a reversal");
    assert_eq!((told.amount, told.capture()), (Some(eur(500)), Some(capture.as_str())));
    assert_eq!(paypal.moved().await, codes(&[("T0006", 2_299), ("T1106", -500)]));
    assert!(receiver.types(3).await.contains(&"PAYMENT.CAPTURE.REVERSED".to_owned()));
}

#[tokio::test]
async fn a_refund_by_hand_bears_the_text_of_the_payment() {
    let paypal = PayPal::start().await;
    let capture = paypal.captured().await;
    let part = json!({"amount": {"value": "5.00", "currency_code": "EUR"}});
    let refund = paypal.control(&format!("captures/{capture}/refund"), part).await;
    assert_eq!(refund["custom_id"], "ord_1");
    let movements = paypal.movements().await;
    assert_eq!(
        (
            movements[1].transaction_event_code.as_str(),
            movements[1].custom_field.as_deref()
        ),
        ("T1107", Some("ord_1"))
    );
}

#[tokio::test]
async fn disputes_are_opened_and_decided_on_the_page_of_the_payment() {
    let paypal = PayPal::start().await;
    let capture = paypal.captured().await;
    let path = format!("/activity/{capture}");
    assert!(paypal.get("/").await.text.contains(&path), "the overview leads there");
    let page = paypal.get(&path).await.text;
    for part in ["Payment of 22.99 EUR", "The buyer disputes it", "PayPal reverses it"] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    let pressed = paypal.submit(&path, &[("action", "dispute")]).await;
    assert_eq!((pressed.status, pressed.location.as_str()), (303, path.as_str()));
    let listed = paypal.client.disputes_of(&capture).await.expect("a list");
    let id = listed.items[0].dispute_id.as_str();
    let page = paypal.get(&path).await.text;
    assert!(page.contains(id) && page.contains("The buyer wins") && !page.contains("PayPal reverses it"));
    let pressed = paypal.submit(&path, &[("action", "lost"), ("dispute", id)]).await;
    assert_eq!(pressed.status, 303);
    assert_eq!(paypal.balance().await, "-0.92");
    let page = paypal.get(&path).await.text;
    assert!(page.contains("RESOLVED_BUYER_FAVOUR") && page.contains("DISPUTE_SETTLEMENT"));
    let again = paypal.submit(&path, &[("action", "won"), ("dispute", id)]).await;
    assert_eq!(again.status, 422);
    assert!(again.text.contains("DISPUTE_RESOLVED"));
    assert_eq!(paypal.get("/activity/x").await.status, 404);
    assert!(paypal.get("/").await.text.contains(id));
}
