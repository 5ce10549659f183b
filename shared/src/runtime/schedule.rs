//! Lambdas that a schedule starts.
//!
//! A run that fails is reported as failed: Lambda runs it again, and the alarm on errors tells. Runs may overlap or come twice, so what
//! they do is conditional on what they find.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use super::queue::{Failure, seed_of, until};
use super::start::{Start, run};
use crate::clock::Clock;
use crate::seed::Seed;

/// One run.
#[derive(Debug, Clone)]
pub struct Tick {
    pub now: Timestamp,
    /// The same when the same run is repeated after a failure.
    pub seed: Seed,
    /// When to stop and leave the rest to the next run.
    pub deadline: Timestamp,
}

pub fn schedule<C, H>(make: impl FnOnce(&Start<'_>) -> C, handler: H) -> ExitCode
where
    H: AsyncFn(&C, Tick) -> Result<(), Failure>,
{
    run(make, async move |context: C, clients| {
        let (context, handler, clients) = (&context, &handler, &clients);
        let service = service_fn(move |event: LambdaEvent<Value>| async move {
            let (now, used_before) = (Clock::System.now(), clients.usage());
            let (tick, limit) = tick(&event.payload, event.context.deadline, now);
            // Boxed: the layout of a whole run inside the runtime's futures is deeper than the compiler looks.
            let outcome = match tokio::time::timeout(limit, Box::pin(handler(context, tick))).await {
                Ok(outcome) => outcome.map_err(Failure::into_source),
                Err(_) => Err("the run did not end in time".into()),
            };
            let usage = clients.usage().since(used_before);
            match &outcome {
                Ok(()) => tracing::info!(
                    dynamodb.requests = usage.requests,
                    dynamodb.write_units = usage.write_units(),
                    "scheduled run ended"
                ),
                Err(error) => tracing::error!(
                    dynamodb.requests = usage.requests,
                    dynamodb.write_units = usage.write_units(),
                    error = %crate::http::problem::chain(error.as_ref()),
                    "scheduled run failed"
                ),
            }
            outcome
        });
        lambda_runtime::run(service).await
    })
}

fn tick(event: &Value, deadline_ms: u64, now: Timestamp) -> (Tick, Duration) {
    let (deadline, limit) = until(deadline_ms, now);
    // An EventBridge rule gives each event an id, which its retries keep.
    let seed = match (
        event["id"].as_str(),
        event["time"].as_str().and_then(|time| time.parse().ok()),
    ) {
        (Some(id), Some(time)) => seed_of(id, time),
        _ => Seed::fresh(now),
    };
    (Tick { now, seed, deadline }, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_run_has_the_same_seed() {
        let now: Timestamp = "2026-11-22T06:00:05Z".parse().expect("a time");
        let event =
            serde_json::json!({"id": "53dc4d37", "time": "2026-11-22T06:00:00Z", "detail-type": "Scheduled Event"});
        let deadline = u64::try_from(now.as_millisecond()).expect("after 1970") + 10_000;
        let (first, limit) = tick(&event, deadline, now);
        let (second, _) = tick(&event, deadline, now);
        assert_eq!(first.seed, second.seed);
        assert_eq!(limit, Duration::from_millis(9_500));
        let (other, _) = tick(&Value::Null, deadline, now);
        assert_ne!(other.seed, first.seed);
    }
}
