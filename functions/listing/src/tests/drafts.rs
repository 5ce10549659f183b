//! Listings and versions before anybody else sees them.

use serde_json::{Value, json};

use super::{Standing, World, content, pointers, text, with};

#[tokio::test]
async fn a_draft_is_made_read_listed_and_changed() {
    let world = World::new().await;
    let answer = world.post("/listings", &content()).await.expect(201);
    let made = answer.json();
    let path = format!("/listings/{}", text(&made, "id"));
    assert_eq!(answer.header("location"), Some(world.path(&path).as_str()));
    assert_eq!(
        (text(&made, "status"), &made["price"]),
        ("draft", &json!({"amount": 1299, "currency": "EUR"}))
    );
    assert_eq!(world.get(&path).await.expect(200).json(), made);

    let change = json!({"title": "Warmer Tape Pads", "price": {"amount": 0, "currency": "EUR"}});
    let patch = world
        .app
        .patch(world.path(&path), &change)
        .bearer(&world.app.sign_in("ada"));
    let changed = patch.send().await.expect(200).json();
    assert_eq!(
        (text(&changed, "title"), &changed["price"]["amount"]),
        ("Warmer Tape Pads", &json!(0))
    );
    assert_eq!(changed["summary"], made["summary"]);

    world.listing(&content()).await;
    let page = world.get("/listings?limit=1").await.expect(200).json();
    assert_eq!(page["items"].as_array().expect("items").len(), 1);
    let next = format!("/listings?limit=1&cursor={}", text(&page, "next"));
    assert_eq!(
        world.get(&next).await.expect(200).json()["items"]
            .as_array()
            .expect("items")
            .len(),
        1
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_draft_is_named() {
    let world = World::new().await;
    let check = async |body: Value, expected: &[&str]| {
        let problem = world
            .post("/listings", &body)
            .await
            .expect_problem(422, "invalid_request")
            .json();
        assert_eq!(pointers(&problem), expected, "{problem}");
    };
    check(json!({}), &["/title"]).await;
    check(with("title", json!("x")), &["/title"]).await;
    check(with("title", json!("one\ntwo")), &["/title"]).await;
    check(with("category", json!("toys")), &["/category"]).await;
    check(with("content_type", json!("malware")), &["/content_type"]).await;
    check(
        with("price", json!({"amount": -1, "currency": "EUR"})),
        &["/price/amount"],
    )
    .await;
    check(
        with("price", json!({"amount": 1, "currency": "EUR"})),
        &["/price/amount"],
    )
    .await;
    check(
        with("price", json!({"amount": 1.5, "currency": "EUR"})),
        &["/price/amount"],
    )
    .await;
    check(
        with("price", json!({"amount": 900, "currency": "USD"})),
        &["/price/currency"],
    )
    .await;
    check(
        with("price", json!({"amount": 900, "currency": "XXX"})),
        &["/price/currency"],
    )
    .await;
    check(with("tags", json!(["Loud Tag"])), &["/tags/0"]).await;
    check(with("partner_id", json!("ptn_x")), &["/partner_id"]).await;
    let mut both = with("title", json!("x"));
    both["summary"] = json!("");
    check(both, &["/title", "/summary"]).await;
}

#[tokio::test]
async fn a_changed_draft_is_checked_like_a_new_one() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let patch = async |body: Value| {
        let path = world.path(&format!("/listings/{listing}"));
        world
            .app
            .patch(path, &body)
            .bearer(&world.app.sign_in("ada"))
            .send()
            .await
    };
    for (body, pointer) in [
        (json!({"title": ""}), "/title"),
        (json!({"content_type": "plugin-native"}), "/content_type"),
        (json!({"status": "published"}), "/status"),
    ] {
        let problem = patch(body).await.expect_problem(422, "invalid_request").json();
        assert_eq!(pointers(&problem), [pointer]);
    }
    patch(json!({"content_type": "synth-preset"})).await.expect(200);
    patch(json!({})).await.expect(200);
}

#[tokio::test]
async fn a_version_number_is_used_once() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let path = format!("/listings/{listing}/versions");
    let version = world
        .post(&path, &json!({"number": "1.0.0", "notes": "First."}))
        .await
        .expect(201)
        .json();
    assert_eq!((text(&version, "status"), text(&version, "number")), ("draft", "1.0.0"));
    let again = world
        .post(&path, &json!({"number": "1.0.0"}))
        .await
        .expect_problem(422, "version_number_taken")
        .json();
    assert_eq!(pointers(&again), ["/number"]);
    for wrong in ["one", "1.0", "1.0.0+1", ""] {
        let problem = world
            .post(&path, &json!({"number": wrong}))
            .await
            .expect_problem(422, "invalid_request")
            .json();
        assert_eq!(pointers(&problem), ["/number"], "{wrong}");
    }
    world.post(&path, &json!({"number": "1.1.0"})).await.expect(201);
    let page = world.get(&path).await.expect(200).json();
    assert_eq!(page["items"].as_array().expect("items").len(), 2);

    // Another listing has numbers of its own.
    let other = world.listing(&content()).await.id;
    world.version(other, "1.0.0").await;
}

#[tokio::test]
async fn a_request_sent_twice_makes_one_thing() {
    let world = World::new().await;
    let send = async |path: &str, body: Value| {
        let request = world
            .app
            .post(world.path(path), &body)
            .bearer(&world.app.sign_in("ada"));
        request
            .idempotency_key(&format!("key of {path}"))
            .send()
            .await
            .expect(201)
            .json()
    };
    let listing = send("/listings", content()).await;
    assert_eq!(send("/listings", content()).await, listing);
    let path = format!("/listings/{}/versions", text(&listing, "id"));
    let version = send(&path, json!({"number": "1.0.0"})).await;
    assert_eq!(send(&path, json!({"number": "1.0.0"})).await, version);
    assert_eq!(
        world.get("/listings").await.json()["items"]
            .as_array()
            .expect("items")
            .len(),
        1
    );
}

#[tokio::test]
async fn nothing_is_prepared_before_the_agreement_is_accepted() {
    let world = World::with(Standing::Applied).await;
    world
        .post("/listings", &content())
        .await
        .expect_problem(409, "agreement_not_accepted");

    let world = World::with(Standing::Agreed).await;
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    world.scan(&version, shared::scan::Verdict::Passed).await;
    let submit = world.post(&format!("{}/submissions", version.path), &json!({})).await;
    submit.expect_problem(409, "application_review");
}

#[tokio::test]
async fn a_suspended_partner_prepares_nothing_but_reads_and_edits() {
    let world = World::new().await;
    let listing = world.listing(&content()).await.id;
    let version = world.version(listing, "1.0.0").await;
    world.suspend().await;
    let versions = format!("/listings/{listing}/versions");
    world
        .post("/listings", &content())
        .await
        .expect_problem(409, "fraud_suspected");
    world
        .post(&versions, &json!({"number": "2.0.0"}))
        .await
        .expect_problem(409, "fraud_suspected");
    let uploads = format!("{}/uploads", version.path);
    world
        .post(&uploads, &json!({"size_bytes": 100}))
        .await
        .expect_problem(409, "fraud_suspected");
    world.get(&version.path).await.expect(200);
}
