//! Webhooks: signed, retried, and under control.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use stripe_standin::Config;

use crate::support::{Receiver, Stripe, id};

const SECRET: &str = "whsec_standin_local";
const CONNECT_SECRET: &str = "whsec_standin_local_connect";

/// Both endpoints at one address.
async fn listening(first_statuses: &[u16]) -> (Stripe, Receiver) {
    let receiver = Receiver::start(first_statuses).await;
    let config = Config {
        webhook_urls: vec![receiver.url.clone()],
        connect_webhook_urls: vec![receiver.url.clone()],
        ..Config::default()
    };
    (Stripe::start_with(config).await, receiver)
}

/// Whether any `v1` of the header signs the body with this secret.
fn verifies(header: &str, body: &str, secret: &str) -> bool {
    let time = header
        .split(',')
        .find_map(|part| part.strip_prefix("t="))
        .unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(format!("{time}.{body}").as_bytes());
    let expected = hex::encode(mac.finalize().into_bytes());
    header
        .split(',')
        .filter_map(|part| part.strip_prefix("v1="))
        .any(|signature| signature == expected)
}

#[tokio::test]
async fn events_are_delivered_signed_and_counted_down() {
    let (stripe, receiver) = listening(&[]).await;
    let customer = stripe.post("/v1/customers", "email=a@example.com").await;
    let events = receiver.wait(1).await;
    assert_eq!(
        (&events[0]["type"], &events[0]["data"]["object"]["id"]),
        (&json!("customer.created"), &customer["id"])
    );
    let (signature, body) = &receiver.got()[0];
    assert!(verifies(signature, body, SECRET));
    assert_eq!(events[0]["pending_webhooks"], 1);
    let path = format!("/v1/events/{}", id(&events[0]));
    stripe.until(&path, |event| event["pending_webhooks"] == 0).await;
    let delivered = stripe.get("/v1/events?delivery_success=true").await;
    assert_eq!(delivered["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_happens_to_an_account_is_told_as_its_event() {
    let (stripe, receiver) = listening(&[]).await;
    let account = stripe.account().await;
    let events = receiver.wait(1).await;
    assert_eq!(
        (&events[0]["type"], &events[0]["account"]),
        (&json!("account.updated"), &json!(account))
    );
    assert_eq!(events[0]["data"]["previous_attributes"]["payouts_enabled"], false);
    assert_eq!(stripe.get("/v1/events").await["data"], json!([]));
    let own = stripe
        .call("GET", "/v1/events", "", &[("stripe-account", &account)])
        .await
        .expect("an answer")
        .json();
    assert_eq!(own["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn each_endpoint_hears_its_kind_signed_with_its_secret() {
    let (own, connect) = (Receiver::start(&[]).await, Receiver::start(&[]).await);
    let config = Config {
        webhook_urls: vec![own.url.clone()],
        connect_webhook_urls: vec![connect.url.clone()],
        ..Config::default()
    };
    let stripe = Stripe::start_with(config).await;
    stripe.account().await;
    stripe.post("/v1/customers", "email=a@example.com").await;
    own.wait(1).await;
    connect.wait(1).await;
    let is_settled = |all: &Value| all["open"] == 0;
    stripe.until("/_control/deliveries", is_settled).await;
    assert_eq!(
        (own.types(), connect.types()),
        (vec!["customer.created".to_owned()], vec!["account.updated".to_owned()])
    );
    assert!(own.events()[0].get("account").is_none() && connect.events()[0]["account"].is_string());
    for (receiver, secret, other) in [(&own, SECRET, CONNECT_SECRET), (&connect, CONNECT_SECRET, SECRET)] {
        let (signature, body) = &receiver.got()[0];
        assert!(verifies(signature, body, secret) && !verifies(signature, body, other));
    }
    let endpoints = stripe.get("/v1/webhook_endpoints").await;
    let versions = endpoints["data"].as_array().expect("a list").iter();
    assert!(
        versions
            .map(|endpoint| &endpoint["api_version"])
            .all(|version| version == "2026-05-27.dahlia")
    );
}

#[tokio::test]
async fn an_endpoint_made_by_api_hears_one_kind() {
    let (stripe, _) = listening(&[]).await;
    let (own, connect) = (Receiver::start(&[]).await, Receiver::start(&[]).await);
    for (receiver, kind) in [(&own, "false"), (&connect, "true")] {
        let form = format!("url={}&enabled_events[]=*&connect={kind}", receiver.url);
        stripe.post("/v1/webhook_endpoints", &form).await;
    }
    stripe.account().await;
    stripe.post("/v1/customers", "").await;
    own.wait(1).await;
    connect.wait(1).await;
    assert_eq!(
        (own.types(), connect.types()),
        (vec!["customer.created".to_owned()], vec!["account.updated".to_owned()])
    );
}

#[tokio::test]
async fn a_refused_delivery_is_tried_again() {
    let (stripe, receiver) = listening(&[500, 404]).await;
    stripe.post("/v1/customers", "").await;
    let events = receiver.wait(3).await;
    assert!(events.iter().all(|event| event["id"] == events[0]["id"]));
    let deliveries = stripe.until("/_control/deliveries", |all| all["open"] == 0).await;
    assert_eq!(
        (
            &deliveries["deliveries"][0]["state"],
            &deliveries["deliveries"][0]["attempts"]
        ),
        (&json!("delivered"), &json!(3))
    );
}

#[tokio::test]
async fn an_endpoint_that_never_takes_it_fails_in_the_end() {
    let (stripe, receiver) = listening(&[500; 9]).await;
    stripe.post("/v1/customers", "").await;
    stripe
        .until("/_control/deliveries?state=failed", |all| {
            all["deliveries"].as_array().is_some_and(|list| list.len() == 1)
        })
        .await;
    assert_eq!(receiver.got().len(), 4);
}

async fn five_customers(stripe: &Stripe) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(id(&stripe.post("/v1/customers", "").await));
    }
    ids
}

fn customers(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| id(&event["data"]["object"])).collect()
}

#[tokio::test]
async fn deliveries_are_duplicated_held_and_reordered() {
    let (stripe, receiver) = listening(&[]).await;
    stripe
        .control("webhooks", json!({"copies": 2, "hold": true, "order": "sequential"}))
        .await;
    let made = five_customers(&stripe).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(receiver.got().len(), 0);
    stripe.control("webhooks", json!({"hold": false, "copies": 1})).await;
    let events = receiver.wait(10).await;
    let doubled: Vec<String> = made.iter().flat_map(|id| [id.clone(), id.clone()]).collect();
    assert_eq!(customers(&events), doubled);

    stripe
        .control("webhooks", json!({"order": "reverse", "window_ms": 150}))
        .await;
    let mut made = five_customers(&stripe).await;
    made.reverse();
    assert_eq!(customers(&receiver.wait(15).await[10..]), made);

    stripe
        .control("webhooks", json!({"order": "shuffle", "seed": 7, "window_ms": 150}))
        .await;
    let made = five_customers(&stripe).await;
    let shuffled = customers(&receiver.wait(20).await[15..]);
    assert_ne!(shuffled, made);
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(sorted(shuffled), sorted(made));
}

#[tokio::test]
async fn deliveries_are_dropped_resent_and_suppressed() {
    let (stripe, receiver) = listening(&[]).await;
    stripe.control("webhooks", json!({"drop_next": 1})).await;
    let made = five_customers(&stripe).await;
    assert_eq!(customers(&receiver.wait(4).await).len(), 4);
    let events = stripe.get("/v1/events").await;
    let lost = &events["data"][4];
    assert_eq!(lost["data"]["object"]["id"], json!(made[0]));
    stripe.control(&format!("events/{}/resend", id(lost)), json!({})).await;
    assert_eq!(receiver.wait(5).await[4]["id"], lost["id"]);

    stripe.control("webhooks", json!({"suppressed": ["customer.*"]})).await;
    five_customers(&stripe).await;
    assert_eq!(stripe.get("/v1/events").await["data"].as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn forged_and_tampered_deliveries_break_what_they_name() {
    let (stripe, receiver) = listening(&[]).await;
    for (tampering, valid) in [
        ("none", true),
        ("rotated", true),
        ("wrong_secret", false),
        ("altered_body", false),
        ("missing", false),
        ("malformed", false),
    ] {
        let before = receiver.got().len();
        let event = json!({"type": "charge.mystery", "object": {"id": "x"}, "tampering": tampering,
            "envelope": {"livemode": tampering == "none"}});
        stripe.control("events", event).await;
        receiver.wait(before + 1).await;
        let (signature, body) = &receiver.got()[before];
        assert_eq!(verifies(signature, body, SECRET), valid, "{tampering}: {signature}");
    }
    assert_eq!(receiver.events()[0]["livemode"], true);
}

#[tokio::test]
async fn endpoints_made_by_api_have_their_own_secret_and_types() {
    let (stripe, _) = listening(&[]).await;
    let receiver = Receiver::start(&[]).await;
    let form = format!("url={}&enabled_events[]=customer.created", receiver.url);
    let endpoint = stripe.post("/v1/webhook_endpoints", &form).await;
    let secret = endpoint["secret"].as_str().expect("a secret").to_owned();
    let customer = id(&stripe.post("/v1/customers", "").await);
    stripe.post(&format!("/v1/customers/{customer}"), "name=n").await;
    receiver.wait(1).await;
    let (signature, body) = &receiver.got()[0];
    assert!(verifies(signature, body, &secret));

    let secrets = json!({"secrets": ["whsec_new", secret]});
    stripe
        .control(&format!("webhook_endpoints/{}/secrets", id(&endpoint)), secrets)
        .await;
    stripe.post("/v1/customers", "").await;
    receiver.wait(2).await;
    let (signature, body) = &receiver.got()[1];
    assert!(verifies(signature, body, "whsec_new") && verifies(signature, body, &secret));

    let path = format!("/v1/webhook_endpoints/{}", id(&endpoint));
    let gone = stripe.call("DELETE", &path, "", &[]).await.expect("an answer").json();
    assert_eq!(gone["deleted"], true);
    assert_eq!(receiver.types(), ["customer.created", "customer.created"]);
}

#[tokio::test]
async fn a_sale_tells_its_story_in_events() {
    let (stripe, receiver) = listening(&[]).await;
    stripe.control("webhooks", json!({"order": "sequential"})).await;
    let session = stripe.session(1000).await;
    stripe.pay(&session, "success").await;
    receiver.wait(5).await;
    let told = [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "charge.updated",
    ];
    assert_eq!(receiver.types(), told);
}

#[tokio::test]
async fn reset_forgets_everything_but_the_configured_endpoints() {
    let (stripe, receiver) = listening(&[]).await;
    stripe.account().await;
    receiver.wait(1).await;
    stripe.control("reset", json!({})).await;
    let state = stripe.observe("").await;
    assert_eq!(
        (&state["counts"]["accounts"], &state["counts"]["webhook_endpoints"]),
        (&json!(0), &json!(2))
    );
    stripe.post("/v1/customers", "").await;
    receiver.wait(2).await;
}
