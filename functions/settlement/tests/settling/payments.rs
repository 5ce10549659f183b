//! Payments: whatever the processor says, however often and in whichever order, ends in one state.

use serde_json::{Value, json};
use shared::ledger::{Account, Fact};
use shared::messages::{Message, PaymentSubject};
use shared::purchase::{MAX_LINES, OrderStatus};
use shared::runtime::Failure;
use shared::store::{commerce, keys};

use crate::till::{charge, session, till};

#[tokio::test]
async fn a_paid_session_posts_every_share_and_issues_every_licence_once() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1299), (till.bert, 500)]).await;
    for _ in 0..3 {
        till.hear_session(&order, session("complete", "paid", 1799))
            .await
            .expect("settled");
    }
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (1039, 400));
    let journal = till.world.journal();
    assert_eq!(journal.len(), 2);
    assert!(journal.iter().all(|entry| *entry.fact() == Fact::Sale(order.id)));
    let stored = till.stored(&order).await;
    assert_eq!(stored.status, OrderStatus::Paid);
    let ids: Vec<_> = stored.lines.iter().map(|line| line.licence).collect();
    let licences = commerce::licences(&till.world.store, &ids).await.expect("memory");
    assert_eq!(licences.len(), 2);
    assert_ne!(licences[0].key, licences[1].key);
    let messages = till.world.take_messages();
    assert_eq!(messages.len(), 1, "one receipt: {messages:?}");
}

#[tokio::test]
async fn a_sale_of_one_partner_costs_one_transaction_of_ten_write_units() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1299)]).await;
    let before = till.world.store.meter().read();
    till.hear_session(&order, session("complete", "paid", 1299))
        .await
        .expect("settled");
    let after = till.world.store.meter().read();
    // The order, its listing and its seller are read in one request each. One unit is the entry's place in the index by
    // months. The partner's first sale also puts the balance into the index: one unit, once.
    assert_eq!(
        (
            after.requests - before.requests,
            after.write_units() - before.write_units()
        ),
        (4, 11)
    );
    let order = till.order(&[(till.anna, 1299)]).await;
    let before = till.world.store.meter().read();
    till.hear_session(&order, session("complete", "paid", 1299))
        .await
        .expect("settled");
    let after = till.world.store.meter().read();
    assert_eq!(
        (
            after.requests - before.requests,
            after.write_units() - before.write_units()
        ),
        (4, 10)
    );
}

#[tokio::test]
async fn news_in_any_order_ends_in_the_same_state() {
    let news = [("complete", "unpaid"), ("expired", "unpaid"), ("complete", "paid")];
    for order_of_news in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let till = till().await;
        let order = till.order(&[(till.anna, 1799)]).await;
        for index in order_of_news {
            let (status, payment_status) = news[index];
            till.hear_session(&order, session(status, payment_status, 1799))
                .await
                .expect("understood");
        }
        assert_eq!(till.stored(&order).await.status, OrderStatus::Paid, "{order_of_news:?}");
        assert_eq!(till.owed(till.anna).await, 1439);
    }
}

#[tokio::test]
async fn scenario_4_completed_but_unpaid_moves_no_money() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1799)]).await;
    till.hear_session(&order, session("open", "unpaid", 1799))
        .await
        .expect("no news");
    assert_eq!(till.stored(&order).await.status, OrderStatus::Pending);
    till.hear_session(&order, session("complete", "unpaid", 1799))
        .await
        .expect("on its way");
    assert_eq!(till.stored(&order).await.status, OrderStatus::AwaitingPayment);
    assert!(till.world.journal().is_empty());
    assert!(till.world.take_messages().is_empty());
}

#[tokio::test]
async fn what_does_not_add_up_is_for_a_person() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1799)]).await;
    let outcome = till.hear_session(&order, session("complete", "paid", 1798)).await;
    assert!(matches!(outcome, Err(Failure::Reject(_))), "another amount");
    let mut other = session("complete", "paid", 1799);
    other["id"] = json!("cs_test_2");
    let outcome = till.hear_session(&order, other).await;
    assert!(matches!(outcome, Err(Failure::Reject(_))), "another session");
    let outcome = till
        .hear(Message::FreeOrderPlaced {
            customer: order.customer,
            order: order.id,
        })
        .await;
    assert!(
        matches!(outcome, Err(Failure::Reject(_))),
        "an order with a price is not free"
    );
    let outcome = till
        .hear(Message::OrderPaid {
            customer: order.customer,
            order: order.id,
        })
        .await;
    assert!(
        matches!(outcome, Err(Failure::Reject(_))),
        "a message for somebody else"
    );
    let nobody = till.world.seed().id("order");
    let outcome = till
        .hear(Message::FreeOrderPlaced {
            customer: order.customer,
            order: nobody,
        })
        .await;
    assert!(
        matches!(outcome, Err(Failure::Retry(_))),
        "an order that may still come"
    );
    assert!(till.world.journal().is_empty());
}

#[tokio::test]
async fn a_processor_that_does_not_answer_is_asked_again() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1799)]).await;
    till.stripe
        .answers(500, json!({"error": {"type": "api_error", "message": "down"}}));
    let message = Message::PaymentChanged {
        event_id: "evt_1".into(),
        subject: PaymentSubject::CheckoutSession,
        object_id: "cs_test_1".into(),
        customer: order.customer,
        order: order.id,
    };
    assert!(matches!(till.hear(message).await, Err(Failure::Retry(_))));
}

#[tokio::test]
async fn scenario_42_a_free_order_is_settled_without_a_posting() {
    let till = till().await;
    let order = till.order(&[(till.anna, 0)]).await;
    for _ in 0..2 {
        till.hear(Message::FreeOrderPlaced {
            customer: order.customer,
            order: order.id,
        })
        .await
        .expect("settled");
    }
    assert_eq!(till.stored(&order).await.status, OrderStatus::Paid);
    assert!(till.world.journal().is_empty());
    assert_eq!(till.world.take_messages().len(), 1);
}

#[tokio::test]
async fn scenario_6_a_fee_is_posted_once_it_is_known_and_never_changed() {
    let till = till().await;
    let order = till.order(&[(till.anna, 1799)]).await;
    let hear = async |fee: Option<i64>| till.hear_of(&order, PaymentSubject::Charge, "ch_1", charge(fee)).await;
    hear(None).await.expect("not known yet");
    assert!(till.world.journal().is_empty());
    hear(Some(52)).await.expect("known");
    hear(Some(52)).await.expect("the same again");
    assert!(
        matches!(hear(Some(53)).await, Err(Failure::Reject(_))),
        "another amount under the same fact is an alarm"
    );
    let journal = till.world.journal();
    assert_eq!(journal.len(), 1);
    let fee = journal[0]
        .postings()
        .iter()
        .find(|posting| posting.account == Account::ProcessorFees);
    assert_eq!(fee.map(|posting| posting.amount.minor()), Some(52));
    assert_eq!(journal[0].processor_ref(), Some("txn_1"));
    let key = keys::platform_journal("fee", "ch_1");
    assert!(till.world.store.get::<Value>(&key).await.expect("memory").is_some());
}

#[tokio::test]
async fn scenario_43_the_largest_cart_fits_one_transaction() {
    let till = till().await;
    let mut prices = Vec::new();
    for index in 0..MAX_LINES {
        prices.push((
            till.world.seller(&format!("seller {index}")).await,
            100 + i64::try_from(index).expect("small"),
        ));
    }
    let order = till.sold(&prices).await;
    assert_eq!(order.status, OrderStatus::Paid);
    assert_eq!(till.world.journal().len(), MAX_LINES, "an entry for each partner");
    assert_eq!(till.account(Account::ProcessorClearing), order.total.minor());
}
