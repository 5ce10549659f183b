use jiff::Timestamp;
use serde_json::Value;
use shared::queues::Queues;
use shared::runtime::{Change, Failure};

use crate::{Context, handle};

/// The records of a sample event, as the runtime hands them over.
fn records(event: &str) -> Vec<Result<Change, Value>> {
    let mut event: Value = serde_json::from_str(event).expect("JSON");
    let records: Vec<Value> = serde_json::from_value(event["Records"].take()).expect("records");
    let now: Timestamp = "2026-11-22T09:00:00Z".parse().expect("a time");
    records.into_iter().map(|record| Change::read(record, now)).collect()
}

fn context() -> Context {
    Context {
        queues: Queues::memory(),
    }
}

/// What was sent, as `queue id`, and what was parked.
fn left(context: &Context) -> (Vec<String>, Vec<Value>) {
    let memory = context.queues.as_memory().expect("in memory");
    let sent = memory
        .take()
        .into_iter()
        .map(|(queue, envelope)| format!("{queue} {}", envelope.id))
        .collect();
    let parked = memory
        .take_parked()
        .iter()
        .map(|body| serde_json::from_str(body).expect("JSON"))
        .collect();
    (sent, parked)
}

const FIRST: &str = "onboarding msg_01kaf8wcw0ee2v9sp5d7xw1n2k";

#[tokio::test]
async fn a_change_sends_what_it_adds() {
    let context = context();
    for change in records(include_str!("../../../events/outbox/valid.json")) {
        handle(&context, change).await.expect("relayed");
    }
    let second = "notify msg_01kaf8wcw0ee2v9sp5d7xw1n2m";
    assert_eq!(left(&context), (vec![FIRST.to_owned(), second.to_owned()], vec![]));
}

#[tokio::test]
async fn a_record_that_comes_twice_sends_the_same_id_twice() {
    let context = context();
    for change in records(include_str!("../../../events/outbox/duplicate.json")) {
        handle(&context, change).await.expect("relayed");
    }
    assert_eq!(left(&context).0, [FIRST, FIRST], "consumers know the id");
}

#[tokio::test]
async fn what_cannot_be_read_is_parked_whole_and_the_rest_goes_on() {
    let context = context();
    let event = include_str!("../../../events/outbox/malformed.json");
    let raw: Value = serde_json::from_str(event).expect("JSON");
    for change in records(event) {
        handle(&context, change).await.expect("handled");
    }
    let (sent, parked) = left(&context);
    assert_eq!(sent, [FIRST]);
    let stood: Vec<_> = parked.iter().map(|parked| &parked["record"]).collect();
    assert_eq!(stood, [&raw["Records"][0], &raw["Records"][1]]);
    assert!(
        parked
            .iter()
            .all(|parked| parked["reason"].as_str().is_some_and(|reason| !reason.is_empty()))
    );
}

#[tokio::test]
async fn a_queue_that_is_down_fails_the_batch() {
    let context = context();
    context.queues.as_memory().expect("in memory").set_broken(true);
    let change = records(include_str!("../../../events/outbox/valid.json")).remove(0);
    assert!(matches!(handle(&context, change).await, Err(Failure::Retry(_))));
}

#[tokio::test]
async fn a_deletion_announces_nothing() {
    let context = context();
    let change = records(include_str!("../../../events/outbox/valid.json"))
        .remove(0)
        .expect("a change");
    handle(
        &context,
        Ok(Change {
            old: change.new.clone(),
            new: None,
            ..change
        }),
    )
    .await
    .expect("handled");
    assert_eq!(left(&context), (vec![], vec![]));
}
