//! The static library in a program in C and C++, and the header beside the code.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ed25519_dalek::{Signer, SigningKey};
use souk_c::Status;
use souk_client::issue::{Draft, Entitlement, Licence, Machine, Terms};
use souk_client::{PublicKey, Timestamp};

const NOW_S: i64 = 1_772_366_400;
const KEY: &str = "SOUK-EXAMPLE";
const FINGERPRINT: &str = "198e9fe586114844f6a4eaca5069b41a7ed43fb5a2df84892b69826d64573e39";
/// What the standard library of Rust needs of the system.
const SYSTEM_LIBRARIES: &[&str] = &["-lpthread", "-ldl", "-lm"];

fn licence(now: Timestamp) -> Licence {
    Licence {
        id: "lic_1".to_owned(),
        key: KEY.to_owned(),
        name: None,
        status: "ACTIVE".to_owned(),
        expiry: None,
        uses: 0,
        floating: false,
        strict: false,
        suspended: false,
        protected: false,
        require_heartbeat: false,
        require_check_in: false,
        max_machines: Some(1),
        max_processes: None,
        max_users: None,
        max_uses: None,
        metadata: Default::default(),
        product_id: None,
        policy_id: None,
        entitlements: vec![Entitlement {
            id: "ent_1".to_owned(),
            code: "export-stems".to_owned(),
            name: "Export of stems".to_owned(),
            created: now,
            updated: now,
        }],
        created: now,
        updated: now,
    }
}

fn machine(now: Timestamp) -> Machine {
    Machine {
        id: "mch_1".to_owned(),
        fingerprint: FINGERPRINT.to_owned(),
        name: None,
        platform: None,
        hostname: None,
        require_heartbeat: false,
        heartbeat_status: "NOT_STARTED".to_owned(),
        heartbeat_duration_s: None,
        components: Vec::new(),
        created: now,
        updated: now,
    }
}

/// Cargo builds all forms of the library before its tests, into the folder that the tests are in.
fn static_library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().join("libsouk_c.a")
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        said(&output.stdout),
        said(&output.stderr)
    );
    said(&output.stdout)
}

/// As plugins in C and in C++ are built.
fn compilers() -> Vec<Command> {
    // Not every machine that builds Rust has one for C++.
    let is_there = |compiler: &&str| Command::new(compiler).arg("--version").output().is_ok();
    let cpp = ["c++", "g++", "clang++"].into_iter().find(is_there);
    let languages = [(Some("cc"), "c", "-std=c99"), (cpp, "c++", "-std=c++11")];
    let compiler = |(name, language, standard)| {
        let mut compiler = Command::new(name?);
        compiler.args([standard, "-x", language]);
        Some(compiler)
    };
    languages.into_iter().filter_map(compiler).collect()
}

fn build(mut compiler: Command, program: &Path) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    compiler
        .args([
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-D_POSIX_C_SOURCE=200809L",
            "-I",
        ])
        .arg(here.join("include"))
        .arg(here.join("tests/verify.c"))
        // The library is in no language.
        .args(["-x", "none"])
        .arg(static_library())
        .args(SYSTEM_LIBRARIES)
        .arg("-o")
        .arg(program);
    run(&mut compiler);
}

#[test]
fn a_program_verifies_what_the_server_issues() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("verify");

    let signer = SigningKey::from_bytes(&[1; 32]);
    let public = PublicKey::new(signer.verifying_key().as_bytes()).unwrap();
    let now = Timestamp::from_second(NOW_S).unwrap();
    let terms = |nonce| Terms {
        key_id: Some(public.id().to_owned()),
        nonce,
        ..Terms::new(now)
    };
    let issue = |name: &str, draft: Draft| {
        let path = folder.path().join(name);
        let file = draft.sign(|message| signer.sign(message).to_bytes()).unwrap();
        fs::write(&path, file).unwrap();
        path
    };
    let licence_file = issue(
        "licence.lic",
        Draft::licence(&licence(now), &terms(Some([7; 12]))).unwrap(),
    );
    let machine_file = issue(
        "machine.lic",
        Draft::machine(&machine(now), &licence(now), &terms(None)).unwrap(),
    );
    let hex: String = public.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    for compiler in compilers() {
        build(compiler, &program);
        let mut verify = Command::new(&program);
        verify
            .args([&licence_file, &machine_file])
            .args([&hex, KEY, FINGERPRINT, &NOW_S.to_string()]);
        assert_eq!(run(&mut verify), "all is well\n");
    }
}

fn header() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("include/souk.h")).unwrap()
}

/// Names of functions with the number of their arguments, of declarations that begin so.
fn functions(text: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (at, _) in text.match_indices("souk_") {
        let is_call = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let rest = &text[at..];
        let Some(end) = rest.find(is_call).filter(|end| rest[*end..].starts_with('(')) else {
            continue;
        };
        let arguments = &rest[end + 1..end + rest[end..].find(')').unwrap()];
        let count = arguments
            .split(',')
            .filter(|argument| !["", "void"].contains(&argument.trim()))
            .count();
        found.insert(rest[..end].to_owned(), count);
    }
    found
}

#[test]
fn the_header_declares_what_the_library_exports() {
    let code = [include_str!("../src/lib.rs"), include_str!("../src/online.rs")].concat();
    let exported: String = code
        .split("#[unsafe(no_mangle)]")
        .skip(1)
        .map(|rest| rest.split('{').next().unwrap())
        .collect();
    let exported = functions(&exported);
    assert!(!exported.is_empty());
    assert_eq!(functions(&header()), exported);
}

#[test]
fn the_header_has_every_status_under_its_number() {
    let header = header();
    let numbers: Vec<(String, i32)> = header
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.trim().strip_prefix("SOUK_")?.split_once(" = ")?;
            if name.starts_with("BASIS_") {
                return None;
            }
            let number = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            Some((format!("SOUK_{name}"), number.parse().ok()?))
        })
        .collect();
    let expected: Vec<(String, i32)> = Status::ALL
        .iter()
        .map(|status| (status.name().to_owned(), *status as i32))
        .collect();
    assert_eq!(numbers, expected);
    let size = format!("#define SOUK_FINGERPRINT_SIZE {}\n", souk_c::FINGERPRINT_SIZE);
    assert!(header.contains(&size));
}
