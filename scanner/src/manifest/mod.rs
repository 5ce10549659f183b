//! `souk.toml`: what a package says about itself.
//!
//! The types here can only be built by [`parse`], so whoever holds a [`Manifest`] holds a valid
//! one. The same rules stand in [`SCHEMA`] for editors and other programs, as far as JSON Schema
//! can say them; a test keeps the two together.

pub(crate) mod fields;
mod metadata;
mod parse;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

pub use metadata::{Harmony, Loop, Metadata, Meter, Piece, PluginFormat, Tempo};
pub(crate) use parse::{names_of, parse};

use crate::config::Limits;
use crate::report::{Finding, Severity};

/// The manifest's place in every package.
pub const FILE_NAME: &str = "souk.toml";

/// JSON Schema (2020-12) of `souk.toml`, read as JSON.
pub const SCHEMA: &str = include_str!("../../schema/souk.schema.json");

/// A package without one.
pub(crate) fn missing() -> Finding {
    let remedy = "Put `souk.toml` at the root of the archive, not into a folder.";
    Finding::new("manifest.missing", Severity::Reject, remedy).saw("there is no `souk.toml`")
}

/// One of this many bytes.
pub(crate) fn too_large(size: u64, limits: &Limits) -> Finding {
    Finding::new("manifest.too_large", Severity::Reject, "Keep `souk.toml` within 4 MiB.")
        .in_file(FILE_NAME)
        .saw(format!("{size} bytes, {} allowed", limits.manifest_bytes))
}

/// A valid `souk.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub package: Package,
    pub compatibility: Compatibility,
    pub permissions: Permissions,
    pub metadata: Metadata,
    /// Every other file of the package.
    pub files: Vec<PackagedFile>,
}

/// Who this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Lower-case letters, digits and single hyphens, 3 to 64.
    pub name: String,
    /// The same form; the marketplace compares it with the partner's own.
    pub publisher: Option<String>,
    /// Without build metadata: two versions must differ in more than that.
    pub version: semver::Version,
    pub content_type: ContentType,
    /// An SPDX licence expression.
    pub licence: String,
    /// One sentence.
    pub summary: Option<String>,
}

/// What a package contains. Decides which files it may have and whether it may ask for permissions.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    EnumIter,
    EnumString,
    IntoStaticStr,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ContentType {
    Integration,
    PluginNative,
    PluginWasm,
    GrooveTemplate,
    ChordPack,
    IntentPreset,
    SynthPreset,
    GenreTemplate,
    SamplePack,
    ProductionGuide,
}

impl ContentType {
    /// The name in `souk.toml`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether packages of this type contain something that acts, and so may ask for permissions.
    pub fn is_program(self) -> bool {
        matches!(self, Self::Integration | Self::PluginNative | Self::PluginWasm)
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where a package works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compatibility {
    /// Product → the versions of it that are supported. At least one.
    pub products: BTreeMap<String, semver::VersionReq>,
    /// Empty: wherever the products run.
    pub platforms: Vec<Platform>,
}

/// An operating system and processor that native code is built for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    EnumIter,
    EnumString,
    IntoStaticStr,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Platform {
    LinuxArm64,
    #[serde(rename = "linux-x86_64")]
    #[strum(serialize = "linux-x86_64")]
    LinuxX86_64,
    MacosArm64,
    #[serde(rename = "macos-x86_64")]
    #[strum(serialize = "macos-x86_64")]
    MacosX86_64,
    WindowsArm64,
    #[serde(rename = "windows-x86_64")]
    #[strum(serialize = "windows-x86_64")]
    WindowsX86_64,
}

/// What a program asks its customer to allow. Everything is denied that is not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// Host names that it connects to; `*.` in front means every name below.
    pub network: Vec<String>,
    /// Names of the secrets that the customer has to supply, such as `OPENAI_API_KEY`.
    pub secrets: Vec<String>,
    /// `resource:action` pairs of the host product, such as `conversations:read`.
    pub scopes: Vec<String>,
    pub filesystem: Filesystem,
}

impl Permissions {
    pub fn is_empty(&self) -> bool {
        *self == Permissions::default()
    }
}

/// How much of the customer's files a program may touch.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, EnumIter, EnumString, IntoStaticStr, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Filesystem {
    #[default]
    None,
    /// The open project's folder.
    Project,
    /// Whatever the customer picks in a file dialogue.
    Chosen,
}

/// A file and what its content hashes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagedFile {
    pub path: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
}
