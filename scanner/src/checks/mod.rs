//! The checks that look at content. Each file is shown to every one of them, whole.

pub(crate) mod audio;
pub(crate) mod declared;
pub(crate) mod eicar;
pub(crate) mod file_types;
pub(crate) mod hashes;
pub(crate) mod images;
pub(crate) mod intents;
pub(crate) mod json;
pub(crate) mod kinds;
pub(crate) mod markdown;
pub(crate) mod midi;
pub(crate) mod native;
pub(crate) mod pdf;
pub(crate) mod presets;
pub(crate) mod projects;
#[cfg(feature = "engine")]
pub(crate) mod sandbox;
pub(crate) mod secrets;
pub(crate) mod svg;
pub(crate) mod wasm;
#[cfg(feature = "engine")]
pub(crate) mod yara;

/// One file of the package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File<'a> {
    pub(crate) path: &'a str,
    pub(crate) content: &'a [u8],
}

impl<'a> File<'a> {
    pub(crate) fn name(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// What follows the last dot of the name, in lower case; empty where there is none.
    pub(crate) fn extension(&self) -> String {
        match self.name().rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => extension.to_ascii_lowercase(),
            _ => String::new(),
        }
    }

    /// Whether people read it and machines do not run it. Documentation quotes commands that would
    /// be suspicious in a program.
    pub(crate) fn is_prose(&self) -> bool {
        matches!(self.extension().as_str(), "md" | "txt") && self.is_text()
    }

    pub(crate) fn is_text(&self) -> bool {
        std::str::from_utf8(self.content).is_ok()
    }
}

/// Why a check could not look at a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interrupted {
    OutOfTime,
    Failed(String),
}
