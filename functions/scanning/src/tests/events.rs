//! The sample events, and what the function needs to start.

use aws_lambda_events::sqs::SqsEvent;
use shared::listing::Status;
use shared::runtime::{Clients, Env, Start};

use super::{RULES, World, delivery, groove};
use crate::{Context, Notification, handle};

fn bodies(event: &str) -> Vec<(String, u32)> {
    let event: SqsEvent = serde_json::from_str(event).expect("an event of SQS");
    let receives = |attribute: Option<&String>| attribute.and_then(|count| count.parse().ok()).unwrap_or(1);
    let read = |message: aws_lambda_events::sqs::SqsMessage| {
        (
            message.body.unwrap_or_default(),
            receives(message.attributes.get("ApproximateReceiveCount")),
        )
    };
    event.records.into_iter().map(read).collect()
}

#[tokio::test]
async fn sample_events_are_handled() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    world.post(&bytes).await;
    for event in [
        include_str!("../../../../events/scanning/valid.json"),
        include_str!("../../../../events/scanning/duplicate.json"),
    ] {
        for (body, receives) in bodies(event) {
            assert!(body.contains(&world.upload.key().to_string()), "{}", world.upload.key());
            handle(&world.context, delivery(&body, receives))
                .await
                .expect("handled");
            assert_eq!(world.status().await, Status::Passed);
        }
    }
    for (body, _) in bodies(include_str!("../../../../events/scanning/malformed.json")) {
        assert!(serde_json::from_str::<Notification>(&body).is_err());
    }
}

#[tokio::test]
async fn the_message_with_which_s3_tests_the_queue_is_no_upload() {
    let world = World::new(&groove()).await;
    let before = world.stored();
    let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-22T09:00:00.000Z","Bucket":"souk-quarantine"}"#;
    handle(&world.context, delivery(test, 1)).await.expect("ignored");
    let removed =
        super::notification(&world.upload.key().to_string(), Some("v1")).replace("Created:Post", "Removed:Delete");
    handle(&world.context, delivery(&removed, 1)).await.expect("ignored");
    assert_eq!(world.stored(), before);
}

/// The context that the environment gives, with the rules of this folder.
fn start(folder: &std::path::Path) -> Result<Context, String> {
    let env = Env::from_pairs([
        ("LAMBDA_TASK_ROOT", folder.to_str().expect("a path")),
        ("ACCOUNTS_TABLE", "souk-accounts"),
        ("CATALOGUE_TABLE", "souk-catalogue"),
        ("SCAN_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/1/souk-scan"),
        ("QUARANTINE_BUCKET", "souk-quarantine"),
        ("CLEAN_BUCKET", "souk-clean"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    let made = env.load(|env| {
        Context::from_start(&Start {
            env,
            clients: Clients::from_env(env),
        })
    });
    made.map_err(|faults| faults.to_string())
}

#[test]
fn without_rules_there_is_no_function() {
    let folder = tempfile::tempdir().expect("a folder");
    let why = start(folder.path()).expect_err("no rules");
    assert!(why.contains("rules.bin"), "{why}");
    std::fs::write(folder.path().join("rules.bin"), b"not rules").expect("written");
    let why = start(folder.path()).expect_err("no rules");
    assert!(why.contains("cannot be used"), "{why}");
    std::fs::write(folder.path().join("rules.bin"), &*RULES).expect("written");
    assert!(start(folder.path()).expect("rules").engine.is_some());
}
