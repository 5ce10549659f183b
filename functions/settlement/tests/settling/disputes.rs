//! Disputes: money stands aside while they are open, and each share bears its part when they are lost.

use serde_json::{Value, json};
use shared::ledger::Account;
use shared::licence::LicenceStatus;
use shared::messages::ReversalSubject;
use shared::purchase::Order;
use shared::runtime::Failure;

use crate::till::{Till, charge_of, till};

fn movement(id: &str, amount: i64, fee: i64) -> Value {
    json!({"id": id, "amount": amount, "fee": fee, "net": amount - fee, "currency": "eur", "type": "adjustment", "status": "available",
        "available_on": 1_764_000_000, "created": 1_764_000_000, "source": "dp_1"})
}

fn dispute(order: &Order, status: &str, movements: &[Value]) -> Value {
    json!({"id": "dp_1", "amount": order.total.minor(), "currency": "eur", "charge": charge_of(order), "status": status, "reason": "fraudulent",
        "balance_transactions": movements, "evidence_details": {"due_by": 1_764_500_000}, "livemode": false, "created": 1_764_000_000})
}

impl Till {
    async fn hear_dispute(&self, order: &Order, status: &str, movements: &[Value]) -> Result<(), Failure> {
        self.hear_reversal(ReversalSubject::Dispute, &dispute(order, status, movements))
            .await
    }
}

#[tokio::test]
async fn scenario_21_an_inquiry_moves_no_money() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let before = till.world.journal().len();
    till.hear_dispute(&order, "warning_needs_response", &[])
        .await
        .expect("noted");
    till.hear_dispute(&order, "warning_closed", &[]).await.expect("noted");
    assert_eq!(till.world.journal().len(), before);
    assert_eq!(till.owed(till.anna).await, 1039);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Active);
}

#[tokio::test]
async fn scenario_22_a_won_dispute_brings_the_principal_back_and_keeps_the_fee() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let taken = movement("txn_5", -1299, 1500);
    for _ in 0..2 {
        till.hear_dispute(&order, "needs_response", std::slice::from_ref(&taken))
            .await
            .expect("taken");
    }
    assert_eq!(till.account(Account::DisputesPending), 1299);
    assert_eq!(till.account(Account::ProcessorClearing), 1299 - 1299 - 1500);
    assert_eq!(till.owed(till.anna).await, 1039, "held, not taken");
    till.hear_dispute(&order, "won", &[taken, movement("txn_6", 1299, 0)])
        .await
        .expect("won");
    assert_eq!(till.account(Account::DisputesPending), 0);
    assert_eq!(till.account(Account::ProcessorFees), 1500);
    assert_eq!(till.owed(till.anna).await, 1039);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Active);
}

#[tokio::test]
async fn scenario_23_a_lost_dispute_debits_the_partner_and_revokes_what_was_bought() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299), (till.bert, 500)]).await;
    let taken = [movement("txn_5", -1799, 1500)];
    till.hear_dispute(&order, "under_review", &taken).await.expect("taken");
    for _ in 0..2 {
        till.hear_dispute(&order, "lost", &taken).await.expect("lost");
    }
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (0, 0));
    assert_eq!(till.account(Account::DisputesPending), 0);
    assert_eq!(till.account(Account::PlatformRevenue), 0);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
    till.check_books().await;
}

#[tokio::test]
async fn scenario_24_what_was_refunded_before_a_lost_dispute_is_not_reversed_twice() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let refunded = json!({"id": "re_9", "amount": 1000, "currency": "eur", "charge": charge_of(&order), "status": "succeeded",
        "balance_transaction": "txn_9", "created": 1_763_900_000, "metadata": {}});
    till.hear_reversal(ReversalSubject::Refund, &refunded)
        .await
        .expect("refunded");
    let taken = [movement("txn_5", -1299, 1500)];
    till.hear_dispute(&order, "lost", &taken).await.expect("lost");
    assert_eq!(
        till.owed(till.anna).await,
        0,
        "the partner gives back what it got, and no more"
    );
    assert_eq!(
        till.account(Account::PlatformLosses),
        1000,
        "what went back twice is the platform's loss"
    );
    assert_eq!(till.account(Account::DisputesPending), 0);
    till.check_books().await;
}

#[tokio::test]
async fn scenario_13_a_status_that_is_not_known_moves_nothing() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let outcome = till
        .hear_dispute(&order, "escalated_to_mars", &[movement("txn_5", -1299, 0)])
        .await;
    assert!(matches!(outcome, Err(Failure::Reject(_))));
    assert_eq!(till.account(Account::DisputesPending), 0);
}

#[tokio::test]
async fn a_closed_dispute_that_is_said_to_have_ended_otherwise_is_for_a_person() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let taken = [movement("txn_5", -1299, 0)];
    till.hear_dispute(&order, "lost", &taken).await.expect("lost");
    assert!(matches!(
        till.hear_dispute(&order, "won", &taken).await,
        Err(Failure::Reject(_))
    ));
    assert_eq!(till.owed(till.anna).await, 0);
}
