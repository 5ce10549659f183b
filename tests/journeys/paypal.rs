//! Buying, and being paid, with PayPal.
//!
//! 1. Chiara orders a package to be paid with PayPal and approves it there. Souk takes the money, Paula is owed her share, Chiara has a
//!    licence. Then an operator gives everything back, through PayPal.
//! 2. Paula names a receiver at PayPal. What the next sale has earned her is paid there: accepted first, sent once PayPal says so.
//! 3. The one after goes to a receiver whom nobody knows. It stays accepted; when nobody has claimed it, it is owed again, once, and goes
//!    to the right one with the next payout.

use serde_json::{Value, json};
use support::scenes::{Listing, eur, of_fact};
use support::{Order, Partner, Person, Stack, eventually, unique};

#[tokio::test]
async fn a_package_is_bought_with_paypal_and_given_back() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let (order, paid) = buy(&stack, &chiara, &kit).await;
    assert_eq!((&paid["processor"], &paid["total"]), (&json!("paypal"), &eur(1299)));
    assert_eq!(paula.owed_minor().await, 1039);
    let licence = format!("/licences/{}", paid["lines"][0]["licence_id"].as_str().unwrap());
    assert_eq!(chiara.api.get(&licence).await.is(200)["status"], "active");

    let refund = format!("/orders/{}/refunds", order.id);
    let reason = json!({"reason": "requested_by_customer"});
    stack.operator().post(&refund, reason).await.is(201);
    eventually("the share clawed back", async || match paula.owed_minor().await {
        0 => Ok(()),
        owed => Err(owed.to_string()),
    })
    .await;
    assert_eq!(chiara.api.get(&licence).await.is(200)["status"], "revoked");
    let journal = paula.journal().await;
    assert_eq!(
        (of_fact(&journal, "sale").len(), of_fact(&journal, "refund").len()),
        (1, 1)
    );
    paula.assert_books_balance().await;
}

#[tokio::test]
async fn a_partner_is_paid_by_paypal_and_what_nobody_claims_is_due_again() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let _alone = stack.alone_with("payouts").await;
    stack.paypal().fund().await;

    receive(&paula, &format!("paula-{}@example.com", unique())).await;
    buy(&stack, &chiara, &kit).await;
    let first = ask(&paula, "first").await;
    let sent = paula.payout_becomes(&first, "sent").await;
    assert_eq!((&sent["processor"], &sent["amount"]), (&json!("paypal"), &eur(1039)));
    assert_eq!(paula.owed_minor().await, 0);
    let journal = paula.journal().await;
    let transfer = of_fact(&journal, "transfer")[0]["postings"].to_string();
    assert!(
        transfer.contains("paypal_clearing") && !transfer.contains("processor_clearing"),
        "{transfer}"
    );

    receive(&paula, &format!("unclaimed-{}@example.com", unique())).await;
    buy(&stack, &chiara, &kit).await;
    let second = ask(&paula, "second").await;
    let item = stack.paypal().unclaimed(second["id"].as_str().unwrap()).await;
    paula.payout_becomes(&second, "accepted").await;
    assert_eq!(paula.owed_minor().await, 0, "it may still be claimed");
    stack.paypal().settle(&item, "RETURNED").await;
    let cancelled = paula.payout_becomes(&second, "cancelled").await;
    assert_eq!(cancelled["reason_code"], "not_received");
    assert_eq!(paula.owed_minor().await, 1039);

    receive(&paula, &format!("paula-{}@example.com", unique())).await;
    let third = ask(&paula, "third").await;
    assert_eq!(third["amount"], eur(1039));
    paula.payout_becomes(&third, "sent").await;
    assert_eq!(paula.owed_minor().await, 0);
    paula.assert_books_balance().await;
    stack.aws().assert_no_dead_letter(&paula.id).await;
}

/// Orders a package and pays it with PayPal: the order, and as it is shown once paid.
async fn buy(stack: &Stack, customer: &Person, listing: &Listing) -> (Order, Value) {
    let request = json!({"lines": [{"listing_id": listing.id}], "processor": "paypal"});
    let order = Order::of(customer.api.post("/orders", request).await.is(201));
    stack.paypal().approve(&order.paypal_order(), "success").await;
    let paid = order.becomes(customer, "paid").await;
    (order, paid)
}

async fn receive(partner: &Partner, receiver: &str) {
    let call = partner.api.call("PUT", &partner.path("/payout-account"));
    let shown = call
        .json(&json!({"paypal": {"receiver": receiver}}))
        .send()
        .await
        .is(200);
    assert_eq!(shown["paypal_receiver"], receiver);
}

async fn ask(partner: &Partner, key: &str) -> Value {
    let body = json!({"currency": "EUR"});
    let path = partner.path("/payouts");
    partner.api.post_with_key(&path, key, body).await.is(201)
}
