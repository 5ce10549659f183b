use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::audit::AuditEvent;
use shared::ids::{LicenceId, ListingId, PartnerId, PolicyId, UserId};
use shared::licence::{Batch, Terms};
use shared::licensing::Preset;
use shared::store::licences;
use shared::testing::Answer;

use souk_client::Verifier;

use super::{Sibling, World, code};

impl World {
    async fn issue(&self, (partner, listing): (PartnerId, ListingId), more: Value, key: &str) -> Answer {
        let dean = self.app.user("dean").await;
        let mut body = json!({"listing_id": listing, "policy_id": Preset::Studio.id(), "owner_id": dean});
        for (field, value) in more.as_object().expect("fields") {
            body[field] = value.clone();
        }
        let request = self.app.post(format!("/v1/partners/{partner}/licence-batches"), &body);
        request
            .bearer(&self.app.sign_in_operator("olga"))
            .idempotency_key(key)
            .send()
            .await
    }

    pub(super) async fn try_out(&self, listing: ListingId, who: &str, body: Value) -> Answer {
        let request = self.app.post(format!("/v1/listings/{listing}/trials"), &body);
        request.bearer(&self.app.sign_in(who)).send().await
    }

    pub(super) async fn offer_trial(&self, (partner, listing): (PartnerId, ListingId), policy: Value) -> Answer {
        let path = format!("/v1/partners/{partner}/listings/{listing}/trial-offer");
        let request = self.app.put(path, &json!({"policy_id": policy}));
        request.bearer(&self.app.sign_in("sonja")).send().await
    }

    async fn account(&self, owner: UserId) -> Vec<LicenceId> {
        let page = licences::licences_of(&self.app.store, owner, None, 100)
            .await
            .expect("read");
        page.items.into_iter().map(|licence| licence.id).collect()
    }
}

#[tokio::test]
async fn a_campus_gets_its_licences_and_their_keys_once() {
    let world = World::new(Preset::Individual).await;
    let (partner, listing) = world.shop().await;
    let more =
        json!({"count": 70, "seats": 2, "organisation": "School of Sound", "expires_at": "2027-01-01T00:00:00Z"});
    let issued = world
        .issue((partner, listing), more.clone(), "campus")
        .await
        .expect(201)
        .json();
    let keys: BTreeSet<&str> = issued["licences"]
        .as_array()
        .expect("keys")
        .iter()
        .filter_map(|one| one["key"].as_str())
        .collect();
    assert_eq!(keys.len(), 70);
    world
        .issue((partner, listing), more, "campus")
        .await
        .expect_problem(409, "secret_shown_once");

    let first = Sibling::of(&issued["licences"][0]);
    first.activate(&world, "left").await.expect(201);
    assert_eq!(code(&first.validated(&world, "left").await), ("VALID", true));
    let made = first
        .post(&world, "/files", &json!({"encrypt": false}))
        .await
        .expect(201)
        .json();
    let keys = super::published_keys(&super::signer()).await;
    let file = Verifier::new(keys).licence_file(
        made["file"].as_str().expect("text"),
        &*first.key.to_string(),
        world.app.now(),
    );
    let attributes = &file.expect("genuine").value()["data"]["attributes"].clone();
    assert_eq!(attributes["maxUsers"], 2, "its seats, not the policy's");
    let sonja = world.app.sign_in("sonja");
    let path = format!("/v1/partners/{partner}/licence-batches");
    let batches = world.app.get(&path).bearer(&sonja).send().await.expect(200).json();
    assert_eq!(
        (&batches["items"][0]["count"], &batches["items"][0]["organisation"]),
        (&json!(70), &json!("School of Sound"))
    );
    let batch = batches["items"][0]["id"].as_str().expect("an id");
    let (mut seen, mut next) = (BTreeSet::new(), String::new());
    loop {
        let page = world
            .app
            .get(format!("{path}/{batch}/licences?limit=40{next}"))
            .bearer(&sonja)
            .send()
            .await;
        let page = page.expect(200).json();
        for one in page["items"].as_array().expect("items") {
            assert_eq!((&one["status"], one.get("key")), (&json!("active"), None));
            seen.insert(one["licence_id"].as_str().expect("an id").to_owned());
        }
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 70);
    assert_eq!(world.account(world.app.user("dean").await).await.len(), 70);
}

#[tokio::test]
async fn licences_are_given_for_what_is_published_and_to_who_is_known() {
    let world = World::new(Preset::Individual).await;
    let shop = world.shop().await;
    let (other, nobody) = (
        world.app.seed().id::<ListingId>("other"),
        world.app.seed().id::<UserId>("nobody"),
    );
    for (more, code) in [
        (json!({"listing_id": other}), "unknown_listing"),
        (json!({"owner_id": nobody}), "unknown_user"),
        (json!({"expires_at": "2020-01-01T00:00:00Z"}), "already_expired"),
        (
            json!({"policy_id": world.app.seed().id::<PolicyId>("x")}),
            "unknown_policy",
        ),
        (json!({"count": 501}), "invalid_request"),
        (json!({"seats": 0}), "invalid_request"),
    ] {
        world
            .issue(shop, more.clone(), &more.to_string())
            .await
            .expect_problem(422, code);
    }
}

#[tokio::test]
async fn an_interrupted_batch_is_finished_with_the_keys_that_count() {
    let world = World::new(Preset::Individual).await;
    let (partner, listing) = world.shop().await;
    let seed = world.app.seed();
    let terms = Terms::preset(Preset::Studio.id()).expect("a preset");
    let batch = Batch {
        id: seed.id("batch"),
        partner,
        listing,
        policy: Preset::Studio.id(),
        policy_name: "Studio".into(),
        owner: world.app.user("dean").await,
        organisation: None,
        count: 40,
        seats: None,
        expires_at: None,
        issued_at: world.app.now(),
        issued_by: seed.id("olga"),
    };
    let act = AuditEvent {
        id: seed.id("audit"),
        at: world.app.now(),
        actor: batch.issued_by,
        action: "licence.issue".into(),
        subject: batch.id.to_string(),
        reason_code: None,
        evidence: None,
    };
    let first = batch.licences(&terms, &seed, || [1; 16]);
    let cut_off = first[..32].to_vec();
    licences::issue(&world.app.store, &batch, cut_off, &act)
        .await
        .expect("written");
    let again = batch.licences(&terms, &seed, || [2; 16]);
    let issued = licences::issue(&world.app.store, &batch, again, &act)
        .await
        .expect("written");
    assert_eq!(issued.len(), 40);
    assert!(issued[0].key.opens(&first[0].key), "as it was issued");
    assert!(!issued[39].key.opens(&first[39].key), "it was not issued before");
}

#[tokio::test]
async fn a_product_is_tried_once_by_each_person_and_on_each_machine() {
    let world = World::new(Preset::Individual).await;
    let (partner, listing) = world.shop().await;
    world
        .try_out(listing, "ada", json!({}))
        .await
        .expect_problem(404, "not_found");
    let without = world.policy_of(partner, json!({"name": "No trial"})).await;
    let refused = world.offer_trial((partner, listing), json!(without)).await;
    refused.expect_problem(422, "no_trial_terms");
    let preset = json!(Preset::Individual.id());
    world.offer_trial((partner, listing), preset).await.expect(200);

    let parts = json!({"cpu": "c", "disk": "d", "board": "b"});
    let on = |fingerprint: &str, parts: &Value| json!({"fingerprint": fingerprint, "components": parts});
    let trial = world
        .try_out(listing, "ada", on("left", &parts))
        .await
        .expect(201)
        .json();
    assert_eq!(
        (&trial["status"], &trial["policy"]),
        (&json!("trial"), &json!("Individual"))
    );
    world
        .try_out(listing, "ada", json!({}))
        .await
        .expect_problem(409, "trial_used");
    let same = world.try_out(listing, "bob", on("left", &json!({}))).await;
    same.expect_problem(409, "trial_used");
    let renamed = world.try_out(listing, "bob", on("renamed", &parts)).await;
    renamed.expect_problem(409, "trial_used");
    let parts_alone = world.try_out(listing, "bob", json!({"components": parts})).await;
    parts_alone.expect_problem(422, "invalid_request");

    // Whoever says nothing about the machine is found out when the trial reaches it.
    let later = world.try_out(listing, "bob", json!({})).await.expect(201).json();
    let later = Sibling::of(&later);
    later.activate(&world, "left").await.expect_problem(409, "trial_used");
    later.activate(&world, "right").await.expect(201);
    later.activate(&world, "right").await.expect(200);
    assert_eq!(code(&later.validated(&world, "right").await), ("VALID", true));
    let third = world.try_out(listing, "eve", on("right", &json!({}))).await;
    third.expect_problem(409, "trial_used");

    world.offer_trial((partner, listing), Value::Null).await.expect(200);
    world
        .try_out(listing, "zoe", json!({}))
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_licence_is_handed_on_and_its_old_key_is_worth_nothing() {
    let world = World::new(Preset::Individual).await;
    let (shop, bea) = (world.shop().await, world.app.user("bea").await);
    let issued = world.issue(shop, json!({}), "one").await.expect(201).json();
    let licence = Sibling::of(&issued["licences"][0]);
    let dean = world.app.user("dean").await;
    licence.activate(&world, "left").await.expect(201);
    let path = |rest: &str| format!("/v1/licences/{}/{rest}", licence.id);
    let accept = async |who: &str| {
        let request = world
            .app
            .post(path("transfers"), &json!({}))
            .bearer(&world.app.sign_in(who));
        request.send().await
    };
    let offer = async |who: &str, to: UserId| {
        let request = world
            .app
            .put(path("offer"), &json!({"to": to}))
            .bearer(&world.app.sign_in(who));
        request.send().await
    };
    accept("bea").await.expect_problem(404, "not_found");
    offer("bea", bea).await.expect_problem(404, "not_found");
    offer("dean", dean).await.expect_problem(409, "not_now");
    offer("dean", world.app.seed().id("nobody"))
        .await
        .expect_problem(422, "unknown_user");
    offer("dean", bea).await.expect(200);
    let withdrawn = world
        .app
        .delete(path("offer"))
        .bearer(&world.app.sign_in("dean"))
        .send()
        .await;
    withdrawn.expect(204);
    accept("bea").await.expect_problem(404, "not_found");
    offer("dean", bea).await.expect(200);
    accept("mallory").await.expect_problem(404, "not_found");
    let handed = accept("bea").await.expect(201).json();

    let theirs = Sibling::of(&handed);
    assert_eq!(theirs.id, licence.id);
    licence.activate(&world, "left").await.expect_problem(404, "not_found");
    assert_eq!(
        code(&theirs.validated(&world, "left").await).0,
        "FINGERPRINT_SCOPE_MISMATCH",
        "it came empty"
    );
    theirs.activate(&world, "left").await.expect(201);
    assert_eq!(world.account(dean).await, []);
    assert_eq!(world.account(bea).await, [licence.id]);
    offer("dean", bea).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_new_key_ends_the_old_one_at_once() {
    let world = World::new(Preset::Individual).await;
    let shop = world.shop().await;
    let issued = world.issue(shop, json!({}), "one").await.expect(201).json();
    let licence = Sibling::of(&issued["licences"][0]);
    licence.activate(&world, "left").await.expect(201);
    let rotate = async |path: String, token: String| world.app.post(path, &json!({})).bearer(&token).send().await;
    let own = format!("/v1/licences/{}/key-rotations", licence.id);
    let refused = rotate(own.clone(), world.app.sign_in("mallory")).await;
    refused.expect_problem(404, "not_found");
    let rotated = rotate(own, world.app.sign_in("dean")).await.expect(201).json();
    licence.activate(&world, "left").await.expect_problem(404, "not_found");
    let rotated = Sibling::of(&rotated);
    assert_eq!(
        code(&rotated.validated(&world, "left").await),
        ("VALID", true),
        "its machines stay"
    );

    let leaked = format!("/v1/partners/{}/licences/{}/key-rotations", shop.0, licence.id);
    let answer = rotate(leaked, world.app.sign_in_operator("olga"))
        .await
        .expect(201)
        .json();
    assert_eq!(answer.get("key"), None, "it is the owner's to see");
    rotated.activate(&world, "left").await.expect_problem(404, "not_found");
}
