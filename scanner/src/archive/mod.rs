//! The archive pre-flight: a strict reading of ZIP at the level of bytes.
//!
//! [`Archive::open`] accepts only a file that every reader understands in the same way; whatever
//! is ambiguous, hidden, contradictory or beyond the limits is refused before a single byte is
//! expanded. [`Archive::content`] then expands one entry at a time, into memory, never beyond
//! what the entry declared and the limits allow. No path of an archive ever reaches a file system.

mod directory;
mod entry;
mod extra;
mod inflate;
mod layout;
pub(crate) mod names;
mod nested;
mod records;
mod rule;

use std::collections::HashMap;

use crate::clock::Deadline;
use crate::config::Limits;
use crate::report::Finding;
pub(crate) use layout::Placed as Entry;
use layout::Placed;
pub(crate) use names::DEPTH as MAX_DEPTH;
use records::Bytes;
pub(crate) use rule::Rule;

/// General purpose bits (APPNOTE 4.4.4) that are understood.
mod flags {
    pub(crate) const ENCRYPTED: u16 = 1 << 0;
    pub(crate) const DESCRIPTOR: u16 = 1 << 3;
    pub(crate) const STRONG_ENCRYPTION: u16 = 1 << 6;
    pub(crate) const UTF8: u16 = 1 << 11;
    pub(crate) const MASKED_HEADERS: u16 = 1 << 13;
    /// Bits 1 and 2 tell how hard the deflater tried.
    pub(crate) const ALLOWED: u16 = 0b110 | DESCRIPTOR | UTF8;
}

/// What deflated files, folders and ZIP64 need (APPNOTE 4.4.3.2), times ten. Beyond it readers give up, each elsewhere.
const MAX_VERSION: u8 = 45;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Stored,
    Deflate,
}

/// Why an archive is refused: a finding in the making.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Finding>);

impl Refusal {
    fn new(rule: Rule) -> Self {
        Refusal(Box::new(rule.finding()))
    }

    fn named(self, path: &str) -> Self {
        Refusal(Box::new(self.0.in_file(path)))
    }

    fn at(self, offset: impl TryInto<u64>) -> Self {
        Refusal(Box::new(self.0.at(offset)))
    }

    fn saw(self, evidence: impl AsRef<str>) -> Self {
        Refusal(Box::new(self.0.saw(evidence)))
    }
}

impl From<Refusal> for Finding {
    fn from(refusal: Refusal) -> Self {
        *refusal.0
    }
}

/// Why an entry's content is not there.
#[derive(Debug)]
pub(crate) enum ContentError {
    Refused(Refusal),
    OutOfTime,
}

impl From<Refusal> for ContentError {
    fn from(refusal: Refusal) -> Self {
        ContentError::Refused(refusal)
    }
}

/// An archive whose structure has been accepted.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    bytes: Bytes<'a>,
    entries: Vec<Placed<'a>>,
    /// The extension of the one kind of archive that may be in it.
    nests: Option<&'static str>,
}

impl<'a> Archive<'a> {
    /// Accepts or refuses the structure of `package`. A broken layout ends the reading at the
    /// first finding; broken names are all reported.
    pub(crate) fn open(package: &'a [u8], limits: &Limits) -> Result<Self, Vec<Finding>> {
        let bytes = Bytes(package);
        let one = |refusal: Refusal| vec![Finding::from(refusal)];
        if bytes.len() > limits.package_bytes {
            let seen = format!("{} bytes, {} allowed", bytes.len(), limits.package_bytes);
            return Err(one(Refusal::new(Rule::PackageTooLarge).saw(seen)));
        }
        let directory = directory::read(bytes, limits).map_err(one)?;
        let mut entries = Vec::new();
        for central in directory.entries {
            entries.push(entry::place(central, limits).map_err(one)?);
        }
        check_totals(bytes, &entries, limits).map_err(one)?;
        layout::check(bytes, &mut entries, directory.at).map_err(one)?;
        let findings = check_names(&entries);
        match findings.is_empty() {
            true => Ok(Archive {
                bytes,
                entries,
                nests: None,
            }),
            false => Err(findings),
        }
    }

    /// The same archive, in which files with this extension may be archives themselves.
    pub(crate) fn nesting(self, extension: &'static str) -> Self {
        Archive {
            nests: Some(extension),
            ..self
        }
    }

    /// Every entry, folders included, in the order of the directory.
    pub(crate) fn entries(&self) -> &[Placed<'a>] {
        &self.entries
    }

    /// The content of one entry: borrowed where it is stored, expanded into `buffer` where it is
    /// compressed. Its length and checksum have been verified.
    pub(crate) fn content<'b>(
        &self,
        entry: &Placed<'_>,
        buffer: &'b mut Vec<u8>,
        deadline: &Deadline,
    ) -> Result<&'b [u8], ContentError>
    where
        'a: 'b,
    {
        let Some(packed) = self.bytes.slice(entry.data_at, entry.packed) else {
            return Err(entry.refuse(Rule::Truncated).saw("its data is cut short").into());
        };
        let content = match entry.method {
            Method::Stored => packed,
            Method::Deflate => {
                inflate::expand(entry, packed, buffer, deadline)?;
                buffer.as_slice()
            }
        };
        if crc32fast::hash(content) != entry.central.header.crc {
            return Err(entry
                .refuse(Rule::Checksum)
                .at(entry.data_at)
                .saw("the checksum differs")
                .into());
        }
        let (_, extension) = entry.path.rsplit_once('.').unwrap_or_default();
        let may_nest = self.nests.is_some_and(|nests| nests.eq_ignore_ascii_case(extension));
        if let Some(kind) = nested::kind(content).filter(|_| !may_nest) {
            return Err(entry.refuse(Rule::NestedArchive).saw(format!("it is {kind}")).into());
        }
        Ok(content)
    }
}

/// Declared totals. Expanding stops at the declared length, so these bound what is produced too.
fn check_totals(bytes: Bytes<'_>, entries: &[Placed<'_>], limits: &Limits) -> Result<(), Refusal> {
    let expanded = entries
        .iter()
        .fold(0u64, |sum, entry| sum.saturating_add(entry.expanded));
    if expanded > limits.expanded_bytes {
        let seen = format!("{expanded} bytes expanded, {} allowed", limits.expanded_bytes);
        return Err(Refusal::new(Rule::ExpandedTooLarge).saw(seen));
    }
    if expanded > limits.ratio_free_bytes && expanded / limits.ratio.max(1) >= bytes.len() {
        let seen = format!("{expanded} bytes expanded from {}", bytes.len());
        return Err(Refusal::new(Rule::Ratio).saw(seen));
    }
    Ok(())
}

/// Names one by one, and against each other: no two may be the same file anywhere, and none may
/// be a file here and a folder there.
fn check_names(entries: &[Placed<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Folded path → its first spelling and whether it is a folder.
    let mut seen: HashMap<String, (String, bool)> = HashMap::new();
    let mut exact: std::collections::HashSet<&str> = std::collections::HashSet::new();
    for entry in entries {
        for rule in names::broken_rules(&entry.path) {
            findings.push(entry.refuse(rule).at(entry.central.header.at).into());
        }
        let path = entry.path.strip_suffix('/').unwrap_or(&entry.path);
        if !exact.insert(&entry.path) {
            findings.push(entry.refuse(Rule::DuplicateName).at(entry.central.header.at).into());
            continue;
        }
        let folders = path
            .match_indices('/')
            .map(|(at, _)| (path.get(..at).unwrap_or_default(), true));
        for (part, is_folder) in folders.chain([(path, entry.is_folder())]) {
            let (first, was_folder) = seen
                .entry(names::collision_key(part))
                .or_insert_with(|| (part.to_owned(), is_folder));
            let rule = match () {
                () if *was_folder != is_folder => Rule::FileDirectoryClash,
                () if first != part => Rule::CollidingName,
                () => continue,
            };
            let refusal = entry.refuse(rule).at(entry.central.header.at);
            findings.push(refusal.saw(format!("`{part}` and `{first}`")).into());
            break;
        }
    }
    findings
}
