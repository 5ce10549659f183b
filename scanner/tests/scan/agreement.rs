//! An entry is described up to three times, sizes up to five: all have to agree.

use super::archive::{field, last, with};
use super::raw_zip::{Entry, RawZip, Zip64};
use super::{package, passes, refused};
use scanner::Verdict;

#[test]
fn zip64_that_agrees_passes() {
    passes(&with(|zip| zip.zip64 = Some(Zip64::default())));
    passes(&with(|zip| {
        zip.zip64 = Some(Zip64 {
            disks: 1,
            ..Zip64::default()
        });
        zip.end.entries = Some(u16::MAX);
        zip.end.entries_here = Some(u16::MAX);
        zip.end.directory_at = Some(u32::MAX);
        zip.end.directory_len = Some(u32::MAX);
    }));
    // A local header with wide sizes, as a tool writes that did not know them; and its descriptor.
    let wide = |entry: Entry| {
        let sizes = [u64::from(entry.central.expanded), u64::from(entry.central.packed)];
        (entry, sizes.map(u64::to_le_bytes).concat())
    };
    passes(&last(|entry| {
        let (mut entry, sizes) = wide(entry);
        entry.local.extra = field(1, &sizes);
        (entry.local.packed, entry.local.expanded) = (u32::MAX, u32::MAX);
        entry
    }));
    passes(&last(|entry| {
        let (mut entry, _) = wide(entry.streamed(true));
        entry.local.extra = field(1, &[0; 16]);
        (entry.local.packed, entry.local.expanded) = (u32::MAX, u32::MAX);
        let (packed, expanded) = (u64::from(entry.central.packed), u64::from(entry.central.expanded));
        entry.descriptor.truncate(8);
        entry
            .descriptor
            .extend([packed, expanded].map(u64::to_le_bytes).concat());
        entry
    }));
}

#[test]
fn headers_that_disagree() {
    let rule = "archive.local_mismatch";
    refused(
        &last(|mut e| {
            e.local.name = b"grooves/two.mid".to_vec();
            e
        }),
        rule,
    );
    refused(
        &last(|mut e| {
            e.local.crc ^= 1;
            e
        }),
        rule,
    );
    refused(
        &last(|mut e| {
            e.local.expanded += 1;
            e
        }),
        rule,
    );
    refused(
        &last(|mut e| {
            e.local.packed += 1;
            e
        }),
        rule,
    );
    refused(
        &last(|mut e| {
            e.local.flags |= 0b10;
            e
        }),
        rule,
    );
    refused(
        &last(|mut e| {
            e.local.time = 77;
            e
        }),
        rule,
    );
    refused(
        &last(|mut e| {
            e.local.method = 0;
            e
        }),
        rule,
    );
    refused(
        &last(|mut e| {
            e.central.flags |= 8;
            e
        }),
        rule,
    );
    // Zeros are for streamed entries only.
    refused(
        &last(|mut e| {
            e.local.crc = 0;
            e
        }),
        rule,
    );
}

#[test]
fn descriptors_that_disagree() {
    for byte in 4..16 {
        refused(
            &last(|entry| {
                let mut entry = entry.streamed(true);
                entry.descriptor[byte] ^= 1;
                entry
            }),
            "archive.descriptor_mismatch",
        );
    }
    refused(
        &last(|entry| Entry {
            descriptor: Vec::new(),
            ..entry.streamed(true)
        }),
        "archive.descriptor_mismatch",
    );
    refused(
        &last(|entry| {
            let mut entry = entry.streamed(true);
            entry.descriptor.extend(b"more");
            entry
        }),
        "archive.gap",
    );
    // A descriptor without the flag.
    refused(
        &last(|entry| Entry {
            descriptor: vec![1; 16],
            ..entry
        }),
        "archive.gap",
    );
    // Stored data with a descriptor of its own inside: a streaming reader would stop there.
    let content = b"text PK\x07\x08 and more text";
    let zip = package("groove-template", &[("README.md", content)]);
    let stored = Entry::stored("README.md", content).streamed(true);
    refused(
        &RawZip::of(vec![zip.entries[0].clone(), stored]),
        "archive.descriptor_mismatch",
    );
}

#[test]
fn extra_fields() {
    refused(
        &last(|e| e.both(|h| h.extra = vec![0x55, 0x54, 9, 0, 1])),
        "archive.truncated",
    );
    refused(&last(|e| e.both(|h| h.extra = vec![1])), "archive.truncated");
    let twice = [field(0x5455, b""), field(0x5455, b"")].concat();
    refused(&last(|e| e.both(|h| h.extra = twice.clone())), "archive.extra_field");
    let name = b"../evil.sh";
    let rename = [&[1], crc32fast::hash(b"grooves/one.mid").to_le_bytes().as_slice(), name].concat();
    refused(
        &last(|e| e.both(|h| h.extra = field(0x7075, &rename))),
        "archive.unicode_path",
    );
    refused(
        &last(|mut e| {
            e.local.extra = field(0x7075, &rename);
            e
        }),
        "archive.unicode_path",
    );
}

#[test]
fn zip64_that_disagrees() {
    let rule = "archive.zip64_conflict";
    let zip64 = |change: fn(&mut Zip64)| {
        with(|zip| {
            let mut zip64 = Zip64::default();
            change(&mut zip64);
            zip.zip64 = Some(zip64);
        })
    };
    refused(&zip64(|z| z.entries = Some(2)), rule);
    refused(&zip64(|z| z.directory_at = Some(0)), rule);
    refused(&zip64(|z| z.locator_at = Some(0)), rule);
    refused(&zip64(|z| z.locator_at = Some(u64::MAX)), rule);
    refused(&zip64(|z| z.extension = vec![0; 8]), rule);
    // An entry's wide sizes against its narrow ones.
    refused(
        &last(|mut e| {
            e.central.extra = field(1, &[0; 8]);
            e
        }),
        rule,
    );
    refused(
        &last(|mut e| {
            e.local.extra = field(1, &[0; 16]);
            e
        }),
        rule,
    );
    refused(
        &last(|mut e| {
            e.central.expanded = u32::MAX;
            e.central.extra = field(1, &[1, 0]);
            e
        }),
        rule,
    );
    refused(
        &last(|mut e| {
            e.local.extra = field(1, &[9; 16]);
            (e.local.packed, e.local.expanded) = (u32::MAX, u32::MAX);
            e
        }),
        "archive.local_mismatch",
    );
}

/// Found where Python refused what was accepted.
#[test]
fn entries_need_no_newer_reader() {
    let whole = super::groove().build();
    let directory_at = whole.windows(4).position(|mark| mark == b"PK\x01\x02").unwrap();
    for place in [4, directory_at + 6] {
        for (version, verdict) in [(45, Verdict::Passed), (46, Verdict::Rejected), (83, Verdict::Rejected)] {
            let mut bytes = whole.clone();
            bytes[place] = version;
            let report = super::scan(&bytes);
            assert_eq!(report.verdict(), verdict, "version {version} at {place}");
            assert_eq!(
                report.reason_codes(),
                ["archive.version"][..usize::from(verdict != Verdict::Passed)]
            );
        }
    }
}
