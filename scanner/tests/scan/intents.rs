//! Intent presets: every rule of their own, the published schema agrees, and the manifest says what they are for.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{check_bytes, package, scan};
use scanner::{CheckId, Verdict};

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(scanner::INTENT_PRESET_SCHEMA).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

/// For `calm`, as the manifests made here declare.
const GOOD: &str = r#"{
  "format": 1,
  "name": "Late-night focus",
  "description": "Sparse and slow.",
  "intents": ["calm"],
  "parameters": {
    "bpm": { "min": 60, "max": 72.5 },
    "duration_s": { "min": 120, "max": 600 },
    "key": "D",
    "mode": "dorian",
    "meter": "4/4",
    "energy": 0.2,
    "valence": 1,
    "density": 0.35,
    "complexity": 0
  }
}"#;

fn valid_by_schema(text: &str) -> bool {
    SCHEMA.is_valid(&serde_json::from_str(text).unwrap())
}

#[track_caller]
fn presets(files: &[(&str, &str)], verdict: Verdict, reasons: &[&str]) {
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    check_bytes(&package("intent-preset", &files).build(), verdict, reasons);
}

#[track_caller]
fn passes(text: &str) {
    presets(&[("calm.json", text)], Verdict::Passed, &[]);
    assert!(valid_by_schema(text), "{text}");
}

/// One change to the good preset; refused for `rule`, and by the schema where it can say so.
#[track_caller]
fn check(from: &str, to: &str, rule: &str, schema_says_so: bool) {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    let text = GOOD.replace(from, to);
    presets(&[("calm.json", &text)], Verdict::Rejected, &[rule]);
    assert_eq!(!valid_by_schema(&text), schema_says_so, "schema on {to}");
}

#[test]
fn honest_presets_pass() {
    passes(GOOD);
    passes(r#"{"format": 1, "name": "Fokus für späte Stunden", "intents": ["calm"], "parameters": {"energy": 0.5}}"#);
    passes(&GOOD.replace("\"max\": 72.5", "\"max\": 60"));
    passes(&GOOD.replace("\"D\"", "\"B♭\"").replace("dorian", "harmonic-minor"));
    passes(&GOOD.replace("\"key\": \"D\",\n", ""));
    passes(&GOOD.replace("4/4", "7/8"));
    let seed = include_str!("../../fuzz/seeds/preset/intent.json");
    passes(&seed.replace("\"focus\", ", ""));
}

#[test]
fn shape() {
    check("\"name\": \"Late-night focus\",", "", "presets.missing_field", true);
    check("\"format\": 1,", "", "presets.missing_field", true);
    check("\"intents\": [\"calm\"],", "", "presets.missing_field", true);
    check("\"min\": 60, ", "", "presets.missing_field", true);
    check("\"mode\": \"dorian\",", "", "presets.missing_field", true);
    check("\"name\"", "\"mood\": 1, \"name\"", "presets.unknown_field", true);
    check("\"energy\"", "\"enrgy\"", "presets.unknown_field", true);
    check(
        "\"max\": 600",
        "\"max\": 600, \"step\": 1",
        "presets.unknown_field",
        true,
    );
    check(
        "{ \"min\": 120, \"max\": 600 }",
        "[120, 600]",
        "presets.wrong_type",
        true,
    );
    check("{ \"min\": 60, \"max\": 72.5 }", "null", "presets.wrong_type", true);
    let without = r#"{"format": 1, "name": "A", "intents": ["calm"], "parameters": "#;
    for (parameters, rule) in [("{}", "presets.missing_field"), ("[]", "presets.wrong_type")] {
        let text = format!("{without}{parameters}}}");
        presets(&[("a.json", &text)], Verdict::Rejected, &[rule]);
        assert!(!valid_by_schema(&text), "{text}");
    }
    let list = format!("[{GOOD}]");
    presets(&[("a.json", &list)], Verdict::Rejected, &["presets.wrong_type"]);
    assert!(!valid_by_schema(&list));
}

#[test]
fn values() {
    for format in ["2", "0", "\"1\"", "null", "1.5"] {
        check(
            "\"format\": 1",
            &format!("\"format\": {format}"),
            "presets.format",
            true,
        );
    }
    for (name, schema_says_so) in [("\"\"", true), ("7", true), ("\" \"", false), ("\"a\\u202eb\"", false)] {
        check("\"Late-night focus\"", name, "presets.name", schema_says_so);
    }
    check("Late-night focus", &"é".repeat(81), "presets.name", true);
    check("Sparse and slow.", &"é".repeat(501), "presets.description", true);
    check("Sparse and slow.", "a\\nb", "presets.description", false);
    let many: Vec<_> = (0..51).map(|number| format!("\"word {number}\"")).collect();
    for intents in [
        "[]",
        "\"calm\"",
        "[1]",
        "[\"calm\", \"calm\"]",
        &format!("[{}]", many.join(",")),
    ] {
        check("[\"calm\"]", intents, "presets.intents", true);
    }
    for key in ["H", "d", "D#m", ""] {
        check("\"D\"", &format!("\"{key}\""), "presets.key", true);
    }
    check("\"D\"", "2", "presets.key", true);
    for mode in ["Dorian", "blues", ""] {
        check("dorian", mode, "presets.mode", true);
    }
    for meter in ["4", "0/4", "65/4", "4/3", "4/128", "+4/4"] {
        check("4/4", meter, "presets.meter", true);
    }
}

#[test]
fn numbers_stay_in_their_ranges() {
    for share in ["-0.01", "1.01", "1e300", "\"0.5\"", "null", "true"] {
        for from in [
            "\"energy\": 0.2",
            "\"valence\": 1",
            "\"density\": 0.35",
            "\"complexity\": 0",
        ] {
            let name = from.split(' ').next().unwrap();
            check(from, &format!("{name} {share}"), "presets.range", true);
        }
    }
    for (bpm, schema_says_so) in [
        ("9.999", true),
        ("999.001", true),
        ("-90", true),
        ("\"90\"", true),
        ("90.0005", false),
    ] {
        check("72.5", bpm, "presets.range", schema_says_so);
    }
    for seconds in ["0", "7201", "-1", "0.5", "\"60\""] {
        check("120", seconds, "presets.range", true);
    }
    // What JSON Schema cannot say.
    check("72.5", "59.999", "presets.range", false);
    check("600", "119", "presets.range", false);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let text = GOOD
        .replace("0.35", "3.5")
        .replace("dorian", "blues")
        .replace("\"max\": 600", "\"most\": 1");
    let report = scan(&package("intent-preset", &[("moods/calm.json", text.as_bytes())]).build());
    let findings = &report.row(CheckId::Presets).unwrap().findings;
    let told: Vec<_> = findings
        .iter()
        .map(|found| (found.rule.as_str(), found.evidence.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("presets.missing_field", "there is no `parameters.duration_s.max`"),
            ("presets.unknown_field", "`parameters.duration_s.most` is no part of it"),
            ("presets.mode", "`parameters.mode` is `\"blues\"`"),
            ("presets.range", "`parameters.density` is `3.5`"),
        ]
    );
    assert!(
        findings
            .iter()
            .all(|found| found.path.as_deref() == Some("moods/calm.json"))
    );
    assert_eq!(findings[3].remedy, "Use a number from 0 to 1.");
    assert!(findings[2].remedy.contains("`harmonic-minor`"));
}

#[test]
fn what_readers_take_differently_is_told_once() {
    for (text, rule) in [
        (GOOD.replace("\"energy\"", "\"valence\""), "json.duplicate_key"),
        (GOOD.replace("0.35,", "0.35,,"), "json.syntax"),
        ("7".to_owned(), "json.scalar"),
    ] {
        presets(&[("a.json", &text)], Verdict::Rejected, &[rule]);
    }
    let long = format!("{GOOD}{}", " ".repeat(64 << 10));
    presets(&[("a.json", &long)], Verdict::Rejected, &["presets.too_large"]);
}

#[test]
fn only_packages_of_the_type_hold_presets() {
    let other = package("integration", &[("a.json", b"{\"anything\": [null]}")]);
    check_bytes(&other.build(), Verdict::Passed, &[]);
    presets(
        &[("a.json", GOOD), ("a.yaml", "a: 1\n")],
        Verdict::Rejected,
        &["file_types.extension"],
    );
}

#[test]
fn the_manifest_says_what_they_are_for() {
    let for_sleep = GOOD.replace("calm", "sleep");
    let undeclared: &[&str] = &["declared.intents"];
    presets(&[("a.json", GOOD), ("b.json", GOOD)], Verdict::Passed, &[]);
    presets(
        &[("a.json", GOOD), ("b.json", &for_sleep)],
        Verdict::Rejected,
        undeclared,
    );
    presets(&[("README.md", "# No preset\n")], Verdict::Rejected, undeclared);
    let report = scan(&package("intent-preset", &[("a.json", for_sleep.as_bytes())]).build());
    let findings = &report.row(CheckId::Declared).unwrap().findings;
    let told: Vec<_> = findings
        .iter()
        .map(|found| (found.path.as_deref(), found.evidence.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("a.json"), "it is for `sleep`, which is not declared"),
            (Some("souk.toml"), "`calm` is declared, and no preset is for it"),
        ]
    );
    // What cannot be read is not taken for what is not there.
    presets(
        &[("a.json", &GOOD.replace("0.35", "3.5"))],
        Verdict::Rejected,
        &["presets.range"],
    );
}

/// A preset of values in and around what is allowed, in forms of which schema and reader say the same.
fn around() -> impl Strategy<Value = Value> {
    let share = || {
        prop_oneof![
            6 => (0..1_000).prop_map(|share| json!(format!("0.{share:03}").parse::<f64>().unwrap())),
            1 => Just(json!(0)),
            1 => Just(json!(-0.001)),
            1 => Just(json!(1.001)),
            1 => Just(json!("0.5")),
        ]
    };
    let range = |ends: std::ops::Range<u32>| {
        (ends.clone(), ends).prop_map(|(one, other)| json!({ "min": one.min(other), "max": one.max(other) }))
    };
    let word = prop_oneof![8 => Just("calm"), 1 => Just("focus"), 1 => Just("")];
    let parameter = prop_oneof![
        3 => (prop::sample::select(vec!["energy", "valence", "density", "complexity", "swing"]), share())
            .prop_map(|(name, value)| (name, value)),
        1 => range(8..1_010).prop_map(|bpm| ("bpm", bpm)),
        1 => range(0..7_300).prop_map(|seconds| ("duration_s", seconds)),
        1 => prop::sample::select(vec!["C", "F#", "B♭", "h"]).prop_map(|key| ("key", json!(key))),
        2 => prop::sample::select(vec!["major", "dorian", "phrygian", "jazz"]).prop_map(|mode| ("mode", json!(mode))),
        1 => (0..70_u32, prop::sample::select(vec![1, 4, 8, 64, 3])).prop_map(|(beats, note)| ("meter", json!(format!("{beats}/{note}")))),
    ];
    let intents = prop::collection::vec(word, 0..3);
    let parameters = prop::collection::vec(parameter, 0..4);
    (intents, parameters).prop_map(|(intents, parameters)| {
        let parameters: serde_json::Map<_, _> = parameters
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        json!({ "format": 1, "name": "A", "intents": intents, "parameters": parameters })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn schema_and_reader_say_the_same(preset in around()) {
        let report = scan(&package("intent-preset", &[("a.json", preset.to_string().as_bytes())]).build());
        let findings = &report.row(CheckId::Presets).unwrap().findings;
        prop_assert_eq!(findings.is_empty(), SCHEMA.is_valid(&preset), "{}: {:?}", preset, findings);
    }
}
