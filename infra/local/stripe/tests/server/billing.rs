//! Subscriptions: begun at checkout, renewed by the clock, changed, paused, not paid for, and ended.

use serde_json::{Value, json};

use crate::support::{Stripe, id};

const DAY_S: i64 = 86_400;

/// A checkout session for a recurring price; `more` is appended to the form.
pub(crate) async fn session(stripe: &Stripe, unit_amount: i64, more: &str) -> String {
    let form = format!(
        "mode=subscription&success_url=https://souk.example/ok&line_items[0][quantity]=1\
         &line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]={unit_amount}\
         &line_items[0][price_data][recurring][interval]=month\
         &line_items[0][price_data][product_data][name]=Pro&subscription_data[metadata][order]=ord_1{more}"
    );
    id(&stripe.post("/v1/checkout/sessions", &form).await)
}

/// A subscription begun with a test card.
pub(crate) async fn subscribed(stripe: &Stripe, unit_amount: i64, card: &str, more: &str) -> String {
    let session = session(stripe, unit_amount, more).await;
    let paid = stripe.pay(&session, card).await;
    paid["session"]["subscription"]
        .as_str()
        .unwrap_or_else(|| panic!("no subscription in {paid}"))
        .to_owned()
}

pub(crate) async fn subscription(stripe: &Stripe, id: &str) -> Value {
    stripe
        .get(&format!("/v1/subscriptions/{id}?expand[]=latest_invoice"))
        .await
}

pub(crate) async fn price(stripe: &Stripe, unit_amount: i64, interval: &str) -> String {
    let form = format!(
        "currency=eur&unit_amount={unit_amount}&recurring[interval]={interval}&product_data[name]=Plan+{unit_amount}"
    );
    id(&stripe.post("/v1/prices", &form).await)
}

/// The invoices of a subscription, the oldest first.
pub(crate) async fn invoices(stripe: &Stripe, subscription: &str) -> Vec<Value> {
    let path = format!("/v1/invoices?subscription={subscription}&limit=100&expand[]=data.payments");
    let mut list = stripe.get(&path).await["data"].as_array().expect("data").clone();
    list.reverse();
    list
}

pub(crate) async fn advance_to(stripe: &Stripe, time: i64) {
    let now = stripe.observe("").await["now"].as_i64().expect("a time");
    stripe.control("clock/advance", json!({"seconds": time - now})).await;
}

pub(crate) fn period_end(subscription: &Value) -> i64 {
    subscription["items"]["data"][0]["current_period_end"]
        .as_i64()
        .expect("an end")
}

/// Every event of a type, the oldest first.
pub(crate) async fn events(stripe: &Stripe, kind: &str) -> Vec<Value> {
    let mut list = stripe.get(&format!("/v1/events?type={kind}&limit=100")).await["data"]
        .as_array()
        .expect("data")
        .clone();
    list.reverse();
    list
}

#[tokio::test]
async fn checkout_begins_a_subscription_with_its_first_invoice_paid() {
    let stripe = Stripe::start().await;
    let session = session(&stripe, 1000, "").await;
    let declined = stripe.pay(&session, "declined").await;
    assert_eq!(declined["declined"]["code"], "card_declined");
    assert_eq!(stripe.get("/v1/subscriptions?status=all").await["data"], json!([]));

    stripe.pay(&session, "success").await;
    let path = format!("/v1/checkout/sessions/{session}?expand[]=subscription&expand[]=invoice.payments");
    let body = stripe.get(&path).await;
    assert_eq!(
        (&body["status"], &body["payment_status"]),
        (&json!("complete"), &json!("paid"))
    );
    let (subscription, invoice) = (&body["subscription"], &body["invoice"]);
    assert_eq!(
        (&subscription["status"], &subscription["metadata"]["order"]),
        (&json!("active"), &json!("ord_1"))
    );
    assert_eq!(
        (&invoice["status"], &invoice["amount_paid"], &invoice["billing_reason"]),
        (&json!("paid"), &json!(1000), &json!("subscription_create"))
    );
    assert_eq!(
        invoice["parent"]["subscription_details"]["subscription"],
        subscription["id"]
    );
    assert_eq!(invoice["parent"]["subscription_details"]["metadata"]["order"], "ord_1");
    let intent = invoice["payments"]["data"][0]["payment"]["payment_intent"]
        .as_str()
        .expect("an intent");
    let intent = stripe
        .get(&format!("/v1/payment_intents/{intent}?expand[]=latest_charge"))
        .await;
    assert_eq!(
        (&intent["status"], &intent["customer"]),
        (&json!("succeeded"), &body["customer"])
    );
    assert_eq!(intent["latest_charge"]["amount"], 1000);
    let customer = body["customer"].as_str().expect("a customer");
    let methods = stripe.get(&format!("/v1/customers/{customer}/payment_methods")).await;
    assert_eq!(methods["data"][0]["id"], subscription["default_payment_method"]);
    for kind in [
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "checkout.session.completed",
        "payment_method.attached",
    ] {
        assert_eq!(events(&stripe, kind).await.len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn the_clock_renews_every_period_that_has_passed_in_order() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    let first = subscription(&stripe, &id).await;
    stripe.control("clock/advance", json!({"days": 93})).await;
    let all = invoices(&stripe, &id).await;
    assert!(all.len() >= 4, "{} invoices", all.len());
    let mut start = first["items"]["data"][0]["current_period_start"]
        .as_i64()
        .expect("a start");
    for invoice in &all {
        let period = &invoice["lines"]["data"][0]["period"];
        assert_eq!(
            (&invoice["status"], period["start"].as_i64()),
            (&json!("paid"), Some(start))
        );
        assert_eq!(
            invoice["created"].as_i64(),
            Some(start),
            "each is made when its period begins"
        );
        start = period["end"].as_i64().expect("an end");
    }
    let now = subscription(&stripe, &id).await;
    assert_eq!(
        (period_end(&now), &now["latest_invoice"]["id"]),
        (start, &all[all.len() - 1]["id"])
    );
    let charges = stripe.get("/v1/charges?limit=100").await;
    assert_eq!(charges["data"].as_array().map(Vec::len), Some(all.len()));
}

#[tokio::test]
async fn a_trial_is_told_of_and_then_paid_for() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "&subscription_data[trial_period_days]=14").await;
    let trial = subscription(&stripe, &id).await;
    assert_eq!(
        (&trial["status"], &trial["latest_invoice"]["total"]),
        (&json!("trialing"), &json!(0))
    );
    assert_eq!(period_end(&trial), trial["trial_end"].as_i64().expect("an end"));
    stripe.control("clock/advance", json!({"days": 11, "minutes": 1})).await;
    assert_eq!(events(&stripe, "customer.subscription.trial_will_end").await.len(), 1);
    assert_eq!(invoices(&stripe, &id).await.len(), 1);
    stripe.control("clock/advance", json!({"days": 3})).await;
    let paid = subscription(&stripe, &id).await;
    assert_eq!(
        (
            &paid["status"],
            &paid["latest_invoice"]["amount_paid"],
            &paid["billing_cycle_anchor"]
        ),
        (&json!("active"), &json!(1000), &trial["trial_end"])
    );
    assert_eq!(events(&stripe, "customer.subscription.trial_will_end").await.len(), 1);
}

#[tokio::test]
async fn a_trial_without_a_card_ends_as_its_settings_say() {
    let stripe = Stripe::start().await;
    let trial = |end: &str| {
        format!(
            "&subscription_data[trial_period_days]=7&payment_method_collection=if_required\
             &subscription_data[trial_settings][end_behavior][missing_payment_method]={end}"
        )
    };
    for (end, status) in [
        ("cancel", "canceled"),
        ("pause", "paused"),
        ("create_invoice", "past_due"),
    ] {
        let id = subscribed(&stripe, 1000, "no_card", &trial(end)).await;
        assert_eq!(subscription(&stripe, &id).await["status"], "trialing");
        stripe.control("clock/advance", json!({"days": 7, "seconds": 1})).await;
        assert_eq!(subscription(&stripe, &id).await["status"], status, "{end}");
    }
    let session = session(&stripe, 1000, "&subscription_data[trial_period_days]=7").await;
    let path = format!("/_control/checkout/{session}/pay");
    let refused = stripe.call("POST", &path, r#"{"outcome": "no_card"}"#, &[]).await;
    assert_eq!(
        refused.expect("an answer").status,
        400,
        "a card is always collected unless asked otherwise"
    );
}

#[tokio::test]
async fn a_trial_ended_early_without_a_card_ends_as_its_settings_say() {
    let stripe = Stripe::start().await;
    let trial = |end: &str| {
        format!(
            "&subscription_data[trial_period_days]=7&payment_method_collection=if_required\
             &subscription_data[trial_settings][end_behavior][missing_payment_method]={end}"
        )
    };
    for (end, asked, status, told) in [
        ("cancel", "", "canceled", "customer.subscription.deleted"),
        ("pause", "", "paused", "customer.subscription.paused"),
        ("create_invoice", "", "past_due", "invoice.payment_failed"),
        // Settings that come with the change count already.
        (
            "cancel",
            "&trial_settings[end_behavior][missing_payment_method]=pause",
            "paused",
            "customer.subscription.paused",
        ),
    ] {
        let stripe = Stripe::start().await;
        let id = subscribed(&stripe, 1000, "no_card", &trial(end)).await;
        let path = format!("/v1/subscriptions/{id}");
        let ended = stripe.post(&path, &format!("trial_end=now{asked}")).await;
        assert_eq!(ended["status"], status, "{end}{asked}");
        let now = stripe.observe("").await["now"].as_i64();
        assert!(ended["trial_end"].as_i64() <= now, "{ended}");
        assert_eq!(events(&stripe, told).await.len(), 1, "{told}");
        let made = if end == "create_invoice" { 2 } else { 1 };
        assert_eq!(invoices(&stripe, &id).await.len(), made, "{end}{asked}");
        stripe.control("clock/advance", json!({"days": 8})).await;
        assert_eq!(
            subscription(&stripe, &id).await["status"],
            status,
            "{end}{asked}, a week later"
        );
    }
    let id = subscribed(
        &stripe,
        1000,
        "success",
        "&subscription_data[trial_period_days]=7\
         &subscription_data[trial_settings][end_behavior][missing_payment_method]=cancel",
    )
    .await;
    let paid = stripe.post(&format!("/v1/subscriptions/{id}"), "trial_end=now").await;
    assert_eq!(paid["status"], "active", "there is a card");
}

#[tokio::test]
async fn a_paused_subscription_resumes_with_a_card() {
    let stripe = Stripe::start().await;
    let more = "&subscription_data[trial_period_days]=7&payment_method_collection=if_required\
                &subscription_data[trial_settings][end_behavior][missing_payment_method]=pause";
    let id = subscribed(&stripe, 1000, "no_card", more).await;
    stripe.control("clock/advance", json!({"days": 60})).await;
    let paused = subscription(&stripe, &id).await;
    assert_eq!(
        (&paused["status"], invoices(&stripe, &id).await.len()),
        (&json!("paused"), 1)
    );
    let customer = paused["customer"].as_str().expect("a customer");
    let attach = format!("customer={customer}");
    let method = stripe.post("/v1/payment_methods/pm_card_visa/attach", &attach).await;
    let method = method["id"].as_str().expect("an id");
    let default = format!("invoice_settings[default_payment_method]={method}");
    stripe.post(&format!("/v1/customers/{customer}"), &default).await;
    let resumed = stripe.post(&format!("/v1/subscriptions/{id}/resume"), "").await;
    assert_eq!(resumed["status"], "active");
    assert_eq!(events(&stripe, "customer.subscription.resumed").await.len(), 1);
    assert_eq!(invoices(&stripe, &id).await[1]["amount_paid"], 1000);
}

#[tokio::test]
async fn a_cancellation_waits_for_the_end_of_the_period_or_comes_at_once() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    let path = format!("/v1/subscriptions/{id}");
    let asked = stripe.post(&path, "cancel_at_period_end=true").await;
    assert_eq!(
        (&asked["status"], asked["cancel_at"].as_i64()),
        (&json!("active"), Some(period_end(&asked)))
    );
    let taken_back = stripe.post(&path, "cancel_at_period_end=false").await;
    assert_eq!(
        (&taken_back["cancel_at"], &taken_back["canceled_at"]),
        (&Value::Null, &Value::Null)
    );
    stripe.post(&path, "cancel_at_period_end=true").await;
    advance_to(&stripe, period_end(&asked)).await;
    assert_eq!(subscription(&stripe, &id).await["status"], "canceled");
    assert_eq!(invoices(&stripe, &id).await.len(), 1);
    assert_eq!(events(&stripe, "customer.subscription.deleted").await.len(), 1);

    let id = subscribed(&stripe, 1000, "success", "").await;
    let path = format!("/v1/subscriptions/{id}?prorate=true&invoice_now=true");
    let reply = stripe.call("DELETE", &path, "", &[]).await.expect("an answer");
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("canceled")));
    let credit = &invoices(&stripe, &id).await[1];
    assert!(
        credit["total"].as_i64().expect("a total") <= -999,
        "{}",
        credit["total"]
    );
    stripe
        .refused(&format!("/v1/subscriptions/{id}"), "cancel_at_period_end=true", 400, "")
        .await;
}

#[tokio::test]
async fn a_paused_collection_renews_without_being_paid() {
    let stripe = Stripe::start().await;
    for (behavior, status) in [
        ("void", "void"),
        ("keep_as_draft", "draft"),
        ("mark_uncollectible", "uncollectible"),
    ] {
        let id = subscribed(&stripe, 1000, "success", "").await;
        let path = format!("/v1/subscriptions/{id}");
        stripe
            .post(&path, &format!("pause_collection[behavior]={behavior}"))
            .await;
        stripe.control("clock/advance", json!({"days": 31})).await;
        let paused = subscription(&stripe, &id).await;
        assert_eq!(
            (&paused["status"], &paused["latest_invoice"]["status"]),
            (&json!("active"), &json!(status))
        );
        let resumed = stripe.post(&path, "pause_collection=").await;
        assert_eq!(resumed["pause_collection"], Value::Null);
        stripe.control("clock/advance", json!({"days": 31})).await;
        assert_eq!(
            subscription(&stripe, &id).await["latest_invoice"]["status"],
            "paid",
            "{behavior}"
        );
    }
    let id = subscribed(&stripe, 1000, "success", "").await;
    let until = stripe.observe("").await["now"].as_i64().expect("a time") + 40 * DAY_S;
    let form = format!("pause_collection[behavior]=void&pause_collection[resumes_at]={until}");
    stripe.post(&format!("/v1/subscriptions/{id}"), &form).await;
    stripe.control("clock/advance", json!({"days": 62})).await;
    let statuses: Vec<Value> = invoices(&stripe, &id)
        .await
        .iter()
        .map(|body| body["status"].clone())
        .collect();
    assert_eq!(statuses, ["paid", "void", "paid"]);
}

#[tokio::test]
async fn a_subscription_made_by_the_server_is_paid_with_what_is_stored() {
    let stripe = Stripe::start().await;
    let price = price(&stripe, 1500, "month").await;
    let customer = id(&stripe.post("/v1/customers", "email=c@example.com").await);
    let form = format!("customer={customer}&items[0][price]={price}&items[0][quantity]=2");
    stripe
        .refused("/v1/subscriptions", &form, 400, "resource_missing")
        .await;
    let waiting = stripe
        .post(
            "/v1/subscriptions",
            &format!("{form}&payment_behavior=default_incomplete"),
        )
        .await;
    assert_eq!(waiting["status"], "incomplete");
    let attach = format!("customer={customer}");
    let method = id(&stripe
        .post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", &attach)
        .await);
    let with = format!("{form}&default_payment_method={method}");
    let failing = stripe.post("/v1/subscriptions", &with).await;
    assert_eq!(failing["status"], "incomplete");
    let before = stripe.get("/v1/subscriptions?status=all").await;
    let strict = format!("{with}&payment_behavior=error_if_incomplete");
    stripe.refused("/v1/subscriptions", &strict, 402, "card_declined").await;
    assert_eq!(stripe.get("/v1/subscriptions?status=all").await, before);
    let good = id(&stripe.post("/v1/payment_methods/pm_card_visa/attach", &attach).await);
    let paid = stripe
        .post("/v1/subscriptions", &format!("{form}&default_payment_method={good}"))
        .await;
    assert_eq!(paid["status"], "active");
    let confirmed = stripe
        .post(
            "/v1/subscriptions",
            &format!("{form}&payment_behavior=default_incomplete"),
        )
        .await;
    let path = format!("/v1/subscriptions/{}?expand[]=latest_invoice.payments", id(&confirmed));
    let payment = stripe.get(&path).await["latest_invoice"]["payments"]["data"][0]["payment"].clone();
    let intent = payment["payment_intent"].as_str().expect("an intent");
    stripe
        .post(
            &format!("/v1/payment_intents/{intent}/confirm"),
            "payment_method=pm_card_visa",
        )
        .await;
    assert_eq!(stripe.get(&path).await["status"], "active");
    stripe.control("clock/advance", json!({"hours": 24})).await;
    let expired = subscription(&stripe, &id(&failing)).await;
    assert_eq!(
        (&expired["status"], &expired["latest_invoice"]["status"]),
        (&json!("incomplete_expired"), &json!("void"))
    );
}

#[tokio::test]
async fn a_charge_of_an_invoice_is_refunded_and_disputed_like_any_other() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    stripe.control("clock/advance", json!({"days": 31})).await;
    let invoice = &invoices(&stripe, &id).await[1];
    let intent = invoice["payments"]["data"][0]["payment"]["payment_intent"]
        .as_str()
        .expect("an intent");
    let refund = stripe
        .post("/v1/refunds", &format!("payment_intent={intent}&amount=400"))
        .await;
    assert_eq!(refund["status"], "succeeded");
    let charge = refund["charge"].as_str().expect("a charge");
    let dispute = stripe.control(&format!("charges/{charge}/dispute"), json!({})).await;
    assert_eq!(dispute["amount"], 600);
    let payments = stripe
        .get(&format!(
            "/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]={intent}"
        ))
        .await;
    assert_eq!(payments["data"][0]["invoice"], invoice["id"]);
}

#[tokio::test]
async fn a_draft_waits_as_long_as_the_settings_say() {
    let stripe = Stripe::start().await;
    stripe.control("settings", json!({"invoice_draft_s": 3600})).await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    let end = period_end(&subscription(&stripe, &id).await);
    advance_to(&stripe, end).await;
    assert_eq!(subscription(&stripe, &id).await["latest_invoice"]["status"], "draft");
    advance_to(&stripe, end + 3600).await;
    assert_eq!(subscription(&stripe, &id).await["latest_invoice"]["status"], "paid");
}
