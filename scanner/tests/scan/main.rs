//! The scan engine from outside: every line of the requirements, on packages made here.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]
#![expect(clippy::cast_possible_truncation, reason = "the packages made here are small")]

mod agreement;
mod archive;
mod catalogue;
mod content;
mod intents;
mod limits;
mod manifest;
mod names;
mod others;
mod projects;
mod raw_zip;
mod robustness;
mod tools;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;

use raw_zip::{Entry, RawZip};
use scanner::{Config, Engine, Report, Verdict};
use sha2::{Digest, Sha256};

pub static RULES: LazyLock<Vec<u8>> = LazyLock::new(rules);
pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(Config::new(RULES.clone())).unwrap());

pub const MIDI: &[u8] = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk\x00\x00\x00\x04\x00\xff\x2f\x00";

/// The compiled rules: each test is a process of its own, and compiling takes seconds without optimisation, so the first one keeps them
/// for the others, under a name that changes with the rules.
fn rules() -> Vec<u8> {
    let mut sources: Vec<_> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/rules"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    sources.sort();
    let sources: Vec<u8> = sources.iter().flat_map(|source| fs::read(source).unwrap()).collect();
    let kept =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rules-{}.bin", hex::encode(Sha256::digest(sources))));
    if let Ok(rules) = fs::read(&kept)
        && Engine::new(Config::new(rules.clone())).is_ok()
    {
        return rules;
    }
    let rules = scanner::compile_rules().unwrap();
    let mut whole = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    whole.write_all(&rules).unwrap();
    whole.persist(kept).unwrap();
    rules
}

/// The manifest of a package with these files.
pub fn manifest(content_type: &str, files: &[(&str, &[u8])]) -> String {
    let mut text = format!(
        "format = 1\n\n[package]\nname = \"test-pack\"\nversion = \"1.0.0\"\ncontent_type = \"{content_type}\"\n\
         licence = \"CC-BY-4.0\"\n\n[compatibility.products]\ndaiw = \">=1.0\"\n"
    ) + &metadata(content_type, files);
    for (path, content) in files {
        let sha256 = hex::encode(Sha256::digest(content));
        text += &format!("\n[[files]]\npath = \"{path}\"\nsha256 = \"{sha256}\"\n");
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

/// An honest package of these files.
pub fn package(content_type: &str, files: &[(&str, &[u8])]) -> RawZip {
    let manifest = manifest(content_type, files);
    let mut entries = vec![Entry::deflated("souk.toml", manifest.as_bytes())];
    entries.extend(files.iter().map(|(path, content)| Entry::deflated(path, content)));
    RawZip::of(entries)
}

/// A small honest groove package: `souk.toml`, `README.md`, `grooves/one.mid`.
pub fn groove() -> RawZip {
    package(
        "groove-template",
        &[("README.md", b"# Grooves\n"), ("grooves/one.mid", MIDI)],
    )
}

pub fn scan(package: &[u8]) -> Report {
    ENGINE.scan(package)
}

#[track_caller]
pub fn check_bytes(package: &[u8], verdict: Verdict, reasons: &[&str]) {
    let report = scan(package);
    assert_eq!(report.reason_codes(), reasons, "{report:#?}");
    assert_eq!(report.verdict(), verdict, "{report:#?}");
}

#[track_caller]
pub fn passes(package: &RawZip) {
    check_bytes(&package.build(), Verdict::Passed, &[]);
}

/// Refused for exactly this reason.
#[track_caller]
pub fn refused(package: &RawZip, rule: &str) {
    check_bytes(&package.build(), Verdict::Rejected, &[rule]);
}
