//! Limits: sizes refuse, time holds, and a check that cannot run never passes anything.

use std::time::Duration;

use super::raw_zip::{Entry, RawZip};
use super::{MIDI, RULES, check_bytes, groove, package, passes, refused};
use scanner::{CheckId, Config, Engine, EngineError, Limits, Outcome, Policies, Policy, Report, Verdict};

fn scan_with(limits: Limits, policies: Policies, zip: &RawZip) -> Report {
    let config = Config {
        rules: RULES.clone(),
        limits,
        policies,
    };
    Engine::new(config).unwrap().scan(&zip.build())
}

#[track_caller]
fn check(change: impl Fn(&mut Limits), zip: &RawZip, rule: &str) {
    let mut limits = Limits::default();
    change(&mut limits);
    let report = scan_with(limits, Policies::default(), zip);
    assert_eq!(report.reason_codes(), [rule], "{report:#?}");
    assert_eq!(report.verdict(), Verdict::Rejected);
}

#[test]
fn sizes() {
    check(|l| l.package_bytes = 100, &groove(), "archive.package_too_large");
    check(|l| l.entries = 2, &groove(), "archive.too_many_entries");
    check(|l| l.entry_bytes = 30, &groove(), "archive.entry_too_large");
    check(|l| l.expanded_bytes = 300, &groove(), "archive.expanded_too_large");
    check(|l| l.manifest_bytes = 10, &groove(), "manifest.too_large");
}

#[test]
fn more_entries_than_the_end_record_says() {
    let mut zip = RawZip::of((0..5_001).map(|i| Entry::stored(&format!("{i}"), b"")).collect());
    refused(&zip, "archive.too_many_entries");
    zip.end.entries = Some(3);
    zip.end.entries_here = Some(3);
    refused(&zip, "archive.too_many_entries");
}

#[test]
fn a_bomb_is_refused_and_silence_is_not() {
    // What it declares is enough to refuse it: nothing is expanded. 65 MiB of zeros deflate to this.
    let bomb = |expanded: u32, packed: usize| {
        let mut entry = Entry::deflated("zeros.wav", b"").both(|header| {
            header.expanded = expanded;
            header.packed = packed as u32;
        });
        entry.data = vec![0; packed];
        RawZip::of(vec![entry])
    };
    refused(&bomb(65 << 20, 66_200), "archive.ratio");
    let reasons = ["archive.damaged_stream", "manifest.missing"];
    check_bytes(&bomb(64 << 20, 66_200).build(), Verdict::Rejected, &reasons);
    check_bytes(&bomb(65 << 20, 700_000).build(), Verdict::Rejected, &reasons);
    // Many entries, each below the free part.
    let mut many = RawZip::default();
    for i in 0..3 {
        let mut zip = bomb(32 << 20, 33_100);
        let entry = zip
            .entries
            .remove(0)
            .both(|header| header.name = format!("{i}.wav").into_bytes());
        many.entries.push(entry);
    }
    refused(&many, "archive.ratio");
    // Two seconds of silence.
    let mut silence =
        b"RIFF\x24\x62\x05\x00WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data\0\x62\x05\0"
            .to_vec();
    silence.resize(44 + 352_800, 0);
    passes(&package("sample-pack", &[("silence.wav", &silence)]));
}

#[test]
fn no_time_holds_the_package() {
    let limits = Limits {
        duration: Duration::ZERO,
        ..Limits::default()
    };
    let report = scan_with(limits, Policies::default(), &groove());
    assert_eq!(report.verdict(), Verdict::Quarantined, "{report:#?}");
    assert_eq!(report.reason_codes(), ["archive.timed_out"]);
}

#[test]
fn policies_decide_what_counts() {
    let eicar = [
        "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-",
        "ANTIVIRUS-TEST-FILE!$H+H*",
    ]
    .concat();
    let zip = package("groove-template", &[("a.txt", eicar.as_bytes())]);
    let monitored = Policies::default().with(
        CheckId::Eicar,
        Policy {
            enforced: false,
            required: true,
        },
    );
    let report = scan_with(Limits::default(), monitored, &zip);
    assert_eq!(report.verdict(), Verdict::Passed);
    let row = report.row(CheckId::Eicar).unwrap();
    assert_eq!((row.outcome, row.enforced), (Outcome::Found, false));
}

#[test]
fn every_check_has_its_row_and_passes_are_written_down() {
    let report = super::scan(&groove().build());
    let names: Vec<&str> = report.checks.iter().map(|row| row.check.name()).collect();
    assert_eq!(
        names,
        [
            "archive",
            "manifest",
            "hashes",
            "file_types",
            "eicar",
            "yara",
            "secrets",
            "json",
            "midi",
            "audio",
            "declared",
            "images",
            "markdown",
            "svg",
            "pdf",
            "presets",
            "projects",
            "native",
            "wasm",
        ]
    );
    assert!(report.checks.iter().all(|row| row.outcome == Outcome::Passed));
    let refused = super::scan(b"no archive");
    assert_eq!(refused.checks.len(), names.len());
    assert!(refused.checks.iter().all(|row| row.outcome != Outcome::Passed));
}

#[test]
fn a_report_survives_being_stored() {
    for bytes in [
        groove().build(),
        b"no archive".to_vec(),
        package("groove-template", &[("x.mid", MIDI)]).build(),
    ] {
        let report = super::scan(&bytes);
        let stored = serde_json::to_string(&report).unwrap();
        let read: Report = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, report);
        assert_eq!(read.verdict(), report.verdict());
    }
}

#[test]
fn an_engine_without_good_rules_does_not_start() {
    let start = |rules: Vec<u8>| Engine::new(Config::new(rules)).map(|_| ());
    assert!(matches!(start(Vec::new()), Err(EngineError::Rules(_))));
    assert!(matches!(start(vec![0; 500]), Err(EngineError::Rules(_))));
    let mut damaged = RULES.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(matches!(start(damaged), Err(EngineError::Rules(_))));
    start(RULES.clone()).unwrap();
}

#[test]
fn the_ruleset_is_the_same_wherever_it_was_compiled() {
    let again = Engine::new(Config::new(scanner::compile_rules().unwrap())).unwrap();
    assert_eq!(again.ruleset(), super::ENGINE.ruleset());
    assert_eq!(again.ruleset().len(), 64);
}
