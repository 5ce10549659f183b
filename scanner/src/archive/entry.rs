//! Judges one entry by its record in the directory: kind, method, flags, name and sizes.

use super::extra::{Extra, Zip64Values};
use super::layout::Placed;
use super::records::Central;
use super::rule::Rule;
use super::{MAX_VERSION, Method, Refusal, flags};
use crate::config::Limits;

/// Unix file types (`S_IFMT`), in the upper half of the external attributes.
const FILE_TYPE: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
/// The MS-DOS folder attribute, in the lowest byte.
const DOS_FOLDER: u32 = 0x10;
/// No deflate stream expands further than this (zlib, "Maximum expansion factor").
const DEFLATE_MAXIMUM: u64 = 1032;

impl Placed<'_> {
    pub(crate) fn is_folder(&self) -> bool {
        self.path.ends_with('/')
    }

    /// A refusal that names this entry.
    pub(crate) fn refuse(&self, rule: Rule) -> Refusal {
        Refusal::new(rule).named(&self.path)
    }
}

/// Reads one directory record, or refuses it.
pub(crate) fn place<'a>(central: Central<'a>, limits: &Limits) -> Result<Placed<'a>, Refusal> {
    let header = &central.header;
    let path = match std::str::from_utf8(header.name) {
        Ok(path) if path.is_ascii() || header.flags & flags::UTF8 != 0 => path.to_owned(),
        _ => {
            let shown = String::from_utf8_lossy(header.name);
            let seen = "its name is neither ASCII nor marked and valid as UTF-8";
            return Err(Refusal::new(Rule::NameEncoding).named(&shown).at(header.at).saw(seen));
        }
    };
    let refuse = |rule: Rule, seen: String| Err(Refusal::new(rule).named(&path).at(header.at).saw(seen));
    let encryption = flags::ENCRYPTED | flags::STRONG_ENCRYPTION | flags::MASKED_HEADERS;
    if header.flags & encryption != 0 {
        return refuse(Rule::Encrypted, format!("flags 0x{:04x}", header.flags));
    }
    if header.flags & !flags::ALLOWED != 0 {
        return refuse(Rule::Flags, format!("flags 0x{:04x}", header.flags));
    }
    if header.version > MAX_VERSION {
        return refuse(Rule::Version, format!("version {} needed", header.version));
    }
    let method = match header.method {
        0 => Method::Stored,
        8 => Method::Deflate,
        other => return refuse(Rule::Method, format!("method {other}")),
    };
    let (packed, expanded, local_at) = sizes(&central, &path)?;
    let placed = Placed {
        central,
        path,
        method,
        packed,
        expanded,
        local_at,
        data_at: 0,
    };
    check_kind(&placed)?;
    check_sizes(&placed, limits)?;
    Ok(placed)
}

/// Compressed size, size and place, widened by ZIP64's field where they are full.
fn sizes(central: &Central<'_>, path: &str) -> Result<(u64, u64, u64), Refusal> {
    let header = &central.header;
    let refuse = |rule, seen: &str| Refusal::new(rule).named(path).at(header.at).saw(seen);
    let extra = Extra::read(header.extra, header.name).map_err(|(rule, seen)| refuse(rule, &seen))?;
    if central.disk != 0 {
        return Err(refuse(Rule::MultiDisk, "it starts on another disk"));
    }
    let mut wide = Zip64Values::of(extra);
    let expanded = wide.widen(header.expanded);
    let packed = wide.widen(header.packed);
    let local_at = wide.widen(central.local_at);
    match (packed, expanded, local_at) {
        (Some(packed), Some(expanded), Some(local_at)) if wide.is_used_up() => Ok((packed, expanded, local_at)),
        _ => Err(refuse(Rule::Zip64Conflict, "its ZIP64 field does not fit its header")),
    }
}

fn check_kind(entry: &Placed<'_>) -> Result<(), Refusal> {
    let attributes = entry.central.external_attributes;
    let at = entry.central.header.at;
    let mode = attributes >> 16;
    // Whatever system the entry claims to come from: readers differ on whether they look at that.
    let folder = match mode & FILE_TYPE {
        0 => None,
        FOLDER => Some(true),
        REGULAR => Some(false),
        SYMLINK => return Err(entry.refuse(Rule::Symlink).at(at).saw(format!("mode {mode:o}"))),
        _ => return Err(entry.refuse(Rule::SpecialFile).at(at).saw(format!("mode {mode:o}"))),
    };
    let named_folder = entry.is_folder();
    let marked_folder = attributes & DOS_FOLDER != 0;
    if folder.is_some_and(|folder| folder != named_folder) || (marked_folder && !named_folder) {
        let seen = "its name and its attributes disagree on whether it is a folder";
        return Err(entry.refuse(Rule::FileDirectoryClash).at(at).saw(seen));
    }
    if named_folder && (entry.expanded != 0 || entry.central.header.crc != 0) {
        let seen = format!("a folder of {} bytes", entry.expanded);
        return Err(entry.refuse(Rule::DirectoryWithData).at(at).saw(seen));
    }
    Ok(())
}

fn check_sizes(entry: &Placed<'_>, limits: &Limits) -> Result<(), Refusal> {
    let at = entry.central.header.at;
    let (packed, expanded) = (entry.packed, entry.expanded);
    if expanded > limits.entry_bytes {
        let seen = format!("{expanded} bytes expanded, {} allowed", limits.entry_bytes);
        return Err(entry.refuse(Rule::EntryTooLarge).at(at).saw(seen));
    }
    if expanded > limits.ratio_free_bytes && expanded / limits.ratio.max(1) >= packed {
        let seen = format!("{expanded} bytes expanded from {packed}");
        return Err(entry.refuse(Rule::Ratio).at(at).saw(seen));
    }
    let possible = match entry.method {
        Method::Stored => packed == expanded,
        Method::Deflate => expanded / DEFLATE_MAXIMUM <= packed,
    };
    match possible {
        true => Ok(()),
        false => {
            let seen = format!("{expanded} bytes cannot come from {packed}");
            Err(entry.refuse(Rule::SizeMismatch).at(at).saw(seen))
        }
    }
}
