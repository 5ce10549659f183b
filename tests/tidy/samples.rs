//! The sample events of every function, read as what they claim to be.
//!
//! `valid` is understood, `duplicate` says the same once more, `malformed` is an event as AWS would deliver it whose content cannot be
//! understood.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::dynamodb::Event as StreamEvent;
use aws_lambda_events::s3::S3Event;
use aws_lambda_events::sqs::SqsEvent;
use serde_json::Value;
use shared::listing::UploadKey;
use shared::messages::Envelope;
use support::template::{Function, functions, load, root};

use crate::tree::read;

fn sample(function: &Function, name: &str) -> String {
    read(&root().join("events").join(&function.name).join(format!("{name}.json"))).text
}

fn as_what<T: serde::de::DeserializeOwned>(function: &Function, name: &str) -> T {
    serde_json::from_str(&sample(function, name))
        .unwrap_or_else(|error| panic!("events/{}/{name}.json: {error}", function.name))
}

#[test]
fn http_samples_are_requests_for_routes_of_the_function() {
    for function in functions(&load())
        .iter()
        .filter(|function| !function.routes().is_empty())
    {
        let name = &function.name;
        for kind in ["valid", "duplicate", "malformed"] {
            let request: ApiGatewayV2httpRequest = as_what(function, kind);
            let route = request.route_key.clone().unwrap_or_default();
            let is_routed = function
                .routes()
                .iter()
                .any(|(method, path)| route == format!("{method} {path}"));
            assert!(is_routed, "events/{name}/{kind}.json: {route} is no route of {name}");
        }
        let (valid, duplicate): (ApiGatewayV2httpRequest, ApiGatewayV2httpRequest) =
            (as_what(function, "valid"), as_what(function, "duplicate"));
        assert_eq!(
            (&valid.body, &valid.raw_path),
            (&duplicate.body, &duplicate.raw_path),
            "events/{name}: the duplicate is another request"
        );
        if let Some(body) = &valid.body {
            assert!(
                serde_json::from_str::<Value>(body).is_ok_and(|body| body.is_object()),
                "events/{name}/valid.json: the body is no JSON object"
            );
        }
        let malformed: ApiGatewayV2httpRequest = as_what(function, "malformed");
        let is_broken = |body: &String| serde_json::from_str::<Value>(body).is_err();
        let has_bad_id = malformed
            .path_parameters
            .values()
            .any(|id| !id.contains('_') || id.len() != 30);
        assert!(
            malformed.body.as_ref().is_some_and(is_broken) || has_bad_id,
            "events/{name}/malformed.json can be understood"
        );
    }
}

#[test]
fn queue_samples_carry_messages_of_the_queue() {
    for function in functions(&load())
        .iter()
        .filter(|function| !function.events("SQS").is_empty() && function.name != "scanning")
    {
        let name = &function.name;
        let (valid, duplicate, malformed) = (
            messages(function, "valid"),
            messages(function, "duplicate"),
            messages(function, "malformed"),
        );
        let read = |bodies: &[String]| {
            bodies
                .iter()
                .map(|body| {
                    serde_json::from_str::<Envelope>(body)
                        .unwrap_or_else(|error| panic!("events/{name}: {error}: {body}"))
                })
                .collect::<Vec<_>>()
        };
        let (valid, duplicate) = (read(&valid), read(&duplicate));
        let queue = function.events("SQS")[0]["Properties"]["Queue"]["Fn::GetAtt"][0]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        for envelope in valid.iter().chain(&duplicate) {
            let named = envelope.message.queue().to_string().replace('-', "");
            assert!(
                queue.to_lowercase().starts_with(&named),
                "events/{name}: a message for {named} in {queue}"
            );
        }
        assert!(
            duplicate
                .iter()
                .any(|again| valid.iter().any(|first| first.id == again.id)),
            "events/{name}/duplicate.json repeats nothing"
        );
        assert!(
            malformed
                .iter()
                .any(|body| serde_json::from_str::<Envelope>(body).is_err()),
            "events/{name}/malformed.json can be understood"
        );
    }
}

fn messages(function: &Function, name: &str) -> Vec<String> {
    let event: SqsEvent = as_what(function, name);
    assert!(
        !event.records.is_empty(),
        "events/{}/{name}.json is empty",
        function.name
    );
    event
        .records
        .into_iter()
        .map(|record| record.body.unwrap_or_default())
        .collect()
}

#[test]
fn scanning_samples_tell_of_uploads() {
    for function in functions(&load()).iter().filter(|function| function.name == "scanning") {
        let keys = |name: &str| -> Vec<Option<UploadKey>> {
            let events = messages(function, name)
                .into_iter()
                .map(|body| serde_json::from_str::<S3Event>(&body).ok());
            events
                .flat_map(|event| {
                    event.map_or_else(
                        || vec![None],
                        |event| {
                            event
                                .records
                                .into_iter()
                                .map(|record| record.s3.object.key?.parse().ok())
                                .collect()
                        },
                    )
                })
                .collect()
        };
        let (valid, duplicate) = (keys("valid"), keys("duplicate"));
        assert!(
            valid.iter().chain(&duplicate).all(Option::is_some),
            "{valid:?} {duplicate:?}"
        );
        assert!(
            duplicate.iter().any(|again| valid.contains(again)),
            "{valid:?} {duplicate:?}"
        );
        assert!(keys("malformed").iter().any(Option::is_none));
    }
}

#[test]
fn schedule_samples_are_runs() {
    for function in functions(&load())
        .iter()
        .filter(|function| !function.events("ScheduleV2").is_empty())
    {
        let (valid, duplicate): (Value, Value) = (as_what(function, "valid"), as_what(function, "duplicate"));
        let is_run = |event: &Value| {
            event["id"].is_string()
                && event["time"]
                    .as_str()
                    .is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok())
        };
        assert!(
            is_run(&valid) && valid["id"] == duplicate["id"] && valid["time"] == duplicate["time"],
            "{valid} {duplicate}"
        );
        assert!(!is_run(&as_what(function, "malformed")));
    }
}

#[test]
fn stream_samples_are_changes() {
    for function in functions(&load())
        .iter()
        .filter(|function| !function.events("DynamoDB").is_empty())
    {
        let records = |name: &str| as_what::<StreamEvent>(function, name).records;
        let ids = |name: &str| {
            records(name)
                .into_iter()
                .map(|record| record.event_id)
                .collect::<Vec<_>>()
        };
        let (valid, duplicate) = (ids("valid"), ids("duplicate"));
        assert!(
            !valid.is_empty() && duplicate.iter().any(|again| valid.contains(again)),
            "{valid:?} {duplicate:?}"
        );
        assert!(serde_json::from_str::<Value>(&sample(function, "malformed")).unwrap()["Records"].is_array());
    }
}
