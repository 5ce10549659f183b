//! The scan engine of Souk: what a package must survive before anyone may list it.
//!
//! [`Engine::scan`] takes the bytes of an uploaded archive and returns a [`Report`]: one row per
//! check, each finding with its evidence and remedy, and the [`Verdict`] that follows. The same
//! code runs in the marketplace and on a partner's own machine.
//!
//! What it refuses to do: it touches no network, no file system and no time of day; it never
//! unpacks to disk, never repairs an archive, never skips a file for its size. Whatever it could
//! not look at to the end is held, never passed. No input makes it panic; time and memory are
//! bounded by [`Limits`].
//!
//! Adding a check: a variant of [`CheckId`], a file in `checks/`, a line in `engine.rs`.
//!
//! Without the feature `engine` there are the readers of single files alone, which is what is fuzzed.

#![cfg_attr(
    not(feature = "engine"),
    expect(dead_code, unused_imports, reason = "the engine is what uses most of it")
)]

#[cfg(feature = "engine")]
mod account;
mod archive;
mod checks;
mod clock;
mod config;
#[cfg(feature = "engine")]
mod engine;
mod manifest;
mod music;
mod pack;
pub mod readers;
mod report;

pub use checks::intents::SCHEMA as INTENT_PRESET_SCHEMA;
#[cfg(feature = "engine")]
pub use checks::yara::{RulesError, compile as compile_rules};
pub use config::{Config, Limits, Policies, Policy};
#[cfg(feature = "engine")]
pub use engine::{Engine, EngineError};
pub use manifest::{
    Compatibility, ContentType, FILE_NAME as MANIFEST_FILE_NAME, Filesystem, Harmony, Loop, Manifest, Metadata, Meter,
    Package, PackagedFile, Permissions, Piece, Platform, PluginFormat, SCHEMA as MANIFEST_SCHEMA, Tempo,
};
pub use music::Mode;
pub use pack::{PackError, open, pack, pack_within};
pub use report::{CheckId, CheckResult, Finding, Outcome, Report, Severity, Verdict};
