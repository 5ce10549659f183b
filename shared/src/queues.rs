//! The queues that messages leave by. The outbox relay sends what items announce, a payout run its pages; everybody else writes a message
//! into an item's outbox.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

use crate::messages::{Envelope, Queue, fits_an_id};
use crate::runtime::Clients;
use crate::runtime::env::{self, Env, Var};
use url::Url;

#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The message can never be sent as it is: too large, of characters that SQS does not take, or for a queue this function was not given.
    #[error("the message cannot be sent: {0}")]
    Impossible(String),
    #[error("the queue is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// SQS takes up to 1 MiB where a queue says so, and this much from every queue. Only what is parked comes near it.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

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
                let body = body_of(envelope)?;
                check_body(&body)?;
                let request = clients.sqs().send_message().queue_url(url.as_str()).message_body(body);
                let request = match envelope.message.group() {
                    Some(group) => request
                        .message_group_id(group)
                        .message_deduplication_id(envelope.id.to_string()),
                    None => request,
                };
                request.send().await.map(drop).map_err(failed)
            }
            Self::Memory(memory) => memory.lock().and_send(queue, envelope),
        }
    }

    /// Sets aside what cannot be relayed, for people to look at. A text above [`MAX_BODY_BYTES`] is impossible here too.
    pub async fn park(&self, body: &str) -> Result<(), QueueError> {
        let body = &sendable(body.to_owned());
        check_body(body)?;
        match self {
            Self::Sqs { clients, parked, .. } => {
                let url = parked
                    .as_ref()
                    .ok_or_else(|| QueueError::Impossible("this function was not given the parking queue".into()))?;
                let request = clients.sqs().send_message().queue_url(url.as_str()).message_body(body);
                request.send().await.map(drop).map_err(failed)
            }
            Self::Memory(memory) => memory.lock().and_park(body),
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
        self.check_is_up()?;
        check_body(&body_of(envelope)?)?;
        if let Some(group) = envelope.message.group() {
            check_id(&group)?;
            check_id(&envelope.id.to_string())?;
        }
        self.messages.push((queue, envelope.clone()));
        Ok(())
    }

    fn and_park(&mut self, body: &str) -> Result<(), QueueError> {
        self.check_is_up()?;
        self.parked.push(body.to_owned());
        Ok(())
    }

    fn check_is_up(&self) -> Result<(), QueueError> {
        if self.broken {
            Err(QueueError::Unavailable("the queues are down".into()))
        } else {
            Ok(())
        }
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

fn body_of(envelope: &Envelope) -> Result<String, QueueError> {
    let body = serde_json::to_string(envelope).map_err(|error| QueueError::Impossible(error.to_string()))?;
    Ok(sendable(body))
}

/// JSON in characters that SQS takes: what XML 1.0 does not know is written as an escape. JSON escapes the control characters itself.
fn sendable(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

/// What SQS refuses for good of a body.
fn check_body(body: &str) -> Result<(), QueueError> {
    let is_known =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if body.is_empty() || body.len() > MAX_BODY_BYTES {
        Err(QueueError::Impossible(format!("{} bytes", body.len())))
    } else if let Some(odd) = body.chars().find(|c| !is_known(*c)) {
        Err(QueueError::Impossible(format!(
            "the character {}",
            odd.escape_unicode()
        )))
    } else {
        Ok(())
    }
}

/// What SQS refuses for good of a group's name or the id that it recognises a message by.
fn check_id(id: &str) -> Result<(), QueueError> {
    if fits_an_id(id) {
        Ok(())
    } else {
        Err(QueueError::Impossible(format!("{id:?} is no group and no id")))
    }
}

/// Whether SQS has refused the message or was not there: of what it refuses for good, no later try is of use.
fn failed<E, R>(error: SdkError<E, R>) -> QueueError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let is_for_good = error.code().is_some_and(is_refusal);
    if is_for_good {
        QueueError::Impossible(format!(
            "{}: {}",
            error.code().unwrap_or_default(),
            error.message().unwrap_or_default()
        ))
    } else {
        QueueError::Unavailable(Box::new(error))
    }
}

/// Of the message itself. A queue that is not there, or that this function has no right to, is for people to mend, and the message waits.
fn is_refusal(code: &str) -> bool {
    let code = code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code);
    matches!(
        code,
        "InvalidParameterValue" | "InvalidParameterValueException" | "InvalidMessageContents" | "InvalidAttributeValue"
    )
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::messages::Notice;
    use crate::messages::{Message, PartnerNews};
    use crate::seed::Seed;

    fn seed() -> Seed {
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().expect("a time");
        Seed::named(now, "a message")
    }

    async fn sent(message: Message) -> Result<Vec<(Queue, Envelope)>, QueueError> {
        let queues = Queues::memory();
        queues.send(&Envelope::new(seed().id("message"), message)).await?;
        Ok(queues.as_memory().expect("in memory").take())
    }

    #[tokio::test]
    async fn whatever_a_processor_calls_its_objects_the_message_can_be_sent() {
        let long = "x".repeat(129);
        for strange in [
            "",
            " ",
            "a b",
            "é",
            "acct_1\n",
            "acct_\u{fffe}",
            long.as_str(),
            "acct_1",
        ] {
            let account = strange.to_owned();
            let event_id = "evt_1".to_owned();
            let sent = sent(Message::AccountChanged { event_id, account }).await.expect("sent");
            let group = sent[0].1.message.group().expect("in order for each account");
            assert!(fits_an_id(&group), "{strange:?} became {group:?}");
            assert_eq!(group == strange, strange == "acct_1");
        }
    }

    #[test]
    fn different_strange_ids_stay_apart() {
        let group = |account: &str| {
            let (event_id, account) = ("evt_1".to_owned(), account.to_owned());
            Message::AccountChanged { event_id, account }.group()
        };
        assert_ne!(group("é"), group("è"));
        assert_ne!(group(""), group(" "));
        assert_eq!(group("é"), group("é"), "one account, one order");
    }

    #[tokio::test]
    async fn what_no_queue_takes_is_impossible() {
        let reply = |text: String| Message::PartnerNotice {
            partner: seed().id("partner"),
            user: seed().id("user"),
            notice: Notice::Reply {
                listing_title: "Warm Pads".to_owned(),
                version: "1.0.0".to_owned(),
                text,
            },
        };
        let large = sent(reply("x".repeat(MAX_BODY_BYTES))).await;
        assert!(matches!(large, Err(QueueError::Impossible(_))), "{large:?}");
        let odd = sent(reply("a\u{fffe}\u{ffff}\u{0}b".to_owned()))
            .await
            .expect("escaped");
        let body = body_of(&odd[0].1).expect("JSON");
        assert!(body.contains(r"a\ufffe\uffff\u0000b"), "{body}");
        let read: Envelope = serde_json::from_str(&body).expect("the same message");
        assert_eq!(read, odd[0].1);
        let plain = Notice::Partner {
            news: PartnerNews::Approved,
        };
        let (partner, user) = (seed().id("partner"), seed().id("user"));
        let plain = sent(Message::PartnerNotice {
            partner,
            user,
            notice: plain,
        })
        .await;
        assert_eq!(plain.expect("sent").len(), 1);
    }

    #[test]
    fn sqs_refuses_messages_for_good_and_queues_for_now() {
        for code in ["InvalidParameterValue", "AWS.SimpleQueueService.InvalidMessageContents"] {
            assert!(is_refusal(code), "{code}");
        }
        for code in [
            "ThrottlingException",
            "AccessDenied",
            "AWS.SimpleQueueService.NonExistentQueue",
            "InternalFailure",
        ] {
            assert!(!is_refusal(code), "{code}");
        }
    }
}
