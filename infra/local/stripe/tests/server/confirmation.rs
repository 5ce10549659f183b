//! 3-D Secure: payments that a bank wants its customer to confirm.

use serde_json::{Value, json};

use crate::billing::{advance_to, events, invoices, period_end, subscribed, subscription};
use crate::pages::path_of;
use crate::support::{Stripe, id};

const DAY_S: i64 = 86_400;

/// A subscription whose renewal waits for its customer; its invoice and the time it was renewed at.
async fn waiting(stripe: &Stripe, card: &str) -> (String, Value, i64) {
    let id = subscribed(stripe, 1000, card, "").await;
    let begun = subscription(stripe, &id).await;
    assert_eq!(begun["status"], "active", "at the checkout the customer is at hand");
    let renewal = period_end(&begun);
    advance_to(stripe, renewal).await;
    let late = subscription(stripe, &id).await;
    assert_eq!(late["status"], "past_due");
    (id, late["latest_invoice"].clone(), renewal)
}

async fn intent_of(stripe: &Stripe, subscription: &str) -> Value {
    let all = invoices(stripe, subscription).await;
    let payments = &all.last().expect("an invoice")["payments"]["data"];
    let intent = payments[0]["payment"]["payment_intent"].as_str().expect("an intent");
    stripe.get(&format!("/v1/payment_intents/{intent}")).await
}

#[tokio::test]
async fn a_renewal_waits_until_its_page_is_confirmed() {
    let stripe = Stripe::start().await;
    for (count, card) in ["authentication_required", "4000000000003220"].into_iter().enumerate() {
        let (id, invoice, _) = waiting(&stripe, card).await;
        assert_eq!(
            (
                &invoice["status"],
                &invoice["attempt_count"],
                &invoice["next_payment_attempt"]
            ),
            (&json!("open"), &json!(1), &Value::Null),
            "nobody can try that again for the customer"
        );
        let asked = events(&stripe, "invoice.payment_action_required").await;
        assert_eq!(
            (asked.len(), &asked[count]["data"]["object"]["id"]),
            (count + 1, &invoice["id"])
        );
        let intent = intent_of(&stripe, &id).await;
        assert_eq!(
            (
                &intent["status"],
                &intent["latest_charge"],
                &intent["next_action"]["type"]
            ),
            (&json!("requires_action"), &Value::Null, &json!("use_stripe_sdk"))
        );
        let page = path_of(invoice["hosted_invoice_url"].as_str().expect("a page"));
        let shown = stripe.call("GET", &page, "", &[]).await.expect("an answer");
        for button in ["Confirm", "Fail"] {
            assert!(shown.text.contains(button), "{button} is not on the page");
        }
        stripe
            .call("POST", &page, "action=confirm", &[])
            .await
            .expect("an answer");
        let paid = subscription(&stripe, &id).await;
        assert_eq!(
            (&paid["status"], &paid["latest_invoice"]["status"]),
            (&json!("active"), &json!("paid"))
        );
        let intent = intent_of(&stripe, &id).await;
        assert_eq!(
            (&intent["status"], &intent["next_action"]),
            (&json!("succeeded"), &Value::Null)
        );
        stripe
            .call("POST", &page, "action=confirm", &[])
            .await
            .expect("an answer");
        assert_eq!(invoices(&stripe, &id).await.len(), 2, "a second answer pays nothing");
    }
    let charges = stripe.get("/v1/charges?limit=100").await;
    assert_eq!(charges["data"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn a_renewal_nobody_confirms_is_given_up_as_a_declined_one() {
    let stripe = Stripe::start().await;
    let (id, invoice, renewal) = waiting(&stripe, "authentication_required").await;
    let page = path_of(invoice["hosted_invoice_url"].as_str().expect("a page"));
    let failed = stripe
        .call("POST", &page, "action=refuse", &[])
        .await
        .expect("an answer");
    assert_eq!(failed.status, 402);
    let intent = intent_of(&stripe, &id).await;
    assert_eq!(
        (&intent["status"], &intent["last_payment_error"]["code"]),
        (
            &json!("requires_payment_method"),
            &json!("payment_intent_authentication_failure")
        )
    );
    advance_to(&stripe, renewal + 15 * DAY_S - 1).await;
    assert_eq!(subscription(&stripe, &id).await["status"], "past_due");
    advance_to(&stripe, renewal + 15 * DAY_S).await;
    let over = subscription(&stripe, &id).await;
    assert_eq!(
        (&over["status"], &over["cancellation_details"]["reason"]),
        (&json!("canceled"), &json!("payment_failed"))
    );
}

#[tokio::test]
async fn another_card_pays_what_was_not_confirmed() {
    let stripe = Stripe::start().await;
    let (id, invoice, renewal) = waiting(&stripe, "three_d_secure").await;
    let page = path_of(invoice["hosted_invoice_url"].as_str().expect("a page"));
    let paid = stripe
        .call("POST", &page, "card=success", &[])
        .await
        .expect("an answer");
    assert_eq!(paid.status, 200);
    assert_eq!(subscription(&stripe, &id).await["status"], "active");
    advance_to(&stripe, renewal + 15 * DAY_S).await;
    assert_eq!(subscription(&stripe, &id).await["status"], "active");
}

#[tokio::test]
async fn a_change_that_wants_confirmation_does_not_happen() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "authentication_required", "").await;
    let now = subscription(&stripe, &id).await;
    let item = now["items"]["data"][0]["id"].as_str().expect("an item");
    let more = format!(
        "items[0][id]={item}&items[0][quantity]=2&proration_behavior=always_invoice&payment_behavior=error_if_incomplete"
    );
    let code = "subscription_payment_intent_requires_action";
    stripe
        .refused(&format!("/v1/subscriptions/{id}"), &more, 402, code)
        .await;
    assert_eq!(subscription(&stripe, &id).await["items"], now["items"]);
}

#[tokio::test]
async fn a_control_makes_a_stored_card_want_confirmation() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    let body = subscription(&stripe, &id).await;
    let customer = body["customer"].as_str().expect("a customer");
    let card = format!("customers/{customer}/card");
    stripe
        .control(&card, json!({"declines": "next", "as": "three_d_secure"}))
        .await;
    stripe
        .control(&format!("subscriptions/{id}/age"), json!({"days": 31}))
        .await;
    assert_eq!(subscription(&stripe, &id).await["status"], "past_due");
    let intent = intent_of(&stripe, &id).await;
    let answer = format!("payment_intents/{}/authenticate", intent["id"].as_str().expect("an id"));
    assert_eq!(
        stripe.control(&answer, json!({"success": true})).await["status"],
        "succeeded"
    );
    assert_eq!(subscription(&stripe, &id).await["status"], "active");
}

#[tokio::test]
async fn an_intent_made_by_hand_waits_or_is_declined() {
    let stripe = Stripe::start().await;
    let form = "amount=2000&currency=eur&confirm=true&payment_method=pm_card_authenticationRequired";
    let asked = stripe.post("/v1/payment_intents", form).await;
    assert_eq!(asked["status"], "requires_action");
    let cancel = format!("/v1/payment_intents/{}/cancel", id(&asked));
    assert_eq!(stripe.post(&cancel, "").await["status"], "canceled");
    let away = format!("{form}&off_session=true");
    stripe
        .refused("/v1/payment_intents", &away, 402, "authentication_required")
        .await;
}
