//! Names: one by one (the unit tests have more of them) and against each other.

use super::raw_zip::{Entry, RawZip};
use super::{MIDI, groove, package, refused, scan};
use scanner::Verdict;

fn named(name: &[u8], utf8: bool) -> RawZip {
    let mut zip = groove();
    let entry = Entry::deflated("x", MIDI).both(|header| {
        header.name = name.to_vec();
        header.flags = if utf8 { 1 << 11 } else { 0 };
    });
    zip.entries.push(entry);
    zip
}

#[test]
fn names_that_unpack_elsewhere() {
    for (name, rule) in [
        ("../up.mid", "archive.name_traversal"),
        ("/etc/passwd", "archive.name_absolute"),
        ("C:evil.mid", "archive.name_colon"),
        ("a\\b.mid", "archive.name_backslash"),
        ("a//b.mid", "archive.name_empty"),
        ("./a.mid", "archive.name_empty"),
        ("NUL", "archive.name_reserved"),
        ("aux.mid", "archive.name_reserved"),
        ("a.mid.", "archive.name_ending"),
        ("a.mid ", "archive.name_ending"),
        ("a\u{1b}[2J.mid", "archive.name_character"),
        ("a\u{202e}dim.exe", "archive.name_invisible"),
        ("a\u{200b}.mid", "archive.name_invisible"),
        ("a\u{e0061}.mid", "archive.name_invisible"),
    ] {
        refused(&named(name.as_bytes(), true), rule);
    }
    refused(&named("x".repeat(256).as_bytes(), true), "archive.name_too_long");
    let long = vec!["x".repeat(200); 6].join("/");
    refused(&named(long.as_bytes(), true), "archive.name_too_long");
    refused(
        &named(format!("{}x.mid", "d/".repeat(32)).as_bytes(), true),
        "archive.name_too_deep",
    );
}

#[test]
fn names_that_readers_decode_differently() {
    refused(&named(b"caf\xe9.mid", false), "archive.name_encoding");
    refused(&named(b"caf\xe9.mid", true), "archive.name_encoding");
    refused(&named("café.mid".as_bytes(), false), "archive.name_encoding");
}

#[test]
fn names_that_are_one_file_somewhere() {
    let pair = |one: &str, other: &str| {
        let mut zip = groove();
        zip.entries.push(Entry::deflated(one, MIDI));
        zip.entries.push(Entry::deflated(other, MIDI));
        zip
    };
    refused(&pair("a.mid", "a.mid"), "archive.duplicate_name");
    refused(&pair("a.mid", "A.MID"), "archive.colliding_name");
    refused(&pair("caf\u{e9}.mid", "cafe\u{301}.mid"), "archive.colliding_name");
    refused(&pair("straße.mid", "STRASSE.mid"), "archive.colliding_name");
    refused(&pair("b/a.mid", "B/c.mid"), "archive.colliding_name");
    refused(&pair("a", "a/b.mid"), "archive.file_directory_clash");
    refused(&pair("a/b.mid", "A"), "archive.file_directory_clash");
    let mut zip = groove();
    zip.entries.push(Entry::deflated("a", MIDI));
    zip.entries.push(Entry::folder("a/"));
    refused(&zip, "archive.file_directory_clash");
}

#[test]
fn all_bad_names_are_reported_together() {
    let mut zip = named(b"../a.mid", true);
    zip.entries.push(Entry::deflated("b\\c.mid", MIDI));
    let report = scan(&zip.build());
    assert_eq!(report.verdict(), Verdict::Rejected);
    assert_eq!(
        report.reason_codes(),
        ["archive.name_traversal", "archive.name_backslash"]
    );
    let paths: Vec<_> = report.checks[0].findings.iter().map(|f| f.path.as_deref()).collect();
    assert_eq!(paths, [Some("../a.mid"), Some("b\\c.mid")]);
}

#[test]
fn thousands_of_honest_names_are_fine() {
    let paths: Vec<String> = (0..2_000).map(|i| format!("kit {}/hit-{i}.md", i % 40)).collect();
    let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (path.as_str(), &b"x"[..])).collect();
    super::passes(&package("sample-pack", &files));
}
