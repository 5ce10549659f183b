//! Lays the local headers, data and descriptors side by side: together they must fill the file
//! from its first byte to the directory, without gap or overlap, and say what the directory says.

use memchr::memmem;

use super::extra::{Extra, Zip64Values};
use super::records::{Bytes, Central, DESCRIPTOR, Header, LOCAL};
use super::rule::Rule;
use super::{MAX_VERSION, Method, Refusal, flags};

/// One entry as the directory describes it, sizes widened.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) central: Central<'a>,
    pub(crate) path: String,
    pub(crate) method: Method,
    pub(crate) packed: u64,
    pub(crate) expanded: u64,
    pub(crate) local_at: u64,
    /// Where the compressed data starts; 0 until [`check`] has seen the local header.
    pub(crate) data_at: u64,
}

/// Checks every entry's place and fills in `data_at`.
pub(crate) fn check(bytes: Bytes<'_>, entries: &mut [Placed<'_>], directory_at: u64) -> Result<(), Refusal> {
    let lost = entries
        .iter()
        .find(|entry| Header::local(bytes, entry.local_at).is_none());
    if let Some(entry) = lost {
        let seen = "the directory leads to a place without an entry";
        return Err(entry.refuse(Rule::OffsetMismatch).at(entry.local_at).saw(seen));
    }
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|index| entries.get(*index).map(|entry| entry.local_at));
    let starts: Vec<u64> = order
        .iter()
        .filter_map(|index| entries.get(*index).map(|entry| entry.local_at))
        .collect();
    let nexts = starts.iter().copied().skip(1).chain([directory_at]);
    let mut expected = 0;
    for (index, next) in order.iter().zip(nexts) {
        if let Some(entry) = entries.get_mut(*index) {
            check_start(bytes, entry, expected)?;
            expected = check_entry(bytes, entry, next)?;
        }
    }
    match expected == directory_at {
        true => Ok(()),
        false => Err(between(bytes, expected, directory_at)),
    }
}

fn check_start(bytes: Bytes<'_>, entry: &Placed<'_>, expected: u64) -> Result<(), Refusal> {
    if entry.local_at < expected {
        let seen = format!("it starts at {}, inside another entry", entry.local_at);
        return Err(entry.refuse(Rule::Overlap).at(entry.local_at).saw(seen));
    }
    if entry.local_at > expected {
        return Err(between(bytes, expected, entry.local_at));
    }
    Ok(())
}

/// What lies between two entries, where nothing may.
fn between(bytes: Bytes<'_>, from: u64, to: u64) -> Refusal {
    let seen = format!("{} bytes that belong to no entry", to.saturating_sub(from));
    let rule = match Header::local(bytes, from) {
        Some(hidden) => {
            let name = String::from_utf8_lossy(hidden.name).into_owned();
            let seen = "an entry that the directory does not list";
            return Refusal::new(Rule::UnlistedEntry).named(&name).at(from).saw(seen);
        }
        None if from == 0 => Rule::PrefixBytes,
        None if bytes.starts_with(from, LOCAL) => Rule::UnlistedEntry,
        None => Rule::Gap,
    };
    Refusal::new(rule).at(from).saw(seen)
}

/// Checks one entry up to where its data and descriptor end, and returns that place.
fn check_entry(bytes: Bytes<'_>, entry: &mut Placed<'_>, next: u64) -> Result<u64, Refusal> {
    let Some(local) = Header::local(bytes, entry.local_at) else {
        let seen = "the directory leads to a place without an entry";
        return Err(entry.refuse(Rule::OffsetMismatch).at(entry.local_at).saw(seen));
    };
    let extra =
        Extra::read(local.extra, local.name).map_err(|(rule, seen)| entry.refuse(rule).at(local.at).saw(seen))?;
    compare(entry, &local, extra)?;
    entry.data_at = local.end;
    let data_end = local.end.checked_add(entry.packed).filter(|end| *end <= next);
    let Some(data_end) = data_end else {
        let seen = format!("its data would run over {next}, where something else starts");
        return Err(entry.refuse(Rule::Overlap).at(local.end).saw(seen));
    };
    if local.flags & flags::DESCRIPTOR == 0 {
        return Ok(data_end);
    }
    check_descriptor(bytes, entry, extra.zip64.is_some(), data_end, next)
}

fn compare(entry: &Placed<'_>, local: &Header<'_>, extra: Extra<'_>) -> Result<(), Refusal> {
    let central = &entry.central.header;
    if local.version > MAX_VERSION {
        let seen = format!("version {} needed", local.version);
        return Err(entry.refuse(Rule::Version).at(local.at).saw(seen));
    }
    let streamed = central.flags & flags::DESCRIPTOR != 0;
    let mut wide = Zip64Values::of(extra);
    let sizes = (wide.widen(local.expanded), wide.widen(local.packed));
    let (Some(expanded), Some(packed)) = sizes else {
        let seen = "its ZIP64 field is too short";
        return Err(entry.refuse(Rule::Zip64Conflict).at(local.at).saw(seen));
    };
    if !wide.is_used_up() {
        let seen = "its ZIP64 field holds values that its header does not ask for";
        return Err(entry.refuse(Rule::Zip64Conflict).at(local.at).saw(seen));
    }
    // A streamed entry's values stand in its descriptor; the header has zeros or the same.
    let agree = |here: u64, there: u64| here == there || (streamed && here == 0);
    let fields = [
        ("names", local.name == central.name),
        ("flags", local.flags == central.flags),
        ("methods", local.method == central.method),
        ("times", (local.time, local.date) == (central.time, central.date)),
        ("checksums", agree(local.crc.into(), central.crc.into())),
        ("compressed sizes", agree(packed, entry.packed)),
        ("sizes", agree(expanded, entry.expanded)),
    ];
    match fields.iter().find(|(_, equal)| !equal) {
        None => Ok(()),
        Some((what, _)) => {
            let seen = format!("the {what} in its header and in the directory differ");
            Err(entry.refuse(Rule::LocalMismatch).at(local.at).saw(seen))
        }
    }
}

/// A descriptor (4.3.9) has an optional signature and sizes of 4 or, with ZIP64, 8 bytes: the
/// room up to `next` tells which, because nothing else may be there.
fn check_descriptor(bytes: Bytes<'_>, entry: &Placed<'_>, zip64: bool, at: u64, next: u64) -> Result<u64, Refusal> {
    let signed = bytes.starts_with(at, DESCRIPTOR);
    let sizes_len = if zip64 { 16 } else { 8 };
    // A checksum may look like the signature: the room decides.
    let unsigned_end = at + 4 + sizes_len;
    let fields_at = if signed && next != unsigned_end { at + 4 } else { at };
    let end = fields_at + 4 + sizes_len;
    let read = |offset: u64, wide_offset: u64| match zip64 {
        true => bytes.u64(fields_at + wide_offset),
        false => bytes.u32(fields_at + offset).map(u64::from),
    };
    let agrees = end <= next
        && bytes.u32(fields_at) == Some(entry.central.header.crc)
        && read(4, 4) == Some(entry.packed)
        && read(8, 12) == Some(entry.expanded);
    if !agrees {
        let seen = "the descriptor after its data and the directory differ";
        return Err(entry.refuse(Rule::DescriptorMismatch).at(at).saw(seen));
    }
    // A streaming reader cannot know where stored data ends: it must find no other end in it.
    if entry.method == Method::Stored
        && bytes
            .slice(entry.data_at, entry.packed)
            .is_some_and(|data| memmem::find(data, &DESCRIPTOR.to_le_bytes()).is_some())
    {
        let seen = "its stored data contains a second descriptor";
        return Err(entry.refuse(Rule::DescriptorMismatch).at(entry.data_at).saw(seen));
    }
    Ok(end)
}
