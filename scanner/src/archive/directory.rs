//! Finds the one end record and the central directory before it.
//!
//! Readers disagree on where to look for these (from the end, from the start, in the comment, by
//! the ZIP64 record or not), which is how one archive shows two contents. Here there has to be
//! exactly one answer: the end record closes the file, the directory touches it, and every count
//! and offset says the same.

use memchr::memmem;

use super::Refusal;
use super::records::{Bytes, CENTRAL, Central, END, EndRecord, LOCAL, Zip64End};
use super::rule::Rule;
use crate::config::Limits;

/// An end record with the longest comment: readers look no further back.
const TAIL_BYTES: usize = 22 + 65_535;

/// The central directory, complete.
#[derive(Debug)]
pub(crate) struct Directory<'a> {
    pub(crate) entries: Vec<Central<'a>>,
    /// Where the directory starts: entries' data has to fill everything before it.
    pub(crate) at: u64,
}

/// What the end records say together.
struct Extent {
    entries: u64,
    at: u64,
    len: u64,
    /// Where the first of the end records starts.
    end: u64,
}

pub(crate) fn read<'a>(bytes: Bytes<'a>, limits: &Limits) -> Result<Directory<'a>, Refusal> {
    let end = find_end(bytes)?;
    if u64::from(end.comment_len) > limits.comment_bytes {
        let seen = format!("the archive's comment has {} bytes", end.comment_len);
        return Err(Refusal::new(Rule::CommentTooLong).at(end.at).saw(seen));
    }
    let extent = extent(bytes, &end)?;
    if extent.entries > limits.entries {
        let seen = format!("{} entries, {} allowed", extent.entries, limits.entries);
        return Err(Refusal::new(Rule::TooManyEntries).at(end.at).saw(seen));
    }
    check_extent(bytes, &extent)?;
    let entries = central_entries(bytes, &extent, limits)?;
    Ok(Directory { entries, at: extent.at })
}

fn find_end(bytes: Bytes<'_>) -> Result<EndRecord, Refusal> {
    let signature = END.to_le_bytes();
    let records: Vec<EndRecord> = memmem::find_iter(bytes.0, &signature)
        .filter_map(|at| EndRecord::read(bytes, at as u64))
        .collect();
    let mut closing = records.iter().filter(|record| record.end() == bytes.len());
    let Some(end) = closing.next() else {
        return Err(no_closing_record(bytes, &records));
    };
    let second = closing.next().or_else(|| {
        records
            .iter()
            .find(|record| record.at != end.at && is_credible(bytes, record, end))
    });
    match second {
        None => Ok(*end),
        Some(second) => Err(Refusal::new(Rule::SecondEndRecord)
            .at(second.at)
            .saw(format!("end records at {} and {}", end.at, second.at))),
    }
}

/// Whether some reader would take `record` for the end record although `end` closes the file:
/// because it comes later, or because it leads to a directory. Other occurrences of the four
/// bytes are chance, which compressed data of some megabytes does produce.
fn is_credible(bytes: Bytes<'_>, record: &EndRecord, end: &EndRecord) -> bool {
    if record.at > end.at {
        return true;
    }
    let directory_at = u64::from(record.directory_at);
    let consistent = record.disk == 0
        && record.directory_disk == 0
        && record.entries_here == record.entries
        && record.end() <= bytes.len()
        && directory_at + u64::from(record.directory_len) <= record.at;
    let empty = record.entries == 0 && record.directory_len == 0;
    // Offsets may count from the start of an inner archive: then the directory touches the record.
    let touching = record.at.saturating_sub(u64::from(record.directory_len));
    consistent && (empty || bytes.starts_with(directory_at, CENTRAL) || bytes.starts_with(touching, CENTRAL))
}

fn no_closing_record(bytes: Bytes<'_>, records: &[EndRecord]) -> Refusal {
    match records.last() {
        Some(last) if last.end() < bytes.len() => Refusal::new(Rule::TrailingBytes)
            .at(last.end())
            .saw(format!("{} bytes after the end record", bytes.len() - last.end())),
        Some(last) => Refusal::new(Rule::Truncated)
            .at(last.at)
            .saw("the archive's comment is longer than the file"),
        None if bytes.starts_with(0, LOCAL) => Refusal::new(Rule::Truncated).saw("there is no end record"),
        None => Refusal::new(Rule::NotAZip).saw("there is no end record"),
    }
}

fn extent(bytes: Bytes<'_>, end: &EndRecord) -> Result<Extent, Refusal> {
    let narrow = Extent {
        entries: end.entries.into(),
        at: end.directory_at.into(),
        len: end.directory_len.into(),
        end: end.at,
    };
    let zip64 = match Zip64End::before(bytes, end) {
        None => {
            check_disks(end.at, &[end.disk.into(), end.directory_disk.into()])?;
            check_counts(end.at, end.entries_here.into(), narrow.entries)?;
            return Ok(narrow);
        }
        Some(None) => {
            let seen = "the ZIP64 locator leads to no ZIP64 end record";
            return Err(Refusal::new(Rule::Zip64Conflict).at(end.at).saw(seen));
        }
        Some(Some(zip64)) => zip64,
    };
    // 0 disks is what some writers put for "not split".
    check_disks(
        zip64.at,
        &[
            zip64.disk,
            zip64.directory_disk,
            zip64.locator_disk,
            zip64.disks.saturating_sub(1),
        ],
    )?;
    check_counts(zip64.at, zip64.entries_here, zip64.entries)?;
    let conflict = |seen: &str| Err(Refusal::new(Rule::Zip64Conflict).at(zip64.at).saw(seen));
    if zip64.at.checked_add(zip64.record_len) != Some(zip64.locator_at) || zip64.record_len != 56 {
        return conflict("the ZIP64 end record does not reach exactly to its locator");
    }
    let agree16 = |narrow: u16, wide: u64| narrow == u16::MAX || u64::from(narrow) == wide;
    let agree32 = |narrow: u32, wide: u64| narrow == u32::MAX || u64::from(narrow) == wide;
    let agree = agree16(end.disk, 0)
        && agree16(end.directory_disk, 0)
        && agree16(end.entries_here, zip64.entries)
        && agree16(end.entries, zip64.entries)
        && agree32(end.directory_len, zip64.directory_len)
        && agree32(end.directory_at, zip64.directory_at);
    if !agree {
        return conflict("the end record and the ZIP64 end record disagree");
    }
    Ok(Extent {
        entries: zip64.entries,
        at: zip64.directory_at,
        len: zip64.directory_len,
        end: zip64.at,
    })
}

fn check_disks(at: u64, disks: &[u32]) -> Result<(), Refusal> {
    match disks.iter().find(|disk| **disk != 0) {
        None => Ok(()),
        Some(disk) => Err(Refusal::new(Rule::MultiDisk)
            .at(at)
            .saw(format!("it refers to disk {disk}"))),
    }
}

fn check_counts(at: u64, here: u64, total: u64) -> Result<(), Refusal> {
    if here == total {
        return Ok(());
    }
    let seen = format!("{here} entries on this disk, {total} in total");
    Err(Refusal::new(Rule::CountMismatch).at(at).saw(seen))
}

fn check_extent(bytes: Bytes<'_>, extent: &Extent) -> Result<(), Refusal> {
    let said_end = extent.at.checked_add(extent.len);
    if said_end == Some(extent.end) {
        return Ok(());
    }
    let shift = said_end.and_then(|said| extent.end.checked_sub(said));
    // Everything stands that much later than said, the first entry included.
    let shifted = shift.filter(|shift| {
        bytes.starts_with(extent.at + shift, CENTRAL)
            && bytes.starts_with(*shift, LOCAL)
            && !bytes.starts_with(0, LOCAL)
    });
    Err(match shifted {
        Some(shift) => Refusal::new(Rule::PrefixBytes).at(0u64).saw(format!(
            "every offset is {shift} bytes short: something was put before the archive"
        )),
        _ => Refusal::new(Rule::OffsetMismatch).at(extent.end).saw(format!(
            "the directory should be {} bytes at {}, but ends at {}",
            extent.len, extent.at, extent.end
        )),
    })
}

fn central_entries<'a>(bytes: Bytes<'a>, extent: &Extent, limits: &Limits) -> Result<Vec<Central<'a>>, Refusal> {
    let mut entries = Vec::new();
    let mut at = extent.at;
    while at < extent.end {
        let Some(entry) = Central::read(bytes, at).filter(|entry| entry.header.end <= extent.end) else {
            let seen = format!(
                "no directory entry at {at}, {} of {} read",
                entries.len(),
                extent.entries
            );
            return Err(Refusal::new(Rule::OffsetMismatch).at(at).saw(seen));
        };
        if u64::from(entry.comment_len) > limits.comment_bytes {
            let seen = format!("its comment has {} bytes", entry.comment_len);
            let path = String::from_utf8_lossy(entry.header.name).into_owned();
            return Err(Refusal::new(Rule::CommentTooLong).named(&path).at(at).saw(seen));
        }
        at = entry.header.end;
        entries.push(entry);
        // The directory may hold more than it says: reading on is bounded by the entries allowed.
        if entries.len() as u64 > limits.entries {
            return Err(Refusal::new(Rule::TooManyEntries).at(at).saw("the directory goes on"));
        }
    }
    if entries.len() as u64 == extent.entries {
        return Ok(entries);
    }
    let seen = format!("{} entries announced, {} there", extent.entries, entries.len());
    Err(Refusal::new(Rule::CountMismatch).at(extent.at).saw(seen))
}

/// Whether `content` ends as a ZIP file does: with an end record that leads to a directory.
pub(crate) fn ends_like_a_zip(content: &[u8]) -> bool {
    let bytes = Bytes(content);
    let tail_at = content.len().saturating_sub(TAIL_BYTES);
    let tail = content.get(tail_at..).unwrap_or_default();
    memmem::rfind_iter(tail, &END.to_le_bytes()).any(|at| {
        EndRecord::read(bytes, (tail_at + at) as u64).is_some_and(|record| {
            let directory_at = record.at.saturating_sub(u64::from(record.directory_len));
            record.directory_len > 0 && bytes.starts_with(directory_at, CENTRAL)
        })
    })
}
