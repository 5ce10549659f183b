//! Lambdas that follow the tables' change streams.
//!
//! A batch succeeds whole or fails whole. A handler sets aside what it cannot process (see the outbox function), so a failure means
//! that nothing can be sent at all just now, and the batch comes again: what it sends twice is recognised by its receivers.

use std::process::ExitCode;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;

use super::queue::{Failure, until};
use super::start::{Start, run};
use crate::clock::Clock;
use crate::store::table::Item;

/// One change of one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub id: String,
    pub old: Option<Item>,
    pub new: Option<Item>,
    /// The record as it came, for setting it aside.
    pub raw: Value,
    pub now: Timestamp,
}

impl Change {
    /// A record as it stands in an event; one that cannot be read is given back.
    pub fn read(record: Value, now: Timestamp) -> Result<Self, Value> {
        read(record, now)
    }
}

#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// Only what is used: MiniStack leaves out what AWS sends, and both add fields over time.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventID", default)]
    id: String,
    dynamodb: Images,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    #[serde(default)]
    old_image: Option<serde_dynamo::Item>,
    #[serde(default)]
    new_image: Option<serde_dynamo::Item>,
}

/// The handler gets each record on its own: what cannot even be read comes as `Err` with its raw form, to be set aside.
pub fn stream<C, H>(make: impl FnOnce(&Start<'_>) -> C, handler: H) -> ExitCode
where
    H: AsyncFn(&C, Result<Change, Value>) -> Result<(), Failure>,
{
    run(make, async move |context: C, _| {
        let (context, handler) = (&context, &handler);
        let service = service_fn(move |event: LambdaEvent<Batch>| async move {
            let now = Clock::System.now();
            let (_, limit) = until(event.context.deadline, now);
            match tokio::time::timeout(limit, all(context, handler, event.payload.records, now)).await {
                Ok(outcome) => outcome,
                Err(_) => Err("the batch did not end in time".into()),
            }
        });
        lambda_runtime::run(service).await
    })
}

async fn all<C, H>(
    context: &C,
    handler: &H,
    records: Vec<Value>,
    now: Timestamp,
) -> Result<Value, lambda_runtime::Error>
where
    H: AsyncFn(&C, Result<Change, Value>) -> Result<(), Failure>,
{
    let count = records.len();
    for record in records {
        if let Err(failure) = Box::pin(handler(context, read(record, now))).await {
            let source = failure.into_source();
            tracing::error!(error = %crate::http::problem::chain(source.as_ref()), "a batch of changes failed and will come again");
            return Err(source);
        }
    }
    tracing::info!(stream.records = count, "changes processed");
    Ok(serde_json::json!({"batchItemFailures": []}))
}

fn read(raw: Value, now: Timestamp) -> Result<Change, Value> {
    match Record::deserialize(&raw) {
        Ok(Record { id, dynamodb }) => Ok(Change {
            id,
            old: dynamodb.old_image.and_then(item),
            new: dynamodb.new_image.and_then(item),
            raw,
            now,
        }),
        Err(_) => Err(raw),
    }
}

/// `None` for an empty image, which means that there is none.
fn item(image: serde_dynamo::Item) -> Option<Item> {
    let item: Item = image
        .into_inner()
        .into_iter()
        .map(|(name, value)| (name, AttributeValue::from(value)))
        .collect();
    (!item.is_empty()).then_some(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T06:00:00Z".parse().expect("a time")
    }

    #[test]
    fn images_are_read_and_the_unreadable_is_kept() {
        let record = serde_json::json!({
            "eventID": "1", "eventName": "MODIFY",
            "dynamodb": {"NewImage": {"pk": {"S": "a"}, "list": {"L": [{"N": "1"}]}}, "OldImage": {}, "SequenceNumber": "7"},
        });
        let change = read(record, now()).expect("a change");
        assert_eq!(change.old, None);
        assert_eq!(change.new.expect("an image")["pk"], AttributeValue::S("a".into()));

        let odd = serde_json::json!({"eventID": "1", "dynamodb": {"NewImage": {"pk": {"X": "a"}}}});
        assert_eq!(read(odd.clone(), now()), Err(odd));
    }

    #[tokio::test]
    async fn a_failure_fails_the_batch() {
        let record = || serde_json::json!({"eventID": "1", "dynamodb": {}});
        let seen = std::cell::Cell::new(0);
        let handler = async |_: &(), _: Result<Change, Value>| {
            seen.set(seen.get() + 1);
            if seen.get() == 2 {
                Err(Failure::retry("down"))
            } else {
                Ok(())
            }
        };
        assert!(
            all(&(), &handler, vec![record(), record(), record()], now())
                .await
                .is_err()
        );
        assert_eq!(seen.get(), 2);
        assert!(all(&(), &handler, vec![record()], now()).await.is_ok());
    }
}
