//! Every line of the archive requirements is refused under its own rule; honest variety passes.

use super::raw_zip::{Entry, RawZip, Zip64};
use super::{MIDI, groove, manifest, package, passes, refused};

/// The honest package with one change to its last entry, `grooves/one.mid`.
pub(crate) fn last(change: impl Fn(Entry) -> Entry) -> RawZip {
    let mut zip = groove();
    let entry = zip.entries.pop().unwrap();
    zip.entries.push(change(entry));
    zip
}

pub(crate) fn with(change: impl Fn(&mut RawZip)) -> RawZip {
    let mut zip = groove();
    change(&mut zip);
    zip
}

pub(crate) fn field(id: u16, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes(), &(data.len() as u16).to_le_bytes(), data].concat()
}

#[test]
fn honest_archives_pass() {
    passes(&groove());
    passes(&last(|_| Entry::stored("grooves/one.mid", MIDI)));
    for signed in [true, false] {
        passes(&last(|entry| entry.streamed(signed)));
        passes(&last(|_| Entry::stored("grooves/one.mid", MIDI).streamed(signed)));
    }
    // Folders, with or without an entry of their own, and entries in another order than the directory's.
    passes(&with(|zip| zip.entries.insert(1, Entry::folder("grooves/"))));
    passes(&with(|zip| zip.entries.reverse()));
    passes(&with(|zip| zip.end.comment = b"made by hand".to_vec()));
    passes(&last(|entry| Entry {
        comment: b"a comment".to_vec(),
        ..entry
    }));
    // Times, owners and Java's marker.
    passes(&last(|e| {
        e.both(|h| h.extra = [field(0x5455, b"\x01\0\0\0\0"), field(0x7875, b"\x01")].concat())
    }));
    passes(&last(|e| e.both(|h| h.extra = field(0xcafe, b""))));
    // Attributes of a system without modes.
    passes(&last(|entry| Entry {
        attributes: 0x20,
        ..entry
    }));
    // Options of the deflater.
    passes(&last(|e| e.both(|h| h.flags |= 0b100)));
}

#[test]
fn names_beyond_ascii_pass_when_marked() {
    passes(&package("groove-template", &[("grooves/Ünïcödé 日本.mid", MIDI)]));
    // The Unicode path may repeat the name.
    let name = b"grooves/one.mid";
    let same = [&[1], crc32fast::hash(name).to_le_bytes().as_slice(), name].concat();
    passes(&last(|e| e.both(|h| h.extra = field(0x7075, &same))));
}

#[test]
fn not_an_archive() {
    for bytes in [&b""[..], b"PK", b"just text", &[0; 4096]] {
        super::check_bytes(bytes, scanner::Verdict::Rejected, &["archive.not_a_zip"]);
    }
    let whole = groove().build();
    super::check_bytes(
        &whole[..whole.len() - 30],
        scanner::Verdict::Rejected,
        &["archive.truncated"],
    );
    refused(&RawZip::default(), "manifest.missing");
}

#[test]
fn overlaps_gaps_prefix_and_trailing_bytes() {
    // Two directory entries for one local entry.
    refused(
        &with(|zip| {
            let mut twin = zip.entries[2].clone();
            twin.present = false;
            let at: usize = zip.entries[..2]
                .iter()
                .map(|e| 30 + e.local.name.len() + e.data.len())
                .sum();
            twin.local_at = Some(at as u32);
            zip.entries.push(twin);
        }),
        "archive.overlap",
    );
    // An entry that swallows the next one: the quoted overlap of zip bombs.
    refused(
        &with(|zip| {
            let next = &zip.entries[2];
            let more = (30 + next.local.name.len() + next.data.len()) as u32;
            zip.entries[1] = zip.entries[1]
                .clone()
                .both(|h| (h.packed, h.expanded) = (h.packed + more, h.packed + more));
        }),
        "archive.overlap",
    );
    refused(
        &last(|entry| Entry {
            before: b"hidden".to_vec(),
            ..entry
        }),
        "archive.gap",
    );
    refused(&with(|zip| zip.before_directory = vec![0; 16]), "archive.gap");
    refused(
        &with(|zip| zip.after_directory = vec![0; 16]),
        "archive.offset_mismatch",
    );
    // Bytes in front, with offsets that count them and without.
    refused(
        &with(|zip| zip.prefix = b"#!/bin/sh\n".to_vec()),
        "archive.prefix_bytes",
    );
    let shifted = [b"MZ stub", groove().build().as_slice()].concat();
    super::check_bytes(&shifted, scanner::Verdict::Rejected, &["archive.prefix_bytes"]);
    refused(&with(|zip| zip.suffix = b"\n".to_vec()), "archive.trailing_bytes");
}

#[test]
fn a_second_end_record() {
    // Two archives joined, in either order of trust.
    let joined = [groove().build(), groove().build()].concat();
    super::check_bytes(&joined, scanner::Verdict::Rejected, &["archive.second_end_record"]);
    // In the comment.
    let inner = RawZip::default().build();
    refused(
        &with(|zip| zip.end.comment = inner.clone()),
        "archive.second_end_record",
    );
    // A whole archive inside stored data.
    let zip = package("groove-template", &[("grooves/one.mid", MIDI)]);
    let mut entries = zip.entries;
    entries.push(Entry::stored("inner.bin", &groove().build()));
    refused(&RawZip::of(entries), "archive.second_end_record");
    // Four bytes of chance are none.
    let text = b"the mark PK\x05\x06 is chance here, whatever follows it";
    let length = u8::try_from(text.len()).unwrap();
    let mut content = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk\x00\x00\x00".to_vec();
    content.extend([length + 8, 0, 0xff, 1, length]);
    content.extend(text);
    content.extend(b"\x00\xff\x2f\x00");
    let files: [(&str, &[u8]); 1] = [("a.mid", &content)];
    let text = manifest("groove-template", &files);
    passes(&RawZip::of(vec![
        Entry::deflated("souk.toml", text.as_bytes()),
        Entry::stored("a.mid", &content),
    ]));
}

#[test]
fn counts_and_offsets_that_lie() {
    refused(&with(|zip| zip.end.entries = Some(2)), "archive.count_mismatch");
    refused(
        &with(|zip| {
            zip.end.entries = Some(2);
            zip.end.entries_here = Some(2);
        }),
        "archive.count_mismatch",
    );
    refused(
        &with(|zip| {
            zip.end.entries = Some(4);
            zip.end.entries_here = Some(4);
        }),
        "archive.count_mismatch",
    );
    refused(&with(|zip| zip.end.directory_at = Some(7)), "archive.offset_mismatch");
    refused(&with(|zip| zip.end.directory_len = Some(9)), "archive.offset_mismatch");
    refused(
        &last(|entry| Entry {
            local_at: Some(1),
            ..entry
        }),
        "archive.offset_mismatch",
    );
    refused(
        &last(|entry| Entry {
            local_at: Some(1 << 30),
            ..entry
        }),
        "archive.offset_mismatch",
    );
    refused(
        &last(|entry| Entry {
            present: false,
            ..entry
        }),
        "archive.offset_mismatch",
    );
    // A directory whose entries do not parse.
    let mut bytes = groove().build();
    let at = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
    bytes[at] = b'X';
    super::check_bytes(&bytes, scanner::Verdict::Rejected, &["archive.offset_mismatch"]);
}

#[test]
fn several_disks() {
    refused(&with(|zip| zip.end.disk = 1), "archive.multi_disk");
    refused(&with(|zip| zip.end.directory_disk = 1), "archive.multi_disk");
    refused(&last(|entry| Entry { disk: 1, ..entry }), "archive.multi_disk");
    refused(
        &with(|zip| {
            zip.zip64 = Some(Zip64 {
                disks: 2,
                ..Zip64::default()
            });
        }),
        "archive.multi_disk",
    );
}

#[test]
fn encryption_methods_and_flags() {
    for bit in [0, 6, 13] {
        refused(&last(|e| e.both(|h| h.flags |= 1 << bit)), "archive.encrypted");
    }
    refused(
        &last(|e| e.both(|h| h.extra = field(0x9901, &[0; 7]))),
        "archive.encrypted",
    );
    for method in [1, 6, 9, 12, 14, 93, 95, 98, 99] {
        refused(&last(|e| e.both(|h| h.method = method)), "archive.method");
    }
    for bit in [4, 5, 7, 12, 15] {
        refused(&last(|e| e.both(|h| h.flags |= 1 << bit)), "archive.flags");
    }
}

#[test]
fn content_that_does_not_keep_its_word() {
    refused(&last(|e| e.both(|h| h.crc ^= 1)), "archive.checksum");
    refused(&last(|e| e.both(|h| h.expanded += 1)), "archive.size_mismatch");
    refused(&last(|e| e.both(|h| h.expanded -= 1)), "archive.size_mismatch");
    refused(&last(|e| e.both(|h| h.expanded = 60_000_000)), "archive.size_mismatch");
    refused(
        &last(|_| Entry::stored("grooves/one.mid", MIDI).both(|h| h.expanded += 1)),
        "archive.size_mismatch",
    );
    // Bytes behind the end of the compressed stream, where something can hide.
    refused(
        &last(|mut entry| {
            entry.data.extend(b"hidden");
            entry.both(|h| h.packed += 6)
        }),
        "archive.damaged_stream",
    );
    refused(
        &last(|mut entry| {
            entry.data = vec![0xff; entry.data.len()];
            entry
        }),
        "archive.damaged_stream",
    );
    refused(
        &last(|mut entry| {
            entry.data.pop();
            entry.both(|h| h.packed -= 1)
        }),
        "archive.damaged_stream",
    );
}

#[test]
fn entries_that_the_directory_does_not_list() {
    refused(
        &last(|entry| Entry { listed: false, ..entry }),
        "archive.unlisted_entry",
    );
    refused(
        &with(|zip| {
            zip.entries.insert(
                0,
                Entry {
                    listed: false,
                    ..Entry::stored("first.sh", b"echo")
                },
            );
        }),
        "archive.unlisted_entry",
    );
}

#[test]
fn links_devices_and_folders_with_data() {
    for (mode, rule) in [
        (0o120_777, "archive.symlink"),
        (0o020_644, "archive.special_file"),
        (0o060_644, "archive.special_file"),
        (0o010_644, "archive.special_file"),
        (0o140_644, "archive.special_file"),
        (0o040_755, "archive.file_directory_clash"),
    ] {
        refused(
            &last(|entry| Entry {
                attributes: mode << 16,
                ..entry
            }),
            rule,
        );
    }
    // MS-DOS says folder, the name says file.
    refused(
        &last(|entry| Entry {
            attributes: 0x10,
            ..entry
        }),
        "archive.file_directory_clash",
    );
    refused(
        &with(|zip| {
            let folder = Entry::stored("data/", b"not empty");
            zip.entries.push(Entry {
                attributes: 0o040_755 << 16 | 0x10,
                ..folder
            });
        }),
        "archive.directory_with_data",
    );
    // Fields that carry a link's target or a mode.
    for id in [0x000d, 0x756e] {
        refused(
            &last(|e| e.both(|h| h.extra = field(id, &[0; 14]))),
            "archive.extra_field",
        );
    }
}

#[test]
fn long_comments() {
    passes(&with(|zip| zip.end.comment = vec![b'x'; 1024]));
    refused(
        &with(|zip| zip.end.comment = vec![b'x'; 1025]),
        "archive.comment_too_long",
    );
    refused(
        &last(|e| Entry {
            comment: vec![b'x'; 1025],
            ..e
        }),
        "archive.comment_too_long",
    );
    refused(&with(|zip| zip.end.comment_len = Some(5)), "archive.truncated");
}

#[test]
fn archives_inside() {
    let mut tar = vec![0; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    let mut disguised = b"\x89PNG\r\n\x1a\n".to_vec();
    disguised.extend(groove().build());
    for (content, name) in [
        (&b"PK\x03\x04rest"[..], "a.mid"),
        (b"\x1f\x8b\x08\0\0", "a.gz"),
        (b"7z\xbc\xaf\x27\x1c", "a.7z"),
        (b"Rar!\x1a\x07\x01\0", "a.txt"),
        (b"\xfd7zXZ\0\0", "a.xz"),
        (b"BZh91AY&SY", "a"),
        (b"\x28\xb5\x2f\xfd", "a.zst"),
        (b"MSCF\0\0\0\0", "a.cab"),
        (&tar, "a.md"),
        (&disguised, "a.png"),
    ] {
        let zip = package("groove-template", &[("grooves/one.mid", MIDI), (name, content)]);
        refused(&zip, "archive.nested_archive");
    }
}
