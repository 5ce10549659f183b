//! Builds a package from a folder: hashes its files into the manifest and writes the archive.
//!
//! The same folder gives the same bytes, whatever the machine, the time and the order in which
//! the file system lists it. However large the folder is, no more is held in memory than a
//! package may have, and nothing is written but its bytes.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::archive::{MAX_DEPTH, Rule};
use crate::checks::hashes::is_litter;
use crate::clock::Deadline;
use crate::config::Limits;
use crate::manifest::{self, FILE_NAME};
use crate::report::{Finding, Severity};

const CHUNK_BYTES: usize = 1 << 16;
const AS_LONG_AS_IT_TAKES: Duration = Duration::MAX;

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    /// No package of these files could be listed.
    #[error("{}", .0.iter().map(told).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Finding>),
    #[error("cannot write the archive")]
    Write(#[from] zip::result::ZipError),
}

fn told(finding: &Finding) -> String {
    let path = finding.path.as_deref().map(|path| format!("{path}: "));
    let Finding { evidence, remedy, .. } = finding;
    format!("{}{evidence}. {remedy}", path.unwrap_or_default())
}

impl From<Finding> for PackError {
    fn from(finding: Finding) -> Self {
        PackError::Refused(vec![finding])
    }
}

/// The bytes of the package in this file. A file larger than a package may be is refused unread.
pub fn open(path: &Path) -> Result<Vec<u8>, PackError> {
    let limits = &Limits::default();
    let file = File::open(path).map_err(unread(path))?;
    let size = file.metadata().map_err(unread(path))?.len();
    if size > limits.package_bytes {
        return Err(too_large(&format!("{size} bytes"), limits).into());
    }
    let mut package = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // It may grow meanwhile.
    let mut bounded = file.take(limits.package_bytes + 1);
    bounded.read_to_end(&mut package).map_err(unread(path))?;
    Ok(package)
}

fn too_large(seen: &str, limits: &Limits) -> Finding {
    let seen = format!("{seen}, {} allowed", limits.package_bytes);
    Rule::PackageTooLarge.finding().saw(seen)
}

fn unread(path: &Path) -> impl FnOnce(io::Error) -> PackError {
    let path = path.to_owned();
    move |source| PackError::Read { path, source }
}

/// The package made of the files below `folder`, which must hold a `souk.toml`. Where that lists
/// no files, they are listed; a list that is there stays as it is, for the scan to compare. Files
/// that operating systems and editors leave behind are left out.
pub fn pack(folder: &Path) -> Result<Vec<u8>, PackError> {
    pack_within(folder, AS_LONG_AS_IT_TAKES)
}

/// The same, or a finding that holds the package where it takes longer.
pub fn pack_within(folder: &Path, duration: Duration) -> Result<Vec<u8>, PackError> {
    let limits = &Limits::default();
    let mut packing = Packing {
        limits,
        deadline: Deadline::after(duration),
        files: Vec::new(),
        expanded: 0,
    };
    let manifest_path = folder.join(FILE_NAME);
    let manifest = match fs::metadata(&manifest_path) {
        Ok(kind) if kind.len() > limits.manifest_bytes => return Err(manifest::too_large(kind.len(), limits).into()),
        Ok(_) => fs::read(&manifest_path).map_err(unread(&manifest_path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(manifest::missing().into()),
        Err(error) => return Err(unread(&manifest_path)(error)),
    };
    packing.collect(folder, "", 1)?;
    packing.files.sort();
    packing.files.retain(|file| file.path != FILE_NAME);
    let manifest = packing.with_files(manifest)?;
    packing.write(&manifest)
}

/// A file of the folder: its path in the package and where it is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    path: String,
    place: PathBuf,
}

struct Packing<'l> {
    limits: &'l Limits,
    deadline: Deadline,
    files: Vec<Source>,
    expanded: u64,
}

impl Packing<'_> {
    /// Takes down every file below `folder`.
    fn collect(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), PackError> {
        if depth > MAX_DEPTH {
            return Err(Rule::NameTooDeep.finding().in_file(prefix).into());
        }
        for entry in fs::read_dir(folder).map_err(unread(folder))? {
            let entry = entry.map_err(unread(folder))?;
            let place = entry.path();
            let Ok(name) = entry.file_name().into_string() else {
                let shown = format!("{prefix}{}", entry.file_name().to_string_lossy());
                return Err(Rule::NameEncoding.finding().in_file(&shown).into());
            };
            if is_litter(&name) {
                continue;
            }
            let path = format!("{prefix}{name}");
            // Not following links: what they point to is not part of the folder.
            let kind = fs::symlink_metadata(&place).map_err(unread(&place))?;
            if kind.is_dir() {
                self.collect(&place, &format!("{path}/"), depth + 1)?;
            } else if kind.is_file() {
                self.take(Source { path, place }, kind.len())?;
            } else {
                let rule = if kind.is_symlink() {
                    Rule::Symlink
                } else {
                    Rule::SpecialFile
                };
                return Err(rule.finding().in_file(&path).into());
            }
        }
        Ok(())
    }

    fn take(&mut self, file: Source, size: u64) -> Result<(), PackError> {
        let limits = self.limits;
        self.expanded = self.expanded.saturating_add(size);
        self.files.push(file);
        let count = self.files.len() as u64;
        let (rule, seen, allowed) = match () {
            () if size > limits.entry_bytes => (Rule::EntryTooLarge, size, limits.entry_bytes),
            () if self.expanded > limits.expanded_bytes => {
                (Rule::ExpandedTooLarge, self.expanded, limits.expanded_bytes)
            }
            () if count > limits.entries => (Rule::TooManyEntries, count, limits.entries),
            () => return Ok(()),
        };
        Err(rule.finding().saw(format!("{seen}, {allowed} allowed")).into())
    }

    /// The manifest's text, with the list of files after it if it has none.
    fn with_files(&self, manifest: Vec<u8>) -> Result<Vec<u8>, PackError> {
        let parsed = manifest::parse(&manifest).map_err(PackError::Refused)?;
        if !parsed.files.is_empty() {
            return Ok(manifest);
        }
        let mut text = manifest;
        for file in &self.files {
            let mut hash = Sha256::new();
            self.read(file, |chunk| {
                hash.update(chunk);
                Ok(())
            })?;
            let path = file.path.replace('\\', "\\\\").replace('"', "\\\"");
            let sha256 = hex::encode(hash.finalize());
            text.extend(format!("\n[[files]]\npath = \"{path}\"\nsha256 = \"{sha256}\"\n").into_bytes());
        }
        manifest::parse(&text).map_err(PackError::Refused)?;
        Ok(text)
    }

    fn write(&self, manifest: &[u8]) -> Result<Vec<u8>, PackError> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(0o644);
        let written = Cell::new(0);
        let within_bounds = || match written.get() > self.limits.package_bytes {
            true => Err(too_large("longer when packed", self.limits).into()),
            false => Ok(()),
        };
        let mut archive = ZipWriter::new(Package {
            bytes: Cursor::new(Vec::new()),
            length: &written,
        });
        archive.start_file(FILE_NAME, options)?;
        archive.write_all(manifest).map_err(zip::result::ZipError::from)?;
        for file in &self.files {
            archive.start_file(&file.path, options)?;
            self.read(file, |chunk| {
                archive.write_all(chunk).map_err(unread(&file.place))?;
                within_bounds()
            })?;
        }
        let package = archive.finish()?.bytes.into_inner();
        within_bounds()?;
        Ok(package)
    }

    /// Shows the file to `each` in pieces, never more of it than one entry may have.
    fn read(&self, file: &Source, mut each: impl FnMut(&[u8]) -> Result<(), PackError>) -> Result<(), PackError> {
        let failed = || unread(&file.place);
        let mut content = File::open(&file.place).map_err(failed())?.take(self.limits.entry_bytes);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            if self.deadline.is_over() {
                let remedy = "Pack the folder with `souk pack`, then check the package.";
                let finding = Finding::new("package.timed_out", Severity::Quarantine, remedy);
                return Err(finding.saw("packing the folder takes too long").into());
            }
            let read = content.read(&mut chunk).map_err(failed())?;
            match chunk.get(..read) {
                None | Some([]) => return Ok(()),
                Some(piece) => each(piece)?,
            }
        }
    }
}

/// The package as it grows: how long it is can be seen while the archive holds it.
struct Package<'l> {
    bytes: Cursor<Vec<u8>>,
    length: &'l Cell<u64>,
}

impl Write for Package<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.bytes.write(piece)?;
        self.length.set(self.bytes.get_ref().len() as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes.flush()
    }
}

impl Seek for Package<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_compress_is_given_up_at_the_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let noise: Vec<u8> = (0_u32..1 << 16).flat_map(|i| Sha256::digest(i.to_le_bytes())).collect();
        fs::write(folder.path().join("a.bin"), noise).expect("a file");
        let limits = &Limits {
            package_bytes: 1 << 20,
            ..Limits::default()
        };
        let source = |path: &str| Source {
            path: path.to_owned(),
            place: folder.path().join(path),
        };
        let packing = Packing {
            limits,
            deadline: Deadline::after(AS_LONG_AS_IT_TAKES),
            // The second is not there: reading on would say so.
            files: vec![source("a.bin"), source("b.bin")],
            expanded: 0,
        };
        match packing.write(b"") {
            Err(PackError::Refused(found)) => assert_eq!(found[0].rule, "archive.package_too_large"),
            other => panic!("{other:?}"),
        }
    }
}
