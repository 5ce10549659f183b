//! What strangers can make the webhook of PayPal do.

use axum::http::Method;
use serde_json::json;
use shared::runtime::secrets::PayPalSecretSource;
use shared::testing::{PayPalSigner, ScriptedServer};

use super::{PayPal, WEBHOOK, app_of, paypals};

#[tokio::test]
async fn without_paypal_there_is_no_webhook_and_nothing_is_fetched() {
    let (server, signer) = (ScriptedServer::start().await, PayPalSigner::new());
    for secret in [("", "", ""), ("client", "secret", ""), ("", "", WEBHOOK)] {
        let app = app_of(
            server.base().as_str(),
            false,
            PayPalSecretSource::fixed(secret.0, secret.1, secret.2),
        );
        let body = paypals("WH-1", "CHECKOUT.ORDER.APPROVED", &json!({"id": "5O1"})).to_string();
        let certificate = format!("{}v1/notifications/certs/CERT-1", server.base());
        let headers = signer.headers(body.as_bytes(), secret.2, &certificate, app.now());
        let request = app.request(Method::POST, "/v1/webhooks/paypal").headers(headers);
        let answer = request.body(body.into_bytes()).send().await;
        answer.expect_problem(404, "not_found");
    }
    assert!(server.take_asked().is_empty());
}

#[tokio::test]
async fn a_stranger_cannot_make_us_fetch_for_ever() {
    let paypal = PayPal::start().await;
    let event = paypals("WH-1", "BILLING.PLAN.CREATED", &json!({"id": "P-1"}));
    paypal.deliver(&event).await.expect(200);
    paypal.server.take_asked();
    let (stranger, body) = (PayPalSigner::new(), event.to_string());
    let mut limited = 0;
    for number in 0..40 {
        paypal.server.answers(404, json!({}));
        let certificate = format!("{}v1/notifications/certs/MADE-UP-{number}", paypal.server.base());
        let headers = stranger.headers(body.as_bytes(), WEBHOOK, &certificate, paypal.app.now());
        let request = paypal.app.request(Method::POST, "/v1/webhooks/paypal").headers(headers);
        let answer = request.body(body.clone().into_bytes()).send().await;
        limited += u32::from(answer.status == 429);
    }
    assert_eq!(limited, 40 - 16);
    assert_eq!(paypal.server.take_asked().len(), 16);
    // PayPal itself is still let in.
    let another = paypals("WH-2", "BILLING.PLAN.CREATED", &json!({"id": "P-2"}));
    paypal.deliver(&another).await.expect(200);
}
