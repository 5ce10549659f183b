//! Zip archives of what is made in memory: all that deploying the baseline takes, and what a DAW's project is.

use std::io::{Cursor, Read, Write};

use anyhow::Result;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// A file's name and content.
pub(crate) type File = (String, Vec<u8>);

/// `files` as they are. Lambda starts what is executable.
pub(crate) fn archive(files: &[File]) -> Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o755);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(name.as_str(), options)?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// Everything that is in the archive.
pub(crate) fn files(archive: &[u8]) -> Result<Vec<File>> {
    let mut archive = ZipArchive::new(Cursor::new(archive))?;
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let (name, mut content) = (entry.name()?.into_owned(), Vec::new());
        entry.read_to_end(&mut content)?;
        files.push((name, content));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_out_as_they_went_in_and_can_be_started() {
        let made = [("bootstrap".to_owned(), b"program".to_vec())];
        let zip = archive(&made).expect("a zip");
        assert_eq!(files(&zip).expect("its files"), made);
        let mut read = ZipArchive::new(Cursor::new(zip)).expect("an archive");
        assert_eq!(read.by_index(0).expect("the program").unix_mode(), Some(0o100_755));
    }
}
