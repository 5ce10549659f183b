//! What becomes of an event, whichever processor told it: it is kept in the inbox, once, with the messages that follow from it.
//!
//! Nothing that a processor has signed is refused for its content, since it would come again for days: what cannot be read or is too large to
//! be kept whole is kept as far as it can be, for a person to look at.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Processor;
use crate::messages::{Envelope, Message};
use crate::seed::Seed;
use crate::store::commerce::{self, Disposition, InboxEvent};
use crate::store::{Store, StoreError};

/// Stripe promises that no id is longer (docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backward-compatible), and
/// PayPal's are shorter. What is longer is no id, and would not fit into keys and messages.
const MAX_ID: usize = 255;
/// An item takes 400 KB, the names of its attributes and the envelope among them.
const MAX_BODY: usize = 350 * 1024;

/// What has become of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    New,
    /// It had been taken in before.
    Known,
    /// It is nothing to us, and nothing of it is kept.
    Forgotten,
}

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
pub(super) enum Verdict {
    Kept(Kept),
    Forgotten(&'static str),
}

pub(super) struct Kept {
    disposition: Disposition,
    object_id: Option<String>,
    messages: Vec<Envelope>,
}

impl Verdict {
    pub(super) fn stored(object_id: Option<String>) -> Self {
        Self::Kept(Kept {
            disposition: Disposition::Stored,
            object_id,
            messages: Vec::new(),
        })
    }

    pub(super) fn quarantined(object_id: Option<String>, why: &str) -> Self {
        Self::Kept(Kept {
            disposition: Disposition::Quarantined(why.to_owned()),
            object_id,
            messages: Vec::new(),
        })
    }

    pub(super) fn queued(object_id: String, message: Message, seed: Seed) -> Self {
        let messages = vec![Envelope::new(seed.id("event"), message)];
        Self::Kept(Kept {
            disposition: Disposition::Queued,
            object_id: Some(object_id),
            messages,
        })
    }

    pub(super) fn forgotten(why: &'static str) -> Self {
        Self::Forgotten(why)
    }
}

/// Stores the event with the messages that follow from it.
pub(super) async fn keep(
    store: &Store,
    head: Head,
    event: &impl Serialize,
    verdict: Verdict,
    now: Timestamp,
) -> Result<Intake, StoreError> {
    let kept = match verdict {
        Verdict::Kept(kept) => kept,
        Verdict::Forgotten(why) => {
            tracing::info!(event.id = %head.id, event.kind = %head.kind, why, "event forgotten");
            return Ok(Intake::Forgotten);
        }
    };
    let body = if kept.disposition == Disposition::Queued && fits(&head, &kept) {
        None
    } else {
        Some(serde_json::to_string(event).map_err(|error| StoreError::Corrupt(Box::new(error)))?)
    };
    write(store, head, kept, body, now).await
}

/// Stores a signed body that is no event as this code knows them, under what it calls itself or else under its own hash.
pub(super) async fn keep_unread(
    store: &Store,
    processor: Processor,
    body: &[u8],
    why: &str,
    now: Timestamp,
) -> Result<Intake, StoreError> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| is_id(text));
    let hash = || format!("sha256-{}", hex::encode(Sha256::digest(body)));
    let head = Head {
        processor,
        id: text("id").map_or_else(hash, str::to_owned),
        kind: text("type")
            .or_else(|| text("event_type"))
            .unwrap_or("not an event")
            .to_owned(),
        created: text("created").and_then(|at| at.parse().ok()).unwrap_or(now),
        account: text("context").map(str::to_owned),
    };
    let kept = Kept {
        disposition: Disposition::Quarantined(why.to_owned()),
        object_id: value
            .pointer("/related_object/id")
            .and_then(Value::as_str)
            .map(str::to_owned),
        messages: Vec::new(),
    };
    write(store, head, kept, Some(String::from_utf8_lossy(body).into_owned()), now).await
}

async fn write(
    store: &Store,
    head: Head,
    mut kept: Kept,
    body: Option<String>,
    now: Timestamp,
) -> Result<Intake, StoreError> {
    if !fits(&head, &kept) {
        kept = Kept {
            disposition: Disposition::Quarantined(
                "an id or a type that is longer than any of the processor's".to_owned(),
            ),
            object_id: kept.object_id,
            messages: Vec::new(),
        };
    }
    let omitted = body.as_ref().map(String::len).filter(|length| *length > MAX_BODY);
    let inbox = InboxEvent {
        created: head.created,
        received_at: now,
        disposition: kept.disposition,
        object_id: kept.object_id.map(shortened),
        body: body.filter(|_| omitted.is_none()),
        omitted_bytes: omitted,
        id: shortened(head.id),
        kind: shortened(head.kind),
        account: head.account.map(shortened),
    };
    let is_new = commerce::take_in(store, head.processor, &inbox, &kept.messages).await?;
    tell(&inbox, is_new);
    Ok(if is_new { Intake::New } else { Intake::Known })
}

/// The alarms on events that a person must look at read `quarantined_events` (template.yaml).
fn tell(inbox: &InboxEvent, is_new: bool) {
    if let Some(bytes) = inbox.omitted_bytes {
        tracing::warn!(event.id = %inbox.id, event.kind = %inbox.kind, event.bytes = bytes, "the event is too large to be kept: its envelope is");
    }
    match &inbox.disposition {
        Disposition::Quarantined(why) if is_new => {
            tracing::error!(event.id = %inbox.id, event.kind = %inbox.kind, why, quarantined_events = 1, "event quarantined");
        }
        _ => tracing::info!(event.id = %inbox.id, event.kind = %inbox.kind, event.new = is_new, "event taken in"),
    }
}

/// Whether ids are no longer than ids are; those in messages are a few at most.
fn fits(head: &Head, kept: &Kept) -> bool {
    let named = [
        Some(&head.id),
        Some(&head.kind),
        head.account.as_ref(),
        kept.object_id.as_ref(),
    ];
    let message = |envelope: &Envelope| serde_json::to_string(envelope).is_ok_and(|text| text.len() <= 8 * MAX_ID);
    named.into_iter().flatten().all(|text| text.len() <= MAX_ID) && kept.messages.iter().all(message)
}

fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len())
}

/// What is too long for an id is told from others by its hash.
fn shortened(text: String) -> String {
    if is_id(&text) {
        return text;
    }
    let start: String = text.chars().take(MAX_ID / 4).collect();
    format!("{start}…sha256-{}", hex::encode(Sha256::digest(text.as_bytes())))
}
