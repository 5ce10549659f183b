use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::licence::{Licence, LicenceKey};
use shared::licensing::Preset;
use shared::listing::{Artifact, Stage, Version};
use shared::runtime::secrets::SigningSecretSource;
use shared::signing::Signer;
use shared::store::{Room, Write, commerce, keys, leases};
use souk_client::Verifier;

use super::{Sibling, World, code, published_keys, signer};

#[tokio::test]
async fn a_file_outlives_the_key_that_signed_it_for_as_long_as_that_is_published() {
    let world = World::new(Preset::Individual).await;
    let made = world.post("/files", &json!({})).await.expect(201).json();
    let (file, key, now) = (
        made["file"].as_str().expect("text"),
        world.key.to_string(),
        world.app.now(),
    );
    let rotated = |published: &[&str]| Signer::new(SigningSecretSource::rotated("the next seed", published));
    let both = rotated(&["a seed of these tests"]);
    let verifier = Verifier::new(published_keys(&both).await);
    verifier.licence_file(file, key.as_str(), now).expect("genuine");
    assert_ne!(made["key_id"], json!(both.key_id().await.expect("a key")));
    let verifier = Verifier::new(published_keys(&rotated(&[])).await);
    assert!(verifier.licence_file(file, key.as_str(), now).is_err(), "withdrawn");
}

#[tokio::test]
async fn a_file_holds_where_there_is_no_connection() {
    let world = World::new(Preset::Individual).await;
    world.activate("left").await.expect(201);
    let verifier = Verifier::new(published_keys(&signer()).await);
    let (key, now) = (world.key.to_string(), world.app.now());
    for encrypt in [true, false] {
        let made = world
            .post("/files", &json!({"encrypt": encrypt}))
            .await
            .expect(201)
            .json();
        let file = verifier
            .licence_file(made["file"].as_str().expect("text"), key.as_str(), now)
            .expect("genuine");
        assert_eq!(file.licence_id(), Some(world.id.to_string().as_str()));
        assert!(file.allows("individual") && !file.allows("studio"));
    }
    let body = json!({"fingerprint": "left", "ttl_seconds": 3_600});
    let made = world.post("/files", &body).await.expect(201).json();
    assert_eq!(made["expires_at"], (now + SignedDuration::from_hours(1)).to_string());
    let text = made["file"].as_str().expect("text");
    verifier.machine_file(text, key.as_str(), "left", now).expect("genuine");
    assert!(
        verifier.machine_file(text, key.as_str(), "right", now).is_err(),
        "another machine"
    );
    let late = now + SignedDuration::from_hours(2);
    assert!(verifier.machine_file(text, key.as_str(), "left", late).is_err(), "over");
    let other = LicenceKey::new(world.id, [8; 16]).to_string();
    assert!(
        verifier.machine_file(text, other.as_str(), "left", now).is_err(),
        "another key"
    );
}

#[tokio::test]
async fn there_is_no_file_of_what_is_not_valid() {
    let world = World::new(Preset::Studio).await;
    world
        .post("/files", &json!({"fingerprint": "left"}))
        .await
        .expect_problem(409, "not_valid");
    world
        .post("/files", &json!({"ttl_seconds": 60}))
        .await
        .expect_problem(422, "invalid_request");
    let year = world
        .post("/files", &json!({"ttl_seconds": 31_536_000}))
        .await
        .expect(201)
        .json();
    assert_eq!(
        year["expires_at"], "2027-11-22T09:00:00Z",
        "never longer than the licence"
    );
    world.decide("suspend", "key_leaked").await.expect(201);
    world.post("/files", &json!({})).await.expect_problem(409, "not_valid");
}

const MONTH: i64 = 30 * 86_400;

/// What a validation asks of the store, and of its answer whether it is valid.
async fn counted(world: &World, body: &Value) -> (u64, u64, bool) {
    let before = world.app.store.meter().read();
    let validation = world.post("/validations", body).await.expect(200).json();
    let used = world.app.store.meter().read().since(before);
    (used.requests, used.write_units(), code(&validation).1)
}

#[tokio::test]
async fn the_first_validation_starts_the_clock_with_one_write() {
    let expiry = json!({"duration_seconds": MONTH, "basis": "first_validation"});
    let world = World::under(json!({"name": "A month", "strict": false, "expiry": expiry})).await;
    let denied = json!({"product": world.app.seed().id::<shared::ids::ListingId>("another")});
    assert_eq!(counted(&world, &denied).await, (1, 0, false), "nothing was used yet");
    // One read, one write of an item of more than a kilobyte.
    assert_eq!(counted(&world, &json!({})).await, (2, 2, true));
    assert_eq!(counted(&world, &json!({})).await, (1, 0, true));
    let named = json!({"version": "1.0.0"});
    assert_eq!(
        counted(&world, &named).await,
        (2, 0, false),
        "a release is looked for, and there is none"
    );
}

/// When a release was published never changes.
#[tokio::test]
async fn a_release_is_looked_up_once() {
    let world = World::under(json!({"name": "Any", "strict": false})).await;
    let (seed, now) = (world.app.seed(), world.app.now());
    let artifact = Artifact {
        object_key: "a key".into(),
        object_version: "1".into(),
        sha256: "ab".repeat(32),
        size_bytes: 1,
    };
    let stage = Stage::Published {
        upload: seed.id("upload"),
        artifact,
        submission: seed.id("submission"),
        at: now,
    };
    let version = Version {
        id: seed.id("version"),
        partner: world.partner,
        listing: world.listing,
        number: "1.2.0".parse().expect("a version"),
        notes: String::new(),
        stage,
        created_by: seed.id("anna"),
        created_at: now,
    };
    let number = keys::version_number(version.listing, "1.2.0");
    let writes = vec![
        Write::create(number, &json!({"version": version.id})).expect("an item"),
        Write::create(keys::version(version.listing, version.id), &version).expect("an item"),
    ];
    world.app.store.transact(writes).await.expect("a new version");
    let (named, checksum) = (json!({"version": "1.2.0"}), json!({"checksum": "AB".repeat(32)}));
    assert_eq!(
        counted(&world, &named).await,
        (3, 0, true),
        "its number, and the version"
    );
    assert_eq!(counted(&world, &named).await, (1, 0, true));
    assert_eq!(counted(&world, &checksum).await, (1, 0, true));
    let other = json!({"checksum": "cd".repeat(32)});
    for _ in 0..2 {
        assert_eq!(counted(&world, &other).await, (2, 0, false), "it may come to be");
    }
}

#[tokio::test]
async fn a_file_starts_the_clock_and_ends_with_it() {
    let expiry = json!({"duration_seconds": MONTH, "basis": "first_validation", "grace_seconds": 86_400});
    let world = World::under(json!({"name": "A month", "strict": false, "expiry": expiry})).await;
    let year = json!({"ttl_seconds": 31_536_000});
    let end = |days: i64| json!((world.app.now() + SignedDuration::from_hours(24 * days)).to_string());
    let made = world.post("/files", &year).await.expect(201).json();
    assert_eq!(made["expires_at"], end(31), "the month and its grace");
    world.later(30 * 24 * 60);
    let made = world.post("/files", &year).await.expect(201).json();
    assert_eq!(made["expires_at"], end(1), "what is left of the grace");
    world.later(24 * 60);
    world.post("/files", &year).await.expect_problem(409, "not_valid");
}

#[tokio::test]
async fn a_file_of_what_goes_on_for_ever_goes_on() {
    let expiry = json!({"duration_seconds": MONTH, "strategy": "allow"});
    let world = World::under(json!({"name": "For ever", "expiry": expiry})).await;
    world.later(60 * 24 * 60);
    world.post("/files", &json!({})).await.expect(201);
}

#[tokio::test]
async fn no_file_outlives_the_next_check_in() {
    let check_in = json!({"interval": "week", "every": 1});
    let world = World::under(json!({"name": "Weekly", "check_in": check_in})).await;
    let made = world.post("/files", &json!({})).await.expect(201).json();
    let due = world.app.now() + SignedDuration::from_hours(24 * 7);
    assert_eq!(made["expires_at"], due.to_string());
}

#[tokio::test]
async fn what_is_over_its_limits_gets_no_file() {
    let terms =
        json!({"name": "One, or more for a while", "limits": {"machines": 1}, "overage": "always", "strict": true});
    let world = World::under(terms).await;
    for fingerprint in ["left", "right"] {
        world.activate(fingerprint).await.expect(201);
    }
    world.post("/files", &json!({})).await.expect(201);
    let strict = json!({"name": "One", "limits": {"machines": 1}, "strict": true});
    let strict = world.policy_of(world.partner, strict).await;
    let path = format!("/v1/partners/{}/licences/{}/policy", world.partner, world.id);
    let request = world.app.put(path, &json!({"policy_id": strict}));
    request.bearer(&world.app.sign_in("sonja")).send().await.expect(200);
    world.post("/files", &json!({})).await.expect_problem(409, "not_valid");
}

#[tokio::test]
async fn a_trials_file_is_for_a_machine_that_has_not_tried_before() {
    let world = World::new(Preset::Individual).await;
    let (partner, listing) = world.shop().await;
    world
        .offer_trial((partner, listing), json!(Preset::Individual.id()))
        .await
        .expect(200);
    let begin = async |who: &str| Sibling::of(&world.try_out(listing, who, json!({})).await.expect(201).json());
    let (first, second) = (begin("ada").await, begin("bob").await);
    let file = async |trial: &Sibling, body: Value| trial.post(&world, "/files", &body).await;
    file(&first, json!({}))
        .await
        .expect_problem(422, "fingerprint_required");
    let left = json!({"fingerprint": "left"});
    file(&first, left.clone()).await.expect_problem(409, "not_valid");
    first.activate(&world, "left").await.expect(201);
    file(&first, left.clone()).await.expect(201);
    second.activate(&world, "left").await.expect_problem(409, "trial_used");
    file(&second, left).await.expect_problem(409, "not_valid");
}

/// What a test of `sdk/interop` has another library verify.
mod recorded {
    pub(super) const PLAIN: &str = include_str!("../../../../sdk/interop/tests/recorded/plain.lic");
    pub(super) const ENCRYPTED: &str = include_str!("../../../../sdk/interop/tests/recorded/encrypted.lic");
    pub(super) const KEY: &str = include_str!("../../../../sdk/interop/tests/recorded/licence-key");
    pub(super) const SIGNING_KEY: &str = include_str!("../../../../sdk/interop/tests/recorded/signing-key");
}

/// The recorded files are what is issued here, to the last byte but for chance: what another library verifies is not made for it.
#[tokio::test]
async fn the_files_that_another_library_verifies_are_issued_here() {
    let world = World::new(Preset::Studio).await;
    let stored = commerce::licence_revision(&world.app.store, world.id)
        .await
        .expect("read");
    let stored = stored.expect("stored");
    let licence = Licence {
        listing: "lst_01kaf8wcw0ee2v9sp5d7xw1n2p".parse().expect("an id"),
        order: None,
        ..stored.value.clone()
    };
    leases::save(&world.app.store, &stored, &licence, Room::People, Vec::new())
        .await
        .expect("written");
    let year = json!({"encrypt": false, "ttl_seconds": 31_536_000});
    let issued = async |body: &Value| {
        let made = world.post("/files", body).await.expect(201).json();
        made["file"].as_str().expect("text").trim().to_owned()
    };
    world.activate("left").await.expect(201);
    let plain = issued(&year).await;
    let keys = signer().key_set().await.expect("keys").keys;
    assert_eq!(recorded::SIGNING_KEY.trim(), keys[0].x, "the key of these tests");
    assert_eq!(recorded::KEY.trim(), world.key.to_string());
    assert_eq!(recorded::PLAIN.trim(), plain, "record what is issued now");

    // An encrypted one differs from the next by its nonce. It says the same.
    let mut encrypted = year.clone();
    encrypted["encrypt"] = json!(true);
    let encrypted = issued(&encrypted).await;
    let verifier = Verifier::new(published_keys(&signer()).await);
    let (key, now) = (world.key.to_string(), world.app.now());
    let read = |file: &str| {
        let file = verifier.licence_file(file, key.as_str(), now).expect("genuine");
        format!("{file:?}")
    };
    assert_eq!(read(recorded::ENCRYPTED.trim()), read(&encrypted));
    assert_ne!(recorded::ENCRYPTED.trim(), encrypted);
}
