//! No bytes make the engine panic, and a changed byte never goes unnoticed.

use proptest::prelude::*;

use super::{groove, scan};
use scanner::Verdict;

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
