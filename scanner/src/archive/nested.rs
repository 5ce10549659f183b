//! Recognises archives inside the archive, by content: a name proves nothing.

/// (offset, signature, what it is). Compressed single files count: they hide content just as well.
const SIGNATURES: [(usize, &[u8], &str); 22] = [
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"PK\x07\x08", "a split ZIP archive"),
    (0, b"\x1f\x8b\x08", "gzip data"),
    (0, b"BZh91AY&SY", "bzip2 data"),
    (0, b"\xfd7zXZ\x00", "xz data"),
    (0, b"\x5d\x00\x00\x80\x00", "LZMA data"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (0, b"\x04\x22\x4d\x18", "LZ4 data"),
    (0, b"LZIP\x01", "lzip data"),
    (0, b"\x89LZO\x00\r\n\x1a\n", "lzop data"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"MSCF\x00\x00\x00\x00", "a Windows cabinet"),
    (0, b"!<arch>\n", "an ar or Debian package"),
    (0, b"\xed\xab\xee\xdb", "an RPM package"),
    (0, b"xar!\x00\x1c", "a xar or macOS installer package"),
    (0, b"070701", "a cpio archive"),
    (0, b"070707", "a cpio archive"),
    (257, b"ustar", "a tar archive"),
    (32_769, b"CD001", "an ISO image"),
    (0, b"hsqs", "a squashfs image"),
];

/// What kind of archive `content` is, if it is one.
pub(crate) fn kind(content: &[u8]) -> Option<&'static str> {
    let starts =
        |(at, signature, _): &&(usize, &[u8], &str)| content.get(*at..).is_some_and(|rest| rest.starts_with(signature));
    if let Some((_, _, kind)) = SIGNATURES.iter().find(starts) {
        return Some(kind);
    }
    let trailer = content.len().checked_sub(512).and_then(|at| content.get(at..));
    if trailer.is_some_and(|trailer| trailer.starts_with(b"koly\x00\x00\x00\x04")) {
        return Some("a macOS disk image");
    }
    // Readers look for ZIP's directory at the end: an image can be a ZIP archive as well.
    super::directory::ends_like_a_zip(content).then_some("a ZIP archive behind other content")
}
