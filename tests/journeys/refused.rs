//! What the marketplace itself must refuse, well-formed as it is.
//!
//! 1. A package over the limit, and an upload of another size, place or type than the form says: the bucket refuses it.
//! 2. A listing without an accepted agreement, and a submission before the application has been approved.
//! 3. A webhook that is not the processor's: no signature, another secret, another time, another body.
//! 4. A second checkout under the same key: the same answer, never a second order; another request under the key is told so, and one that
//!    comes while the first still runs is asked to wait. A secret is not said twice.

use serde_json::{Value, json};
use support::package::{grooves, sha256};
use support::scenes::{content, send_form};
use support::webhook::{self, deliver_with, signature};
use support::{Order, Partner, Stack, unique};

use crate::bad_input::names;

#[tokio::test]
async fn a_package_over_the_limit_and_an_upload_of_another_size() {
    let stack = &Stack::load();
    let paula = &Partner::approved(stack).await;
    let kit = paula.draft(100).await;
    for size in [256 * 1024 * 1024 + 1, 21, 0] {
        names(
            &paula
                .api
                .post(&paula.version_path(&kit, "/uploads"), json!({"size_bytes": size}))
                .await,
            "/size_bytes",
        );
    }
    names(
        &paula
            .api
            .post(
                &paula.version_path(&kit, "/uploads"),
                json!({"size_bytes": 100, "sha256": "abc"}),
            )
            .await,
        "/sha256",
    );

    let bytes = grooves("1.0.0");
    let request = json!({"size_bytes": bytes.len(), "sha256": sha256(&bytes)});
    let upload = paula
        .api
        .post(&paula.version_path(&kit, "/uploads"), request)
        .await
        .is(201);
    let longer = [bytes.as_slice(), b"!"].concat();
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    for (what, wrong) in [
        ("a byte more", longer.as_slice()),
        ("a byte less", &bytes[1..]),
        ("nothing", &[]),
    ] {
        let answer = send_form(stack, &upload, wrong).await;
        assert!(
            (400..500).contains(&answer.status),
            "{what}: the bucket answered {}: {}",
            answer.status,
            answer.text()
        );
    }
    for (field, value) in [("key", "uploads/elsewhere.zip"), ("Content-Type", "text/html")] {
        let mut forged = upload.clone();
        assert!(forged["fields"][field].is_string(), "the form has no {field}: {upload}");
        forged["fields"][field] = json!(value);
        let answer = send_form(stack, &forged, &bytes).await;
        assert!(
            (400..500).contains(&answer.status),
            "{field}: the bucket answered {}: {}",
            answer.status,
            answer.text()
        );
    }
    let version = paula.api.get(&paula.version_path(&kit, "")).await.is(200);
    assert_eq!(version["status"], "draft", "{version}");
    send_form(stack, &upload, &bytes).await.ok();
    assert_eq!(paula.scanned(&kit).await["status"], "passed");
    paula
        .api
        .post(&paula.version_path(&kit, "/uploads"), json!({"size_bytes": 100}))
        .await
        .refused(409, "version_not_open");
    let second = paula
        .api
        .post(
            &paula.path(&format!("/listings/{}/versions", kit.id)),
            json!({"number": "1.0.0"}),
        )
        .await;
    second.refused(422, "version_number_taken");
}

#[tokio::test]
async fn a_listing_without_an_agreement_and_before_the_approval() {
    let stack = Stack::load();
    let paula = Partner::applied(&stack).await;
    paula
        .api
        .post(&paula.path("/listings"), content("Groove Kit", 100))
        .await
        .refused(409, "agreement_not_accepted");
    assert_eq!(paula.api.all(&paula.path("/listings")).await, Vec::<Value>::new());
    paula
        .api
        .post(&paula.path("/agreements"), json!({"version": "1999-01-01"}))
        .await
        .refused(422, "agreement_not_current");
    paula.accept_agreement().await;

    let kit = paula.draft(100).await;
    paula.upload(&stack, &kit, &grooves("1.0.0")).await.ok();
    assert_eq!(paula.scanned(&kit).await["status"], "passed");
    paula
        .api
        .post(&paula.version_path(&kit, "/submissions"), json!({}))
        .await
        .refused(409, "application_review");
    paula
        .api
        .post(&paula.version_path(&kit, "/publish"), json!({}))
        .await
        .problem();
    let reject = json!({"decision": "reject", "reason_code": "unsuitable_offer", "evidence": "Not music."});
    paula.decide(&stack, reject).await.is(201);
    paula
        .api
        .post(&paula.path("/listings"), content("Groove Kit", 100))
        .await
        .refused(409, "unsuitable_offer");
    paula
        .decide(&stack, json!({"decision": "approve"}))
        .await
        .refused(409, "wrong_status");
    paula
        .decide(&stack, json!({"decision": "suspend"}))
        .await
        .refused(422, "invalid_request");
}

#[tokio::test]
async fn a_webhook_that_is_not_the_processors() {
    let stack = Stack::load();
    let secret = &stack.description().stripe_webhook_secret;
    let event = webhook::event("customer.created", &json!({"id": "cus_1", "object": "customer"}));
    let (id, body) = (event["id"].as_str().unwrap().to_owned(), event.to_string());
    let now = support::now().as_second();
    let good = signature(secret, now, &body);
    let zeros = "0".repeat(64);
    let (altered, longer) = (body.replace("cus_1", "cus_2"), format!("{body} "));
    let proof = |at: i64, by: &str| Some(format!("t={at},v1={}", signature(by, at, &body)));
    let forged = [
        ("no signature", None, &body),
        ("an empty one", Some(String::new()), &body),
        ("a header of another kind", Some("Bearer nonsense".to_owned()), &body),
        ("no time", Some(format!("v1={good}")), &body),
        ("no proof", Some(format!("t={now}")), &body),
        ("another secret", proof(now, "whsec_other"), &body),
        ("an old time", proof(now - 400, secret), &body),
        ("a future time", proof(now + 400, secret), &body),
        (
            "a time that was exchanged",
            Some(format!("t={},v1={good}", now - 1)),
            &body,
        ),
        ("an altered byte", Some(format!("t={now},v1={good}")), &altered),
        ("a byte more", Some(format!("t={now},v1={good}")), &longer),
        ("the test scheme", Some(format!("t={now},v0={good}")), &body),
        (
            "two that are wrong",
            Some(format!("t={now},v1={zeros},v1={zeros}")),
            &body,
        ),
    ];
    for (what, header, body) in &forged {
        let problem = deliver_with(&stack, header.as_deref(), body)
            .await
            .refused(400, "invalid_signature");
        assert!(
            problem["detail"].as_str().unwrap().contains("signing secret"),
            "{what}: {problem}"
        );
    }
    let stored = stack.aws().items_about("commerce", &id).await;
    assert!(stored.is_empty(), "a forged event was stored: {stored:?}");

    deliver_with(&stack, Some(&format!("t={now},v1={zeros},v1={good}")), &body)
        .await
        .is(200);
    assert_eq!(
        stack.aws().items_about("commerce", &id).await.len(),
        1,
        "of two signatures, one of which fits, the event is taken in"
    );
    let nonsense = "not an event";
    let header = format!("t={now},v1={}", signature(secret, now, nonsense));
    let kept = deliver_with(&stack, Some(&header), nonsense).await.is(202);
    assert_eq!(kept["code"], "not_an_event");
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    let stack = Stack::load();
    let chiara = stack.somebody("Chiara Customer").await;
    let (key, body) = (unique(), json!({"label": "pipeline", "scopes": ["orders:read"]}));
    let made = chiara
        .api
        .post_with_key("/api-tokens", &key, body.clone())
        .await
        .is(201);
    let secret = made["secret"].as_str().unwrap();
    stack.with_token(secret).get("/orders").await.is(200);
    let again = chiara
        .api
        .post_with_key("/api-tokens", &key, body)
        .await
        .refused(409, "secret_shown_once");
    assert!(!again.to_string().contains(secret), "{again}");
    assert_eq!(chiara.api.all("/api-tokens").await.len(), 1);
    for table in ["accounts", "requests"] {
        let kept = stack.aws().items_about(table, secret).await;
        assert!(kept.is_empty(), "{table} keeps the secret: {kept:?}");
    }
}

#[tokio::test]
async fn a_second_checkout_under_the_same_key() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let chiara = stack.somebody("Chiara Customer").await;
    let (key, body) = (unique(), json!({"lines": [{"listing_id": kit.id}]}));
    let first = chiara.api.post_with_key("/orders", &key, body.clone()).await;
    let placed = Order::of(first.is(201));
    let second = chiara.api.post_with_key("/orders", &key, body.clone()).await;
    assert_eq!(second.is(201), placed.body, "the same answer");
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(second.header("location"), first.header("location"));
    chiara
        .api
        .post_with_key("/orders", &key, json!({}))
        .await
        .refused(422, "idempotency_key_reused");
    assert_eq!(chiara.api.all("/orders").await.len(), 1);

    // The same key of somebody else is another key.
    let dev = stack.somebody("Dev Customer").await;
    let other = Order::of(dev.api.post_with_key("/orders", &key, body.clone()).await.is(201));
    assert_ne!(other.id, placed.id);

    let _alone = stack.alone_with("outages").await;
    let slow = json!({"how": "slow", "delay_ms": 1500, "method": "POST", "path": "/v1/checkout/sessions"});
    stack.stripe().control("outages", slow).await;
    let key = unique();
    let at_once = tokio::join!(
        chiara.api.post_with_key("/orders", &key, body.clone()),
        chiara.api.post_with_key("/orders", &key, body.clone())
    );
    let cleared = stack
        .http()
        .delete(format!("{}/_control/outages", stack.description().stripe_url))
        .send()
        .await
        .unwrap();
    assert!(cleared.status().is_success());
    let (ran, refused) = if at_once.0.status == 201 {
        at_once
    } else {
        (at_once.1, at_once.0)
    };
    refused.refused(409, "idempotency_key_running");
    assert!(
        !refused.header("retry-after").is_empty(),
        "a conflict that does not say when to come back"
    );
    let again = chiara.api.post_with_key("/orders", &key, body.clone()).await;
    assert_eq!(again.is(201), ran.is(201));
    assert_eq!(chiara.api.all("/orders").await.len(), 2);
}
