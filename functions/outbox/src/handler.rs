//! One change: find what it announces, send it, or set the whole record aside.

use serde_json::{Value, json};
use shared::http::problem::chain;
use shared::queues::QueueError;
use shared::runtime::{Change, Failure};
use shared::store::outbox;

use crate::context::Context;

/// Idempotency key: the message's id, by which queues and consumers recognise what is sent again.
pub async fn handle(context: &Context, change: Result<Change, Value>) -> Result<(), Failure> {
    let change = match change {
        Ok(change) => change,
        Err(raw) => return park(context, &raw, "the record cannot be read").await,
    };
    // A deletion announces nothing.
    let Some(new) = &change.new else { return Ok(()) };
    let envelopes = match outbox::announced(change.old.as_ref(), new) {
        Ok(envelopes) => envelopes,
        Err(error) => return park(context, &change.raw, &chain(&error)).await,
    };
    for envelope in envelopes {
        match context.queues.send(&envelope).await {
            Ok(()) => {
                let queue = envelope.message.queue();
                tracing::info!(message.id = %envelope.id, %queue, "message relayed");
            }
            Err(error @ QueueError::Unavailable(_)) => return Err(Failure::retry(error)),
            // The others of the record are sent; in the parking queue it stands whole, since none of it may be lost.
            Err(error) => park(context, &change.raw, &chain(&error)).await?,
        }
    }
    Ok(())
}

/// Sets a record aside for people: the alarm on the parking queue's depth calls them. Given back to this function, it is relayed anew.
async fn park(context: &Context, raw: &Value, reason: &str) -> Result<(), Failure> {
    tracing::error!(reason, "a change cannot be relayed and is parked");
    let body = json!({ "reason": reason, "record": raw }).to_string();
    context.queues.park(&body).await.map_err(Failure::retry)
}
