//! Publishing and yanking, as the public sees them.

use serde_json::{Value, json};
use shared::listing::browse::Terms;
use shared::scan::Verdict;
use shared::store::audit::{self, Audited};
use shared::store::catalogue;

use super::{World, content, pointers, text};

#[tokio::test]
async fn what_was_approved_is_published_and_found() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.approved(listing, "1.0.0").await;
    let path = world.path(&format!("/listings/{listing}"));
    let later = json!({"title": "Edited after the review", "price": {"amount": 99_900, "currency": "EUR"}});
    world
        .app
        .patch(path, &later)
        .bearer(&world.app.sign_in("ada"))
        .send()
        .await
        .expect(200);
    assert_eq!(world.seen(listing).await, None);

    let out = world.publish(&version).await.expect(200).json();
    assert_eq!(
        (text(&out, "status"), text(&out, "published_at")),
        ("published", "2026-11-22T09:00:00Z")
    );
    let published = catalogue::published(&world.app.store, listing)
        .await
        .expect("read")
        .expect("published");
    assert_eq!(
        (published.content.title.as_str(), published.content.price.minor()),
        ("Warm Tape Pads", 1299)
    );
    assert_eq!(published.partner_name, "Nordlicht Audio");
    assert_eq!(published.latest.artifact.object_version, "c-1");
    let terms = Terms::parse("tape").expect("long enough");
    let found = catalogue::find(&world.app.store, Some("presets"), &terms, None, 10)
        .await
        .expect("read");
    assert_eq!(found.items.len(), 1);
    assert_eq!(
        text(&world.get(&format!("/listings/{listing}")).await.json(), "status"),
        "published"
    );

    assert_eq!(
        world.publish(&version).await.expect(200).json(),
        out,
        "publishing twice changes nothing"
    );
    let audit = audit::events(&world.app.store, Audited::Listing(listing), None, 10)
        .await
        .expect("read");
    assert_eq!(
        audit
            .items
            .iter()
            .filter(|event| event.action == "version.publish")
            .count(),
        1
    );
}

#[tokio::test]
async fn nothing_is_published_without_a_passed_scan_and_an_approval() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    let refused = async || {
        world.publish(&version).await.expect_problem(409, "not_approved");
        assert_eq!(world.seen(listing).await, None);
    };
    refused().await;
    world.scan(&version, Verdict::Quarantined).await;
    refused().await;
    world.scan(&version, Verdict::Passed).await;
    refused().await;
    let submission = world.submit(&version).await;
    refused().await;
    let no = json!({"decision": "reject", "reason_code": "duplicate", "note": "There is one."});
    world.decide(&submission, &no).await.expect(201);
    world.app.take_messages();
    refused().await;
}

#[tokio::test]
async fn a_held_partner_publishes_nothing_but_may_yank() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let live = world.approved(listing, "1.0.0").await;
    world.publish(&live).await.expect(200);
    let waiting = world.approved(listing, "2.0.0").await;
    world.suspend().await;
    world.publish(&waiting).await.expect_problem(409, "fraud_suspected");
    assert_eq!(world.seen(listing).await.as_deref(), Some("1.0.0"));
    world.yank(&live).await.expect(200);
    assert_eq!(world.seen(listing).await, None);
}

#[tokio::test]
async fn the_highest_live_version_is_what_the_public_sees() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let mut versions = Vec::new();
    for number in ["1.0.0", "2.0.0", "1.1.0"] {
        let version = world.approved(listing, number).await;
        world.publish(&version).await.expect(200);
        versions.push(version);
    }
    assert_eq!(world.seen(listing).await.as_deref(), Some("2.0.0"));
    for (index, then) in [(1, Some("1.1.0")), (0, Some("1.1.0")), (2, None)] {
        let gone = world.yank(&versions[index]).await.expect(200).json();
        assert_eq!(
            (text(&gone, "status"), text(&gone["yank"], "reason_code")),
            ("yanked", "withdrawn")
        );
        assert_eq!(world.seen(listing).await.as_deref(), then);
        assert_eq!(
            world.yank(&versions[index]).await.expect(200).json(),
            gone,
            "yanking twice changes nothing"
        );
    }
    assert_eq!(
        text(&world.get(&format!("/listings/{listing}")).await.json(), "status"),
        "unlisted"
    );
    world.publish(&versions[1]).await.expect_problem(409, "not_approved");
    let back = world.approved(listing, "3.0.0").await;
    world.publish(&back).await.expect(200);
    assert_eq!(world.seen(listing).await.as_deref(), Some("3.0.0"));
}

#[tokio::test]
async fn a_yank_says_why() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.approved(listing, "1.0.0").await;
    world.yank(&version).await.expect_problem(409, "not_published");
    world.publish(&version).await.expect(200);
    let check = async |body: Value, expected: &[&str]| {
        let problem = world
            .post(&format!("{}/yank", version.path), &body)
            .await
            .expect_problem(422, "invalid_request");
        assert_eq!(pointers(&problem.json()), expected);
    };
    check(json!({}), &["/reason_code"]).await;
    check(json!({"reason_code": "bored"}), &["/reason_code"]).await;
    check(json!({"reason_code": "other"}), &["/note"]).await;
    check(json!({"reason_code": "legal", "note": "x".repeat(2_001)}), &["/note"]).await;
    assert_eq!(world.seen(listing).await.as_deref(), Some("1.0.0"));
}
