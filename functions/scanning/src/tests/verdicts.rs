//! What becomes of which package.

use shared::listing::{Status, contents_key};

use super::{EICAR, MIDI, World, groove, package};

#[tokio::test]
async fn an_honest_package_passes_and_its_bytes_are_clean() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    let object = world.post(&bytes).await;
    world.deliver(&object, 1).await.expect("scanned");
    let version = world.now().await;
    assert_eq!(version.status(), Status::Passed, "{:?}", world.checks().await);
    let artifact = version.artifact().expect("passed");
    assert_eq!(artifact.size_bytes, bytes.len() as u64);
    let key = format!("artifacts/{}/{}/{}.zip", version.listing, version.id, artifact.sha256);
    assert_eq!(
        (artifact.object_key.as_str(), world.clean()),
        (key.as_str(), vec![key.clone(), contents_key(&key)])
    );
    assert_eq!(
        world.clean_bytes(&artifact.object_key, &artifact.object_version).await,
        bytes
    );

    let checks = world.checks().await;
    let mut names: Vec<_> = checks.iter().map(|check| check.check.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "archive",
            "audio",
            "declaration",
            "declared",
            "eicar",
            "file_types",
            "hashes",
            "images",
            "json",
            "manifest",
            "markdown",
            "midi",
            "native",
            "pdf",
            "presets",
            "projects",
            "secrets",
            "svg",
            "wasm",
            "yara"
        ]
    );
    assert!(
        checks
            .iter()
            .all(|check| check.ruleset == checks[0].ruleset && !check.ruleset.is_empty())
    );
}

#[track_caller]
fn check((status, reasons): (Status, Vec<String>), expected: Status, reason: &str) {
    assert_eq!(status, expected, "{reasons:?}");
    assert!(
        reasons.iter().any(|code| code == reason),
        "{reason} is not among {reasons:?}"
    );
}

#[tokio::test]
async fn what_the_engine_finds_is_not_passed() {
    let eicar = EICAR.concat();
    let infected = package(
        "1.0.0",
        "groove-template",
        &[("README.md", eicar.as_bytes()), ("grooves/one.mid", MIDI)],
    );
    let (status, reasons) = World::scanned(&infected).await;
    assert!(matches!(status, Status::Rejected | Status::Quarantined), "{status}");
    assert!(reasons.iter().any(|code| code.starts_with("eicar")), "{reasons:?}");

    let mut trailing = groove();
    trailing.extend(b"more");
    let (status, reasons) = World::scanned(&trailing).await;
    assert_eq!(status, Status::Rejected, "{reasons:?}");
    let (status, _) = World::scanned(b"this is no archive at all, only text").await;
    assert_eq!(status, Status::Rejected);
}

#[tokio::test]
async fn a_package_is_what_it_was_declared_as() {
    let files: &[(&str, &[u8])] = &[("README.md", b"# Grooves\n"), ("grooves/one.mid", MIDI)];
    let other_version = package("1.0.1", "groove-template", files);
    check(
        World::scanned(&other_version).await,
        Status::Rejected,
        "declaration.version",
    );
    let other_type = package("1.0.0", "sample-pack", files);
    check(
        World::scanned(&other_type).await,
        Status::Rejected,
        "declaration.content_type",
    );
}

#[tokio::test]
async fn other_bytes_than_announced_are_refused_unread() {
    let bytes = groove();
    let world = World::announced(bytes.len() as u64 + 1, None).await;
    let object = world.post(&bytes).await;
    world.deliver(&object, 1).await.expect("refused");
    assert_eq!(world.now().await.reason_codes(), ["upload.wrong_size"]);
    assert_eq!((world.status().await, world.clean()), (Status::Rejected, Vec::new()));

    let world = World::announced(bytes.len() as u64, Some("5e".repeat(32))).await;
    let object = world.post(&bytes).await;
    world.deliver(&object, 1).await.expect("refused");
    assert_eq!(world.now().await.reason_codes(), ["upload.wrong_hash"]);
    assert_eq!((world.status().await, world.clean()), (Status::Rejected, Vec::new()));
}
