//! Events that a function answers without AWS: what is left to measure is its own start.

use serde_json::{Value, json};

use crate::function::Trigger;

/// What to send a function with this trigger, and nothing where every event leads to AWS.
pub(crate) fn simple(trigger: Trigger) -> Option<Value> {
    match trigger {
        Trigger::Http => Some(unknown_path()),
        Trigger::Records => Some(json!({ "Records": [] })),
        Trigger::Schedule => None,
    }
}

/// Whether the answer to [`simple`] is the one that a function in order gives.
pub(crate) fn is_expected(trigger: Trigger, answer: &Value) -> bool {
    match trigger {
        Trigger::Http => answer["statusCode"] == 404,
        Trigger::Records => answer["batchItemFailures"] == json!([]),
        Trigger::Schedule => false,
    }
}

/// A request in API Gateway's payload format 2.0 for a path that no router has.
pub(crate) fn unknown_path() -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/v1/nothing-is-here",
        "rawQueryString": "",
        "headers": { "accept": "application/json", "host": "souk.example", "user-agent": "bench" },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "bench",
            "domainName": "souk.example",
            "domainPrefix": "souk",
            "http": { "method": "GET", "path": "/v1/nothing-is-here", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "bench" },
            "requestId": "bench",
            "routeKey": "$default",
            "stage": "$default",
            "time": "22/Nov/2026:06:00:00 +0000",
            "timeEpoch": 1_795_327_200_000_i64,
        },
        "isBase64Encoded": false,
    })
}
