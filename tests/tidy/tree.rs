//! Reading the checkout.

use std::path::{Path, PathBuf};

use support::template::root;

/// A source file and its text.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// From the checkout's root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Lines that are code, with their numbers: comments and everything from `#[cfg(test)]` on left out.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines
            .take_while(|(_, line)| !line.trim_start().starts_with("#[cfg(test)]"))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.contains("/testing/")
            || name.starts_with("tests")
            || name.ends_with("_tests.rs")
    }
}

/// Every Rust file below one of these folders.
pub(crate) fn rust(folders: &[&str]) -> Vec<Source> {
    files(folders)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| read(&path))
        .collect()
}

pub(crate) fn files(folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut found);
    }
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir()
            && !name.starts_with('.')
            && name != "target"
            && name != "__pycache__"
            && name != "node_modules"
        {
            collect(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

pub(crate) fn read(path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let path = path
        .strip_prefix(root())
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/");
    Source { path, text }
}

/// Names of the folders right below a folder.
pub(crate) fn folders(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let folders = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Everything wrong at once, a line each.
#[track_caller]
pub(crate) fn assert_none(rule: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}
