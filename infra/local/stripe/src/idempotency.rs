//! Idempotency keys as Stripe keeps them: the first result is replayed, whatever it was; other parameters are an error;
//! a second request while the first is still under way is a conflict.
//!
//! Keys are kept until `POST /_control/idempotency_keys/prune` or until a day has passed on the stand-in's clock, after
//! which Stripe may forget them and the same request is done again.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::wire::error::ApiError;

/// Stripe may remove a key once it is at least this old.
const KEPT_S: i64 = 24 * 60 * 60;
/// Stripe's limit on the length of a key.
const MAX_LENGTH: usize = 255;

/// A finished answer as it is replayed.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub status: u16,
    pub body: Value,
    pub request_id: String,
}

#[derive(Debug)]
struct Record {
    path: String,
    params: String,
    created: i64,
    answer: Option<Stored>,
}

/// Keys by connected account and text: accounts do not see each other's keys.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    records: HashMap<(Option<String>, String), Record>,
}

/// One use of a key.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub account: Option<String>,
    pub key: String,
    pub path: String,
    /// All parameters in one order, compared as text.
    pub params: String,
}

impl Keys {
    /// Takes the key for this request, or returns the answer to replay.
    pub(crate) fn begin(&mut self, used: &Use, now: i64) -> Result<Option<Stored>, ApiError> {
        if used.key.chars().count() > MAX_LENGTH {
            return Err(ApiError::invalid(
                "Idempotency keys can be at most 255 characters long.",
            ));
        }
        let slot = (used.account.clone(), used.key.clone());
        self.records.retain(|_, record| record.created + KEPT_S > now);
        let Some(record) = self.records.get(&slot) else {
            let record = Record {
                path: used.path.clone(),
                params: used.params.clone(),
                created: now,
                answer: None,
            };
            self.records.insert(slot, record);
            return Ok(None);
        };
        let other = "if you meant to execute a different request.";
        if record.path != used.path {
            return Err(ApiError::idempotency(
                400,
                format!(
                    "Keys for idempotent requests can only be used for the same endpoint they were first used for ('{}' \
                     vs '{}'). Try using a key other than '{}' {other}",
                    used.path, record.path, used.key
                ),
            ));
        }
        if record.params != used.params {
            return Err(ApiError::idempotency(
                400,
                format!(
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                     Try using a key other than '{}' {other}",
                    used.key
                ),
            ));
        }
        match &record.answer {
            Some(stored) => Ok(Some(stored.clone())),
            None => Err(ApiError::idempotency(
                409,
                format!(
                    "There is currently another in-progress request using this Idempotent Key (that probably means you \
                     submitted twice, and the other request is still going through): {}",
                    used.key
                ),
            )
            .code("idempotency_key_in_use")),
        }
    }

    /// Stores what the key replays from now on.
    pub(crate) fn finish(&mut self, used: &Use, stored: Stored) {
        if let Some(record) = self.records.get_mut(&(used.account.clone(), used.key.clone())) {
            record.answer = Some(stored);
        }
    }

    /// Gives the key back: the request did not get as far as being done.
    pub(crate) fn release(&mut self, used: &Use) {
        self.records.remove(&(used.account.clone(), used.key.clone()));
    }

    /// Forgets keys that have an answer, all of them or one; returns how many.
    pub(crate) fn prune(&mut self, only: Option<&str>) -> usize {
        let before = self.records.len();
        self.records
            .retain(|(_, key), record| record.answer.is_none() || only.is_some_and(|only| only != key));
        before - self.records.len()
    }

    pub(crate) fn summary(&self) -> Value {
        json!({"kept": self.records.len(), "under_way": self.records.values().filter(|r| r.answer.is_none()).count()})
    }
}
