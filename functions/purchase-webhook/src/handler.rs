//! One route for each processor's webhook; Stripe has two, each with secrets of its own.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::http::{Call, Problem};
use shared::processor::paypal::certificate::CertificateError;
use shared::processor::stripe::intake::{EventSource, Unread};
use shared::processor::{WebhookError, paypal, stripe};
use utoipa::ToSchema;

use crate::context::Context;

/// What the processor's dashboard shows of an event that was kept and is of no use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadReceipt {
    /// `thin_event` or `not_an_event`.
    code: &'static str,
    detail: &'static str,
}

/// An event of the platform's own account at Stripe. Answered with 200 once it is stored; anything else makes Stripe send it again.
///
/// 202 is for a body that Stripe has signed and nobody here can read: it is kept for an operator, and would not get better by coming again.
#[utoipa::path(post, path = "/v1/webhooks/stripe", tag = "webhooks", request_body = serde_json::Value,
    params(("Stripe-Signature" = String, Header)),
    responses((status = 200), (status = 202, body = UnreadReceipt), (status = 400, body = shared::http::ProblemDocument)))]
pub(crate) async fn from_stripe(
    State(context): State<Context>,
    call: Call,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    take_stripes(&context, call, &headers, &body, EventSource::PlatformEndpoint).await
}

/// An event of an account that is connected to the platform's at Stripe. Answered like the platform's own.
#[utoipa::path(post, path = "/v1/webhooks/stripe/connect", tag = "webhooks", request_body = serde_json::Value,
    params(("Stripe-Signature" = String, Header)),
    responses((status = 200), (status = 202, body = UnreadReceipt), (status = 400, body = shared::http::ProblemDocument)))]
pub(crate) async fn from_stripe_connect(
    State(context): State<Context>,
    call: Call,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    take_stripes(&context, call, &headers, &body, EventSource::ConnectEndpoint).await
}

async fn take_stripes(
    context: &Context,
    call: Call,
    headers: &HeaderMap,
    body: &[u8],
    source: EventSource,
) -> Result<Response, Problem> {
    let signature = headers
        .get("stripe-signature")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let secrets = context.secrets.get().await.map_err(Problem::unavailable)?;
    let secrets = match source {
        EventSource::ConnectEndpoint => &secrets.connect_webhook_secrets,
        _ => &secrets.webhook_secrets,
    };
    match stripe::webhook::verify(body, signature, secrets, call.now) {
        Ok(event) => {
            stripe::intake::take_in(&context.store, event, source, &context.policy, call.seed, call.now).await?;
            Ok(StatusCode::OK.into_response())
        }
        Err(WebhookError::MalformedEvent(_)) => {
            let (unread, _) = stripe::intake::keep_unread(&context.store, body, call.now).await?;
            Ok(unread_receipt(unread))
        }
        Err(error) => Err(refused(error)),
    }
}

/// An event from PayPal. Answered like Stripe's; 404 where this marketplace does without PayPal.
#[utoipa::path(post, path = "/v1/webhooks/paypal", tag = "webhooks", request_body = serde_json::Value,
    params(("PayPal-Transmission-Sig" = String, Header)),
    responses((status = 200), (status = 202, body = UnreadReceipt), (status = 400, body = shared::http::ProblemDocument),
        (status = 404, body = shared::http::ProblemDocument), (status = 429, body = shared::http::ProblemDocument)))]
pub(crate) async fn from_paypal(
    State(context): State<Context>,
    call: Call,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let secret = context.paypal_secret.get().await.map_err(Problem::unavailable)?;
    if secret.client_id.is_empty() || secret.webhook_id.is_empty() {
        return Err(Problem::not_found());
    }
    let transmission = paypal::webhook::Transmission::read(&headers, call.now).map_err(refused)?;
    let address = transmission.certificate_url;
    let certificate = context.paypal_certificates.get(address, call.now).await;
    let certificate = certificate.map_err(|error| match error {
        CertificateError::Unavailable(_) => Problem::unavailable(error),
        CertificateError::Rationed => rationed(error),
        CertificateError::Foreign | CertificateError::Missing => refused(error),
    })?;
    let verified = paypal::webhook::verify(&body, &transmission, &secret.webhook_id, &certificate);
    if matches!(verified, Ok(_) | Err(WebhookError::MalformedEvent(_))) {
        context.paypal_certificates.has_proven(address).await;
    }
    match verified {
        Ok(event) => {
            let ours = &context.policy.deployment;
            paypal::intake::take_in(&context.store, event, ours, call.seed, call.now).await?;
            Ok(StatusCode::OK.into_response())
        }
        Err(WebhookError::MalformedEvent(_)) => {
            paypal::intake::keep_unread(&context.store, &body, call.now).await?;
            Ok(unread_receipt(Unread::NotAnEvent))
        }
        Err(error) => Err(refused(error)),
    }
}

fn unread_receipt(unread: Unread) -> Response {
    let receipt = match unread {
        Unread::Thin => UnreadReceipt {
            code: "thin_event",
            detail: "Kept, and nothing follows from it: it shows nothing of its object. Let the endpoint send snapshot events.",
        },
        Unread::NotAnEvent => UnreadReceipt {
            code: "not_an_event",
            detail: "Kept, and nothing follows from it: the body is not an event.",
        },
    };
    (StatusCode::ACCEPTED, Json(receipt)).into_response()
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Problem {
    let detail = "The signature does not match this body at this time. Check the endpoint's signing secret or id and the sender's clock.";
    Problem::bad_request("invalid_signature", detail).caused_by(error)
}

fn rationed(error: CertificateError) -> Problem {
    let detail = "Too many certificates were named here that prove nothing. Send it again in ten minutes.";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_certificates", detail)
        .retry_after(600)
        .caused_by(error)
}
