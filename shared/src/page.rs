//! Lists, a page at a time: what the store hands out, clients get sealed in a cursor, and messages carry on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where the next page begins. Opaque to everybody but the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageKey(pub(crate) BTreeMap<String, String>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<PageKey>,
}

impl<T> Page<T> {
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next: self.next,
        }
    }
}
