//! Every route in-process: keys, leases, heartbeats, standings, and what they cost.

mod events;
mod files;
mod full;
mod given;
mod in_use;
mod policies;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::http::Edge;
use shared::ids::{LicenceId, ListingId, PartnerId};
use shared::licence::{Licence, LicenceKey, LicenceStatus};
use shared::licensing::Preset;
use shared::money::{Currency, Money};
use shared::runtime::secrets::SigningSecretSource;
use shared::signing::Signer;
use shared::store::{Room, Update, Write, commerce, keys, leases, licences};
use shared::testing::{Answer, TestApp, TestRequest};
use souk_client::{KeySet, PublicKey};

use crate::{Context, routes};

fn signer() -> Signer {
    Signer::new(SigningSecretSource::fixed("a seed of these tests"))
}

/// The function, with one licence.
struct World {
    app: TestApp,
    id: LicenceId,
    key: LicenceKey,
    partner: PartnerId,
    listing: ListingId,
}

/// Another licence of the same world.
struct Sibling {
    id: LicenceId,
    key: LicenceKey,
}

impl Sibling {
    /// One that an answer tells of.
    fn of(issued: &Value) -> Self {
        let text = |field: &str| issued[field].as_str().expect("a text");
        Self {
            id: text("licence_id").parse().expect("an id"),
            key: text("key").parse().expect("a key"),
        }
    }

    async fn post(&self, world: &World, rest: &str, body: &Value) -> Answer {
        let request = world.app.post(format!("/v1/licences/{}{rest}", self.id), body);
        let key = format!("License {}", self.key);
        request.header("authorization", &key).send().await
    }

    async fn activate(&self, world: &World, fingerprint: &str) -> Answer {
        self.post(world, "/machines", &json!({"fingerprint": fingerprint}))
            .await
    }

    async fn validated(&self, world: &World, fingerprint: &str) -> Value {
        let body = json!({"fingerprint": fingerprint});
        self.post(world, "/validations", &body).await.expect(200).json()
    }
}

fn money(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

impl World {
    /// With a licence under a policy of these terms.
    async fn under(terms: Value) -> Self {
        let mut world = Self::new(Preset::Individual).await;
        (world.partner, world.listing) = world.shop().await;
        let policy = world.policy_of(world.partner, terms).await;
        let stored = commerce::licence_revision(&world.app.store, world.id)
            .await
            .expect("read");
        let stored = stored.expect("stored");
        let terms = licences::terms(&world.app.store, world.partner, policy)
            .await
            .expect("read")
            .expect("made");
        let licence = Licence {
            partner: world.partner,
            listing: world.listing,
            custom: terms.parts().1,
            ..stored.value.clone()
        };
        leases::save(&world.app.store, &stored, &licence, Room::People, Vec::new())
            .await
            .expect("written");
        world
    }

    /// Another licence like it.
    async fn sibling(&self) -> Sibling {
        let stored = commerce::licence(&self.app.store, self.id)
            .await
            .expect("read")
            .expect("stored");
        let id = self.app.seed().id("sibling");
        let key = LicenceKey::new(id, [9; 16]);
        let licence = Licence {
            id,
            key: key.clone(),
            ..stored
        };
        let write = Write::create(keys::licence(id), &licence).expect("an item");
        self.app.store.write(write).await.expect("a new licence");
        Sibling { id, key }
    }

    /// As a refund does it.
    async fn refund(&self) {
        let revoked = Update::new().set_text("status", LicenceStatus::Revoked.to_string());
        let write = Write::update(keys::licence(self.id), revoked);
        self.app.store.write(write).await.expect("written");
    }

    async fn read(&self, rest: &str) -> Value {
        let request = self.with_key(self.app.get(self.path(rest)));
        request.send().await.expect(200).json()
    }

    /// What was done to the licence.
    async fn audit(&self) -> Vec<String> {
        let request = self.app.get(self.path("/audit-events"));
        let listed = request
            .bearer(&self.app.sign_in_operator("olga"))
            .send()
            .await
            .expect(200)
            .json();
        let events = listed["items"].as_array().expect("items").iter();
        events
            .map(|event| event["action"].as_str().expect("a word").to_owned())
            .collect()
    }

    async fn new(tier: Preset) -> Self {
        let app = TestApp::new(|world| {
            let edge: Edge = world.edge.clone();
            let context = Context {
                edge,
                store: world.store.clone(),
                signer: signer(),
                guesses: crate::guesses::Guesses::default(),
                releases: crate::releases::Releases::default(),
            };
            shared::http::router(routes(), context)
        });
        let id = "lic_01kaf8wcw0ee2v9sp5d7xw1n2p".parse().expect("an id");
        let key = LicenceKey::new(id, [7; 16]);
        let seed = app.seed();
        let licence = Licence {
            id,
            key: key.clone(),
            owner: seed.id("owner"),
            listing: seed.id("listing"),
            partner: seed.id("partner"),
            order: Some(seed.id("order")),
            status: LicenceStatus::Active,
            issued_at: app.now(),
            tier,
            custom: None,
            grant: None,
            offer: None,
            subscription: None,
        };
        let write = Write::create(keys::licence(id), &licence).expect("an item");
        app.store.write(write).await.expect("a new licence");
        let (partner, listing) = (licence.partner, licence.listing);
        Self {
            app,
            id,
            key,
            partner,
            listing,
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/licences/{}{rest}", self.id)
    }

    fn with_key<'a>(&'a self, request: TestRequest<'a>) -> TestRequest<'a> {
        request.header("authorization", &format!("License {}", self.key))
    }

    async fn post(&self, rest: &str, body: &Value) -> Answer {
        self.with_key(self.app.post(self.path(rest), body)).send().await
    }

    async fn activate(&self, fingerprint: &str) -> Answer {
        self.post("/machines", &json!({"fingerprint": fingerprint})).await
    }

    async fn validated(&self, fingerprint: &str) -> Value {
        let body = json!({"fingerprint": fingerprint});
        self.post("/validations", &body).await.expect(200).json()
    }

    #[track_caller]
    fn later(&self, minutes: i64) {
        self.app.clock.advance(SignedDuration::from_mins(minutes));
    }

    async fn decide(&self, decision: &str, reason: &str) -> Answer {
        let body = json!({"decision": decision, "reason_code": reason, "note": "Seen in a forum."});
        let request = self.app.post(self.path("/decisions"), &body);
        request.bearer(&self.app.sign_in_operator("olga")).send().await
    }
}

#[track_caller]
fn code(validation: &Value) -> (&str, bool) {
    let code = validation["code"].as_str().expect("a code");
    (code, validation["valid"].as_bool().expect("a verdict"))
}

#[tokio::test]
async fn a_licence_is_valid_where_it_is_activated() {
    let world = World::new(Preset::Individual).await;
    assert_eq!(
        code(&world.validated("left").await),
        ("FINGERPRINT_SCOPE_MISMATCH", false)
    );
    let machine = world.activate("left").await.expect(201).json();
    assert_eq!(
        (&machine["fingerprint"], &machine["heartbeat_due_at"]),
        (&json!("left"), &Value::Null)
    );
    assert_eq!(world.activate("left").await.expect(200).json()["id"], machine["id"]);

    let validation = world.validated("left").await;
    assert_eq!(code(&validation), ("VALID", true));
    assert_eq!(
        (&validation["tier"], &validation["status"], &validation["entitlements"]),
        (&json!("individual"), &json!("active"), &json!(["individual"]))
    );
    let without = world.post("/validations", &json!({})).await.expect(200).json();
    assert_eq!(code(&without), ("FINGERPRINT_SCOPE_REQUIRED", false));

    let path = world.path(&format!("/machines/{}", machine["id"].as_str().expect("an id")));
    for _ in 0..2 {
        world.with_key(world.app.delete(path.clone())).send().await.expect(204);
    }
    assert_eq!(code(&world.validated("left").await).0, "FINGERPRINT_SCOPE_MISMATCH");
}

#[tokio::test]
async fn a_validation_is_one_read_and_no_write() {
    let world = World::new(Preset::Individual).await;
    world.activate("left").await.expect(201);
    let before = world.app.store.meter().read();
    world.validated("left").await;
    let used = world.app.store.meter().read().since(before);
    assert_eq!((used.requests, used.write_units()), (1, 0));
}

#[tokio::test]
async fn no_more_machines_than_allowed() {
    let world = World::new(Preset::Individual).await;
    for fingerprint in ["one", "two", "three"] {
        world.activate(fingerprint).await.expect(201);
    }
    let refused = world.activate("four").await.expect_problem(409, "too_many").json();
    assert!(
        refused["detail"].as_str().expect("words").contains("allows 3 machines"),
        "{refused}"
    );
    let listed = world
        .with_key(world.app.get(world.path("/machines")))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(
        (listed["items"].as_array().map(Vec::len), &listed["allowed"]),
        (Some(3), &json!(3))
    );
}

#[tokio::test]
async fn a_floating_lease_is_free_when_its_machine_falls_silent() {
    let world = World::new(Preset::Studio).await;
    let machine = world.activate("left").await.expect(201).json();
    assert_eq!(machine["pulse"], "alive");
    let heartbeats = format!("/machines/{}/heartbeats", machine["id"].as_str().expect("an id"));
    world.later(8);
    world.post(&heartbeats, &json!({})).await.expect(200);
    world.later(8);
    assert_eq!(code(&world.validated("left").await), ("VALID", true));
    world.later(4);
    assert_eq!(code(&world.validated("left").await), ("HEARTBEAT_DEAD", false));
    world.later(10);
    world
        .post(&heartbeats, &json!({}))
        .await
        .expect_problem(409, "machine_dead");
    let listed = world
        .with_key(world.app.get(world.path("/machines")))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(listed["items"], json!([]));
    world.activate("left").await.expect(201);
}

#[tokio::test]
async fn a_refund_reaches_the_software_without_anybody_s_help() {
    let world = World::new(Preset::Individual).await;
    world.activate("left").await.expect(201);
    world.refund().await;
    assert_eq!(code(&world.validated("left").await), ("REVOKED", false));
    world.activate("right").await.expect_problem(403, "licence_unusable");
}

#[tokio::test]
async fn an_operator_decides_and_the_next_validation_says_so() {
    let world = World::new(Preset::Individual).await;
    world.activate("left").await.expect(201);
    for (decision, reason, says) in [
        ("suspend", "key_leaked", ("SUSPENDED", false)),
        ("reinstate", "settled", ("VALID", true)),
        ("ban", "terms_violated", ("BANNED", false)),
        ("revoke", "key_leaked", ("REVOKED", false)),
    ] {
        world.decide(decision, reason).await.expect(201);
        let validation = world.validated("left").await;
        assert_eq!(code(&validation), says, "{decision}");
    }
    world
        .decide("revoke", "key_leaked")
        .await
        .expect_problem(409, "already_so");
    world
        .decide("reinstate", "settled")
        .await
        .expect_problem(409, "not_now");
    let holder = world
        .app
        .post(world.path("/decisions"), &json!({"decision": "ban"}))
        .bearer(&world.app.sign_in("ada"));
    holder.send().await.expect_problem(403, "operator_required");
    let stored = commerce::licence(&world.app.store, world.id)
        .await
        .expect("read")
        .expect("stored");
    assert!(stored.granted().machines.is_empty(), "its machines leave");
}

#[tokio::test]
async fn wrong_keys_open_nothing_and_are_limited() {
    let world = World::new(Preset::Individual).await;
    let other = LicenceKey::new(world.id, [8; 16]);
    let ask = async |key: &str| {
        let request = world.app.post(world.path("/validations"), &json!({}));
        request.header("authorization", &format!("License {key}")).send().await
    };
    for key in ["nonsense", &other.to_string(), "SOUK-00000"] {
        ask(key).await.expect_problem(404, "not_found");
    }
    let nobodys = format!(
        "/v1/licences/{}/validations",
        world.app.seed().id::<LicenceId>("nobody's")
    );
    let unknown = world.with_key(world.app.post(nobodys, &json!({}))).send().await;
    unknown.expect_problem(404, "not_found");
    for _ in 0..40 {
        // An old key that somebody's software still has is one guess.
        ask("nonsense").await.expect_problem(404, "not_found");
    }
    world.activate("left").await.expect(201);
    for guess in 4..20 {
        ask(&format!("guess {guess}")).await.expect_problem(404, "not_found");
    }
    ask("one more").await.expect_problem(429, "too_many_wrong_keys");
    let before = world.app.store.meter().read();
    world.activate("left").await.expect_problem(429, "too_many_wrong_keys");
    let used = world.app.store.meter().read().since(before);
    assert_eq!(used.requests, 0, "nothing more is looked at, right or wrong");
    world.later(11);
    world.activate("left").await.expect(200);
    ask("nonsense").await.expect_problem(404, "not_found");

    let without = world.app.post(world.path("/validations"), &json!({})).send().await;
    without.expect_problem(401, "unauthenticated");
    let signed_in = world
        .app
        .post(world.path("/validations"), &json!({}))
        .bearer(&world.app.sign_in("ada"));
    signed_in.send().await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn bad_input_is_pointed_at() {
    let world = World::new(Preset::Individual).await;
    let body = json!({"fingerprint": "two words", "components": {"cpu": ""}, "name": "x".repeat(101)});
    let problem = world
        .post("/machines", &body)
        .await
        .expect_problem(422, "invalid_request")
        .json();
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|e| e["pointer"].clone())
        .collect();
    assert_eq!(pointers, ["/fingerprint", "/components/cpu", "/name"]);
    world
        .post("/machines", &json!({}))
        .await
        .expect_problem(422, "invalid_request");
    world
        .post("/validations", &json!({"finger": "x"}))
        .await
        .expect_problem(422, "invalid_request");
}

#[tokio::test]
async fn two_at_once_do_not_take_the_same_lease() {
    let world = World::new(Preset::Individual).await;
    let names: Vec<String> = (0..8).map(|number| format!("machine-{number}")).collect();
    let mut taken = 0;
    let (a, b, c, d) = tokio::join!(
        world.activate(&names[0]),
        world.activate(&names[1]),
        world.activate(&names[2]),
        world.activate(&names[3])
    );
    for answer in [a, b, c, d] {
        taken += usize::from(answer.status == 201);
    }
    assert_eq!(taken, 3);
}

/// The keys that `/v1/signing-keys` publishes, as Souk's client takes them.
async fn published_keys(signer: &Signer) -> KeySet {
    let keys = signer.key_set().await.expect("a key set").keys.into_iter();
    let keys = keys.map(|key| {
        let x = URL_SAFE_NO_PAD.decode(&key.x).expect("base64url");
        PublicKey::named(key.kid, &x.try_into().expect("32 bytes")).expect("a key")
    });
    KeySet::new(keys).expect("keys")
}

#[tokio::test]
async fn every_code_is_explained_in_its_order() {
    let world = World::new(Preset::Individual).await;
    let codes = world.app.get("/v1/validation-codes").send().await.expect(200).json();
    let codes = codes["items"].as_array().expect("codes");
    assert_eq!(
        (&codes[0]["code"], &codes[codes.len() - 1]["code"]),
        (&json!("NOT_FOUND"), &json!("VALID"))
    );
    assert!(
        codes.len() >= 38
            && codes
                .iter()
                .all(|code| code["explanation"].as_str().is_some_and(|text| text.ends_with('.')))
    );
}
