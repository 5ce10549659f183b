//! Payouts to receivers at PayPal: accepted first, paid or not later.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::ledger::Account;
use shared::messages::Message;
use shared::partner::{Block, HoldReason};
use shared::payout::{CancelReason, PayoutState};
use shared::runtime::Failure;
use shared::store::partners;
use shared::testing::Recorded;

use crate::desk::{Desk, desk_at_paypal, desk_before_paypal_answers, desk_without_paypal, eur};

impl Desk {
    /// PayPal's batch, with its item once PayPal has looked at it.
    fn batch(&self, status: &str, item: Option<Value>) -> Value {
        let mut batch = json!({"batch_header": {"payout_batch_id": "FYX", "batch_status": status,
            "sender_batch_header": {"sender_batch_id": self.payout.id}}});
        if let Some(item) = item {
            batch["items"] = json!([item]);
        }
        batch
    }

    fn item(&self, status: &str) -> Value {
        json!({"payout_item_id": "8AE", "payout_batch_id": "FYX", "transaction_id": format!("TXN-{status}"), "transaction_status": status,
            "time_processed": "2026-11-22T09:01:00Z", "payout_item_fee": {"currency": "EUR", "value": "0.25"},
            "payout_item": {"recipient_type": "EMAIL", "amount": {"currency": "EUR", "value": "25.00"}, "receiver": "anna@example.com",
                "sender_item_id": format!("{}.{}", self.anna, self.payout.id)}})
    }

    /// Delivered, and accepted.
    async fn accepted(&self) {
        self.paypal.answers(201, self.batch("PENDING", None));
        self.deliver().await.expect("accepted");
        self.paypal.take_asked();
        self.is_accepted().await;
    }

    /// PayPal's event about the item, which is then so.
    async fn hear(&self, item: Value) -> Result<(), Failure> {
        self.paypal.answers(200, item);
        self.deliver_message(Message::PayPalPayoutItemChanged {
            event_id: "WH-1".into(),
            item: "8AE".into(),
            partner: self.anna,
            payout: self.payout.id,
        })
        .await
    }

    async fn is_accepted(&self) {
        let state = self.state().await;
        assert!(
            matches!(&state, PayoutState::Accepted { batch, .. } if batch == "FYX"),
            "{state:?}"
        );
        assert_eq!((self.owed().await, self.facts()), (0, vec!["payout"]));
    }

    async fn is_paid(&self) {
        let state = self.state().await;
        assert!(
            matches!(&state, PayoutState::Sent { transfer, .. } if transfer == "8AE"),
            "{state:?}"
        );
        assert_eq!((self.owed().await, self.facts()), (0, vec!["payout", "transfer"]));
        assert_eq!(
            (
                self.world.account(Account::PayPalClearing),
                self.world.account(Account::ProcessorFees)
            ),
            (-2525, 25)
        );
        assert_eq!(
            self.world.account(Account::ProcessorClearing),
            0,
            "Stripe's books know nothing of it"
        );
    }

    /// Why the partner is not paid.
    async fn hold(&self) -> Option<HoldReason> {
        let partner = partners::load(&self.world.store, self.anna).await.expect("memory");
        let partner = partner.expect("Anna");
        partner.hold_on(Block::Payout).map(|hold| hold.reason_code)
    }

    /// The batches that PayPal was asked for since the last look.
    fn batches(&self) -> Vec<Recorded> {
        let mut asked = self.paypal.take_asked();
        asked.retain(|asked| asked.path == "/v1/payments/payouts");
        asked
    }
}

fn refusal(name: &str) -> Value {
    json!({"name": name, "message": "No.", "debug_id": "b1", "details": []})
}

#[tokio::test]
async fn a_payout_is_accepted_first_and_sent_when_its_item_is_paid() {
    let desk = desk_at_paypal().await;
    desk.paypal.answers(201, desk.batch("PENDING", None));
    desk.deliver().await.expect("accepted");
    desk.is_accepted().await;
    let asked = desk.batches();
    let id = desk.payout.id.to_string();
    assert_eq!(
        (asked.len(), asked[0].header("paypal-request-id")),
        (1, Some(id.as_str()))
    );
    let stored = serde_json::to_string(&desk.stored().await).expect("JSON");
    assert!(!stored.contains('@'), "the ledger keeps no addresses: {stored}");
    let body: Value = serde_json::from_str(&asked[0].body).expect("JSON");
    assert_eq!(body["sender_batch_header"]["sender_batch_id"], json!(id));
    assert_eq!(body["items"][0]["receiver"], "anna@example.com");
    assert_eq!(body["items"][0]["amount"], json!({"currency": "EUR", "value": "25.00"}));
    assert_eq!(body["items"][0]["sender_item_id"], json!(format!("{}.{id}", desk.anna)));

    for status in ["PENDING", "UNCLAIMED", "ONHOLD"] {
        desk.hear(desk.item(status)).await.expect("no news");
        desk.is_accepted().await;
    }
    for _ in 0..2 {
        desk.hear(desk.item("SUCCESS")).await.expect("paid");
        desk.is_paid().await;
    }
    assert_eq!(desk.entry("transfer").processor_ref(), Some("TXN-SUCCESS"));
    desk.deliver().await.expect("it has ended");
    assert!(desk.batches().is_empty());
    assert!(desk.stripe.take_asked().is_empty(), "Stripe has no say in it");
}

#[tokio::test]
async fn a_payout_that_paypal_tells_nothing_of_is_looked_up() {
    let desk = desk_at_paypal().await;
    desk.accepted().await;
    for (item, status) in [(None, "PROCESSING"), (Some(desk.item("UNCLAIMED")), "SUCCESS")] {
        desk.paypal.answers(200, desk.batch(status, item));
        desk.deliver().await.expect("no news");
        desk.is_accepted().await;
    }
    desk.world.clock.advance(SignedDuration::from_hours(24 * 20));
    desk.paypal
        .answers(200, desk.batch("SUCCESS", Some(desk.item("SUCCESS"))));
    desk.deliver().await.expect("paid");
    desk.is_paid().await;
    let asked = desk.paypal.take_asked();
    assert!(
        asked.iter().all(|asked| asked.path == "/v1/payments/payouts/FYX"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn scenario_28_paypal_is_asked_again_under_the_same_id() {
    let desk = desk_at_paypal().await;
    for status in [500, 0, 503] {
        desk.paypal.answers(status, refusal("INTERNAL_SERVER_ERROR"));
        assert!(matches!(desk.deliver().await, Err(Failure::Retry(_))), "{status}");
        assert!(
            matches!(desk.state().await, PayoutState::Sending { .. }),
            "unknown is not failed"
        );
    }
    // A receiver named meanwhile gets the next payout, not this one.
    desk.world.paid_by_paypal(desk.anna, "other@example.com").await;
    desk.paypal.answers(201, desk.batch("PENDING", None));
    desk.deliver().await.expect("accepted");
    desk.is_accepted().await;
    let asked = desk.batches();
    assert!(asked.len() >= 4);
    for again in &asked[1..] {
        assert_eq!(
            (&again.body, again.header("paypal-request-id")),
            (&asked[0].body, asked[0].header("paypal-request-id"))
        );
    }
}

#[tokio::test]
async fn scenario_45_a_batch_made_by_a_lost_call_is_adopted() {
    let desk = desk_at_paypal().await;
    desk.paypal.answers(500, json!({}));
    assert!(desk.deliver().await.is_err(), "the answer is lost");
    desk.world.clock.advance(SignedDuration::from_hours(24 * 28));
    let duplicate = json!({"name": "USER_BUSINESS_ERROR", "message": "User business error.", "details": [{
        "field": "SENDER_BATCH_ID", "issue": "Batch with given sender_batch_id already exists",
        "link": [{"href": "https://api.paypal.com/v1/payments/payouts/FYX", "rel": "self", "method": "GET"}]}]});
    let paid = desk.batch("SUCCESS", Some(desk.item("SUCCESS")));
    desk.paypal.answers(400, duplicate.clone()).answers(200, paid);
    desk.deliver().await.expect("adopted");
    desk.is_paid().await;

    // What is found under our id and is not ours is no payout of ours.
    let desk = desk_at_paypal().await;
    let mut foreign = desk.batch("SUCCESS", Some(desk.item("SUCCESS")));
    foreign["batch_header"]["sender_batch_header"]["sender_batch_id"] = json!("another");
    desk.paypal.answers(400, duplicate).answers(200, foreign);
    assert!(matches!(desk.deliver().await, Err(Failure::Reject(_))));
    assert!(matches!(desk.state().await, PayoutState::Sending { .. }));
}

#[tokio::test]
async fn scenario_45_a_batch_that_cannot_be_found_any_more_is_for_a_person() {
    let desk = desk_at_paypal().await;
    desk.paypal.answers(500, json!({}));
    assert!(desk.deliver().await.is_err());
    desk.paypal.take_asked();
    desk.world.clock.advance(SignedDuration::from_hours(24 * 29));
    assert!(matches!(desk.deliver().await, Err(Failure::Reject(_))));
    assert!(desk.batches().is_empty(), "a second batch could pay a second time");
    assert_eq!((desk.owed().await, desk.facts()), (0, vec!["payout"]));
}

#[tokio::test]
async fn scenario_46_what_nobody_claims_is_owed_again_once() {
    let mut desk = desk_at_paypal().await;
    desk.accepted().await;
    desk.hear(desk.item("UNCLAIMED")).await.expect("no news");
    desk.is_accepted().await;
    desk.world.clock.advance(SignedDuration::from_hours(24 * 30));
    for _ in 0..2 {
        desk.hear(desk.item("RETURNED")).await.expect("given back");
        desk.is_given_back(CancelReason::NotReceived).await;
        assert_eq!(desk.hold().await, Some(HoldReason::ReceiverUnpaid));
    }
    assert_eq!(desk.world.account(Account::PayPalClearing), 0, "what left came back");
    desk.deliver().await.expect("a message that is late");
    let first = desk.payout.id;
    // The receiver is named again: it would arrive now.
    desk.world.paid_by_paypal(desk.anna, "anna@example.com").await;
    desk.decide_again().await;
    assert_ne!(desk.payout.id, first);
    desk.paypal.take_asked();
    desk.paypal.answers(201, desk.batch("PENDING", None));
    desk.deliver().await.expect("accepted");
    assert_eq!(desk.batches().len(), 1, "under an id of its own");
}

#[tokio::test]
async fn what_paypal_does_not_pay_is_due_again() {
    for status in ["FAILED", "BLOCKED", "DENIED", "REVERSED", "REFUNDED"] {
        let desk = desk_at_paypal().await;
        desk.accepted().await;
        desk.hear(desk.item(status)).await.expect("given back");
        desk.is_given_back(CancelReason::NotReceived).await;
    }
    let desk = desk_at_paypal().await;
    desk.accepted().await;
    desk.paypal.answers(200, desk.batch("DENIED", None));
    desk.deliver().await.expect("given back");
    desk.is_given_back(CancelReason::ProcessorRefused).await;
    assert_eq!(desk.hold().await, None, "that is nothing about the receiver");
}

#[tokio::test]
async fn scenario_36_a_short_balance_at_paypal_leaves_the_payout_due() {
    let refused = desk_at_paypal().await;
    refused.paypal.answers(422, refusal("INSUFFICIENT_FUNDS"));
    refused.deliver().await.expect("cancelled");
    refused.is_given_back(CancelReason::PlatformBalanceShort).await;

    let denied = desk_at_paypal().await;
    denied.accepted().await;
    let mut item = denied.item("FAILED");
    item["errors"] = json!({"name": "INSUFFICIENT_FUNDS", "message": "Not enough."});
    denied.hear(item).await.expect("cancelled");
    denied.is_given_back(CancelReason::PlatformBalanceShort).await;

    let unfit = desk_at_paypal().await;
    unfit.paypal.answers(400, refusal("VALIDATION_ERROR"));
    unfit.deliver().await.expect("cancelled");
    unfit.is_given_back(CancelReason::ProcessorRefused).await;
}

#[tokio::test]
async fn scenario_34_a_suspended_partner_is_not_paid_by_paypal_either() {
    let desk = desk_at_paypal().await;
    desk.world.suspend(desk.anna).await;
    desk.deliver().await.expect("cancelled");
    desk.is_given_back(CancelReason::PartnerHeld).await;
    assert!(desk.paypal.take_asked().is_empty());
}

#[tokio::test]
async fn scenario_35_a_receiver_changed_before_sending_cancels() {
    let desk = desk_at_paypal().await;
    desk.world.paid_by_paypal(desk.anna, "other@example.com").await;
    desk.deliver().await.expect("cancelled");
    desk.is_given_back(CancelReason::DestinationChanged).await;
    assert!(desk.paypal.take_asked().is_empty());
}

#[tokio::test]
async fn scenario_37_what_comes_back_after_it_was_paid_is_owed_again_once() {
    for status in ["RETURNED", "REFUNDED", "REVERSED"] {
        let desk = desk_at_paypal().await;
        desk.accepted().await;
        desk.hear(desk.item("SUCCESS")).await.expect("paid");
        for _ in 0..2 {
            desk.hear(desk.item(status)).await.expect("taken back");
            assert_eq!((desk.owed().await, desk.stored().await.reversed), (2500, eur(2500)));
        }
        assert_eq!(desk.facts(), ["payout", "transfer", "transfer_reversed"]);
        assert_eq!(desk.world.account(Account::PayPalClearing), -25, "PayPal keeps its fee");
        let entry = desk.entry("transfer_reversed");
        assert_eq!(entry.processor_ref(), Some(format!("TXN-{status}").as_str()));
    }
}

#[tokio::test]
async fn an_item_that_does_not_fit_is_for_a_person() {
    let desk = desk_at_paypal().await;
    desk.accepted().await;
    let change = |pointer: &str, value: Value| {
        let mut item = desk.item("SUCCESS");
        *item.pointer_mut(pointer).expect("a field") = value;
        item
    };
    for unfit in [
        change("/payout_item/amount/value", json!("24.99")),
        change("/payout_item/sender_item_id", json!("invoice 7")),
        change("/payout_batch_id", Value::Null),
        change("/time_processed", Value::Null),
        change("/transaction_status", json!("MELTED")),
    ] {
        let outcome = desk.hear(unfit.clone()).await;
        assert!(matches!(outcome, Err(Failure::Reject(_))), "{unfit}");
        desk.is_accepted().await;
    }
    desk.hear(desk.item("FAILED")).await.expect("given back");
    let both = desk.hear(desk.item("SUCCESS")).await;
    assert!(matches!(both, Err(Failure::Reject(_))), "given back and paid");
    desk.is_given_back(CancelReason::NotReceived).await;
}

#[tokio::test]
async fn nothing_is_marked_as_sending_before_paypal_can_be_asked() {
    let desk = desk_without_paypal().await;
    desk.deliver().await.expect("given back");
    let state = desk.state().await;
    let reason = CancelReason::PayPalNotOffered;
    assert!(
        matches!(state, PayoutState::Cancelled { reason: why, .. } if why == reason),
        "{state:?}"
    );
    assert_eq!(reason.to_string(), "paypal_not_offered");
    assert_eq!(desk.owed().await, 2500, "it is due again");
    assert!(desk.paypal.take_asked().is_empty());

    // PayPal does not know us: the payout is not said to be under way, and can be cancelled as before.
    let desk = desk_before_paypal_answers().await;
    desk.paypal.answers(401, json!({"error": "invalid_client"}));
    desk.deliver().await.expect_err("nobody could be asked");
    assert_eq!(desk.state().await, PayoutState::Created);
}
