//! Buying with PayPal.
//!
//! Chiara orders a package to be paid with PayPal and approves it there. Souk takes the money, Paula is owed her share, Chiara has a
//! licence. Then an operator gives everything back, through PayPal.

use serde_json::json;
use support::scenes::{eur, of_fact};
use support::{Order, Partner, Stack, eventually};

#[tokio::test]
async fn a_package_is_bought_with_paypal_and_given_back() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let request = json!({"lines": [{"listing_id": kit.id}], "processor": "paypal"});
    let order = Order::of(chiara.api.post("/orders", request).await.is(201));
    stack.paypal().approve(&order.paypal_order(), "success").await;
    let paid = order.becomes(&chiara, "paid").await;
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
