//! The sample events, given to the functions they are for.
//!
//! 1. Each malformed one is answered, never failed at: over HTTP with a problem document, from a queue by naming the message.
//! 2. So are the valid ones, though what they speak of does not exist here.

use serde_json::Value;
use support::template::{self, Function};
use support::{Answer, Stack};

#[tokio::test]
async fn every_function_answers_its_samples() {
    let stack = Stack::load();
    for function in template::functions(&template::load()) {
        for sample in ["valid", "duplicate", "malformed"] {
            let file = template::root()
                .join("events")
                .join(&function.name)
                .join(format!("{sample}.json"));
            let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let answer = stack
                .aws()
                .invoke(&function.name, &serde_json::from_str(&text).unwrap())
                .await;
            judge(&function, sample, &answer);
        }
    }
}

fn judge(function: &Function, sample: &str, answer: &Value) {
    let what = format!(
        "{} given events/{}/{sample}.json answered {answer}",
        function.name, function.name
    );
    if !function.events("HttpApi").is_empty() {
        let status = u16::try_from(answer["statusCode"].as_u64().unwrap_or_else(|| panic!("{what}"))).unwrap();
        assert!(status < 500, "{what}");
        if sample == "malformed" {
            assert!(status >= 400, "{what}");
        }
        if status >= 400 {
            let headers = answer["headers"].as_object().unwrap_or_else(|| panic!("{what}"));
            let headers = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.as_str().unwrap().parse().unwrap()));
            let bytes = answer["body"].as_str().unwrap_or_default().as_bytes().to_vec();
            Answer {
                what,
                status,
                headers: headers.collect(),
                bytes,
            }
            .problem();
        }
    } else if !function.events("SQS").is_empty() && sample == "malformed" {
        let failures = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
        assert!(failures > 0, "{what}");
    }
}
