//! One route, for one processor.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use shared::http::{Call, Problem};
use shared::processor::WebhookError;
use shared::processor::stripe::{intake, webhook};

use crate::context::Context;

/// An event from Stripe. Answered with 200 once it is stored; anything else makes Stripe send it again.
#[utoipa::path(post, path = "/v1/webhooks/stripe", tag = "webhooks", request_body = serde_json::Value,
    params(("Stripe-Signature" = String, Header)),
    responses((status = 200), (status = 400, body = shared::http::ProblemDocument)))]
pub(crate) async fn stripe(
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
    let event = webhook::verify(&body, signature, &secrets.webhook_secrets, call.now).map_err(refused)?;
    intake::take_in(&context.store, event, context.livemode, call.seed, call.now).await?;
    Ok(StatusCode::OK)
}

fn refused(error: WebhookError) -> Problem {
    let detail = "The signature does not match this body at this time. Check the endpoint's signing secret and the sender's clock.";
    Problem::bad_request("invalid_signature", detail).caused_by(error)
}
