use super::*;

const NOW: &str = "2026-11-22T09:00:00Z";

fn clock() -> Clock {
    Clock::fixed(NOW.parse().expect("a time"))
}

fn in_ten_seconds() -> u64 {
    u64::try_from(clock().now().as_millisecond()).expect("after 1970") + 10_000
}

fn message(id: &str, group: Option<&str>, body: &str) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(id.into());
    message.body = Some(body.into());
    message.attributes.insert("ApproximateReceiveCount".into(), "2".into());
    message
        .attributes
        .insert("SentTimestamp".into(), "1795338000000".into());
    if let Some(group) = group {
        message.attributes.insert("MessageGroupId".into(), group.into());
    }
    message
}

/// Handles every message by what its body says.
async fn obey(_: &(), delivery: Delivery<serde_json::Value>) -> Result<(), Failure> {
    match delivery.message.as_str() {
        Some("retry") => Err(Failure::retry("not now")),
        Some("reject") => Err(Failure::reject("never")),
        Some("hang") => std::future::pending().await,
        _ => Ok(()),
    }
}

#[track_caller]
fn check(failed: &[Failed<'_>], expected: &[(&str, i32)]) {
    let failed: Vec<_> = failed
        .iter()
        .map(|failed| {
            (
                failed.message.message_id.as_deref().expect("an id"),
                failed.longest_pause_s,
            )
        })
        .collect();
    assert_eq!(failed, expected);
}

#[tokio::test]
async fn only_what_failed_comes_again() {
    let messages = [
        message("1", None, r#""ok""#),
        message("2", None, r#""retry""#),
        message("3", None, r#""reject""#),
        message("4", None, "not JSON"),
        message("5", None, r#""ok""#),
    ];
    let failed = batch(&(), &obey, &messages, in_ten_seconds(), &clock()).await;
    check(&failed, &[("2", 4), ("3", 0), ("4", 0)]);
    let answer = serde_json::to_value(response(&failed)).expect("JSON");
    assert_eq!(
        answer,
        serde_json::json!({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}, {"itemIdentifier": "4"}]})
    );
}

#[tokio::test]
async fn what_follows_a_failure_in_its_group_waits_behind_it() {
    let messages = [
        message("1", Some("a"), r#""retry""#),
        message("2", Some("b"), r#""ok""#),
        message("3", Some("a"), r#""ok""#),
        message("4", Some("b"), r#""ok""#),
        message("5", Some("a"), r#""ok""#),
    ];
    let failed = batch(&(), &obey, &messages, in_ten_seconds(), &clock()).await;
    check(&failed, &[("1", 4), ("3", 0), ("5", 0)]);
}

#[tokio::test]
async fn a_slow_message_takes_only_its_share_of_the_time() {
    let messages = [message("1", None, r#""hang""#), message("2", None, r#""ok""#)];
    let started = std::time::Instant::now();
    let in_700_ms = in_ten_seconds() - 9_300;
    let failed = batch(&(), &obey, &messages, in_700_ms, &clock()).await;
    check(&failed, &[("1", 4)]);
    assert!(
        started.elapsed() >= Duration::from_millis(100),
        "half of the 200 ms that the reserve leaves"
    );
}

#[tokio::test]
async fn a_second_arrival_has_the_same_seed() {
    let seeds = std::cell::RefCell::new(Vec::new());
    let note = async |_: &(), delivery: Delivery<serde_json::Value>| {
        seeds.borrow_mut().push(delivery.seed);
        Ok(())
    };
    let messages = [
        message("1", None, "1"),
        message("1", None, "1"),
        message("2", None, "1"),
    ];
    batch(&(), &note, &messages, in_ten_seconds(), &clock()).await;
    let seeds = seeds.into_inner();
    assert_eq!(seeds[0], seeds[1]);
    assert_ne!(seeds[0], seeds[2]);
}

#[test]
fn an_arn_becomes_a_url() {
    let arn = "arn:aws:sqs:eu-central-1:123456789012:souk-scan";
    assert_eq!(
        queue_url(arn, None).as_deref(),
        Some("https://sqs.eu-central-1.amazonaws.com/123456789012/souk-scan")
    );
    assert_eq!(
        queue_url(arn, Some("http://localhost:4566/")).as_deref(),
        Some("http://localhost:4566/123456789012/souk-scan")
    );
    assert_eq!(queue_url("nonsense", None), None);
}
