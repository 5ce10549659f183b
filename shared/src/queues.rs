//! The queues that messages leave by. The outbox relay sends what items announce, a payout run its pages; everybody else writes a message
//! into an item's outbox.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::messages::{Envelope, Queue};
use crate::runtime::Clients;
use crate::runtime::env::{self, Env, Var};
use url::Url;

#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The message can never be sent as it is: too large, or for a queue this function was not given.
    #[error("the message cannot be sent: {0}")]
    Impossible(String),
    #[error("the queue is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// SQS takes up to 1 MiB; none of our messages comes near this.
const MAX_BODY_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone)]
pub enum Queues {
    Sqs {
        clients: Clients,
        urls: BTreeMap<String, Url>,
        parked: Option<Url>,
    },
    Memory(MemoryQueues),
}

/// What was sent, in order.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueues(Arc<Mutex<Sent>>);

#[derive(Debug, Default)]
struct Sent {
    messages: Vec<(Queue, Envelope)>,
    parked: Vec<String>,
    broken: bool,
}

impl Queues {
    pub fn from_env(env: &Env, clients: &Clients, queues: &[Queue]) -> Self {
        let urls = queues
            .iter()
            .map(|queue| (queue.to_string(), env.read(variable(*queue))))
            .collect();
        Self::Sqs {
            clients: clients.clone(),
            urls,
            parked: None,
        }
    }

    /// With the queue for what cannot be relayed.
    #[must_use]
    pub fn with_parking(self, env: &Env) -> Self {
        match self {
            Self::Sqs { clients, urls, .. } => Self::Sqs {
                clients,
                urls,
                parked: Some(env.read(&env::PARKED_QUEUE_URL)),
            },
            Self::Memory(memory) => Self::Memory(memory),
        }
    }

    pub fn memory() -> Self {
        Self::Memory(MemoryQueues::default())
    }

    /// Sends a message to its queue, in its group, recognisable by its id for the five minutes that SQS remembers it.
    pub async fn send(&self, envelope: &Envelope) -> Result<(), QueueError> {
        let queue = envelope.message.queue();
        match self {
            Self::Sqs { clients, urls, .. } => {
                let url = urls
                    .get(&queue.to_string())
                    .ok_or_else(|| QueueError::Impossible(format!("this function was not given the queue {queue}")))?;
                let body =
                    serde_json::to_string(envelope).map_err(|error| QueueError::Impossible(error.to_string()))?;
                if body.len() > MAX_BODY_BYTES {
                    return Err(QueueError::Impossible(format!("{} bytes", body.len())));
                }
                let request = clients.sqs().send_message().queue_url(url.as_str()).message_body(body);
                let request = match envelope.message.group() {
                    Some(group) => request
                        .message_group_id(group)
                        .message_deduplication_id(envelope.id.to_string()),
                    None => request,
                };
                request
                    .send()
                    .await
                    .map(drop)
                    .map_err(|error| QueueError::Unavailable(Box::new(error)))
            }
            Self::Memory(memory) => memory.lock().and_send(queue, envelope),
        }
    }

    /// Sets aside what cannot be relayed, for people to look at.
    pub async fn park(&self, body: &str) -> Result<(), QueueError> {
        match self {
            Self::Sqs { clients, parked, .. } => {
                let url = parked
                    .as_ref()
                    .ok_or_else(|| QueueError::Impossible("this function was not given the parking queue".into()))?;
                let request = clients.sqs().send_message().queue_url(url.as_str()).message_body(body);
                request
                    .send()
                    .await
                    .map(drop)
                    .map_err(|error| QueueError::Unavailable(Box::new(error)))
            }
            Self::Memory(memory) => {
                memory.lock().parked.push(body.to_owned());
                Ok(())
            }
        }
    }

    /// The queues in memory; `None` on SQS.
    pub fn as_memory(&self) -> Option<&MemoryQueues> {
        match self {
            Self::Memory(memory) => Some(memory),
            Self::Sqs { .. } => None,
        }
    }
}

impl Sent {
    fn and_send(&mut self, queue: Queue, envelope: &Envelope) -> Result<(), QueueError> {
        if self.broken {
            return Err(QueueError::Unavailable("the queues are down".into()));
        }
        self.messages.push((queue, envelope.clone()));
        Ok(())
    }
}

impl MemoryQueues {
    /// Everything sent since the last call, oldest first.
    pub fn take(&self) -> Vec<(Queue, Envelope)> {
        std::mem::take(&mut self.lock().messages)
    }

    pub fn take_parked(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().parked)
    }

    /// Lets every send fail, or no longer.
    pub fn set_broken(&self, broken: bool) {
        self.lock().broken = broken;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn variable(queue: Queue) -> &'static Var<Url> {
    match queue {
        Queue::Settlement => &env::SETTLEMENT_QUEUE_URL,
        Queue::Onboarding => &env::ONBOARDING_QUEUE_URL,
        Queue::PayoutDecide => &env::PAYOUT_DECIDE_QUEUE_URL,
        Queue::PayoutTransfer => &env::PAYOUT_TRANSFER_QUEUE_URL,
        Queue::Scan => &env::SCAN_QUEUE_URL,
        Queue::Notify => &env::NOTIFY_QUEUE_URL,
    }
}
