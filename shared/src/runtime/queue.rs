//! Lambdas that a queue feeds.
//!
//! Each message stands for itself: those that fail are named in the answer, and only they come again. A failure is one of two kinds.
//! [`Failure::Retry`] may pass; the message comes back after a random pause, up to a bound that grows. [`Failure::Reject`] will not pass, but the message
//! must not be lost either, so it also comes back, at once, until SQS has moved it to the dead-letter queue after the receives that
//! its redrive policy allows. The alarm on that queue is how people learn of it; the log line has the reason.
//!
//! In a FIFO queue what follows a failed message *of its group* in the batch is not touched and comes back behind it. That costs the
//! followers a receive each, so FIFO queues should be read one message at a time (`BatchSize: 1`).

use std::collections::HashSet;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::RESERVE;
use super::clients::Clients;
use super::start::{Start, run};
use crate::clock::Clock;
use crate::http::problem::chain;
use crate::messages::Envelope;
use crate::processor::ProcessorError;
use crate::queues::QueueError;
use crate::seed::Seed;
use crate::store::contention::is_contention;
use crate::store::{Contended, StoreError};

/// The longest pause before a message comes again. Below the visibility time-out, which is what holds without us.
const MAX_PAUSE_S: i32 = 60;

/// Why a message or a run was not done.
#[derive(Debug)]
pub enum Failure {
    /// May go well another time.
    Retry(Box<dyn Error + Send + Sync>),
    /// Will not go well however often it is tried: for the dead-letter queue and people.
    Reject(Box<dyn Error + Send + Sync>),
}

impl Failure {
    pub fn retry(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Retry(source.into())
    }

    pub fn reject(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Reject(source.into())
    }

    pub fn into_source(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Retry(source) | Self::Reject(source) => source,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(_) | StoreError::TooLarge | StoreError::Invalid(_) | StoreError::ForeignPage => {
                Self::reject(error)
            }
            StoreError::Conflict { .. } | StoreError::Busy | StoreError::Unavailable(_) => Self::retry(error),
        }
    }
}

impl Contended for Failure {
    fn is_contended(&self) -> bool {
        matches!(self, Self::Retry(source) if is_contention(source.as_ref()))
    }
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Impossible(_) => Self::reject(error),
            QueueError::Unavailable(_) => Self::retry(error),
        }
    }
}

impl From<ProcessorError> for Failure {
    fn from(error: ProcessorError) -> Self {
        match error {
            ProcessorError::Refused { .. } | ProcessorError::KeyReused { .. } => Self::reject(error),
            _ => Self::retry(error),
        }
    }
}

/// What a queue carries.
pub trait Payload: DeserializeOwned {
    /// The seed of the work that this message starts. `None`: the SQS message's own, which a second *send* of the same content does not share.
    fn seed(&self) -> Option<Seed> {
        None
    }
}

impl Payload for Envelope {
    fn seed(&self) -> Option<Seed> {
        Some(Seed::of(&self.id))
    }
}

impl Payload for serde_json::Value {}

/// One message at one of its arrivals.
#[derive(Debug, Clone)]
pub struct Delivery<M> {
    pub message: M,
    /// The same at every arrival.
    pub seed: Seed,
    pub now: Timestamp,
    /// How often it has arrived, this time included.
    pub receives: u32,
    /// SQS's name for the message, for the log.
    pub id: String,
}

pub fn sqs<C, M, H>(make: impl FnOnce(&Start<'_>) -> C, handler: H) -> ExitCode
where
    M: Payload,
    H: AsyncFn(&C, Delivery<M>) -> Result<(), Failure>,
{
    run(make, async move |context: C, clients| {
        let (context, handler, clients) = (&context, &handler, &clients);
        let service = service_fn(move |event: LambdaEvent<SqsEvent>| async move {
            let used_before = clients.usage();
            let failed = batch(
                context,
                handler,
                &event.payload.records,
                event.context.deadline,
                &Clock::System,
            )
            .await;
            hasten_all(clients, &failed, event.context.deadline).await;
            let usage = clients.usage().since(used_before);
            tracing::info!(
                sqs.messages = event.payload.records.len(),
                sqs.failed = failed.len(),
                dynamodb.requests = usage.requests,
                dynamodb.write_units = usage.write_units(),
                dynamodb.retries = usage.retries,
                "batch processed"
            );
            Ok::<_, lambda_runtime::Error>(response(&failed))
        });
        lambda_runtime::run(service).await
    })
}

/// A message that stays in its queue, and for how long at most it should not be seen.
#[derive(Debug, PartialEq)]
struct Failed<'a> {
    message: &'a SqsMessage,
    longest_pause_s: i32,
}

/// The answer that makes SQS keep exactly the failed messages.
fn response(failed: &[Failed<'_>]) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .iter()
        .map(|failed| {
            let mut item = BatchItemFailure::default();
            item.item_identifier = failed.message.message_id.clone().unwrap_or_default();
            item
        })
        .collect();
    response
}

async fn batch<'a, C, M, H>(
    context: &C,
    handler: &H,
    messages: &'a [SqsMessage],
    deadline_ms: u64,
    clock: &Clock,
) -> Vec<Failed<'a>>
where
    M: Payload,
    H: AsyncFn(&C, Delivery<M>) -> Result<(), Failure>,
{
    let mut failed = Vec::new();
    let mut blocked: HashSet<&str> = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let group = message.attributes.get("MessageGroupId").map(String::as_str);
        if group.is_some_and(|group| blocked.contains(group)) {
            failed.push(Failed {
                message,
                longest_pause_s: 0,
            });
            continue;
        }
        let now = clock.now();
        // What is left is shared fairly, so that one slow message does not take its neighbours' time.
        let share = until(deadline_ms, now).1 / u32::try_from(messages.len() - index).unwrap_or(u32::MAX);
        let outcome = match tokio::time::timeout(share, one(context, handler, message, now)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::retry("the message was not done in time")),
        };
        if let Err(failure) = outcome {
            failed.push(Failed {
                message,
                longest_pause_s: report(message, &failure),
            });
            blocked.extend(group);
        }
    }
    failed
}

async fn one<C, M, H>(context: &C, handler: &H, message: &SqsMessage, now: Timestamp) -> Result<(), Failure>
where
    M: Payload,
    H: AsyncFn(&C, Delivery<M>) -> Result<(), Failure>,
{
    let id = message.message_id.clone().unwrap_or_default();
    let body: M = serde_json::from_str(message.body.as_deref().unwrap_or_default()).map_err(Failure::reject)?;
    let sent_at = message.attributes.get("SentTimestamp").and_then(|ms| ms.parse().ok());
    let sent_at = sent_at
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or_default();
    let seed = body.seed().unwrap_or_else(|| seed_of(&id, sent_at));
    // Boxed: the layout of a whole handler inside the runtime's futures is deeper than the compiler looks.
    Box::pin(handler(
        context,
        Delivery {
            message: body,
            seed,
            now,
            receives: receives(message),
            id,
        },
    ))
    .await
}

fn receives(message: &SqsMessage) -> u32 {
    message
        .attributes
        .get("ApproximateReceiveCount")
        .and_then(|count| count.parse().ok())
        .unwrap_or(1)
}

/// Logs a failure, once and with its whole chain of causes, and says how long the message should rest at most.
fn report(message: &SqsMessage, failure: &Failure) -> i32 {
    let (id, receives) = (message.message_id.as_deref().unwrap_or_default(), receives(message));
    match failure {
        Failure::Retry(source) => {
            tracing::warn!(sqs.message_id = id, sqs.receives = receives, outcome = "retry", error = %chain(source.as_ref()), "message failed and will come again");
            1_i32
                .checked_shl(receives.min(30))
                .unwrap_or(MAX_PAUSE_S)
                .min(MAX_PAUSE_S)
        }
        Failure::Reject(source) => {
            tracing::error!(sqs.message_id = id, sqs.receives = receives, outcome = "reject", error = %chain(source.as_ref()), "message rejected; it goes to the dead-letter queue");
            0
        }
    }
}

/// As many as there is time for: the answer must not be late for it.
async fn hasten_all(clients: &Clients, failed: &[Failed<'_>], deadline_ms: u64) {
    let (deadline, _) = until(deadline_ms, Clock::System.now());
    let left = deadline.duration_since(Clock::System.now()) - RESERVE / 2;
    let work = async {
        for failure in failed {
            hasten(clients, failure).await;
        }
    };
    if tokio::time::timeout(Duration::try_from(left).unwrap_or_default(), work)
        .await
        .is_err()
    {
        tracing::warn!("failed messages rest for their whole visibility time-out");
    }
}

/// Brings a failed message back at a random time that is sooner than its visibility time-out would. Where that fails, the time-out holds.
async fn hasten(clients: &Clients, failed: &Failed<'_>) {
    let (Some(handle), Some(arn)) = (&failed.message.receipt_handle, &failed.message.event_source_arn) else {
        return;
    };
    let Some(url) = queue_url(arn, clients.endpoint().map(url::Url::as_str)) else {
        return;
    };
    let request = clients
        .sqs()
        .change_message_visibility()
        .queue_url(url)
        .receipt_handle(handle)
        .visibility_timeout(rand::random_range(0..=failed.longest_pause_s));
    if let Err(error) = request.send().await {
        tracing::warn!(error = %chain(&error), "the message rests for its whole visibility time-out");
    }
}

/// `arn:aws:sqs:region:account:name` as a URL.
fn queue_url(arn: &str, endpoint: Option<&str>) -> Option<String> {
    let mut parts = arn.split(':').skip(3);
    let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    let base = endpoint.map_or_else(
        || format!("https://sqs.{region}.amazonaws.com"),
        |endpoint| endpoint.trim_end_matches('/').to_owned(),
    );
    Some(format!("{base}/{account}/{name}"))
}

/// A seed for work that something without one of our ids started: the same name and time make the same seed.
pub(super) fn seed_of(name: &str, at: Timestamp) -> Seed {
    let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let mut random = [0; 10];
    random.copy_from_slice(&digest[..10]);
    let millisecond = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let uuid = uuid::Builder::from_unix_timestamp_millis(millisecond, &random).into_uuid();
    uuid.to_string()
        .parse()
        .unwrap_or_else(|_| unreachable!("a UUID in its own text"))
}

/// The deadline that Lambda gave, and how much of the time until then a handler may use.
pub(super) fn until(deadline_ms: u64, now: Timestamp) -> (Timestamp, Duration) {
    let deadline = i64::try_from(deadline_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(now);
    let left: SignedDuration = deadline.duration_since(now) - RESERVE;
    (deadline, Duration::try_from(left).unwrap_or_default())
}

#[cfg(test)]
mod tests;
