//! One route, for one processor.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use shared::http::{Call, Problem};
use shared::processor::WebhookError;
use shared::processor::stripe::webhook;
use shared::store::commerce::{self, Disposition, InboxEvent};

use crate::context::Context;
use crate::disposition::{Verdict, dispose};

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
    let Verdict {
        disposition,
        object_id,
        messages,
    } = dispose(&event, context.livemode, call.seed);
    let acted_on = disposition == Disposition::Queued;
    if let Disposition::Quarantined(why) = &disposition {
        tracing::error!(event.id = %event.id, event.kind = %event.kind, why, "event quarantined");
    }
    let created = event.created_at().unwrap_or(call.now);
    let inbox = InboxEvent {
        id: event.id,
        kind: event.kind,
        created,
        received_at: call.now,
        disposition,
        object_id,
        account: event.account,
        body: (!acted_on).then(|| String::from_utf8_lossy(&body).into_owned()),
    };
    let new = commerce::take_in(&context.store, &inbox, &messages).await?;
    tracing::info!(event.id = %inbox.id, event.kind = %inbox.kind, event.new = new, "event taken in");
    Ok(StatusCode::OK)
}

fn refused(error: WebhookError) -> Problem {
    let detail = "The signature does not match this body at this time. Check the endpoint's signing secret and the sender's clock.";
    Problem::bad_request("invalid_signature", detail).caused_by(error)
}
