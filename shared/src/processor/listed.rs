//! Lists of a processor's whose entries are each read for itself: one that cannot be read hides no other.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Listed<T> {
    Read(Box<T>),
    /// Not what this code takes for one.
    Unread(Value),
}

impl<T> Listed<T> {
    /// The processor's id of it; empty where it has none.
    pub fn id<'a>(&'a self, of: impl FnOnce(&'a T) -> &'a str) -> &'a str {
        match self {
            Self::Read(read) => of(read),
            Self::Unread(value) => value.get("id").and_then(Value::as_str).unwrap_or_default(),
        }
    }
}
