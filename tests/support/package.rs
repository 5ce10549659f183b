//! Packages made on the spot: a manifest with honest hashes, or whatever a test wants to be wrong.
//!
//! The archive is written by hand, entry by entry and uncompressed: an honest writer would refuse to write what a scanner must refuse to read.

use sha2::{Digest, Sha256};

/// One note: the smallest file that is music.
pub const MIDI: &[u8] = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk\x00\x00\x00\x04\x00\xff\x2f\x00";

/// The harmless file that every scanner must call a virus (eicar.org); in two halves, so that none calls this one so.
pub fn eicar() -> Vec<u8> {
    let halves = [
        "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD",
        "-ANTIVIRUS-TEST-FILE!$H+H*",
    ];
    halves.concat().into_bytes()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The text of `souk.toml` for these files.
pub fn manifest(content_type: &str, version: &str, files: &[(&str, &[u8])]) -> String {
    let mut text = format!(
        "format = 1\n\n[package]\nname = \"journey-pack\"\nversion = \"{version}\"\ncontent_type = \"{content_type}\"\n\
         licence = \"CC-BY-4.0\"\n\n[compatibility.products]\ndaiw = \">=1.0\"\n"
    ) + &metadata(content_type, files);
    for (path, content) in files {
        text += &format!("\n[[files]]\npath = \"{path}\"\nsha256 = \"{}\"\n", sha256(content));
    }
    text
}

/// What a package of this type has to say of its content.
fn metadata(content_type: &str, files: &[(&str, &[u8])]) -> String {
    let piece = |path: &str| {
        let harmony = match content_type {
            "chord-pack" => "key = \"C\"\nmode = \"major\"\nchords = [\"C\"]\n",
            _ => "",
        };
        format!("\n[[metadata.pieces]]\nfile = \"{path}\"\nbpm = 120\nmeter = \"4/4\"\nbars = 1\n{harmony}")
    };
    let midi = files
        .iter()
        .filter(|(path, _)| path.to_ascii_lowercase().ends_with(".mid"));
    match content_type {
        "groove-template" | "chord-pack" => midi.map(|(path, _)| piece(path)).collect(),
        "synth-preset" => "\n[metadata]\ninstruments = [\"Vital\"]\n".to_owned(),
        "intent-preset" => "\n[metadata]\nintents = [\"calm\"]\n".to_owned(),
        "genre-template" => "\n[metadata]\ngenre = \"dub techno\"\n".to_owned(),
        "plugin-native" => "\n[metadata]\nformats = [\"clap\"]\n".to_owned(),
        "production-guide" => "\n[metadata]\nlanguage = \"en\"\n".to_owned(),
        _ => String::new(),
    }
}

/// A package with its manifest, as a partner's tool would write it.
pub fn pack(content_type: &str, version: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let manifest = manifest(content_type, version, files);
    let mut entries = vec![("souk.toml", manifest.as_bytes())];
    entries.extend_from_slice(files);
    zip(&entries)
}

/// A small groove package that is unlike any other.
pub fn grooves(version: &str) -> Vec<u8> {
    let readme = format!("# Grooves\n\nTake {}.\n", crate::unique());
    pack(
        "groove-template",
        version,
        &[("README.md", readme.as_bytes()), ("grooves/one.mid", MIDI)],
    )
}

/// The same with a key of a cloud in its text, which holds a package until a person has looked.
pub fn with_secret(version: &str) -> Vec<u8> {
    let key = ["AKIA", "QYLPMN5HTHFPZAM2"].concat();
    let readme = format!("# Grooves\n\nTake {}. The key is {key}.\n", crate::unique());
    pack(
        "groove-template",
        version,
        &[("README.md", readme.as_bytes()), ("grooves/one.mid", MIDI)],
    )
}

/// An archive of these entries, named exactly so.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    const UNIX_FILE: u32 = 0o100_644 << 16;
    zip_with_modes(
        &entries
            .iter()
            .map(|(name, content)| (*name, *content, UNIX_FILE))
            .collect::<Vec<_>>(),
    )
}

/// An archive whose second entry is a symbolic link out of the package.
pub fn with_symlink(manifest: &str) -> Vec<u8> {
    zip_with_modes(&[
        ("souk.toml", manifest.as_bytes(), 0o100_644 << 16),
        ("grooves/link.mid", b"/etc/passwd", 0o120_777 << 16),
    ])
}

/// APPNOTE 4.3: local headers and contents, the central directory, its end.
fn zip_with_modes(entries: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let short = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
    for (name, content, mode) in entries {
        let offset = size(&archive);
        // Version 2.0, names in UTF-8, stored, 1980-01-01, checksum, twice the size, length of the name, no extra field.
        let mut common = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc32fast::hash(content).to_le_bytes());
        common.extend([size(content), size(content)].concat());
        common.extend(short(name.len()));
        common.extend([0, 0]);
        archive.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), content].concat());
        // Made on Unix by version 2.0; then comment, disk, internal and external attributes, and where the entry is.
        directory.extend([b"PK\x01\x02", [20, 3].as_slice(), common.as_slice(), &[0; 6]].concat());
        directory.extend([mode.to_le_bytes(), offset].concat());
        directory.extend(name.as_bytes());
    }
    let (count, place) = (short(entries.len()), size(&archive));
    let end = [
        b"PK\x05\x06",
        [0; 4].as_slice(),
        &count,
        &count,
        &size(&directory),
        &place,
        &[0, 0],
    ]
    .concat();
    [archive, directory, end].concat()
}

/// An upload form filled in: its content type and body (RFC 7578), the file last.
pub fn multipart(fields: &serde_json::Value, file: &[u8]) -> (String, Vec<u8>) {
    let boundary = crate::unique();
    let mut body = Vec::new();
    for (name, value) in fields.as_object().unwrap() {
        let value = value.as_str().unwrap();
        body.extend(
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes(),
        );
    }
    let head =
        "content-disposition: form-data; name=\"file\"; filename=\"package.zip\"\r\ncontent-type: application/zip";
    body.extend(format!("--{boundary}\r\n{head}\r\n\r\n").into_bytes());
    body.extend(file);
    body.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}
