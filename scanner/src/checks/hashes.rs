//! The archive's files against the manifest's list: nothing unlisted, nothing missing, every hash
//! equal. What a reviewer reads in the manifest is what a customer gets.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::File;
use crate::manifest::{FILE_NAME, Manifest};
use crate::report::{Finding, Severity};

/// The files of the list that have not been seen yet.
pub(crate) struct Hashes<'a> {
    missing: HashMap<&'a str, &'a str>,
}

impl<'a> Hashes<'a> {
    pub(crate) fn of(manifest: &'a Manifest) -> Self {
        let listed = manifest
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.sha256.as_str()));
        Hashes {
            missing: listed.collect(),
        }
    }

    pub(crate) fn file(&mut self, file: File<'_>) -> Option<Finding> {
        if file.path == FILE_NAME {
            return None;
        }
        let Some(listed) = self.missing.remove(file.path) else {
            let remedy = match is_litter(file.path) {
                true => "Leave out what the operating system adds; `souk pack` does.",
                false => "List the file in `souk.toml`, or leave it out; `souk pack` writes the list.",
            };
            let finding = reject("unlisted_file", remedy).in_file(file.path);
            return Some(finding.saw("`souk.toml` does not list it"));
        };
        let actual = hex::encode(Sha256::digest(file.content));
        (actual != listed).then(|| {
            reject(
                "hash_mismatch",
                "Pack again after the last change; `souk pack` writes the hashes.",
            )
            .in_file(file.path)
            .saw(format!("SHA-256 is {actual}, listed is {listed}"))
        })
    }

    /// After the last file.
    pub(crate) fn finish(self) -> Vec<Finding> {
        let mut missing: Vec<&str> = self.missing.into_keys().collect();
        missing.sort_unstable();
        let remedy = "Pack the file too, or remove it from the list.";
        let finding = |path: &str| {
            reject("missing_file", remedy)
                .in_file(path)
                .saw("`souk.toml` lists it, the package has it not")
        };
        missing.into_iter().map(finding).collect()
    }
}

fn reject(rule: &str, remedy: &str) -> Finding {
    Finding::new(format!("hashes.{rule}"), Severity::Reject, remedy)
}

/// Files that file managers and editors leave behind.
pub(crate) fn is_litter(path: &str) -> bool {
    path.split('/').any(|part| {
        matches!(
            part,
            "__MACOSX" | ".DS_Store" | "Thumbs.db" | "desktop.ini" | ".git" | "__pycache__"
        ) || part.starts_with("._")
            || part.ends_with('~')
    })
}
