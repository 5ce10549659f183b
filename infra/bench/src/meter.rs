//! What functions asked of DynamoDB, from the log line that each writes for an invocation: requests counted as they are sent, capacity
//! as DynamoDB's answers state it.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::stack::Stack;

/// Log lines arrive when an invocation ends, which is after its answer.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);
/// Queues and streams are asked about once a second.
const QUIET: Duration = Duration::from_millis(2_500);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) invocations: u64,
    pub(crate) requests: u64,
    pub(crate) write_units: u64,
    /// Messages that have to come again: what they used says nothing about a sale that goes well.
    pub(crate) failed: u64,
}

impl Usage {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            invocations: self.invocations + other.invocations,
            requests: self.requests + other.requests,
            write_units: self.write_units + other.write_units,
            failed: self.failed + other.failed,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Meter<'a> {
    stack: &'a Stack,
    aws: &'a Aws,
}

/// A moment by the stack's clock, in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark(u64);

impl<'a> Meter<'a> {
    pub(crate) fn new(stack: &'a Stack, aws: &'a Aws) -> Self {
        Self { stack, aws }
    }

    #[expect(clippy::disallowed_methods, reason = "log lines bear the real time")]
    pub(crate) fn mark() -> Mark {
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Mark(u64::try_from(since_1970.as_millis()).unwrap_or_default())
    }

    /// What one request to a function behind the API used.
    pub(crate) async fn of_request(&self, function: &str, since: Mark, request_id: &str) -> Result<Usage> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let lines = self.lines(function, since).await?;
            if let Some(line) = lines.iter().find(|line| line["request.id"] == request_id) {
                return Ok(used(line));
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("{function} logged no line for request {request_id}")
    }

    /// What each function used from `since` on, once none of them does anything more.
    pub(crate) async fn when_quiet<const N: usize>(&self, since: Mark, functions: [&str; N]) -> Result<[Usage; N]> {
        let (began, mut changed, mut last) = (Instant::now(), Instant::now(), [Usage::default(); N]);
        while began.elapsed() < PATIENCE {
            let mut now = [Usage::default(); N];
            for (usage, function) in now.iter_mut().zip(functions) {
                let lines = self.lines(function, since).await?;
                *usage = lines.iter().map(used).fold(Usage::default(), Usage::plus);
            }
            if now != last {
                (changed, last) = (Instant::now(), now);
            } else if changed.elapsed() >= QUIET {
                return Ok(now);
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!(
            "{} did not come to rest within {} s",
            functions.join(", "),
            PATIENCE.as_secs()
        )
    }

    /// The lines that say what an invocation used.
    async fn lines(&self, function: &str, since: Mark) -> Result<Vec<Value>> {
        let group = format!("/aws/lambda/{}", self.stack.deployed(function)?);
        let body = json!({ "logGroupName": group, "startTime": since.0 });
        let answer = self
            .aws
            .operation("logs", "Logs_20140328.FilterLogEvents", &body)
            .await?;
        let events = answer["events"].as_array().context("no log events")?;
        let lines = events
            .iter()
            .filter_map(|event| serde_json::from_str(event["message"].as_str()?).ok());
        Ok(lines
            .filter(|line: &Value| line["dynamodb.requests"].is_u64())
            .collect())
    }
}

fn used(line: &Value) -> Usage {
    let number = |field: &str| line[field].as_u64().unwrap_or_default();
    Usage {
        invocations: 1,
        requests: number("dynamodb.requests"),
        write_units: number("dynamodb.write_units"),
        failed: number("sqs.failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_invocation() {
        let line = json!({ "sqs.failed": 1, "dynamodb.requests": 5, "dynamodb.write_units": 14 });
        let expected = Usage {
            invocations: 2,
            requests: 10,
            write_units: 28,
            failed: 2,
        };
        assert_eq!(used(&line).plus(used(&line)), expected);
    }
}
