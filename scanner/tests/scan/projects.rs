//! DAW projects: an archive in the package, looked into like the package itself.

use super::raw_zip::{Entry, RawZip};
use super::{MIDI, check_bytes, package};
use scanner::Verdict;

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Project version=\"1.0\"><Application name=\"DAW\" version=\"5.0\"/>\
    <Arrangement><Clips><Clip><Audio><File path=\"audio/one.mid\"/></Audio></Clip></Clips></Arrangement></Project>";
const METADATA: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MetaData><Title>Dub</Title></MetaData>";

fn project(media: &[(&str, &[u8])]) -> RawZip {
    let mut entries = vec![
        Entry::deflated("project.xml", XML.as_bytes()),
        Entry::deflated("metadata.xml", METADATA.as_bytes()),
    ];
    entries.extend(media.iter().map(|(path, content)| Entry::deflated(path, content)));
    RawZip::of(entries)
}

#[track_caller]
fn check(content_type: &str, project: &[u8], verdict: Verdict, reasons: &[&str]) {
    let files: &[(&str, &[u8])] = &[("dub.dawproject", project), ("README.md", b"# Dub\n")];
    check_bytes(&package(content_type, files).build(), verdict, reasons);
}

#[track_caller]
fn refused(project: &RawZip, reasons: &[&str]) {
    check("genre-template", &project.build(), Verdict::Rejected, reasons);
}

#[test]
fn a_whole_project_passes_in_a_genre_template_and_nowhere_else() {
    let whole = project(&[("audio/one.mid", MIDI)]).build();
    check("genre-template", &whole, Verdict::Passed, &[]);
    check(
        "groove-template",
        &whole,
        Verdict::Rejected,
        &["archive.nested_archive"],
    );
    let files: &[(&str, &[u8])] = &[("dub.zip", &whole)];
    let renamed = package("genre-template", files).build();
    check_bytes(&renamed, Verdict::Rejected, &["archive.nested_archive"]);
}

#[test]
fn what_a_project_names_is_in_it() {
    refused(&project(&[]), &["projects.missing"]);
    refused(
        &RawZip::of(vec![Entry::stored("audio/one.mid", MIDI)]),
        &["projects.damaged"],
    );
    check(
        "genre-template",
        b"not an archive",
        Verdict::Rejected,
        &["file_types.mismatch"],
    );
}

#[test]
fn a_project_hides_nothing() {
    let eicar = [
        "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-",
        "ANTIVIRUS-TEST-FILE!$H+H*",
    ]
    .concat();
    refused(
        &project(&[("audio/one.mid", MIDI), ("notes.txt", eicar.as_bytes())]),
        &["eicar.test_file"],
    );
    refused(
        &project(&[("audio/one.mid", b"\x7fELF\x02\x01\x01\x00 no music")]),
        &["file_types.native_code"],
    );
    refused(
        &project(&[("audio/one.mid", MIDI), ("run.exe", b"no type of these packages")]),
        &["file_types.extension"],
    );
    let inner = project(&[("audio/one.mid", MIDI)]).build();
    refused(
        &project(&[("audio/one.mid", MIDI), ("more.dawproject", &inner)]),
        &["projects.nested_archive"],
    );
}

#[test]
fn its_archive_is_read_as_strictly_as_the_package() {
    let mut behind = project(&[("audio/one.mid", MIDI)]);
    behind.suffix = b"more".to_vec();
    let mut before = project(&[("audio/one.mid", MIDI)]);
    before.prefix = b"PK\x03\x04".to_vec();
    let twice = project(&[("audio/one.mid", MIDI), ("audio/one.mid", MIDI)]);
    for project in [behind, before, twice] {
        let files: &[(&str, &[u8])] = &[("dub.dawproject", &project.build())];
        let report = super::scan(&package("genre-template", files).build());
        assert_eq!(report.verdict(), Verdict::Rejected);
        assert!(
            report.reason_codes().iter().all(|code| code.starts_with("projects.")),
            "{:?}",
            report.reason_codes()
        );
    }
}
