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

#[tokio::test]
async fn what_is_too_large_to_be_parked_whole_is_parked_by_key() {
    let context = context();
    let event = include_str!("../../../events/outbox/valid.json");
    let mut event: Value = serde_json::from_str(event).expect("JSON");
    let record = &mut event["Records"][0];
    record["eventSourceARN"] = "arn:aws:dynamodb:eu-central-1:1:table/souk-accounts/stream/2026".into();
    let outbox = record["dynamodb"]["NewImage"]["outbox"]["L"]
        .as_array_mut()
        .expect("a list");
    let long =
        serde_json::json!({"id": "msg_01kaf8wcw0ee2v9sp5d7xw1n2k", "v": 1, "message": {"type": "x".repeat(300_000)}});
    outbox[0] = serde_json::json!({"S": long.to_string()});
    let messages = outbox.len();
    for change in records(&event.to_string()) {
        handle(&context, change).await.expect("handled: the shard goes on");
    }
    let (sent, parked) = left(&context);
    assert_eq!(parked.len(), 1, "{parked:?}");
    let item = &parked[0]["item"];
    assert_eq!(
        (&item["table"], &item["sk"]),
        (&"souk-accounts".into(), &"PARTNER".into())
    );
    assert_eq!(item["pk"], "PTN#ptn_01kaf8wcw0ee2v9sp5d7xw1n2p");
    assert_eq!(item["messages"][0], "msg_01kaf8wcw0ee2v9sp5d7xw1n2k");
    assert_eq!(item["messages"].as_array().map(Vec::len), Some(messages));
    assert!(
        !sent.is_empty() || messages == 1,
        "what can be sent of the others is sent"
    );
}

#[tokio::test]
async fn a_message_that_no_queue_takes_stops_nobody() {
    let context = context();
    let event = include_str!("../../../events/outbox/valid.json");
    let mut event: Value = serde_json::from_str(event).expect("JSON");
    let text = "x".repeat(257 * 1024);
    let message = serde_json::json!({"id": "msg_01kaf8wcw0ee2v9sp5d7xw1n2k", "v": 1,
        "message": {"type": "account_changed", "event_id": text, "account": ""}});
    event["Records"][0]["dynamodb"]["NewImage"]["outbox"]["L"][0] = serde_json::json!({"S": message.to_string()});
    for change in records(&event.to_string()) {
        handle(&context, change).await.expect("handled");
    }
    let (_, parked) = left(&context);
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0]["item"]["messages"][0], "msg_01kaf8wcw0ee2v9sp5d7xw1n2k");
}

#[tokio::test]
async fn a_group_that_a_stranger_has_named_stops_nobody() {
    let context = context();
    for account in ["", " ", "é", &"x".repeat(129)] {
        let mut event: Value = serde_json::from_str(include_str!("../../../events/outbox/valid.json")).expect("JSON");
        let message = serde_json::json!({"id": "msg_01kaf8wcw0ee2v9sp5d7xw1n2k", "v": 1,
            "message": {"type": "account_changed", "event_id": "evt_1", "account": account}});
        event["Records"][0]["dynamodb"]["NewImage"]["outbox"]["L"][0] = serde_json::json!({"S": message.to_string()});
        let first = records(&event.to_string()).remove(0);
        handle(&context, first).await.expect("relayed");
        let (sent, parked) = left(&context);
        assert_eq!(
            (sent.first().map(String::as_str), parked.len()),
            (Some(FIRST), 0),
            "{account:?}"
        );
    }
}
