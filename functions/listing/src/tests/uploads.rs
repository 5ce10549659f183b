//! Forms for packages, and what their scans came to.

use serde_json::{Value, json};
use shared::scan::Verdict;

use super::{World, content, pointers, text};

#[tokio::test]
async fn an_upload_is_a_form_for_exactly_one_package() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    let body = json!({"size_bytes": 48_213, "sha256": "5e".repeat(32)});
    let upload = world
        .post(&format!("{}/uploads", version.path), &body)
        .await
        .expect(201)
        .json();
    let key = format!(
        "uploads/{}/{listing}/{}/{}.zip",
        world.partner,
        version.id,
        text(&upload, "id")
    );
    assert_eq!(upload["fields"]["key"], json!(key));
    assert_eq!(upload["fields"]["Content-Type"], json!("application/zip"));
    assert_eq!(
        upload["fields"]["x-amz-checksum-sha256"],
        json!("Xl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl4=")
    );
    assert_eq!(text(&upload, "expires_at"), "2026-11-22T09:15:00Z");
    assert_eq!(world.get(&version.path).await.json()["upload_id"], upload["id"]);
}

#[tokio::test]
async fn what_is_said_of_a_package_is_checked() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    let check = async |body: Value, expected: &[&str]| {
        let problem = world
            .post(&format!("{}/uploads", version.path), &body)
            .await
            .expect_problem(422, "invalid_request");
        assert_eq!(pointers(&problem.json()), expected);
    };
    check(json!({}), &["/size_bytes"]).await;
    check(json!({"size_bytes": 0}), &["/size_bytes"]).await;
    check(json!({"size_bytes": 256 * 1024 * 1024 + 1}), &["/size_bytes"]).await;
    check(json!({"size_bytes": -1}), &["/size_bytes"]).await;
    check(json!({"size_bytes": 100, "sha256": "abc"}), &["/sha256"]).await;
    check(json!({"size_bytes": 100, "key": "uploads/mine.zip"}), &["/key"]).await;
}

#[tokio::test]
async fn the_version_shows_what_every_check_said() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    assert_eq!(world.get(&version.path).await.expect(200).json()["checks"], json!([]));
    world.scan(&version, Verdict::Quarantined).await;
    let shown = world.get(&version.path).await.expect(200).json();
    assert_eq!(
        (text(&shown, "status"), &shown["reason_codes"]),
        ("quarantined", &json!(["secrets.github_token"]))
    );
    assert_eq!(shown["artifact"], Value::Null);
    assert_eq!(shown["checks"][0]["check"], "archive");
    assert_eq!(shown["checks"][0]["findings"][0]["rule"], "archive.comment");
}

#[tokio::test]
async fn other_bytes_are_taken_only_where_they_may_still_change_something() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    for verdict in [Verdict::Quarantined, Verdict::Rejected, Verdict::Errored] {
        let version = world.version(listing, &format!("1.0.{}", verdict as u8)).await;
        world.scan(&version, verdict).await;
        let submit = world.post(&format!("{}/submissions", version.path), &json!({})).await;
        submit.expect_problem(409, "scan_not_passed");
        world.scan(&version, Verdict::Passed).await;
        let again = world
            .post(&format!("{}/uploads", version.path), &json!({"size_bytes": 100}))
            .await;
        again.expect_problem(409, "version_not_open");
    }
}
