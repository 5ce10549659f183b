//! Tokens, request ids and outages: unknown outcomes a caller has to resolve by itself.

use serde_json::json;
use shared::processor::ProcessorError;
use shared::processor::paypal::PayPalClient;
use shared::runtime::secrets::PayPalSecretSource;

use crate::support::{PayPal, eur, order_request, refund_request, refused};

#[tokio::test]
async fn only_the_client_with_its_secret_gets_a_token() {
    let paypal = PayPal::start().await;
    let stranger = PayPalSecretSource::fixed("standin-client", "guessed", "x");
    let stranger = PayPalClient::new(paypal.url("").parse().expect("a URL"), stranger);
    assert!(matches!(
        stranger.order("x").await,
        Err(ProcessorError::Unauthorised(_))
    ));
    assert_eq!(paypal.get("/v2/checkout/orders/x").await.status, 401);
}

#[tokio::test]
async fn a_token_that_has_expired_is_asked_for_again() {
    let paypal = PayPal::start().await;
    let order = paypal.order("ord_1").await;
    paypal.control("clock/advance", json!({"hours": 10})).await;
    let expired = paypal.client.order(&order.id).await;
    assert!(matches!(expired, Err(ProcessorError::Unauthorised(_))));
    assert_eq!(
        paypal.client.order(&order.id).await.expect("with a new token").id,
        order.id
    );
}

#[tokio::test]
async fn a_request_id_is_answered_with_what_it_made_as_it_is_now() {
    let paypal = PayPal::start().await;
    let order = paypal.order("ord_1").await;
    paypal.approve(&order.id, "success").await;
    let mut other = order_request("ord_2");
    other.lines.clear();
    let again = paypal
        .client
        .create_order(&other, "ord_1")
        .await
        .expect("the first order");
    assert_eq!(again, paypal.client.order(&order.id).await.expect("an order"));

    let captured = paypal.client.capture_order(&order.id, "c").await.expect("a capture");
    let capture = captured.capture().expect("captured").id.clone();
    for _ in 0..2 {
        let refund = paypal
            .client
            .refund_capture(&capture, &refund_request("rfd_1", Some(500)), "r1")
            .await
            .expect("a refund");
        assert_eq!(refund.amount, Some(eur(500)));
    }
    let replayed = paypal
        .client
        .capture_order(&order.id, "c")
        .await
        .expect("the first capture");
    assert_eq!(
        replayed.refund("rfd_1").and_then(|refund| refund.amount),
        Some(eur(500))
    );
    let counts = &paypal.observe("").await["counts"];
    assert_eq!(
        (&counts["orders"], &counts["captures"], &counts["refunds"]),
        (&json!(1), &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn scenario_47_after_the_id_has_expired_the_order_tells() {
    let paypal = PayPal::start().await;
    let order = paypal.paid("ord_1").await;
    let capture = order.capture().expect("captured").id.clone();
    let request = refund_request("rfd_1", Some(500));
    let refund = paypal
        .client
        .refund_capture(&capture, &request, "r1")
        .await
        .expect("a refund");

    // Orders are forgotten after six hours, refunds after 45 days.
    paypal.advance(json!({"hours": 10})).await;
    let again = paypal.client.capture_order(&order.id, "ord_1").await;
    assert_eq!(refused(again), "ORDER_ALREADY_CAPTURED");
    let kept = paypal
        .client
        .refund_capture(&capture, &request, "r1")
        .await
        .expect("the first refund");
    assert_eq!(kept, refund);
    paypal.advance(json!({"days": 46})).await;
    let found = paypal.client.order(&order.id).await.expect("an order");
    assert_eq!(found.refund("rfd_1"), Some(&refund), "looked up, not done again");
    let twice = paypal
        .client
        .refund_capture(&capture, &request, "r1")
        .await
        .expect("another refund");
    assert_ne!(twice.id, refund.id, "PayPal has forgotten");
}

#[tokio::test]
async fn an_outage_before_does_nothing_and_one_after_has_done_it() {
    let paypal = PayPal::start().await;
    let order = paypal.order("ord_1").await;
    paypal.approve(&order.id, "success").await;
    for (when, captures) in [("before", 0), ("after", 1)] {
        for how in ["status", "close", "timeout"] {
            let outage = json!({"how": how, "when": when, "status": 503, "delay_ms": 50, "requests": 1, "method": "POST", "path": "/v2"});
            paypal.control("outages", outage).await;
            let lost = paypal.client.capture_order(&order.id, "c").await;
            assert!(
                matches!(lost, Err(ProcessorError::Unknown(_))),
                "{how} {when}: {lost:?}"
            );
            assert_eq!(paypal.observe("").await["counts"]["captures"], captures, "{how} {when}");
        }
    }
    let known = paypal.client.capture_order(&order.id, "c").await.expect("a capture");
    assert!(known.capture().is_some());
    let log = paypal.observe("requests?method=POST&path=/v2/checkout/orders").await;
    assert_eq!(log["by_endpoint"]["POST /v2/checkout/orders/{id}/capture"], 7);
    let last = log["requests"]
        .as_array()
        .and_then(|all| all.last())
        .expect("a request");
    assert_eq!(
        (&last["replayed"], &last["idempotency_key"]),
        (&json!(true), &json!("c"))
    );
}

#[tokio::test]
async fn too_many_requests_are_told_apart() {
    let paypal = PayPal::start().await;
    paypal.order("ord_1").await;
    paypal.control("outages", json!({"status": 429, "requests": 1})).await;
    assert!(matches!(
        paypal.client.order("x").await,
        Err(ProcessorError::RateLimited)
    ));
}
