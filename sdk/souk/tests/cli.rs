//! The command line as partners and their scripts meet it: what it prints and what it exits with.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

const MANIFEST: &str = "format = 1\n\n[package]\nname = \"test-pack\"\nversion = \"1.0.0\"\n\
    content_type = \"production-guide\"\nlicence = \"CC-BY-4.0\"\n\n[compatibility.products]\ndaiw = \">=1.0\"\n\n[metadata]\nlanguage = \"en\"\n";

fn souk(arguments: &[&str], path: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_souk"));
    command.args(arguments).arg(path).output().unwrap()
}

/// A folder of a manifest and these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("souk.toml"), MANIFEST).unwrap();
    for (path, content) in files {
        let place = folder.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }
    folder
}

/// The status, and all lines that were printed.
#[track_caller]
fn checked(arguments: &[&str], path: &Path) -> (i32, Vec<String>) {
    let output = souk(arguments, path);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let lines = String::from_utf8(output.stdout).unwrap();
    (
        output.status.code().unwrap(),
        lines.lines().map(str::to_owned).collect(),
    )
}

#[track_caller]
fn ends(path: &Path, status: i32, last: &str) {
    let (exit, lines) = checked(&["check"], path);
    assert_eq!(lines.last().unwrap(), last, "{lines:#?}");
    assert_eq!(exit, status);
    let (exit, in_json) = checked(&["check", "--json"], path);
    assert_eq!((exit, in_json.last()), (status, lines.last()), "the same in JSON");
    assert_eq!(in_json.len(), lines.len());
}

#[test]
fn a_good_folder_passes_and_so_does_its_package() {
    let folder = folder(&[("guide.md", b"# Mixing\n"), (".DS_Store", b"litter")]);
    ends(folder.path(), 0, "PASSED");
    let package = folder.path().join("package.zip");
    let packed = Command::new(env!("CARGO_BIN_EXE_souk"))
        .arg("pack")
        .args([folder.path(), &package])
        .status();
    assert!(packed.unwrap().success());
    ends(&package, 0, "PASSED");
}

#[test]
fn findings_are_lines_that_programs_can_read() {
    let folder = folder(&[("bin/tool.md", b"\x7fELF\x02\x01\x01")]);
    let (status, lines) = checked(&["check"], folder.path());
    let [finding, last] = lines.as_slice() else {
        panic!("{lines:#?}");
    };
    assert_eq!((status, last.as_str()), (1, "REJECTED file_types.native_code"));
    let parts: Vec<_> = finding.split('\t').collect();
    let ["file_types.native_code", "reject", "bin/tool.md", evidence, remedy] = parts.as_slice() else {
        panic!("{parts:?}");
    };
    assert_eq!(*evidence, "it is an ELF program");
    let (_, in_json) = checked(&["check", "--json"], folder.path());
    let in_json: serde_json::Value = serde_json::from_str(&in_json[0]).unwrap();
    assert_eq!(in_json["check"], "file_types");
    assert_eq!(in_json["path"], "bin/tool.md");
    assert_eq!(
        (&in_json["evidence"], &in_json["remedy"]),
        (&(*evidence).into(), &(*remedy).into())
    );
}

#[test]
fn every_kind_of_verdict_has_its_status() {
    ends(
        folder(&[("run.md", b"#!/bin/sh\n")]).path(),
        2,
        "QUARANTINED file_types.script_held",
    );
    let empty = tempfile::tempdir().unwrap();
    ends(empty.path(), 1, "REJECTED manifest.missing");
    let text = empty.path().join("x.zip");
    fs::write(&text, "no archive").unwrap();
    ends(&text, 1, "REJECTED archive.not_a_zip");
    let linked = folder(&[("guide.md", b"# Mixing\n")]);
    std::os::unix::fs::symlink("/etc/hostname", linked.path().join("link.md")).unwrap();
    ends(linked.path(), 1, "REJECTED archive.symlink");
}

#[test]
fn what_is_too_large_is_refused_unread() {
    let home = tempfile::tempdir().unwrap();
    let package = home.path().join("large.zip");
    File::create(&package).unwrap().set_len(1 << 40).unwrap();
    ends(&package, 1, "REJECTED archive.package_too_large");
    let folder = folder(&[]);
    let large = File::create(folder.path().join("large.wav")).unwrap();
    large.set_len((256 << 20) + 1).unwrap();
    ends(folder.path(), 1, "REJECTED archive.entry_too_large");
    for number in 0..5 {
        let part = File::create(folder.path().join(format!("{number}.wav"))).unwrap();
        part.set_len(250 << 20).unwrap();
    }
    fs::remove_file(folder.path().join("large.wav")).unwrap();
    ends(folder.path(), 1, "REJECTED archive.expanded_too_large");
}

#[test]
fn schemas_are_those_that_are_checked() {
    let schema = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_souk"));
        command.arg("schema").args(arguments).output().unwrap()
    };
    for (arguments, expected) in [
        (&[][..], scanner::MANIFEST_SCHEMA),
        (&["manifest"], scanner::MANIFEST_SCHEMA),
        (&["intent-preset"], scanner::INTENT_PRESET_SCHEMA),
    ] {
        let output = schema(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{arguments:?}");
    }
    let unknown = schema(&["novel"]);
    assert_eq!((unknown.status.code(), unknown.stdout), (Some(64), Vec::new()));
}

#[test]
fn what_cannot_be_judged_is_an_error_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    for (arguments, path, said) in [
        (&["check"][..], home.path().join("missing.zip"), "cannot read"),
        (&["check"], "/dev/null".into(), "neither a file nor a folder"),
        (&["check", "--frobnicate"], home.path().into(), "unexpected argument"),
        (&["frobnicate"], home.path().into(), "unrecognized subcommand"),
    ] {
        let output = souk(arguments, &path);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(said), "{errors}");
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(output.stdout.is_empty(), "no verdict");
    }
}
