//! Builds a package from a folder: hashes its files into the manifest and writes the archive.
//!
//! The same folder gives the same bytes, whatever the machine, the time and the order in which
//! the file system lists it.

use std::fs;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::checks::hashes::is_litter;
use crate::manifest::{self, FILE_NAME};
use crate::report::Finding;

/// Why a folder does not become a package.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{0} is neither a file nor a folder")]
    NotAFile(PathBuf),
    #[error("the name of {0} is not Unicode")]
    Name(PathBuf),
    #[error("souk.toml already lists files: remove `[[files]]`, packing writes it")]
    FilesListed,
    #[error("souk.toml is not valid: {}", .0.iter().map(|f| f.evidence.as_str()).collect::<Vec<_>>().join("; "))]
    Manifest(Vec<Finding>),
    #[error("cannot write the archive")]
    Write(#[from] zip::result::ZipError),
}

/// The package made of the files below `folder`, which must hold a `souk.toml` without `[[files]]`.
/// Files that operating systems and editors leave behind are left out.
pub fn pack(folder: &Path) -> Result<Vec<u8>, PackError> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    files.sort();
    let manifest_path = folder.join(FILE_NAME);
    let manifest = fs::read(&manifest_path).map_err(|source| PackError::Read {
        path: manifest_path,
        source,
    })?;
    files.retain(|(path, _)| path != FILE_NAME);
    let manifest = with_files(manifest, &files)?;
    write(&manifest, &files).map_err(PackError::Write)
}

/// Appends path and content of every file below `folder` to `files`.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> Result<(), PackError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PackError::Read { path, source }
    };
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let place = entry.path();
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| PackError::Name(place.clone()))?;
        if is_litter(&name) {
            continue;
        }
        let path = format!("{prefix}{name}");
        // Not following links: what they point to is not part of the folder.
        let kind = entry.file_type().map_err(failed(&place))?;
        if kind.is_dir() {
            collect(&place, &format!("{path}/"), files)?;
        } else if kind.is_file() {
            files.push((path, fs::read(&place).map_err(failed(&place))?));
        } else {
            return Err(PackError::NotAFile(place));
        }
    }
    Ok(())
}

/// The manifest's text as it was, with the list of files after it.
fn with_files(manifest: Vec<u8>, files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, PackError> {
    let parsed = manifest::parse(&manifest).map_err(PackError::Manifest)?;
    if !parsed.files.is_empty() {
        return Err(PackError::FilesListed);
    }
    let mut text = manifest;
    for (path, content) in files {
        let path = path.replace('\\', "\\\\").replace('"', "\\\"");
        let sha256 = hex::encode(Sha256::digest(content));
        text.extend(format!("\n[[files]]\npath = \"{path}\"\nsha256 = \"{sha256}\"\n").into_bytes());
    }
    manifest::parse(&text).map_err(PackError::Manifest)?;
    Ok(text)
}

fn write(manifest: &[u8], files: &[(String, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let first = std::iter::once((FILE_NAME, manifest));
    for (path, content) in first.chain(files.iter().map(|(path, content)| (path.as_str(), content.as_slice()))) {
        archive.start_file(path, options)?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}
