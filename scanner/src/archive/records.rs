//! The records of a ZIP file (PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5), read field by field.
//! Nothing here judges; a record that does not fit into the bytes is `None`.

/// Little-endian fields at a position, each checked against the end of the bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn len(self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn slice(self, at: u64, len: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(at).ok()?;
        let end = usize::try_from(at.checked_add(len)?).ok()?;
        self.0.get(start..end)
    }

    fn array<const N: usize>(self, at: u64) -> Option<[u8; N]> {
        self.slice(at, N as u64)?.try_into().ok()
    }

    pub(crate) fn u16(self, at: u64) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(self, at: u64) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(self, at: u64) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    pub(crate) fn starts_with(self, at: u64, signature: u32) -> bool {
        self.u32(at) == Some(signature)
    }
}

pub(crate) const LOCAL: u32 = 0x0403_4b50;
pub(crate) const CENTRAL: u32 = 0x0201_4b50;
pub(crate) const END: u32 = 0x0605_4b50;
pub(crate) const ZIP64_END: u32 = 0x0606_4b50;
pub(crate) const ZIP64_LOCATOR: u32 = 0x0706_4b50;
pub(crate) const DESCRIPTOR: u32 = 0x0807_4b50;

const END_LEN: u64 = 22;
const LOCAL_LEN: u64 = 30;
const CENTRAL_LEN: u64 = 46;
const ZIP64_END_LEN: u64 = 56;
const ZIP64_LOCATOR_LEN: u64 = 20;

/// End of central directory record (4.3.16).
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndRecord {
    pub(crate) at: u64,
    pub(crate) disk: u16,
    pub(crate) directory_disk: u16,
    pub(crate) entries_here: u16,
    pub(crate) entries: u16,
    pub(crate) directory_len: u32,
    pub(crate) directory_at: u32,
    pub(crate) comment_len: u16,
}

impl EndRecord {
    pub(crate) fn read(bytes: Bytes<'_>, at: u64) -> Option<Self> {
        bytes.slice(at, END_LEN)?;
        bytes.starts_with(at, END).then_some(())?;
        Some(EndRecord {
            at,
            disk: bytes.u16(at + 4)?,
            directory_disk: bytes.u16(at + 6)?,
            entries_here: bytes.u16(at + 8)?,
            entries: bytes.u16(at + 10)?,
            directory_len: bytes.u32(at + 12)?,
            directory_at: bytes.u32(at + 16)?,
            comment_len: bytes.u16(at + 20)?,
        })
    }

    /// Where the comment that the record announces ends.
    pub(crate) fn end(&self) -> u64 {
        self.at + END_LEN + u64::from(self.comment_len)
    }
}

/// ZIP64 end record (4.3.14) and its locator (4.3.15), where a locator stands before the end record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zip64End {
    pub(crate) at: u64,
    pub(crate) locator_at: u64,
    pub(crate) locator_disk: u32,
    pub(crate) disks: u32,
    pub(crate) record_len: u64,
    pub(crate) disk: u32,
    pub(crate) directory_disk: u32,
    pub(crate) entries_here: u64,
    pub(crate) entries: u64,
    pub(crate) directory_len: u64,
    pub(crate) directory_at: u64,
}

impl Zip64End {
    /// `Some(None)`: a locator stands there, but leads nowhere.
    pub(crate) fn before(bytes: Bytes<'_>, end: &EndRecord) -> Option<Option<Self>> {
        let locator_at = end.at.checked_sub(ZIP64_LOCATOR_LEN)?;
        bytes
            .starts_with(locator_at, ZIP64_LOCATOR)
            .then(|| Self::read(bytes, locator_at))
    }

    fn read(bytes: Bytes<'_>, locator_at: u64) -> Option<Self> {
        let at = bytes.u64(locator_at + 8)?;
        bytes.slice(at, ZIP64_END_LEN)?;
        bytes.starts_with(at, ZIP64_END).then_some(())?;
        Some(Zip64End {
            at,
            locator_at,
            locator_disk: bytes.u32(locator_at + 4)?,
            disks: bytes.u32(locator_at + 16)?,
            record_len: bytes.u64(at + 4)?.checked_add(12)?,
            disk: bytes.u32(at + 16)?,
            directory_disk: bytes.u32(at + 20)?,
            entries_here: bytes.u64(at + 24)?,
            entries: bytes.u64(at + 32)?,
            directory_len: bytes.u64(at + 40)?,
            directory_at: bytes.u64(at + 48)?,
        })
    }
}

/// The fields that a local header (4.3.7) and a central one (4.3.12) share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    pub(crate) at: u64,
    /// The version of the format that a reader needs, times ten.
    pub(crate) version: u8,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) time: u16,
    pub(crate) date: u16,
    pub(crate) crc: u32,
    pub(crate) packed: u32,
    pub(crate) expanded: u32,
    pub(crate) name: &'a [u8],
    pub(crate) extra: &'a [u8],
    /// First byte after the header.
    pub(crate) end: u64,
}

impl<'a> Header<'a> {
    pub(crate) fn local(bytes: Bytes<'a>, at: u64) -> Option<Self> {
        bytes.starts_with(at, LOCAL).then_some(())?;
        Self::fields(bytes, at, at + 4, at.checked_add(LOCAL_LEN)?)
    }

    /// The version needed stands at `from`, the other shared fields after it; the name at `name_at`.
    fn fields(bytes: Bytes<'a>, at: u64, from: u64, name_at: u64) -> Option<Self> {
        let name_len = u64::from(bytes.u16(from + 22)?);
        let extra_len = u64::from(bytes.u16(from + 24)?);
        Some(Header {
            at,
            // The other byte names a system.
            version: bytes.u16(from)?.to_le_bytes()[0],
            flags: bytes.u16(from + 2)?,
            method: bytes.u16(from + 4)?,
            time: bytes.u16(from + 6)?,
            date: bytes.u16(from + 8)?,
            crc: bytes.u32(from + 10)?,
            packed: bytes.u32(from + 14)?,
            expanded: bytes.u32(from + 18)?,
            name: bytes.slice(name_at, name_len)?,
            extra: bytes.slice(name_at + name_len, extra_len)?,
            end: name_at + name_len + extra_len,
        })
    }
}

/// An entry of the central directory (4.3.12).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Central<'a> {
    pub(crate) header: Header<'a>,
    pub(crate) comment_len: u16,
    pub(crate) disk: u16,
    pub(crate) external_attributes: u32,
    pub(crate) local_at: u32,
}

impl<'a> Central<'a> {
    pub(crate) fn read(bytes: Bytes<'a>, at: u64) -> Option<Self> {
        bytes.starts_with(at, CENTRAL).then_some(())?;
        let mut header = Header::fields(bytes, at, at + 6, at.checked_add(CENTRAL_LEN)?)?;
        let comment_len = bytes.u16(at + 32)?;
        bytes.slice(header.end, u64::from(comment_len))?;
        header.end += u64::from(comment_len);
        Some(Central {
            header,
            comment_len,
            disk: bytes.u16(at + 34)?,
            external_attributes: bytes.u32(at + 38)?,
            local_at: bytes.u32(at + 42)?,
        })
    }
}

/// The fields of an extra area (4.5), or `None` where their lengths do not add up to it.
pub(crate) fn extra_fields(area: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let bytes = Bytes(area);
    let mut fields = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let len = u64::from(bytes.u16(at + 2)?);
        fields.push((bytes.u16(at)?, bytes.slice(at + 4, len)?));
        at += 4 + len;
    }
    Some(fields)
}
