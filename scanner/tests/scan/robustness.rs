//! No bytes make the engine panic, and a changed byte never goes unnoticed.

use proptest::prelude::*;

use super::{groove, scan};
use scanner::{CheckId, Outcome, Verdict};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert_eq!(scan(&bytes).verdict(), Verdict::Rejected);
    }

    #[test]
    fn arbitrary_bytes_around_the_marks(
        parts in prop::collection::vec(
            prop_oneof![
                Just(b"PK\x03\x04".to_vec()), Just(b"PK\x01\x02".to_vec()), Just(b"PK\x05\x06".to_vec()),
                Just(b"PK\x06\x06".to_vec()), Just(b"PK\x06\x07".to_vec()), Just(b"PK\x07\x08".to_vec()),
                Just(vec![0; 18]), Just(vec![0xff; 8]), prop::collection::vec(any::<u8>(), 0..40),
            ],
            0..30,
        ),
    ) {
        scan(&parts.concat());
    }

    /// Only bytes that nothing depends on may change: attributes, the version fields, comments.
    #[test]
    fn a_changed_byte_is_noticed_or_harmless(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let honest = groove().build();
        let mut bytes = honest.clone();
        let at = at.index(bytes.len());
        bytes[at] = value;
        let report = scan(&bytes);
        if report.verdict() == Verdict::Passed {
            prop_assert_eq!(&report.manifest, &scan(&honest).manifest);
        }
    }

    #[test]
    fn arbitrary_manifests(text in "[ -~\\n]{0,400}") {
        let zip = super::raw_zip::RawZip::of(vec![super::raw_zip::Entry::deflated("souk.toml", text.as_bytes())]);
        prop_assert_eq!(scan(&zip.build()).verdict(), Verdict::Rejected);
    }
}

/// A small file of every kind that a check reads, with a content type that may have it.
fn of_every_kind() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let note = b"MThd\0\0\0\x06\0\x01\0\x02\x01\xe0MTrk\0\0\0\x13\0\xff\x51\x03\x08\x2c\x2e\0\xff\x58\x04\x03\x03\x18\x08\0\xff\x2f\0\
        MTrk\0\0\0\x0d\0\x90\x3c\x40\x83\x60\x80\x3c\x40\0\xff\x2f\0";
    let wave = [
        b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xac\0\0\x88\x58\x01\0\x02\0\x10\0data\x08\0\0\0".as_slice(),
        &[7; 8],
    ];
    let module = r#"(module (memory 1 2) (func (export "souk_self_test") (result i32) i32.const 8 i32.load))"#;
    let preset = [
        b"VST3\x01\0\0\x000123456789ABCDEF0123456789abcdef\x38\0\0\0\0\0\0\0".as_slice(),
        b"sound...List\x01\0\0\0Comp\x30\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0",
    ];
    let list = "<?xml version=\"1.0\"?><plist><dict><key>type</key><integer>1</integer></dict></plist>";
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x05\0\0\0\x05\x08\x02\0\0\0\0\0\0\0".to_vec();
    let document = "%PDF-1.7\n1 0 obj\n<< /Type /ObjStm /Filter /FlateDecode >>\nstream\nx\u{1}endstream\n";
    let shapes = "<svg xmlns=\"http://www.w3.org/2000/svg\"><g fill=\"url(#a)\">&amp;</g></svg>";
    vec![
        (
            "integration",
            "a.json",
            br#"{"a": [1, {"b": "\u00e9"}], "c": null}"#.to_vec(),
        ),
        (
            "intent-preset",
            "a.json",
            br#"{"format": 1, "name": "A", "intents": ["calm"], "parameters": {"energy": 0.5, "bpm": {"min": 60, "max": 72.5}}}"#
                .to_vec(),
        ),
        ("sample-pack", "a.mid", note.to_vec()),
        ("sample-pack", "a.wav", wave.concat()),
        ("sample-pack", "a.flac", b"fLaC\x80\0\0\x22".to_vec()),
        (
            "sample-pack",
            "a.aiff",
            b"FORM\0\0\0\x2eAIFFCOMM\0\0\0\x12\0\x01\0\0\0\x04\0\x10\x40\x0e\xac\x44\0\0\0\0\0\0".to_vec(),
        ),
        (
            "sample-pack",
            "a.ogg",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis".to_vec(),
        ),
        ("sample-pack", "a.mp3", b"\xff\xfb\x90\x64\0\0\0\0".repeat(60)),
        ("sample-pack", "a.png", picture),
        (
            "production-guide",
            "a.md",
            b"# A [link](b.md \"c\") <b title='x'>b</b>\n\n<!-- c -->\n".to_vec(),
        ),
        ("production-guide", "a.svg", shapes.as_bytes().to_vec()),
        ("production-guide", "a.pdf", document.as_bytes().to_vec()),
        ("synth-preset", "a.vstpreset", preset.concat()),
        ("synth-preset", "a.aupreset", list.as_bytes().to_vec()),
        (
            "plugin-native",
            "a.clap",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".repeat(8),
        ),
        (
            "plugin-native",
            "a.dll",
            [b"MZ".as_slice(), &[0; 58], b"\x40\0\0\0PE\0\0\x64\x86\x01\0", &[0; 60]].concat(),
        ),
        (
            "plugin-native",
            "a.dylib",
            b"\xcf\xfa\xed\xfe\x0c\0\0\x01\0\0\0\0\x06\0\0\0\x01\0\0\0\x48\0\0\0\0\0\0\0\0\0\0\0\x19\0\0\0\x48\0\0\0"
                .to_vec(),
        ),
        ("plugin-wasm", "a.wasm", wat::parse_str(module).unwrap()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    /// Whatever becomes of a file, its check ends with an answer.
    #[test]
    fn damaged_files_of_every_kind(
        kind in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x80)]), 0..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let kinds = of_every_kind();
        let (content_type, path, mut content) = kinds[kind.index(kinds.len())].clone();
        for (at, value) in changes {
            let at = at.index(content.len());
            content[at] = value;
        }
        if let Some(cut) = cut {
            content.truncate(cut.index(content.len()));
        }
        let report = scan(&super::package(content_type, &[(path, &content)]).build());
        prop_assert_eq!(report.row(CheckId::Hashes).unwrap().outcome, Outcome::Passed, "the scan has reached its end");
    }
}

#[test]
fn deep_manifests_are_refused() {
    for text in [
        format!("x = {}", "[".repeat(100_000)),
        format!("x{} = 1", ".a".repeat(100_000)),
        "[a]\n".repeat(50_000),
    ] {
        let zip = super::raw_zip::RawZip::of(vec![super::raw_zip::Entry::deflated("souk.toml", text.as_bytes())]);
        assert_eq!(scan(&zip.build()).verdict(), Verdict::Rejected);
    }
}
