//! Packages that must not be sold.
//!
//! 1. Paula uploads one bad package after the other to the same version: the test virus, an archive without a manifest, paths that lead out
//!    of it, links, lies about contents. Each is rejected or held, by name of the check, and she reads which file and what to do.
//! 2. None of them can be handed in or published, and none leaves anything behind that could be sold.
//! 3. At last she uploads a good one, which passes every check; that one she hands in.
//! 4. What the scan only holds waits for a moderator, who claims it and releases it. It is scanned once more, passes, and is sold.

use serde_json::{Value, json};
use support::package::{MIDI, eicar, grooves, manifest, pack, with_secret, with_symlink, zip};
use support::{Partner, Person, Stack};

#[tokio::test]
async fn bad_packages_are_refused_by_name_and_a_good_one_passes() {
    let stack = Stack::load();
    let paula = Partner::approved(&stack).await;
    let kit = paula.draft(1299).await;
    let honest = manifest("groove-template", "1.0.0", &[("grooves/one.mid", MIDI)]);
    let entry = |name: &'static str| zip(&[("souk.toml", honest.as_bytes()), (name, MIDI)]);
    let mut cut = grooves("1.0.0");
    cut.truncate(cut.len() - 10);
    let mut altered = grooves("1.0.0");
    let at = altered.windows(4).position(|window| window == b"MThd").unwrap();
    altered[at + 9] ^= 1;
    let twice = zip(&[
        ("souk.toml", honest.as_bytes()),
        ("grooves/one.mid", MIDI),
        ("grooves/one.mid", MIDI),
    ]);
    let lying = pack(
        "groove-template",
        "1.0.0",
        &[("grooves/one.mid", b"\x7fELF\x02\x01\x01\x00not music")],
    );
    let bad: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "the test virus",
            pack(
                "groove-template",
                "1.0.0",
                &[("README.md", &eicar()), ("grooves/one.mid", MIDI)],
            ),
            "eicar",
        ),
        (
            "no manifest",
            zip(&[("README.md", b"# Nothing".as_slice()), ("grooves/one.mid", MIDI)]),
            "manifest",
        ),
        (
            "a manifest that is none",
            zip(&[("souk.toml", b"format = ".as_slice()), ("grooves/one.mid", MIDI)]),
            "manifest",
        ),
        ("a path out of the package", entry("../one.mid"), "archive"),
        ("an absolute path", entry("/etc/cron.d/one.mid"), "archive"),
        ("a link out of the package", with_symlink(&honest), "archive"),
        ("one name twice", twice, "archive"),
        (
            "a file that is not listed",
            zip(&[
                ("souk.toml", honest.as_bytes()),
                ("grooves/one.mid", MIDI),
                ("more.md", b"# More"),
            ]),
            "hashes",
        ),
        (
            "a file that is missing",
            zip(&[("souk.toml", honest.as_bytes())]),
            "hashes",
        ),
        ("a program that calls itself music", lying, ""),
        ("an archive cut short", cut, "archive"),
        ("an archive with altered content", altered, "archive"),
        (
            "no archive at all",
            b"This is a letter and not a package.".to_vec(),
            "archive",
        ),
    ];
    for (what, bytes, check) in &bad {
        let stored = paula.upload(&stack, &kit, bytes).await;
        assert!(
            (200..300).contains(&stored.status),
            "{what}: the bucket answered {}: {}",
            stored.status,
            stored.text()
        );
        let version = paula.scanned(&kit).await;
        assert_eq!(version["status"], "rejected", "{what}: {version:#}");
        assert!(
            !version["reason_codes"].as_array().unwrap().is_empty(),
            "{what}: {version:#}"
        );
        assert!(version["artifact"].is_null(), "{what}: {version:#}");
        let checks = version["checks"].as_array().unwrap();
        let found: Vec<&Value> = checks.iter().filter(|row| row["outcome"] == "found").collect();
        assert!(
            found.iter().any(|row| row["check"].as_str().unwrap().contains(check)),
            "{what}: not found by {check:?} but by {found:#?}"
        );
        for finding in found.iter().flat_map(|row| row["findings"].as_array().unwrap()) {
            assert!(
                finding["remedy"].as_str().unwrap().len() > 10 && finding["rule"].is_string(),
                "{what}: {finding}"
            );
        }
        paula
            .api
            .post(&paula.version_path(&kit, "/submissions"), json!({}))
            .await
            .refused(409, "scan_not_passed");
        paula
            .api
            .post(&paula.version_path(&kit, "/publish"), json!({}))
            .await
            .refused(409, "not_approved");
    }

    paula.upload(&stack, &kit, &grooves("1.0.0")).await.ok();
    let version = paula.scanned(&kit).await;
    assert_eq!(version["status"], "passed", "{version:#}");
    let checks = version["checks"].as_array().unwrap();
    assert!(
        checks.len() >= 5 && checks.iter().all(|row| row["outcome"] == "passed"),
        "a row for each check, passes included: {checks:#?}"
    );
    paula
        .api
        .post(&paula.version_path(&kit, "/publish"), json!({}))
        .await
        .refused(409, "not_approved");
    paula
        .api
        .post(&paula.version_path(&kit, "/submissions"), json!({}))
        .await
        .is(201);
    stack.aws().assert_no_dead_letter(&kit.version).await;
}

#[tokio::test]
async fn what_review_refuses_is_not_published() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.submitted(&stack, 1299).await;
    paula
        .api
        .post(&paula.version_path(&kit, "/publish"), json!({}))
        .await
        .refused(409, "not_approved");
    for unfounded in [
        json!({"decision": "reject"}),
        json!({"decision": "reject", "reason_code": "spam"}),
        json!({"decision": "reject", "reason_code": "meets_guidelines", "note": "It is fine."}),
        json!({"decision": "approve", "reason_code": "spam", "note": "It is not."}),
    ] {
        paula
            .review(&stack, &kit, unfounded)
            .await
            .refused(422, "invalid_request");
    }
    let changes =
        json!({"decision": "request_changes", "reason_code": "incomplete_description", "note": "Say which tempo."});
    let decided = paula.review(&stack, &kit, changes).await.is(201);
    assert_eq!(decided["status"], "changes_requested");
    paula
        .review(&stack, &kit, support::scenes::approval())
        .await
        .refused(409, "already_decided");
    paula
        .api
        .post(&paula.version_path(&kit, "/publish"), json!({}))
        .await
        .refused(409, "not_approved");
    let seen = paula
        .api
        .get(&paula.path(&format!("/submissions/{}", kit.submission)))
        .await
        .is(200);
    assert_eq!(seen["decision"]["note"], "Say which tempo.");
    stack
        .public()
        .get(&format!("/listings/{}", kit.id))
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn what_a_scan_holds_waits_for_a_moderator_and_is_scanned_again() {
    let stack = Stack::load();
    let paula = Partner::approved(&stack).await;
    let kit = paula.draft(1299).await;
    let held = with_secret("1.0.0");
    paula.upload(&stack, &kit, &held).await.ok();
    let version = paula.scanned(&kit).await;
    assert_eq!(version["status"], "quarantined", "{version:#}");
    let codes = version["reason_codes"].clone();
    assert_eq!(codes, json!(["secrets.aws_access_key"]));

    let case = stack.case(&kit).await;
    assert_eq!((&case["kind"], &case["reason_codes"]), (&json!("held_scan"), &codes));
    let path = paula.path(&format!("/review-cases/{}", case["id"].as_str().unwrap()));
    let evidence = stack.operator().get(&path).await.is(200);
    let found = evidence["checks"].as_array().unwrap();
    assert!(
        found
            .iter()
            .any(|check| check["check"] == "secrets" && check["outcome"] == "found")
    );

    let colleague = Person::new(&stack, "Other Moderator", json!({"roles": ["operator"]})).await;
    colleague.api.post(&format!("{path}/claim"), json!({})).await.is(200);
    let decisions = paula.version_path(&kit, "/decisions");
    let release =
        json!({"decision": "release", "reason_code": "false_positive", "note": "It is the documented example."});
    stack
        .operator()
        .post(&decisions, release.clone())
        .await
        .refused(409, "case_claimed");
    paula
        .api
        .post(&decisions, release.clone())
        .await
        .refused(403, "operator_required");
    let released = colleague.api.post(&decisions, release.clone()).await.is(201);
    assert_eq!(released["status"], "scanning");
    let version = paula.scanned(&kit).await;
    assert_eq!(version["status"], "passed", "{version:#}");
    assert_eq!(version["artifact"]["sha256"], support::package::sha256(&held));
    assert_eq!(version["held_decisions"][0]["reason_code"], "false_positive");
    stack.operator().get(&path).await.refused(404, "not_found");
    stack
        .operator()
        .post(&decisions, release)
        .await
        .refused(409, "not_held");
    stack.aws().assert_no_dead_letter(&kit.version).await;

    let audit = paula.path(&format!("/listings/{}/audit-events", kit.id));
    let acts: Vec<_> = stack.operator().all(&audit).await;
    let acts: Vec<_> = acts.iter().map(|act| act["action"].as_str().unwrap()).collect();
    assert_eq!(acts, ["held_scan.release", "review_case.claim"]);
    // The next version is held by the same rule: what was let pass are these bytes alone.
    let next = support::Listing {
        version: paula.new_version(&kit, "1.0.1").await,
        ..kit
    };
    paula.upload(&stack, &next, &with_secret("1.0.1")).await.ok();
    assert_eq!(paula.scanned(&next).await["status"], "quarantined");
}
