//! Disputes: money stands aside while they are open, and each share bears its part when they are lost.

use serde_json::{Value, json};
use shared::ledger::Account;
use shared::licence::LicenceStatus;
use shared::messages::{Message, ReversalSubject};
use shared::purchase::Order;
use shared::purchase::refund::RefundState;
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
        // One that is known is asked for again, after what is stored of it was read.
        let known = shared::store::reversals::dispute(&self.world.store, order.id, "dp_1").await;
        if known.expect("memory").is_some() {
            self.stripe.answers(200, dispute(order, status, movements));
        }
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

/// The processor settles in dollars, at another rate each time; the order was paid in euros.
#[tokio::test]
async fn a_dispute_that_is_converted_holds_and_takes_by_the_orders_own_amount() {
    let dollars = |id: &str, amount: i64, fee: i64| {
        let mut movement = movement(id, amount, fee);
        (movement["currency"], movement["exchange_rate"]) = (json!("usd"), json!(1.08));
        movement
    };
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299), (till.bert, 500)]).await;
    let taken = dollars("txn_5", -1943, 1500);
    let open = std::slice::from_ref(&taken);
    till.hear_dispute(&order, "needs_response", open).await.expect("taken");
    assert_eq!(
        (till.disputed(till.anna).await, till.disputed(till.bert).await),
        (1039, 400)
    );
    assert_eq!(
        till.account(Account::DisputesPending),
        1799,
        "the order's amount, in its currency"
    );
    assert_eq!(till.account(Account::ProcessorFees), 1500);
    let journal = till.world.journal();
    let funds = journal
        .iter()
        .find(|entry| entry.processor_ref() == Some("txn_5"))
        .expect("posted");
    let clearing = funds
        .postings()
        .iter()
        .filter(|posting| posting.account == Account::ProcessorClearing);
    let moved: Vec<_> = clearing.map(|posting| posting.amount.to_string()).collect();
    assert_eq!(moved, ["-17.99 EUR", "-15.00 USD"]);

    till.hear_dispute(&order, "lost", open).await.expect("lost");
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (0, 0));
    assert_eq!(till.account(Account::DisputesPending), 0);
    till.check_books().await;
    // Won after all, when a dollar is worth more.
    let both = [taken, dollars("txn_6", 1870, 0)];
    till.hear_dispute(&order, "won", &both).await.expect("won");
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (1039, 400));
    assert_eq!((till.disputed(till.anna).await, till.disputed(till.bert).await), (0, 0));
    assert_eq!(till.account(Account::DisputesPending), 0);
    till.check_books().await;
}

/// The bank itself speaks of another currency: what it is about is what was paid.
#[tokio::test]
async fn a_dispute_in_another_currency_is_about_the_whole_order() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let mut object = dispute(&order, "needs_response", &[movement("txn_5", -1410, 1500)]);
    (object["amount"], object["currency"]) = (json!(1410), json!("usd"));
    object["balance_transactions"][0]["currency"] = json!("usd");
    till.hear_reversal(ReversalSubject::Dispute, &object)
        .await
        .expect("held");
    assert_eq!(till.disputed(till.anna).await, 1039);
    assert_eq!(till.account(Account::DisputesPending), 1299);
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
async fn a_lost_dispute_that_is_won_later_gives_everything_back() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let taken = movement("txn_5", -1299, 1500);
    let back = movement("txn_6", 1299, 0);
    till.hear_dispute(&order, "lost", std::slice::from_ref(&taken))
        .await
        .expect("lost");
    assert_eq!(till.owed(till.anna).await, 0);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
    assert_eq!(till.stored(&order).await.lines[0].refundable_minor(), 0);
    till.hear_dispute(&order, "won", std::slice::from_ref(&taken))
        .await
        .expect("won, and the money on its way");
    assert_eq!(
        (till.owed(till.anna).await, till.disputed(till.anna).await),
        (1039, 1039)
    );
    assert_eq!(till.account(Account::DisputesPending), 1299);
    for _ in 0..2 {
        till.hear_dispute(&order, "won", &[taken.clone(), back.clone()])
            .await
            .expect("won");
    }
    assert_eq!((till.owed(till.anna).await, till.disputed(till.anna).await), (1039, 0));
    assert_eq!(till.account(Account::DisputesPending), 0);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Active);
    assert_eq!(till.stored(&order).await.lines[0].refundable_minor(), 1299);
    till.check_books().await;
}

#[tokio::test]
async fn a_dispute_that_is_lost_before_its_movement_is_listed_holds_and_then_takes() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    till.hear_dispute(&order, "lost", &[]).await.expect("lost");
    assert_eq!(
        (till.owed(till.anna).await, till.disputed(till.anna).await),
        (1039, 1039)
    );
    till.hear_dispute(&order, "lost", &[movement("txn_5", -1299, 1500)])
        .await
        .expect("and taken");
    assert_eq!((till.owed(till.anna).await, till.disputed(till.anna).await), (0, 0));
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
    assert_eq!(till.account(Account::DisputesPending), 0);
    till.check_books().await;
}

#[tokio::test]
async fn money_that_is_taken_a_second_time_is_clawed_back_a_second_time() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let (taken, back) = (movement("txn_5", -1299, 1500), movement("txn_6", 1299, 0));
    let again = movement("txn_7", -1299, 0);
    let all = [taken, back, again];
    for (status, until) in [("lost", 1), ("won", 2), ("under_review", 3), ("lost", 3)] {
        till.hear_dispute(&order, status, &all[..until]).await.expect("heard");
    }
    assert_eq!((till.owed(till.anna).await, till.disputed(till.anna).await), (0, 0));
    assert_eq!(till.account(Account::DisputesPending), 0);
    assert_eq!(till.account(Account::ProcessorFees), 1500);
    assert_eq!(till.licence_status(&order, 0).await, LicenceStatus::Revoked);
    till.check_books().await;
}

#[tokio::test]
async fn what_is_given_back_is_taken_off_the_counter_that_the_sale_moved() {
    let till = till().await;
    let order = till.sold_under_tiers(&[(till.anna, 1299), (till.anna, 500)]).await;
    assert_eq!(till.counted(&order).await, 1799);
    let refunded = json!({"id": "re_9", "amount": 300, "currency": "eur", "charge": charge_of(&order), "status": "succeeded",
        "balance_transaction": "txn_9", "created": 1_763_900_000, "metadata": {}});
    // Another year has begun: it is the year of the sale that counts less.
    till.world.clock.advance(jiff::SignedDuration::from_hours(24 * 60));
    for status in ["succeeded", "succeeded", "failed", "failed"] {
        let mut refunded = refunded.clone();
        refunded["status"] = json!(status);
        till.hear_reversal(ReversalSubject::Refund, &refunded)
            .await
            .expect("heard");
        let expected = if status == "failed" { 1799 } else { 1499 };
        assert_eq!(till.counted(&order).await, expected, "{status}");
    }
    let taken = [movement("txn_5", -1799, 1500)];
    till.hear_dispute(&order, "under_review", &taken).await.expect("taken");
    assert_eq!(till.counted(&order).await, 1799, "nothing is decided");
    till.hear_dispute(&order, "lost", &taken).await.expect("lost");
    till.hear_dispute(&order, "lost", &taken).await.expect("lost");
    assert_eq!(till.counted(&order).await, 0);
    let won = [taken[0].clone(), movement("txn_6", 1799, 0)];
    till.hear_dispute(&order, "won", &won).await.expect("won");
    assert_eq!(till.counted(&order).await, 1799);
    till.check_books().await;
    till.world.take_messages();
}

#[tokio::test]
async fn a_counter_that_is_back_at_nothing_counts_the_next_sale() {
    let till = till().await;
    let order = till.sold_under_tiers(&[(till.anna, 1299)]).await;
    till.hear_dispute(&order, "lost", &[movement("txn_5", -1299, 0)])
        .await
        .expect("lost");
    assert_eq!(till.counted(&order).await, 0);
    let next = till.sold_under_tiers(&[(till.anna, 800)]).await;
    assert_eq!(till.counted(&next).await, 800);
}

#[tokio::test]
async fn a_request_of_which_a_dispute_leaves_nothing_is_closed_and_the_customer_told() {
    let till = till().await;
    let order = till.sold(&[(till.anna, 1299)]).await;
    let request = till.ask_for_refund(&order).await;
    till.hear_dispute(&order, "needs_response", &[movement("txn_5", -1299, 0)])
        .await
        .expect("taken");
    assert_eq!(till.stored_refund(&request).await.state, RefundState::Requested);
    till.hear_dispute(&order, "lost", &[movement("txn_5", -1299, 0)])
        .await
        .expect("lost");
    let closed = till.stored_refund(&request).await;
    assert!(matches!(closed.state, RefundState::Superseded { .. }), "{closed:?}");
    assert_eq!(till.stored(&order).await.lines[0].requested, None);
    let told = Message::RefundRequestEnded {
        customer: order.customer,
        order: order.id,
        refund: request.id,
    };
    let messages: Vec<_> = till
        .world
        .take_messages()
        .into_iter()
        .map(|sent| sent.message)
        .collect();
    assert_eq!(messages, [told]);
}
