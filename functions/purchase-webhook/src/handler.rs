//! One route for each processor.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use shared::http::{Call, Problem};
use shared::processor::paypal::certificate::CertificateError;
use shared::processor::{paypal, stripe};

use crate::context::Context;

/// An event from Stripe. Answered with 200 once it is stored; anything else makes Stripe send it again.
#[utoipa::path(post, path = "/v1/webhooks/stripe", tag = "webhooks", request_body = serde_json::Value,
    params(("Stripe-Signature" = String, Header)),
    responses((status = 200), (status = 400, body = shared::http::ProblemDocument)))]
pub(crate) async fn from_stripe(
    State(context): State<Context>,
    call: Call,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let signature = headers
        .get("stripe-signature")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let secrets = context.secrets.get().await.map_err(Problem::unavailable)?;
    let event = stripe::webhook::verify(&body, signature, &secrets.webhook_secrets, call.now).map_err(refused)?;
    stripe::intake::take_in(&context.store, event, context.livemode, call.seed, call.now).await?;
    Ok(StatusCode::OK)
}

/// An event from PayPal. Answered like Stripe's.
#[utoipa::path(post, path = "/v1/webhooks/paypal", tag = "webhooks", request_body = serde_json::Value,
    params(("PayPal-Transmission-Sig" = String, Header)),
    responses((status = 200), (status = 400, body = shared::http::ProblemDocument)))]
pub(crate) async fn from_paypal(
    State(context): State<Context>,
    call: Call,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let transmission = paypal::webhook::Transmission::read(&headers, call.now).map_err(refused)?;
    let certificate = context.paypal_certificates.get(transmission.certificate_url).await;
    let certificate = certificate.map_err(|error| match error {
        CertificateError::Unavailable(_) => Problem::unavailable(error),
        CertificateError::Foreign | CertificateError::Missing => refused(error),
    })?;
    let secret = context.paypal_secret.get().await.map_err(Problem::unavailable)?;
    let event = paypal::webhook::verify(&body, &transmission, &secret.webhook_id, &certificate).map_err(refused)?;
    paypal::intake::take_in(&context.store, event, call.seed, call.now).await?;
    Ok(StatusCode::OK)
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Problem {
    let detail = "The signature does not match this body at this time. Check the endpoint's signing secret or id and the sender's clock.";
    Problem::bad_request("invalid_signature", detail).caused_by(error)
}
