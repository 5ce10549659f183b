//! `souk.toml`: every rule of its own, and the published schema agrees.

use std::sync::LazyLock;

use super::raw_zip::{Entry, RawZip};
use super::{MIDI, groove, package, passes, refused, scan};
use scanner::{ContentType, Filesystem, Manifest, Platform, Verdict};

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(scanner::MANIFEST_SCHEMA).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

const GOOD: &str = r#"
format = 1

[package]
name = "model-router"
publisher = "souk-originals"
version = "1.2.0-beta.1"
content_type = "integration"
licence = "MIT OR Apache-2.0"
summary = "Routes prompts."

[compatibility]
products = { aic = ">=2.0, <4" }
platforms = ["linux-arm64", "macos-x86_64"]

[permissions]
network = ["api.example.com", "*.example.org"]
secrets = ["OPENAI_API_KEY"]
scopes = ["conversations:read"]
filesystem = "project"
"#;

fn of(text: &str) -> RawZip {
    RawZip::of(vec![Entry::deflated("souk.toml", text.as_bytes())])
}

fn valid_by_schema(text: &str) -> bool {
    let value: Result<serde_json::Value, _> = toml::from_str(text);
    value.is_ok_and(|value| SCHEMA.is_valid(&value))
}

fn manifest_of(zip: &RawZip) -> Manifest {
    scan(&zip.build()).manifest.unwrap()
}

#[test]
fn a_full_manifest_is_read() {
    passes(&of(GOOD));
    assert!(valid_by_schema(GOOD));
    let manifest = manifest_of(&of(GOOD));
    assert_eq!(manifest.package.name, "model-router");
    assert_eq!(manifest.package.version.to_string(), "1.2.0-beta.1");
    assert_eq!(manifest.package.content_type, ContentType::Integration);
    assert_eq!(
        manifest.compatibility.platforms,
        [Platform::LinuxArm64, Platform::MacosX86_64]
    );
    assert_eq!(manifest.permissions.filesystem, Filesystem::Project);
    assert_eq!(manifest_of(&groove()).files.len(), 2);
}

/// One change to the good manifest; refused for `rule`, and by the schema where it can say so.
#[track_caller]
fn check(from: &str, to: &str, rule: &str, schema_says_so: bool) {
    assert!(GOOD.contains(from), "{from}");
    let text = GOOD.replacen(from, to, 1);
    refused(&of(&text), rule);
    assert_eq!(!valid_by_schema(&text), schema_says_so, "schema on {to}");
}

#[test]
fn shape() {
    check("format = 1", "format = 2", "manifest.format", true);
    check("format = 1", "format = \"1\"", "manifest.wrong_type", true);
    check("format = 1", "", "manifest.missing_field", true);
    check("format = 1", "format = 1\nextra = 1", "manifest.unknown_field", true);
    check("summary =", "sumary =", "manifest.unknown_field", true);
    check("network =", "networks =", "manifest.unknown_field", true);
    check("name = \"model-router\"\n", "", "manifest.missing_field", true);
    check("licence =", "license = \"MIT\"\nlicence =", "manifest.syntax", true);
    check("[permissions]", "[permissions", "manifest.syntax", true);
    check("[permissions]", "[package]", "manifest.syntax", true);
}

#[test]
fn values() {
    for name in [
        "ab",
        "Model-Router",
        "model_router",
        "-model",
        "model-",
        "mo--del",
        "1model",
        "mödel",
    ] {
        check("\"model-router\"", &format!("\"{name}\""), "manifest.name", true);
    }
    check(
        "\"model-router\"",
        &format!("\"{}\"", "a".repeat(65)),
        "manifest.name",
        true,
    );
    check("souk-originals", "Souk Originals", "manifest.publisher", true);
    for version in ["1", "1.2", "v1.2.3", "1.2.3+build", "01.2.3", "", "1.2.3.4"] {
        check("1.2.0-beta.1", version, "manifest.version", true);
    }
    check("1.2.0-beta.1", "1.2.3-01", "manifest.version", false);
    check("\"integration\"", "\"plugin\"", "manifest.content_type", true);
    for licence in ["Free", "MIT AND", "GPL", "MIT/Apache-2.0"] {
        check("MIT OR Apache-2.0", licence, "manifest.licence", false);
    }
    check("Routes prompts.", &"x".repeat(161), "manifest.summary", true);
    check("Routes prompts.", "a\\u202Eb", "manifest.summary", false);
    check("{ aic = \">=2.0, <4\" }", "{}", "manifest.compatibility", true);
    check(">=2.0, <4", "newest", "manifest.compatibility", false);
    check("linux-arm64", "solaris", "manifest.platform", true);
    check("\"linux-arm64\"", "\"macos-x86_64\"", "manifest.repeated", true);
}

#[test]
fn permissions() {
    for host in [
        "https://api.example.com",
        "localhost",
        "127.0.0.1",
        "10.0.0.1",
        "*",
        "*.com.",
        "a.*.com",
        "API.example.com",
        "api.example.com:80",
        "-a.example.com",
        "[::1]",
    ] {
        check(
            "\"api.example.com\"",
            &format!("\"{host}\""),
            "manifest.permission",
            true,
        );
    }
    check("OPENAI_API_KEY", "sk-123", "manifest.permission", true);
    check("conversations:read", "everything", "manifest.permission", true);
    check("\"project\"", "\"all\"", "manifest.permission", true);
    let many: Vec<String> = (0..51).map(|i| format!("\"a{i}.example.com\"")).collect();
    check("\"api.example.com\"", &many.join(", "), "manifest.permission", true);
    // Content that does not act may not ask.
    check("\"integration\"", "\"sample-pack\"", "manifest.permission", false);
}

#[test]
fn licences_that_are_fine() {
    for licence in [
        "MIT",
        "CC-BY-NC-4.0",
        "LicenseRef-Commercial",
        "(MIT OR GPL-3.0-only) AND CC0-1.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        passes(&of(&GOOD.replace("MIT OR Apache-2.0", licence)));
    }
    passes(&of(&GOOD.replace("licence =", "license =")));
}

#[test]
fn messages_name_the_place() {
    let report = scan(&of(&GOOD.replace("summary =", "sumary =")).build());
    let finding = &report.checks[1].findings[0];
    assert!(
        finding
            .evidence
            .starts_with("line 10, column 1: unknown field `sumary`, expected one of"),
        "{}",
        finding.evidence
    );
    // Values are all looked at.
    let text = GOOD.replace("model-router", "X").replace("1.2.0-beta.1", "1");
    let report = scan(&of(&text).build());
    assert_eq!(report.reason_codes(), ["manifest.name", "manifest.version"]);
    assert!(
        report.checks[1].findings[1]
            .evidence
            .contains("`package.version` is `1`")
    );
}

#[test]
fn where_it_stands() {
    let inside = |name: &str| RawZip::of(vec![Entry::deflated(name, GOOD.as_bytes())]);
    refused(&inside("model-router/souk.toml"), "manifest.missing");
    refused(&inside("SOUK.toml"), "manifest.missing");
    let zip = RawZip::of(vec![Entry::deflated("souk.toml", b"\xff\xfe")]);
    let report = scan(&zip.build());
    assert!(report.reason_codes().contains(&"manifest.encoding"));
}

#[test]
fn files_and_the_list_agree() {
    let base = package("groove-template", &[("a.mid", MIDI)]);
    let mut zip = base.clone();
    zip.entries.push(Entry::deflated("b.mid", MIDI));
    refused(&zip, "hashes.unlisted_file");
    let mut zip = base.clone();
    zip.entries.pop();
    refused(&zip, "hashes.missing_file");
    let mut zip = base.clone();
    let faster = MIDI.iter().map(|byte| if *byte == 0xe0 { 0xe1 } else { *byte });
    zip.entries[1] = Entry::deflated("a.mid", &faster.collect::<Vec<_>>());
    refused(&zip, "hashes.hash_mismatch");
    let mut zip = base;
    zip.entries.push(Entry::deflated(".DS_Store", b"x"));
    let report = scan(&zip.build());
    assert_eq!(report.reason_codes(), ["hashes.unlisted_file", "file_types.extension"]);
    assert!(report.checks[2].findings[0].remedy.contains("operating system"));
}

#[test]
fn the_list_itself() {
    let hash = "0".repeat(64);
    for (path, sha256, rule) in [
        ("../a.mid", hash.as_str(), "manifest.file_path"),
        ("souk.toml", &hash, "manifest.file_path"),
        ("folder/", &hash, "manifest.file_path"),
        ("a.mid", "abc", "manifest.file_hash"),
        ("a.mid", &"A".repeat(64), "manifest.file_hash"),
    ] {
        refused(
            &of(&format!(
                "{GOOD}\n[[files]]\npath = \"{path}\"\nsha256 = \"{sha256}\"\n"
            )),
            rule,
        );
    }
    let twice = format!("\n[[files]]\npath = \"a.mid\"\nsha256 = \"{hash}\"\n").repeat(2);
    refused(&of(&format!("{GOOD}{twice}")), "manifest.file_twice");
    refused(
        &of(&format!("{GOOD}\n[[files]]\npath = \"a.mid\"\n")),
        "manifest.missing_field",
    );
}

#[test]
fn a_refused_manifest_is_not_handed_on() {
    let report = scan(&of(&GOOD.replace("format = 1", "format = 9")).build());
    assert_eq!(report.manifest, None);
    assert_eq!(report.verdict(), Verdict::Rejected);
}
