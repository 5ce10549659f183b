//! A program in C, and the same in C++, asks a marketplace over a socket.

#![cfg(unix)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use ed25519_dalek::Signer;
use serde_json::{Value, json};
use souk_client::issue::{Draft, Licence, Terms};

use support::{FINGERPRINT, KEY, licence, now, public_key, signer};

/// What the standard library of Rust needs of the system.
const SYSTEM_LIBRARIES: &[&str] = &["-lpthread", "-ldl", "-lm"];

struct Request {
    /// Method and path.
    line: String,
    headers: String,
    body: Value,
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut headers, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        headers.push_str(&header);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = first.rsplit_once(' ')?.0.to_owned();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Request { line, headers, body })
}

/// A licence for one machine, which has its seat or has it not.
fn answer(is_active: &mut bool, request: &Request) -> (u16, String) {
    let problem = |status: u16, code: &str, detail: &str| {
        let body = json!({"code": code, "title": "Refused", "status": status, "detail": detail});
        (status, body.to_string())
    };
    let ok = |body: Value| (200, body.to_string());
    let none = || problem(404, "not_found", "There is no such thing.");
    if request.line.contains("/lic_portal/") {
        return (200, "<html>Log in to the hotel's network".to_owned());
    }
    if !request.headers.contains(&format!("License {KEY}\r\n")) {
        return none();
    }
    let is_ours = request.body["fingerprint"] == FINGERPRINT;
    match request.line.as_str() {
        "POST /v1/licences/lic_1/validations" if *is_active && is_ours && request.body["product"] == "lst_1" => {
            ok(json!({
                "valid": true, "code": "VALID", "expires_at": "2099-01-01T00:00:00Z", "entitlements": ["export-stems"],
            }))
        }
        "POST /v1/licences/lic_1/validations" => {
            ok(json!({"valid": false, "code": "NO_MACHINE", "detail": "This machine has no seat."}))
        }
        "POST /v1/licences/lic_1/machines" if is_ours => {
            *is_active = true;
            let name = &request.body["name"];
            ok(json!({"id": "mch_1", "name": name, "heartbeat_due_at": "2030-01-01T00:00:00Z"}))
        }
        "POST /v1/licences/lic_1/machines" => problem(409, "no_seat_free", "All seats are taken."),
        "POST /v1/licences/lic_1/machines/mch_1/heartbeats" if *is_active => ok(json!({"id": "mch_1"})),
        "DELETE /v1/licences/lic_1/machines/mch_1" if *is_active => {
            *is_active = false;
            (204, String::new())
        }
        _ => none(),
    }
}

/// Answers one connection after the other for as long as the test lasts.
fn marketplace() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut is_active = false;
        for mut stream in listener.incoming().flatten() {
            let Some(request) = read(&stream) else { continue };
            let (status, body) = answer(&mut is_active, &request);
            let length = body.len();
            let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    address
}

/// Where somebody listened a moment ago.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn licence_file(path: &Path) {
    let licence = Licence {
        id: "lic_1".to_owned(),
        ..licence()
    };
    let terms = Terms {
        nonce: Some([7; 12]),
        ..Terms::new(now())
    };
    let draft = Draft::licence(&licence, &terms).unwrap();
    let file = draft.sign(|message| signer().sign(message).to_bytes()).unwrap();
    fs::write(path, file).unwrap();
}

fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().join("libsouk_c.a")
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}{err}");
    out
}

#[track_caller]
fn check(compiler: &[&str]) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client-c");
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let mut build = Command::new(compiler[0]);
    build
        .args(&compiler[1..])
        .args([
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-D_POSIX_C_SOURCE=200809L",
            "-I",
        ])
        .arg(here.join("include"))
        .arg(here.join("tests/online.c"))
        // The library is in no language.
        .args(["-x", "none"])
        .arg(library())
        .args(SYSTEM_LIBRARIES)
        .arg("-o")
        .arg(place("online"));
    run(&mut build);
    licence_file(&place("licence.lic"));
    let mut online = Command::new(place("online"));
    online
        .args([&marketplace(), &nobody(), KEY, FINGERPRINT])
        .args([place("licence.state"), place("licence.lic")])
        .arg(public_key());
    assert_eq!(run(&mut online), "all is well\n");
}

#[test]
fn a_c_program_asks_takes_a_seat_and_gives_it_back() {
    check(&["cc", "-std=c99"]);
}

#[test]
fn a_cpp_program_does_the_same() {
    // Not every machine that builds Rust has one.
    let is_there = |compiler: &&str| Command::new(compiler).arg("--version").output().is_ok();
    if let Some(compiler) = ["c++", "g++", "clang++"].into_iter().find(is_there) {
        check(&[compiler, "-std=c++11", "-x", "c++"]);
    }
}
