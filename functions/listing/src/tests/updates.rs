//! Updates: what they change, patches of trusted partners, titles that look alike, rejections that wait.

use serde_json::{Value, json};
use shared::listing::contents_key;
use shared::money::Money;
use shared::objects::Bucket;
use shared::partner::trust;
use shared::scan::{Contents, Verdict};
use shared::store::{accounts::Role, catalogue};

use super::{Draft, World, content, pointers, text, with};

impl World {
    /// Writes down what a scanned package holds, as the scanning function does.
    async fn holds(&self, version: &Draft, declared: Value, files: &[(&str, &str)]) {
        let stored = catalogue::version(&self.app.store, version.listing, version.id).await;
        let stored = stored.expect("read").expect("stored");
        let contents = Contents {
            declared,
            files: files
                .iter()
                .map(|(path, hash)| ((*path).to_owned(), hash.repeat(32)))
                .collect(),
        };
        let key = contents_key(&stored.artifact().expect("passed").object_key);
        let bytes = serde_json::to_vec(&contents).expect("json");
        let put = self.app.objects.put(Bucket::Clean, &key, "application/json", bytes);
        put.await.expect("written");
    }

    /// A published version 1.0.0, and what it holds.
    async fn live(&self) -> Draft {
        let listing = self.listing(&content()).await.id;
        let version = self.approved(listing, "1.0.0").await;
        self.holds(&version, declared(&[]), &[("README.md", "aa"), ("pad.json", "bb")])
            .await;
        self.publish(&version).await.expect(200);
        self.app.take_messages();
        version
    }

    /// Another version that passed its scan.
    async fn next(&self, live: &Draft, number: &str, network: &[&str]) -> Draft {
        let version = self.version(live.listing, number).await;
        self.scan(&version, Verdict::Passed).await;
        self.holds(
            &version,
            declared(network),
            &[("README.md", "aa"), ("pad.json", "cc"), ("new.json", "dd")],
        )
        .await;
        version
    }

    async fn changes(&self, submission: &str) -> Value {
        self.get(&format!("{submission}/changes")).await.expect(200).json()
    }

    async fn trusted(&self, by: &str) {
        let olga = self.app.user(by).await;
        let partner = shared::store::partners::load(&self.app.store, self.partner).await;
        let partner = partner.expect("read").expect("applied");
        let change = trust::set(&partner, true, "Good work.", self.act(olga))
            .expect("approved")
            .expect("new");
        let saved = shared::store::partners::save(&self.app.store, &change, partner.revision, []);
        saved.await.expect("written");
    }

    async fn submission_of(&self, version: &Draft) -> Value {
        let submission = self.submit(version).await;
        self.get(&submission).await.expect(200).json()
    }
}

fn declared(network: &[&str]) -> Value {
    json!({"package": {"name": "warm-tape-pads", "licence": "CC-BY-4.0"}, "permissions": {"network": network}})
}

#[tokio::test]
async fn an_update_is_shown_as_what_it_changes() {
    let world = World::new().await;
    let live = world.live().await;
    let path = world.path(&format!("/listings/{}", live.listing));
    let edit = json!({"summary": "Fifty slow pads.", "price": {"amount": 1999, "currency": "EUR"}});
    let ada = world.app.sign_in("ada");
    world.app.patch(path, &edit).bearer(&ada).send().await.expect(200);
    let update = world.next(&live, "1.1.0", &["api.example.com"]).await;
    let submission = world.submit(&update).await;

    let changes = world.changes(&submission).await;
    assert_eq!(text(&changes["against"], "number"), "1.0.0");
    let [summary] = changes["texts"].as_array().expect("texts").as_slice() else {
        panic!("{changes}")
    };
    assert_eq!(text(summary, "pointer"), "/summary");
    assert!(
        text(summary, "diff").contains("-Forty slow pads, recorded to tape.\n+Fifty slow pads.\n"),
        "{summary}"
    );
    assert_eq!(
        (
            &changes["price"]["before"]["amount"],
            &changes["price"]["after"]["amount"]
        ),
        (&json!(1299), &json!(1999))
    );
    assert_eq!(
        changes["permissions"],
        json!([{"pointer": "/permissions/network", "before": null, "after": ["api.example.com"]}])
    );
    assert_eq!(changes["declared"], json!([]));
    let files: Vec<_> = changes["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| text(file, "path"))
        .collect();
    assert_eq!(
        (files, &changes["unchanged_files"]),
        (vec!["new.json", "pad.json"], &json!(1))
    );

    let path = world.path(&format!("{submission}/changes"));
    let operator = world.app.sign_in_operator("olga");
    world.app.get(path.clone()).bearer(&operator).send().await.expect(200);
    let stranger = world.app.sign_in("mallory");
    world
        .app
        .get(path)
        .bearer(&stranger)
        .send()
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_first_version_changes_nothing() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    world.scan(&version, Verdict::Passed).await;
    let submission = world.submit(&version).await;
    assert_eq!(world.changes(&submission).await["against"], Value::Null);
}

#[tokio::test]
async fn what_was_never_written_down_cannot_be_compared() {
    let world = World::new().await;
    let live = world.live().await;
    let update = world.version(live.listing, "1.1.0").await;
    world.scan(&update, Verdict::Passed).await;
    let submission = world.submit(&update).await;
    let refused = world.get(&format!("{submission}/changes")).await;
    refused.expect_problem(409, "contents_unknown");
}

#[tokio::test]
async fn a_clean_patch_of_a_trusted_partner_is_approved_at_once() {
    let world = World::new().await;
    let live = world.live().await;
    world.trusted("olga").await;
    let patch = world.next(&live, "1.0.1", &[]).await;
    let submission = world.submission_of(&patch).await;
    assert_eq!(
        (text(&submission, "status"), text(&submission["decision"], "decision")),
        ("approved", "approve")
    );
    let queue = world
        .app
        .get("/v1/review-cases")
        .bearer(&world.app.sign_in_operator("olga"))
        .send()
        .await;
    assert_eq!(queue.expect(200).json()["items"], json!([]));
    let audit = world.path(&format!("/listings/{}/audit-events", live.listing));
    let audit = world
        .app
        .get(audit)
        .bearer(&world.app.sign_in_operator("olga"))
        .send()
        .await
        .expect(200)
        .json();
    let entry = audit["items"].as_array().expect("entries").iter().find(|entry| {
        entry["evidence"]
            .as_str()
            .is_some_and(|seen| seen.contains("without being looked at"))
    });
    assert_eq!(
        entry.expect("written down")["actor"],
        json!(world.app.user("olga").await)
    );
    assert_eq!(world.app.take_messages().len(), 1, "the owner is told");
    world.publish(&patch).await.expect(200);
    assert_eq!(world.seen(live.listing).await.as_deref(), Some("1.0.1"));
}

#[tokio::test]
async fn whatever_is_more_than_a_clean_patch_waits() {
    let world = World::new().await;
    let live = world.live().await;
    let patch = world.next(&live, "1.0.1", &[]).await;
    assert_eq!(
        text(&world.submission_of(&patch).await, "status"),
        "in_review",
        "nobody trusts the partner"
    );
    world.trusted("olga").await;
    for (number, network) in [("1.1.0", &[][..]), ("1.0.2", &["api.example.com"])] {
        let update = world.next(&live, number, network).await;
        assert_eq!(
            text(&world.submission_of(&update).await, "status"),
            "in_review",
            "{number}"
        );
    }
    let unknown = world.version(live.listing, "1.0.3").await;
    world.scan(&unknown, Verdict::Passed).await;
    assert_eq!(text(&world.submission_of(&unknown).await, "status"), "in_review");
}

#[tokio::test]
async fn nobody_s_trust_in_their_own_team_counts() {
    let world = World::new().await;
    let live = world.live().await;
    world.trusted("olga").await;
    world.app.join(world.partner, "olga", Role::Member).await;
    let patch = world.next(&live, "1.0.1", &[]).await;
    assert_eq!(text(&world.submission_of(&patch).await, "status"), "in_review");
}

#[tokio::test]
async fn a_title_like_another_partner_s_is_remarked_on() {
    let world = World::new().await;
    world.live().await;
    let own = world.listing(&with("title", json!("Warm Tape Pad"))).await.id;
    let version = world.version(own, "1.0.0").await;
    world.scan(&version, Verdict::Passed).await;
    world.submit(&version).await;
    let operator = world.app.sign_in_operator("olga");
    let remarks = async || {
        let queue = world
            .app
            .get("/v1/review-cases")
            .bearer(&operator)
            .send()
            .await
            .expect(200)
            .json();
        queue["items"][0]["remarks"].clone()
    };
    assert_eq!(remarks().await, json!([]), "their own title");

    let other = world.app.seller("other").await;
    let price = Money::new(900, "EUR".parse().expect("a currency"));
    world.app.on_sale(other, "Warm Tape Pads", price).await;
    let version = world.version(own, "1.0.1").await;
    world.scan(&version, Verdict::Passed).await;
    world.submit(&version).await;
    let seen = remarks().await;
    assert_eq!(
        (text(&seen[0], "kind"), text(&seen[0], "pointer")),
        ("looks_alike", "/title")
    );
    assert!(text(&seen[0], "excerpt").starts_with("Warm Tape Pads by "), "{seen}");
}

/// What a submission reads depends on its own title, and not on how much others have on sale.
#[tokio::test]
async fn a_submission_reads_no_more_of_a_larger_shop() {
    let world = World::new().await;
    let price = Money::new(900, "EUR".parse().expect("a currency"));
    let other = world.app.seller("other").await;
    let meter = world.app.store.meter().clone();
    let mut costs = Vec::new();
    for (round, listings) in [0, 150].into_iter().enumerate() {
        for number in 0..listings {
            world.app.on_sale(other, &format!("Other Pack {number}"), price).await;
        }
        let own = world.listing(&with("title", json!("Warm Tape Pads"))).await.id;
        let version = world.version(own, &format!("1.0.{round}")).await;
        world.scan(&version, Verdict::Passed).await;
        let before = meter.read();
        world.submit(&version).await;
        let used = meter.read().since(before);
        costs.push((used.requests, used.read_tenths));
    }
    assert_eq!(costs[0], costs[1], "{costs:?}");
}

#[tokio::test]
async fn a_delayed_rejection_can_be_mended_or_decided_otherwise() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    world.scan(&version, Verdict::Passed).await;
    let submission = world.submit(&version).await;
    let delay = |days: Value| json!({"decision": "delay_rejection", "reason_code": "licence_unclear", "note": "Whose samples?", "after_days": days});
    let refused = world
        .decide(&submission, &delay(json!(91)))
        .await
        .expect_problem(422, "invalid_request");
    assert_eq!(pointers(&refused.json()), ["/after_days"]);
    let decided = world.decide(&submission, &delay(json!(7))).await.expect(201).json();
    assert_eq!(
        (text(&decided, "status"), text(&decided, "rejects_at")),
        ("changes_requested", "2026-11-29T09:00:00Z")
    );
    assert_eq!(
        text(&world.get(&version.path).await.json(), "status"),
        "changes_requested"
    );

    let due = catalogue::due_rejections(&world.app.store, "2026-11-29T09:00:00Z".parse().expect("a time"), 10).await;
    assert_eq!(due.expect("read").len(), 1);
    let approved = world
        .decide(&submission, &json!({"decision": "approve"}))
        .await
        .expect(201)
        .json();
    assert_eq!(
        (text(&approved, "status"), &approved["rejects_at"]),
        ("approved", &Value::Null)
    );
    assert_eq!(world.app.take_messages().len(), 2, "the owner is told of both");
    let again = world.decide(&submission, &delay(json!(7))).await;
    again.expect_problem(409, "already_decided");
}
