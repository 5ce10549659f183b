//! What becomes of an event, whichever processor told it: it is kept in the inbox, once, with the messages that follow from it.

use jiff::Timestamp;
use serde::Serialize;

use super::Processor;
use crate::messages::{Envelope, Message};
use crate::seed::Seed;
use crate::store::commerce::{self, Disposition, InboxEvent};
use crate::store::{Store, StoreError};

/// What every event has.
pub(super) struct Head {
    pub processor: Processor,
    pub id: String,
    pub kind: String,
    pub created: Timestamp,
    /// The connected account that it is about.
    pub account: Option<String>,
}

/// What follows from an event.
pub(super) struct Verdict {
    disposition: Disposition,
    object_id: Option<String>,
    messages: Vec<Envelope>,
}

impl Verdict {
    pub(super) fn stored(object_id: Option<String>) -> Self {
        Self {
            disposition: Disposition::Stored,
            object_id,
            messages: Vec::new(),
        }
    }

    pub(super) fn quarantined(object_id: Option<String>, why: &str) -> Self {
        Self {
            disposition: Disposition::Quarantined(why.to_owned()),
            object_id,
            messages: Vec::new(),
        }
    }

    pub(super) fn queued(object_id: String, message: Message, seed: Seed) -> Self {
        let messages = vec![Envelope::new(seed.id("event"), message)];
        Self {
            disposition: Disposition::Queued,
            object_id: Some(object_id),
            messages,
        }
    }
}

/// Stores the event with the messages that follow from it; `false` when it had been taken in before.
pub(super) async fn keep(
    store: &Store,
    head: Head,
    event: &impl Serialize,
    verdict: Verdict,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Verdict {
        disposition,
        object_id,
        messages,
    } = verdict;
    if let Disposition::Quarantined(why) = &disposition {
        tracing::error!(event.id = %head.id, event.kind = %head.kind, why, "event quarantined");
    }
    let body = (disposition != Disposition::Queued).then(|| serde_json::to_string(event));
    let inbox = InboxEvent {
        created: head.created,
        received_at: now,
        disposition,
        object_id,
        body: body.transpose().map_err(|error| StoreError::Corrupt(Box::new(error)))?,
        id: head.id,
        kind: head.kind,
        account: head.account,
    };
    let new = commerce::take_in(store, head.processor, &inbox, &messages).await?;
    tracing::info!(event.id = %inbox.id, event.kind = %inbox.kind, event.new = new, "event taken in");
    Ok(new)
}
