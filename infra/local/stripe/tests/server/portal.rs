//! The billing portal: a customer changes what they pay with, and what is charged afterwards.

use serde_json::{Value, json};

use crate::billing::{advance_to, events, invoices, period_end, subscribed, subscription};
use crate::pages::path_of;
use crate::support::{Reply, Stripe, id};

const DAY_S: i64 = 86_400;

/// A trial of a week that was begun without a card and ends with the subscription if there is none.
const BARE_TRIAL: &str = "&subscription_data[trial_period_days]=7&payment_method_collection=if_required\
                          &subscription_data[trial_settings][end_behavior][missing_payment_method]=cancel";

/// A portal session of the customer of a subscription; `more` is appended to the form.
async fn portal(stripe: &Stripe, subscription: &str, more: &str) -> Value {
    let customer = customer(stripe, subscription).await;
    let form = format!("customer={customer}{more}");
    stripe.post("/v1/billing_portal/sessions", &form).await
}

async fn customer(stripe: &Stripe, id: &str) -> String {
    subscription(stripe, id).await["customer"]
        .as_str()
        .expect("a customer")
        .to_owned()
}

async fn visit(stripe: &Stripe, session: &Value, method: &str, form: &str) -> Reply {
    let path = path_of(session["url"].as_str().expect("a url"));
    stripe.call(method, &path, form, &[]).await.expect("an answer")
}

async fn change(stripe: &Stripe, session: &Value, card: &str) -> Value {
    let path = format!("portal/{}/card", id(session));
    stripe.control(&path, json!({"card": card})).await
}

/// What the customer is charged by where a subscription names nothing else.
async fn default_of(stripe: &Stripe, customer: &str) -> Value {
    let body = stripe.get(&format!("/v1/customers/{customer}")).await;
    body["invoice_settings"]["default_payment_method"].clone()
}

/// Charges a subscription by that card from now on, and not by the one that its checkout left there.
async fn charge_by(stripe: &Stripe, subscription: &str, method: &Value) -> Value {
    let form = format!("default_payment_method={}", method.as_str().expect("a card"));
    stripe.post(&format!("/v1/subscriptions/{subscription}"), &form).await
}

#[tokio::test]
async fn a_session_leads_to_its_page_and_names_its_flow() {
    let stripe = Stripe::start().await;
    let sub = subscribed(&stripe, 1000, "success", "").await;
    let plain = portal(&stripe, &sub, "&return_url=https://souk.example/billing").await;
    assert!(id(&plain).starts_with("bps_"));
    assert!(plain["url"].as_str().is_some_and(|url| url.ends_with(&id(&plain))));
    assert_eq!(
        (&plain["flow"], &plain["return_url"]),
        (&Value::Null, &json!("https://souk.example/billing"))
    );
    let flow = portal(
        &stripe,
        &sub,
        "&flow_data[type]=payment_method_update&flow_data[after_completion][type]=redirect\
         &flow_data[after_completion][redirect][return_url]=https://souk.example/changed",
    )
    .await["flow"]
        .clone();
    assert_eq!(
        (&flow["type"], &flow["after_completion"]["redirect"]["return_url"]),
        (&json!("payment_method_update"), &json!("https://souk.example/changed"))
    );
    assert_eq!(events(&stripe, "billing_portal.session.created").await.len(), 2);
    let index = stripe.call("GET", "/", "", &[]).await.expect("an answer").text;
    assert!(
        index.contains(plain["url"].as_str().expect("a url")),
        "the index leads to it"
    );
}

#[tokio::test]
async fn what_the_portal_does_not_do_is_refused() {
    let stripe = Stripe::start().await;
    let known = id(&stripe.post("/v1/customers", "").await);
    let sessions = "/v1/billing_portal/sessions";
    for (form, status, code, param) in [
        (String::new(), 400, "parameter_missing", "customer"),
        ("customer=cus_x".to_owned(), 404, "resource_missing", "customer"),
        (format!("customer={known}&mode=x"), 400, "parameter_unknown", "mode"),
        (
            format!("customer={known}&return_url=souk.example"),
            400,
            "url_invalid",
            "return_url",
        ),
        (
            format!("customer={known}&configuration=bpc_x"),
            404,
            "resource_missing",
            "configuration",
        ),
        (format!("customer={known}&on_behalf_of=acct_x"), 400, "", "on_behalf_of"),
        (
            format!("customer={known}&flow_data[type]=subscription_cancel"),
            400,
            "",
            "flow_data[type]",
        ),
        (
            format!("customer={known}&flow_data[after_completion][type]=redirect"),
            400,
            "parameter_missing",
            "flow_data[type]",
        ),
        (
            format!(
                "customer={known}&flow_data[type]=payment_method_update&flow_data[after_completion][type]=redirect"
            ),
            400,
            "parameter_missing",
            "flow_data[after_completion][redirect][return_url]",
        ),
        (
            format!(
                "customer={known}&flow_data[type]=payment_method_update\
                 &flow_data[after_completion][type]=hosted_confirmation"
            ),
            400,
            "",
            "flow_data[after_completion][type]",
        ),
    ] {
        let error = stripe.refused(sessions, &form, status, code).await;
        assert_eq!(error["param"], param, "{form}");
    }
}

#[tokio::test]
async fn a_card_is_changed_on_the_page() {
    let stripe = Stripe::start().await;
    let sub = subscribed(&stripe, 1000, "success", "").await;
    let session = portal(&stripe, &sub, "&return_url=https://souk.example/billing?a=1%26b=2").await;
    let page = visit(&stripe, &session, "GET", "").await;
    for part in [
        "Pro (active)",
        "visa ending in 4242",
        "5555 5555 5555 4444",
        "href=\"https://souk.example/billing?a=1&amp;b=2\"",
    ] {
        assert!(page.text.contains(part), "{part} is not on {}", page.text);
    }
    assert!(!page.text.contains("Bank debit"), "subscriptions are paid by card");

    let before = subscription(&stripe, &sub).await;
    let customer = customer(&stripe, &sub).await;
    let told = stripe.get("/v1/events?limit=100").await["data"].clone();
    for (card, reason) in [
        ("declined", "Your card was declined."),
        ("expired_card", "Your card has expired."),
        ("async_success", "takes cards only"),
        ("gold", "not one of the test cards"),
    ] {
        let refused = visit(&stripe, &session, "POST", &format!("card={card}")).await;
        assert!(
            refused.status == 402 && refused.text.contains("role=\"alert\"") && refused.text.contains(reason),
            "{card}: {}",
            refused.text
        );
    }
    assert_eq!(subscription(&stripe, &sub).await, before);
    assert_eq!(
        stripe.get("/v1/events?limit=100").await["data"],
        told,
        "a refusal changes nothing"
    );

    let changed = visit(&stripe, &session, "POST", "card=mastercard").await;
    assert_eq!(
        (changed.status, changed.header("location")),
        (303, Some("https://souk.example/billing?a=1&b=2"))
    );
    assert_eq!(subscription(&stripe, &sub).await, before);
    let named = default_of(&stripe, &customer).await;
    assert_ne!(named, before["default_payment_method"]);
    let method = named.as_str().expect("a payment method");
    let method = stripe.get(&format!("/v1/payment_methods/{method}")).await;
    assert_eq!(
        (&method["card"]["brand"], &method["customer"]),
        (&json!("mastercard"), &json!(customer))
    );
    let newest: Vec<Value> = stripe.get("/v1/events?limit=2").await["data"]
        .as_array()
        .expect("data")
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(newest, ["customer.updated", "payment_method.attached"]);
    charge_by(&stripe, &sub, &named).await;
    assert!(
        visit(&stripe, &session, "GET", "")
            .await
            .text
            .contains("mastercard ending in 4444")
    );
}

#[tokio::test]
async fn a_flow_returns_to_its_own_address_and_a_session_without_one_says_so() {
    let stripe = Stripe::start().await;
    let sub = subscribed(&stripe, 1000, "success", "").await;
    let flow = "&return_url=https://souk.example/billing&flow_data[type]=payment_method_update\
                &flow_data[after_completion][type]=redirect\
                &flow_data[after_completion][redirect][return_url]=https://souk.example/changed";
    let session = portal(&stripe, &sub, flow).await;
    let changed = visit(&stripe, &session, "POST", "card=amex").await;
    assert_eq!(changed.header("location"), Some("https://souk.example/changed"));
    let session = portal(&stripe, &sub, "").await;
    let changed = visit(&stripe, &session, "POST", "card=success").await;
    assert!(changed.status == 200 && changed.text.contains("Card changed"));
    stripe.control("reset", json!({})).await;
    assert_eq!(visit(&stripe, &session, "GET", "").await.status, 404);
    assert_eq!(visit(&stripe, &session, "POST", "card=success").await.status, 404);
}

#[tokio::test]
async fn a_trial_goes_on_with_a_card_from_the_portal_and_ends_without() {
    let stripe = Stripe::start().await;
    let kept = subscribed(&stripe, 1000, "no_card", BARE_TRIAL).await;
    let left = subscribed(&stripe, 1000, "no_card", BARE_TRIAL).await;
    let session = portal(&stripe, &kept, "").await;
    let page = visit(&stripe, &session, "GET", "").await;
    assert!(page.text.contains("Pro (trialing)") && page.text.contains("No card"));
    change(&stripe, &session, "success").await;
    assert_eq!(
        stripe.get("/v1/charges").await["data"],
        json!([]),
        "a trial is not paid for early"
    );
    stripe.control("clock/advance", json!({"days": 7, "seconds": 1})).await;
    let paid = subscription(&stripe, &kept).await;
    assert_eq!(
        (
            &paid["status"],
            &paid["latest_invoice"]["status"],
            &paid["latest_invoice"]["amount_paid"]
        ),
        (&json!("active"), &json!("paid"), &json!(1000))
    );
    let charges = stripe.get("/v1/charges").await;
    let method = default_of(&stripe, &customer(&stripe, &kept).await).await;
    assert_eq!(charges["data"][0]["payment_method"], method);
    assert_eq!(subscription(&stripe, &left).await["status"], "canceled");
    assert_eq!(invoices(&stripe, &left).await.len(), 1);
}

#[tokio::test]
async fn a_late_invoice_is_paid_with_the_new_card_at_the_next_attempt() {
    let stripe = Stripe::start().await;
    let sub = subscribed(
        &stripe,
        1000,
        "declined_later",
        "&subscription_data[trial_period_days]=7",
    )
    .await;
    let renewal = period_end(&subscription(&stripe, &sub).await);
    advance_to(&stripe, renewal).await;
    assert_eq!(subscription(&stripe, &sub).await["status"], "past_due");
    let session = portal(&stripe, &sub, "").await;
    let declined = change(&stripe, &session, "declined").await;
    assert_eq!(declined["declined"]["code"], "card_declined");
    let changed = change(&stripe, &session, "4242 4242 4242 4242").await;
    assert_eq!(
        default_of(&stripe, &customer(&stripe, &sub).await).await,
        changed["payment_method"]
    );
    charge_by(&stripe, &sub, &changed["payment_method"]).await;
    let late = subscription(&stripe, &sub).await;
    assert_eq!(
        (&late["status"], &late["latest_invoice"]["status"]),
        (&json!("past_due"), &json!("open")),
        "nothing is charged before the next attempt"
    );
    advance_to(&stripe, renewal + 3 * DAY_S).await;
    let paid = subscription(&stripe, &sub).await;
    assert_eq!(
        (
            &paid["status"],
            &paid["latest_invoice"]["status"],
            &paid["latest_invoice"]["attempt_count"]
        ),
        (&json!("active"), &json!("paid"), &json!(2))
    );
}

#[tokio::test]
async fn a_new_card_ends_the_trouble_a_control_made_for_the_old_one() {
    let stripe = Stripe::start().await;
    let sub = subscribed(&stripe, 1000, "success", "").await;
    let over = subscribed(&stripe, 1000, "success", "").await;
    let reply = stripe
        .call("DELETE", &format!("/v1/subscriptions/{over}"), "", &[])
        .await;
    assert_eq!(reply.expect("an answer").status, 200);
    let card = format!("customers/{}/card", customer(&stripe, &sub).await);
    stripe.control(&card, json!({"declines": "all"})).await;
    let renewal = period_end(&subscription(&stripe, &sub).await);
    advance_to(&stripe, renewal).await;
    assert_eq!(subscription(&stripe, &sub).await["status"], "past_due");
    change(&stripe, &portal(&stripe, &sub, "").await, "success").await;
    advance_to(&stripe, renewal + 3 * DAY_S).await;
    assert_eq!(subscription(&stripe, &sub).await["status"], "active");

    let ended = subscription(&stripe, &over).await;
    change(&stripe, &portal(&stripe, &over, "").await, "mastercard").await;
    assert_eq!(
        subscription(&stripe, &over).await,
        ended,
        "what is over stays as it was"
    );
}

/// As at Stripe: what a checkout leaves at the subscription comes before what the customer names later.
#[tokio::test]
async fn a_subscription_with_a_card_of_its_own_keeps_it() {
    let stripe = Stripe::start().await;
    let sub = subscribed(&stripe, 1000, "success", "").await;
    let own = subscription(&stripe, &sub).await["default_payment_method"].clone();
    change(&stripe, &portal(&stripe, &sub, "").await, "mastercard").await;
    let renewal = period_end(&subscription(&stripe, &sub).await);
    advance_to(&stripe, renewal).await;
    let charges = stripe.get("/v1/charges").await;
    assert_eq!(charges["data"][0]["payment_method"], own);
}
