//! One change: find what it announces, send it, or set the whole record aside.

use serde_json::{Value, json};
use shared::http::problem::chain;
use shared::queues::QueueError;
use shared::runtime::{Change, Failure};
use shared::store::outbox;

use crate::context::Context;

/// Together far below what a queue takes.
const MAX_REASON_CHARS: usize = 1_000;
const MAX_KEY_CHARS: usize = 2_048;
const MAX_IDS: usize = 100;

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

/// Sets a record aside for people: the alarm on the parking queue's depth calls them. One that is too large to be parked whole is parked by
/// key: the item still carries its messages.
async fn park(context: &Context, raw: &Value, reason: &str) -> Result<(), Failure> {
    tracing::error!(reason, "a change cannot be relayed and is parked");
    let whole = json!({ "reason": reason, "record": raw }).to_string();
    let parked = match context.queues.park(&whole).await {
        Err(QueueError::Impossible(why)) => {
            let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
            let by_key = json!({ "reason": reason, "not_whole": why, "item": place(raw) }).to_string();
            context.queues.park(&by_key).await
        }
        parked => parked,
    };
    parked.map_err(Failure::retry)
}

/// Where the item of a record stands, and which messages ride on it, as far as that can be told.
fn place(raw: &Value) -> Value {
    let text = |value: &Value| {
        value
            .as_str()
            .map(|text| text.chars().take(MAX_KEY_CHARS).collect::<String>())
    };
    let (change, stream) = (&raw["dynamodb"], text(&raw["eventSourceARN"]).unwrap_or_default());
    // arn:aws:dynamodb:region:account:table/NAME/stream/LABEL
    let table = stream.split('/').nth(1).unwrap_or_default();
    let messages = change["NewImage"]["outbox"]["L"].as_array().into_iter().flatten();
    let ids = messages.filter_map(|message| {
        let message: Value = serde_json::from_str(message["S"].as_str()?).ok()?;
        text(&message["id"])
    });
    json!({
        "table": table,
        "pk": text(&change["Keys"]["pk"]["S"]),
        "sk": text(&change["Keys"]["sk"]["S"]),
        "messages": ids.take(MAX_IDS).collect::<Vec<_>>(),
    })
}
