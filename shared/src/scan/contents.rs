//! What a package holds, as its scan has read it.
//!
//! Kept beside the scanned bytes, so that two versions can be compared without unpacking either. A package may have thousands of files: this
//! is an object, not an item.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is read of one at most: as many files as a package may have, with names as long as they may be, would be 6 MB.
pub const MAX_CONTENTS_BYTES: u64 = 8 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// What the package says of itself, but for its files: an object with `package`, `compatibility`, `permissions` and `metadata`.
    pub declared: Value,
    /// Every file by its path, with its SHA-256 in lower-case hexadecimal.
    pub files: BTreeMap<String, String>,
}
