//! Writes ZIP files byte by byte, true by default; a test makes any field lie.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// What a local header and a directory entry both say.
#[derive(Debug, Clone)]
pub struct Header {
    pub flags: u16,
    pub method: u16,
    pub time: u16,
    pub crc: u32,
    pub packed: u32,
    pub expanded: u32,
    pub name: Vec<u8>,
    pub extra: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub local: Header,
    pub central: Header,
    /// As it stands in the file.
    pub data: Vec<u8>,
    pub descriptor: Vec<u8>,
    pub before: Vec<u8>,
    pub comment: Vec<u8>,
    pub disk: u16,
    /// Upper half: Unix mode; lowest byte: MS-DOS attributes.
    pub attributes: u32,
    pub local_at: Option<u32>,
    pub listed: bool,
    pub present: bool,
}

/// The end record; `None` is the truth.
#[derive(Debug, Clone, Default)]
pub struct End {
    pub disk: u16,
    pub directory_disk: u16,
    pub entries_here: Option<u16>,
    pub entries: Option<u16>,
    pub directory_len: Option<u32>,
    pub directory_at: Option<u32>,
    pub comment: Vec<u8>,
    pub comment_len: Option<u16>,
}

#[derive(Debug, Clone, Default)]
pub struct RawZip {
    pub prefix: Vec<u8>,
    pub entries: Vec<Entry>,
    pub before_directory: Vec<u8>,
    pub after_directory: Vec<u8>,
    pub zip64: Option<Zip64>,
    pub end: End,
    pub suffix: Vec<u8>,
}

/// A ZIP64 end record and locator; `None` is the truth.
#[derive(Debug, Clone, Default)]
pub struct Zip64 {
    pub entries: Option<u64>,
    pub directory_at: Option<u64>,
    pub locator_at: Option<u64>,
    pub disks: u32,
    pub extension: Vec<u8>,
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

impl Entry {
    pub fn stored(name: &str, content: &[u8]) -> Entry {
        Entry::new(name, content, 0, content.to_vec())
    }

    pub fn deflated(name: &str, content: &[u8]) -> Entry {
        Entry::new(name, content, 8, deflate(content))
    }

    pub fn folder(name: &str) -> Entry {
        let mut entry = Entry::stored(name, b"");
        entry.attributes = 0o040_755 << 16 | 0x10;
        entry
    }

    fn new(name: &str, content: &[u8], method: u16, data: Vec<u8>) -> Entry {
        let header = Header {
            flags: if name.is_ascii() { 0 } else { 1 << 11 },
            method,
            time: 0,
            crc: crc32fast::hash(content),
            packed: data.len() as u32,
            expanded: content.len() as u32,
            name: name.as_bytes().to_vec(),
            extra: Vec::new(),
        };
        Entry {
            local: header.clone(),
            central: header,
            data,
            descriptor: Vec::new(),
            before: Vec::new(),
            comment: Vec::new(),
            disk: 0,
            attributes: 0o100_644 << 16,
            local_at: None,
            listed: true,
            present: true,
        }
    }

    /// Both headers say the same other thing.
    pub fn both(mut self, change: impl Fn(&mut Header)) -> Entry {
        change(&mut self.local);
        change(&mut self.central);
        self
    }

    /// As a streaming tool writes it: zeros in front, the truth behind.
    pub fn streamed(mut self, signed: bool) -> Entry {
        let mut descriptor = Vec::new();
        if signed {
            descriptor.extend(0x0807_4b50u32.to_le_bytes());
        }
        for field in [self.central.crc, self.central.packed, self.central.expanded] {
            descriptor.extend(field.to_le_bytes());
        }
        self.descriptor = descriptor;
        (self.local.crc, self.local.packed, self.local.expanded) = (0, 0, 0);
        self.both(|header| header.flags |= 8)
    }
}

impl RawZip {
    pub fn of(entries: Vec<Entry>) -> RawZip {
        RawZip {
            entries,
            ..RawZip::default()
        }
    }

    pub fn build(&self) -> Vec<u8> {
        let mut out = self.prefix.clone();
        let mut places = Vec::new();
        for entry in &self.entries {
            out.extend(&entry.before);
            places.push(out.len() as u32);
            if entry.present {
                out.extend(b"PK\x03\x04");
                shared_fields(&mut out, &entry.local);
                out.extend(&entry.local.name);
                out.extend(&entry.local.extra);
                out.extend(&entry.data);
                out.extend(&entry.descriptor);
            }
        }
        out.extend(&self.before_directory);
        let directory_at = out.len();
        for (entry, place) in self.entries.iter().zip(places).filter(|(entry, _)| entry.listed) {
            out.extend(b"PK\x01\x02\x14\x03");
            shared_fields(&mut out, &entry.central);
            out.extend((entry.comment.len() as u16).to_le_bytes());
            out.extend(entry.disk.to_le_bytes());
            out.extend([0, 0]);
            out.extend(entry.attributes.to_le_bytes());
            out.extend(entry.local_at.unwrap_or(place).to_le_bytes());
            out.extend(&entry.central.name);
            out.extend(&entry.central.extra);
            out.extend(&entry.comment);
        }
        let directory_len = out.len() - directory_at;
        out.extend(&self.after_directory);
        let entries = self.entries.iter().filter(|entry| entry.listed).count();
        if let Some(zip64) = &self.zip64 {
            zip64_records(&mut out, zip64, entries, directory_len, directory_at);
        }
        let end = &self.end;
        out.extend(b"PK\x05\x06");
        out.extend(end.disk.to_le_bytes());
        out.extend(end.directory_disk.to_le_bytes());
        out.extend(end.entries_here.unwrap_or(entries as u16).to_le_bytes());
        out.extend(end.entries.unwrap_or(entries as u16).to_le_bytes());
        out.extend(end.directory_len.unwrap_or(directory_len as u32).to_le_bytes());
        out.extend(end.directory_at.unwrap_or(directory_at as u32).to_le_bytes());
        out.extend(end.comment_len.unwrap_or(end.comment.len() as u16).to_le_bytes());
        out.extend(&end.comment);
        out.extend(&self.suffix);
        out
    }
}

/// From the version needed to the length of the extra area.
fn shared_fields(out: &mut Vec<u8>, header: &Header) {
    out.extend(20u16.to_le_bytes());
    out.extend(header.flags.to_le_bytes());
    out.extend(header.method.to_le_bytes());
    out.extend(header.time.to_le_bytes());
    out.extend(0x21u16.to_le_bytes());
    out.extend(header.crc.to_le_bytes());
    out.extend(header.packed.to_le_bytes());
    out.extend(header.expanded.to_le_bytes());
    out.extend((header.name.len() as u16).to_le_bytes());
    out.extend((header.extra.len() as u16).to_le_bytes());
}

fn zip64_records(out: &mut Vec<u8>, zip64: &Zip64, entries: usize, directory_len: usize, directory_at: usize) {
    let at = out.len() as u64;
    let entries = zip64.entries.unwrap_or(entries as u64);
    out.extend(b"PK\x06\x06");
    out.extend((44 + zip64.extension.len() as u64).to_le_bytes());
    out.extend([45, 3, 45, 0]);
    out.extend([0; 8]);
    out.extend(entries.to_le_bytes());
    out.extend(entries.to_le_bytes());
    out.extend((directory_len as u64).to_le_bytes());
    out.extend(zip64.directory_at.unwrap_or(directory_at as u64).to_le_bytes());
    out.extend(&zip64.extension);
    out.extend(b"PK\x06\x07\0\0\0\0");
    out.extend(zip64.locator_at.unwrap_or(at).to_le_bytes());
    out.extend(zip64.disks.to_le_bytes());
}
