//! Archives as other tools write them, and accepted archives as other tools read them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{MIDI, check_bytes, groove, manifest};
use scanner::{PackError, Verdict};

/// A folder with the files of an honest package.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let readme = "# Grooves\n".repeat(500);
    let files: [(&str, &[u8]); 2] = [("README.md", readme.as_bytes()), ("grooves/one.mid", MIDI)];
    fs::create_dir(folder.path().join("grooves")).unwrap();
    fs::write(folder.path().join("souk.toml"), manifest("groove-template", &files)).unwrap();
    for (path, content) in files {
        fs::write(folder.path().join(path), content).unwrap();
    }
    folder
}

/// What `command` prints, run in `folder`.
fn output(folder: &Path, command: &str, arguments: &[&str]) -> Vec<u8> {
    let ran = Command::new(command)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let ran = ran.unwrap_or_else(|error| panic!("{command} is needed for this test: {error}"));
    assert!(ran.status.success(), "{command} {arguments:?}: {ran:?}");
    ran.stdout
}

#[track_caller]
fn passes_from(command: &str, arguments: &[&str]) {
    let folder = folder();
    let archive = output(folder.path(), command, arguments);
    check_bytes(&archive, Verdict::Passed, &[]);
}

#[test]
fn info_zip_writes_what_passes() {
    // Through a pipe it streams, with descriptors.
    passes_from("sh", &["-c", "zip -q -r - . | cat"]);
    passes_from("sh", &["-c", "zip -q -r -X - . | cat"]);
    passes_from("sh", &["-c", "zip -q -0 -r - . | cat"]);
    passes_from("sh", &["-c", "zip -q -9 -r x.zip . && cat x.zip"]);
}

/// Written by `jar cfM` and `jar c0fM` (OpenJDK), which not every machine has.
#[test]
fn java_writes_what_passes() {
    for archive in [
        &include_bytes!("java-deflated.zip")[..],
        include_bytes!("java-stored.zip"),
    ] {
        check_bytes(archive, Verdict::Passed, &[]);
    }
}

const PYTHON_WRITES: &str = r#"
import io, os, sys, zipfile
method, seekable, wide = int(sys.argv[1]), sys.argv[2] == "seekable", sys.argv[3] == "wide"
class Pipe(io.RawIOBase):
    def writable(self): return True
    def write(self, data): return sys.stdout.buffer.write(data)
memory = io.BytesIO()
with zipfile.ZipFile(memory if seekable else Pipe(), "w", method) as archive:
    for folder, folders, files in os.walk("."):
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name))
            if wide:
                with archive.open(zipfile.ZipInfo.from_file(path), "w", force_zip64=True) as entry:
                    entry.write(open(path, "rb").read())
            else:
                archive.write(path)
sys.stdout.buffer.write(memory.getvalue())
"#;

#[test]
fn python_writes_what_passes() {
    for method in ["0", "8"] {
        for place in ["seekable", "pipe"] {
            for sizes in ["narrow", "wide"] {
                passes_from("python3", &["-c", PYTHON_WRITES, method, place, sizes]);
            }
        }
    }
}

const PYTHON_READS: &str = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    for entry in archive.infolist():
        if not entry.is_dir():
            print(entry.filename, "%08x" % entry.CRC)
"#;

#[test]
fn others_read_the_same_files() {
    let names = ["souk.toml", "README.md", "grooves/one.mid"];
    let mut zip = groove();
    zip.entries[1] = zip.entries[1].clone().streamed(true);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.zip"), zip.build()).unwrap();
    check_bytes(&zip.build(), Verdict::Passed, &[]);
    let listed = output(folder.path(), "python3", &["-c", PYTHON_READS, "a.zip"]);
    let expected: String = names
        .iter()
        .zip(&zip.entries)
        .map(|(name, entry)| format!("{name} {:08x}\n", entry.central.crc))
        .collect();
    assert_eq!(String::from_utf8(listed).unwrap(), expected);
    output(folder.path(), "unzip", &["-q", "a.zip"]);
    assert_eq!(fs::read(folder.path().join("grooves/one.mid")).unwrap(), MIDI);
    assert_eq!(fs::read(folder.path().join("README.md")).unwrap(), b"# Grooves\n");
}

#[test]
fn packing_is_the_same_every_time_and_passes() {
    let folder = folder();
    let pack = || scanner::pack(folder.path());
    let listed = fs::read_to_string(folder.path().join("souk.toml")).unwrap();
    check_bytes(&pack().unwrap(), Verdict::Passed, &[]);
    fs::write(folder.path().join("grooves/notes.txt"), "two").unwrap();
    check_bytes(&pack().unwrap(), Verdict::Rejected, &["hashes.unlisted_file"]);
    let unlisted = listed.split("\n[[files]]").next().unwrap();
    fs::write(folder.path().join("souk.toml"), unlisted).unwrap();
    // What the operating system leaves behind stays outside.
    fs::write(folder.path().join(".DS_Store"), b"x").unwrap();
    let first = pack().unwrap();
    assert_eq!(pack().unwrap(), first);
    check_bytes(&first, Verdict::Passed, &[]);
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    let Err(PackError::Refused(findings)) = pack() else {
        panic!("a link is no file of the folder");
    };
    assert_eq!(findings[0].rule, "archive.symlink");
}
