//! What one engine is set up with: compiled rules, limits, and how much each check counts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::report::CheckId;

const MIB: u64 = 1 << 20;

/// Everything an [`Engine`](crate::Engine) needs to start.
#[derive(Debug, Clone)]
pub struct Config {
    /// What [`compile_rules`](crate::compile_rules) returned, normally in an earlier build step.
    pub rules: Vec<u8>,
    pub limits: Limits,
    pub policies: Policies,
}

impl Config {
    /// The marketplace's own settings around the given compiled rules.
    pub fn new(rules: Vec<u8>) -> Self {
        Config {
            rules,
            limits: Limits::default(),
            policies: Policies::default(),
        }
    }
}

/// Bounds of one scan. A package beyond one of the sizes is refused; a scan that runs out of
/// `duration` is held. Nothing is ever skipped for being large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The uploaded archive.
    pub package_bytes: u64,
    /// All entries together, expanded.
    pub expanded_bytes: u64,
    /// One entry, expanded. It is held in memory whole, so this bounds the memory of a scan.
    pub entry_bytes: u64,
    pub entries: u64,
    /// Expanded to compressed, counted only above `ratio_free_bytes`: silence in a WAV file and
    /// repetitive JSON are honest.
    pub ratio: u64,
    pub ratio_free_bytes: u64,
    /// The archive's comment, and each entry's.
    pub comment_bytes: u64,
    /// `souk.toml`. 5,000 files with long names fit.
    pub manifest_bytes: u64,
    /// The whole scan. YARA-X counts in whole seconds, so a scan may take one more than this.
    pub duration: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            package_bytes: 256 * MIB,
            expanded_bytes: 1024 * MIB,
            entry_bytes: 256 * MIB,
            entries: 5_000,
            ratio: 100,
            ratio_free_bytes: 64 * MIB,
            comment_bytes: 1024,
            manifest_bytes: 4 * MIB,
            // Below the 30 s that a partner is promised, with room for the last file's checks.
            duration: Duration::from_secs(25),
        }
    }
}

/// How much one check counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Its findings count for the verdict; otherwise it only monitors.
    pub enforced: bool,
    /// The package is held when it could not be carried out.
    pub required: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            enforced: true,
            required: true,
        }
    }
}

/// A [`Policy`] for every check. By default all are enforced and required.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies(std::collections::BTreeMap<CheckId, Policy>);

impl Policies {
    /// These policies with the one of `check` replaced.
    #[must_use]
    pub fn with(mut self, check: CheckId, policy: Policy) -> Self {
        self.0.insert(check, policy);
        self
    }

    /// What counts for `check`.
    pub fn of(&self, check: CheckId) -> Policy {
        self.0.get(&check).copied().unwrap_or_default()
    }
}
