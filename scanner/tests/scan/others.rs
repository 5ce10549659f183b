//! What is accepted is the same archive for others: Python's zipfile and Info-ZIP's unzip, over archives made at random, whole and damaged.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use scanner::readers;
use sha2::{Digest, Sha256};

use super::raw_zip::{Entry, RawZip};

const ARCHIVES: usize = 1_500;

/// Hash by path.
type Files = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy)]
enum Form {
    Stored,
    Deflated,
    Streamed,
    StreamedWithMark,
}

fn path() -> impl Strategy<Value = String> {
    let part = "[a-zA-Z0-9äßø音_ ()+-]{0,12}[a-z0-9é]".prop_map(|part| part.trim_start().to_owned());
    vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

/// An archive of some files, and places at which a byte of it is changed.
fn archive() -> impl Strategy<Value = (Vec<u8>, usize)> {
    let form = prop_oneof![
        Just(Form::Stored),
        Just(Form::Deflated),
        Just(Form::Streamed),
        Just(Form::StreamedWithMark)
    ];
    let content = prop_oneof![vec(any::<u8>(), 0..300), "[ab ]{0,900}".prop_map(String::into_bytes)];
    let damage = prop_oneof![
        1 => Just(Vec::new()),
        2 => vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ];
    (btree_map(path(), (content, form), 1..6), damage).prop_map(|(files, damage)| {
        let entry = |(path, (content, form)): (&String, &(Vec<u8>, Form))| match form {
            Form::Stored => Entry::stored(path, content),
            Form::Deflated => Entry::deflated(path, content),
            Form::Streamed => Entry::deflated(path, content).streamed(false),
            Form::StreamedWithMark => Entry::deflated(path, content).streamed(true),
        };
        let mut bytes = RawZip::of(files.iter().map(entry).collect()).build();
        for (place, byte) in &damage {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
        (bytes, damage.len())
    })
}

fn hashed(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

const PYTHON_READS: &str = r#"
import hashlib, sys, zipfile
for number in sys.argv[2:]:
    with zipfile.ZipFile(f"{sys.argv[1]}/{number}.zip") as archive:
        assert archive.testzip() is None, number
        for entry in archive.infolist():
            if not entry.is_dir():
                print(number, hashlib.sha256(archive.read(entry)).hexdigest(), entry.filename, sep="\t")
"#;

/// What Python reads in each of the archives.
fn of_python(folder: &Path, numbers: &[usize]) -> BTreeMap<usize, Files> {
    let ran = Command::new("python3")
        .env("PYTHONIOENCODING", "utf-8")
        .args(["-c", PYTHON_READS])
        .arg(folder)
        .args(numbers.iter().map(usize::to_string))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "Python refuses what is accepted: {said}");
    let mut read: BTreeMap<usize, Files> = BTreeMap::new();
    for line in String::from_utf8(ran.stdout).unwrap().lines() {
        let [number, hash, path] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let files = read.entry(number.parse().unwrap()).or_default();
        assert!(files.insert(path.to_owned(), hash.to_owned()).is_none(), "{line}");
    }
    read
}

/// What unzip makes of one archive.
fn of_unzip(folder: &Path, number: usize) -> Files {
    let place = folder.join(number.to_string());
    let ran = Command::new("unzip")
        .env("LC_ALL", "C.UTF-8")
        .args(["-qq", "-o"])
        .arg(folder.join(format!("{number}.zip")))
        .arg("-d")
        .arg(&place)
        .stdin(Stdio::null())
        .output()
        .expect("unzip, to compare with: apt-get install unzip");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success(),
        "unzip refuses {number}, which is accepted: {said}"
    );
    let mut files = Files::new();
    collect(&place, "", &mut files);
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, hashed(&fs::read(entry.path()).unwrap()));
        }
    }
}

#[test]
fn what_is_accepted_is_the_same_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let (mut runner, mut accepted) = (TestRunner::deterministic(), BTreeMap::new());
    let (mut whole, mut refused) = (0, 0);
    for number in 0..ARCHIVES {
        let (bytes, damaged) = archive().new_tree(&mut runner).unwrap().current();
        whole += usize::from(damaged == 0);
        let Ok(files) = readers::archive(&bytes) else {
            refused += 1;
            continue;
        };
        let files: Files = files
            .iter()
            .map(|(path, content)| (path.clone(), hashed(content)))
            .collect();
        fs::write(folder.path().join(format!("{number}.zip")), bytes).unwrap();
        accepted.insert(number, files);
    }
    assert!(
        accepted.len() > whole / 2 && refused > ARCHIVES / 4,
        "of {whole} whole and {} damaged archives, {refused} are refused",
        ARCHIVES - whole
    );
    let numbers: Vec<_> = accepted.keys().copied().collect();
    assert_eq!(of_python(folder.path(), &numbers), accepted, "Python");
    for (number, files) in &accepted {
        assert_eq!(of_unzip(folder.path(), *number), *files, "unzip, archive {number}");
    }
}
