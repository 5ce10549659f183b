//! The transactional outbox: messages ride on the item whose change they announce.
//!
//! A write that must be followed by a message carries it in the attribute `outbox`, so both exist or neither does, and the
//! message costs no write of its own. Each table's stream shows the item before and after; the relay sends the messages that are
//! in the new image and not in the old one. A stream record that is delivered twice sends twice: consumers are idempotent.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;

use super::keys::Key;
use super::table::{Item, Store, StoreError};
use crate::messages::Envelope;

pub(crate) const ATTRIBUTE: &str = "outbox";
/// How many messages ride on the item. A number beside the list, since a filter of a stream looks for leaves: see `OutboxFilter` in template.yaml.
pub const MARKER: &str = "announces";

/// One JSON text per message: the relay forwards it as it is, and a reader of another version can still tell what it does not know.
pub(crate) fn encode(envelopes: &[Envelope]) -> Result<AttributeValue, StoreError> {
    let texts = envelopes.iter().map(|envelope| {
        let text = serde_json::to_string(envelope).map_err(|e| StoreError::Corrupt(Box::new(e)))?;
        Ok(AttributeValue::S(text))
    });
    Ok(AttributeValue::L(texts.collect::<Result<_, StoreError>>()?))
}

/// The messages that a change from `old` to `new` announces.
pub fn announced(old: Option<&Item>, new: &Item) -> Result<Vec<Envelope>, StoreError> {
    let before: HashSet<_> = old
        .map(decode)
        .transpose()?
        .unwrap_or_default()
        .into_iter()
        .map(|e| e.id)
        .collect();
    Ok(decode(new)?
        .into_iter()
        .filter(|envelope| !before.contains(&envelope.id))
        .collect())
}

/// The messages that ride on an item: those of the last change that announced something.
pub(crate) async fn riding(store: &Store, key: &Key) -> Result<Vec<Envelope>, StoreError> {
    let Some(found) = store.get::<Riding>(key).await? else {
        return Ok(Vec::new());
    };
    let read = |text: &String| serde_json::from_str(text).map_err(|e| StoreError::Corrupt(Box::new(e)));
    found.outbox.iter().map(read).collect()
}

#[derive(Deserialize)]
struct Riding {
    #[serde(default)]
    outbox: Vec<String>,
}

fn decode(item: &Item) -> Result<Vec<Envelope>, StoreError> {
    let Some(attribute) = item.get(ATTRIBUTE) else {
        return Ok(Vec::new());
    };
    let texts = attribute
        .as_l()
        .map_err(|_| StoreError::Corrupt("an outbox that is not a list".into()))?;
    let read = |text: &AttributeValue| {
        let text = text
            .as_s()
            .map_err(|_| StoreError::Corrupt("an outbox message that is not text".into()))?;
        serde_json::from_str(text).map_err(|e| StoreError::Corrupt(Box::new(e)))
    };
    texts.iter().map(read).collect()
}
