//! Invoices that a stored card does not pay: tried again, paid after all, or given up.

use serde_json::{Value, json};

use crate::billing::{advance_to, events, invoices, period_end, session, subscribed, subscription};
use crate::support::Stripe;

const DAY_S: i64 = 86_400;

#[tokio::test]
async fn a_declined_renewal_is_tried_again_and_then_given_up() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    let body = subscription(&stripe, &id).await;
    let customer = body["customer"].as_str().expect("a customer").to_owned();
    stripe
        .control(
            &format!("customers/{customer}/card"),
            json!({"declines": "all", "as": "insufficient_funds"}),
        )
        .await;
    let renewal = period_end(&body);
    advance_to(&stripe, renewal).await;
    let late = subscription(&stripe, &id).await;
    let invoice = &late["latest_invoice"];
    assert_eq!(
        (&late["status"], &invoice["status"]),
        (&json!("past_due"), &json!("open"))
    );
    assert_eq!(
        (&invoice["attempt_count"], invoice["next_payment_attempt"].as_i64()),
        (&json!(1), Some(renewal + 3 * DAY_S))
    );
    for (attempts, days) in [(2, 3), (3, 8)] {
        advance_to(&stripe, renewal + days * DAY_S).await;
        let late = subscription(&stripe, &id).await;
        assert_eq!(
            (&late["status"], &late["latest_invoice"]["attempt_count"]),
            (&json!("past_due"), &json!(attempts))
        );
    }
    advance_to(&stripe, renewal + 15 * DAY_S).await;
    let over = subscription(&stripe, &id).await;
    assert_eq!(
        (&over["status"], &over["cancellation_details"]["reason"]),
        (&json!("canceled"), &json!("payment_failed"))
    );
    assert_eq!(over["latest_invoice"]["next_payment_attempt"], Value::Null);
    let failures = events(&stripe, "invoice.payment_failed").await;
    let counts: Vec<i64> = failures
        .iter()
        .map(|event| event["data"]["object"]["attempt_count"].as_i64().expect("a count"))
        .collect();
    assert_eq!(counts, [1, 2, 3, 4]);
    stripe.control("clock/advance", json!({"days": 60})).await;
    assert_eq!(
        invoices(&stripe, &id).await.len(),
        2,
        "what is cancelled is not renewed"
    );
}

#[tokio::test]
async fn one_declined_change_is_one_failure_used_up() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    let now = subscription(&stripe, &id).await;
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let (customer, item) = (text(&now["customer"]), text(&now["items"]["data"][0]["id"]));
    stripe
        .control(&format!("customers/{customer}/card"), json!({"declines": "next"}))
        .await;
    let path = format!("/v1/subscriptions/{id}");
    let more = format!(
        "items[0][id]={item}&items[0][quantity]=2&proration_behavior=always_invoice&payment_behavior=error_if_incomplete"
    );
    stripe.refused(&path, &more, 402, "card_declined").await;
    assert_eq!(
        subscription(&stripe, &id).await["items"],
        now["items"],
        "nothing has changed"
    );
    let changed = stripe.post(&path, &more).await;
    assert_eq!(
        (&changed["items"]["data"][0]["quantity"], &changed["status"]),
        (&json!(2), &json!("active"))
    );
}

#[tokio::test]
async fn a_mended_card_pays_the_late_invoice() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    let customer = subscription(&stripe, &id).await["customer"]
        .as_str()
        .expect("a customer")
        .to_owned();
    let card = format!("customers/{customer}/card");
    stripe.control(&card, json!({"declines": "next"})).await;
    stripe.control("clock/advance", json!({"days": 31})).await;
    assert_eq!(subscription(&stripe, &id).await["status"], "past_due");
    stripe.control("clock/advance", json!({"days": 3})).await;
    assert_eq!(subscription(&stripe, &id).await["status"], "active");

    stripe
        .control(
            "settings",
            json!({"after_payment_retries": "unpaid", "payment_retry_days": []}),
        )
        .await;
    stripe.control(&card, json!({"declines": "all"})).await;
    stripe.control("clock/advance", json!({"days": 31})).await;
    let unpaid = subscription(&stripe, &id).await;
    assert_eq!(unpaid["status"], "unpaid");
    let invoice = unpaid["latest_invoice"]["id"].as_str().expect("an invoice");
    let pay = format!("/v1/invoices/{invoice}/pay");
    stripe.refused(&pay, "", 402, "card_declined").await;
    stripe.control(&card, json!({"declines": "none"})).await;
    assert_eq!(stripe.post(&pay, "").await["status"], "paid");
    assert_eq!(subscription(&stripe, &id).await["status"], "active");
    stripe.refused(&pay, "", 400, "invoice_already_paid").await;
}

#[tokio::test]
async fn a_card_that_can_only_be_stored_fails_after_the_trial() {
    let stripe = Stripe::start().await;
    let id = subscribed(
        &stripe,
        1000,
        "4000 0000 0000 0341",
        "&subscription_data[trial_period_days]=7",
    )
    .await;
    assert_eq!(subscription(&stripe, &id).await["status"], "trialing");
    stripe.control("clock/advance", json!({"days": 7, "seconds": 1})).await;
    assert_eq!(subscription(&stripe, &id).await["status"], "past_due");
    let fresh = session(&stripe, 1000, "").await;
    assert!(stripe.pay(&fresh, "4000000000000341").await["declined"].is_object());
}

#[tokio::test]
async fn one_subscription_grows_older_alone() {
    let stripe = Stripe::start().await;
    let (id, other) = (
        subscribed(&stripe, 1000, "success", "").await,
        subscribed(&stripe, 1000, "success", "").await,
    );
    let (before, others) = (subscription(&stripe, &id).await, subscription(&stripe, &other).await);
    let aged = stripe
        .control(&format!("subscriptions/{id}/age"), json!({"days": 31}))
        .await;
    assert_eq!(
        aged["created"].as_i64(),
        before["created"].as_i64().map(|at| at - 31 * DAY_S)
    );
    let renewed = subscription(&stripe, &id).await;
    assert!(
        period_end(&renewed) > period_end(&before) - 31 * DAY_S,
        "a period has begun"
    );
    assert_eq!(
        invoices(&stripe, &id).await.len(),
        2,
        "and was paid: {}",
        renewed["latest_invoice"]
    );
    assert_eq!(subscription(&stripe, &other).await, others);
    let customer = before["customer"].as_str().expect("a customer");
    stripe
        .control(&format!("customers/{customer}/card"), json!({"declines": "all"}))
        .await;
    for (days, status) in [(31, "past_due"), (3, "past_due"), (5, "past_due"), (7, "canceled")] {
        let aged = stripe
            .control(&format!("subscriptions/{id}/age"), json!({"days": days}))
            .await;
        assert_eq!(aged["status"], status, "after {days} days more");
    }
}
