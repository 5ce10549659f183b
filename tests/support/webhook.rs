//! Events signed as Stripe signs them (docs.stripe.com/webhooks/signature), or almost: written anew here, so that the verification is not
//! tested against itself.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{Answer, Stack, now, unique};

/// The `v1` signature of a body.
pub fn signature(secret: &str, at_s: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at_s}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// The header that proves the body, now.
pub fn header(stack: &Stack, body: &str) -> String {
    let at = now().as_second();
    format!(
        "t={at},v1={}",
        signature(&stack.description().stripe_webhook_secret, at, body)
    )
}

/// An event of this type about this object, under an id of its own.
pub fn event(kind: &str, object: &Value) -> Value {
    json!({
        "id": format!("evt_{}", unique()), "object": "event", "type": kind, "api_version": "2026-05-27.dahlia", "created": now().as_second(),
        "livemode": false, "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "data": {"object": object},
    })
}

/// Delivers a body with a header of the caller's making.
pub async fn deliver_with(stack: &Stack, header: Option<&str>, body: &str) -> Answer {
    let mut call = stack
        .public()
        .call("POST", "/webhooks/stripe")
        .raw("application/json; charset=utf-8", body.to_owned());
    if let Some(header) = header {
        call = call.header("stripe-signature", header);
    }
    call.send().await
}

/// Delivers an event as Stripe would.
pub async fn deliver(stack: &Stack, event: &Value) -> Answer {
    let body = event.to_string();
    deliver_with(stack, Some(&header(stack, &body)), &body).await
}
