use serde_json::{Value, json};
use shared::ids::{ListingId, PartnerId, PolicyId};
use shared::licensing::Preset;
use shared::store::accounts::Role;

use super::{World, code, money};

impl World {
    /// A partner with something published, and who owns the partner.
    pub(super) async fn shop(&self) -> (PartnerId, ListingId) {
        let partner = self.app.seller("sonja").await;
        let listing = self.app.on_sale(partner, "Warm Pads", money(1299)).await;
        (partner, listing)
    }

    pub(super) async fn policy_of(&self, partner: PartnerId, terms: Value) -> PolicyId {
        let request = self.app.post(format!("/v1/partners/{partner}/policies"), &terms);
        let made = request
            .bearer(&self.app.sign_in("sonja"))
            .send()
            .await
            .expect(201)
            .json();
        made["id"].as_str().expect("an id").parse().expect("a policy's id")
    }
}

#[tokio::test]
async fn a_partner_makes_policies_and_everybody_sees_the_presets() {
    let world = World::new(Preset::Individual).await;
    let (partner, _) = world.shop().await;
    let path = format!("/v1/partners/{partner}/policies");
    let terms = json!({"name": "Campus", "limits": {"machines": 30}, "expiry": {"duration_seconds": 31_536_000},
        "heartbeat": {"duration_seconds": 600}, "required": ["fingerprint"], "entitlements": ["campus"]});
    let id = world.policy_of(partner, terms).await;
    let sonja = world.app.sign_in("sonja");
    let shown = world
        .app
        .get(format!("{path}/{id}"))
        .bearer(&sonja)
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(
        (
            &shown["terms"]["limits"]["machines"],
            &shown["terms"]["heartbeat"]["dead"]
        ),
        (&json!(30), &json!("cull"))
    );
    let listed = world.app.get(&path).bearer(&sonja).send().await.expect(200).json();
    assert_eq!(listed["items"], json!([shown]));
    let presets = world.app.get("/v1/policy-presets").send().await.expect(200).json();
    let names: Vec<_> = presets["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|one| &one["terms"]["name"])
        .collect();
    assert_eq!(names, ["Individual", "Studio", "Enterprise"]);

    world.app.join(partner, "mia", Role::Member).await;
    for (who, status, code) in [("mia", 403, "owner_required"), ("mallory", 404, "not_found")] {
        let request = world
            .app
            .post(&path, &json!({"name": "Mine"}))
            .bearer(&world.app.sign_in(who));
        request.send().await.expect_problem(status, code);
    }
    let operator = world.app.post(&path, &json!({"name": "Theirs"}));
    operator
        .bearer(&world.app.sign_in_operator("olga"))
        .send()
        .await
        .expect(201);
}

#[tokio::test]
async fn every_flaw_of_a_policy_is_pointed_at() {
    let world = World::new(Preset::Individual).await;
    let (partner, _) = world.shop().await;
    let check = async |terms: Value, pointer: &str| {
        let request = world.app.post(format!("/v1/partners/{partner}/policies"), &terms);
        let problem = request.bearer(&world.app.sign_in("sonja")).send().await;
        let problem = problem.expect_problem(422, "invalid_request").json();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    };
    check(json!({"name": ""}), "/name").await;
    check(json!({"name": "x", "limits": {"machines": 0}}), "/limits/machines").await;
    check(
        json!({"name": "x", "heartbeat": {"duration_seconds": 5}}),
        "/heartbeat/duration_seconds",
    )
    .await;
    check(json!({"name": "x", "entitlements": ["two words"]}), "/entitlements/0").await;
    check(json!({"name": "x", "limits": {"legs": 4}}), "/limits/legs").await;
    check(json!({"name": "x", "overage": "some"}), "/overage").await;
}

#[tokio::test]
async fn a_licence_is_put_under_another_policy_and_a_validation_is_still_one_read() {
    let world = World::under(json!({"name": "Small", "limits": {"machines": 1}})).await;
    world.activate("left").await.expect(201);
    world.activate("right").await.expect_problem(409, "too_many");
    let large = world
        .policy_of(
            world.partner,
            json!({"name": "Large", "limits": {"machines": 2}, "entitlements": ["large"]}),
        )
        .await;
    let assign = async |who: &str, policy: PolicyId| {
        let path = format!("/v1/partners/{}/licences/{}/policy", world.partner, world.id);
        let request = world
            .app
            .put(path, &json!({"policy_id": policy}))
            .bearer(&world.app.sign_in(who));
        request.send().await
    };
    let unknown = world.app.seed().id("unknown");
    assign("sonja", unknown).await.expect_problem(422, "unknown_policy");
    assign("mallory", large).await.expect_problem(404, "not_found");
    let moved = assign("sonja", large).await.expect(200).json();
    assert_eq!((&moved["policy"], &moved["machines"]), (&json!("Large"), &json!(1)));
    world.activate("right").await.expect(201);

    let before = world.app.store.meter().read();
    let validation = world.validated("left").await;
    let used = world.app.store.meter().read().since(before);
    assert_eq!((used.requests, used.write_units()), (1, 0));
    assert_eq!(code(&validation), ("VALID", true));
    assert_eq!(
        (
            &validation["tier"],
            &validation["policy_id"],
            &validation["entitlements"]
        ),
        (&Value::Null, &json!(large), &json!(["large"]))
    );
    assign("sonja", Preset::Individual.id()).await.expect(200);
    assert_eq!(world.validated("left").await["tier"], "individual");
    assert_eq!(world.audit().await, ["licence.assign_policy", "licence.assign_policy"]);
}

#[tokio::test]
async fn a_fingerprint_is_active_once_within_its_realm() {
    let terms = json!({"name": "One for each machine", "uniqueness": "product", "limits": {"machines": 5},
        "heartbeat": {"duration_seconds": 600}});
    let world = World::under(terms).await;
    let other = world.sibling().await;
    let machine = world.activate("left").await.expect(201).json();
    world.activate("left").await.expect(200);
    other
        .activate(&world, "left")
        .await
        .expect_problem(409, "fingerprint_taken");
    other.activate(&world, "right").await.expect(201);

    let path = world.path(&format!("/machines/{}", machine["id"].as_str().expect("an id")));
    world.with_key(world.app.delete(path)).send().await.expect(204);
    other.activate(&world, "left").await.expect(201);
    world.activate("left").await.expect_problem(409, "fingerprint_taken");

    // It falls silent: nobody has to take its claim away.
    world.later(11);
    world.activate("left").await.expect(201);
    other
        .activate(&world, "left")
        .await
        .expect_problem(409, "fingerprint_taken");
}

#[tokio::test]
async fn a_claim_ends_with_the_licence_that_a_refund_has_revoked() {
    let world = World::under(json!({"name": "One", "uniqueness": "account", "limits": {"machines": 5}})).await;
    let other = world.sibling().await;
    world.activate("left").await.expect(201);
    other
        .activate(&world, "left")
        .await
        .expect_problem(409, "fingerprint_taken");
    world.refund().await;
    other.activate(&world, "left").await.expect(201);
}

#[tokio::test]
async fn claims_move_with_the_policy() {
    let world = World::under(json!({"name": "Anywhere", "limits": {"machines": 5}})).await;
    let other = world.sibling().await;
    let strict = world
        .policy_of(
            world.partner,
            json!({"name": "Once", "uniqueness": "product", "limits": {"machines": 5}}),
        )
        .await;
    let put = async |licence: &str, policy: PolicyId| {
        let path = format!("/v1/partners/{}/licences/{licence}/policy", world.partner);
        let request = world
            .app
            .put(path, &json!({"policy_id": policy}))
            .bearer(&world.app.sign_in("sonja"));
        request.send().await
    };
    world.activate("left").await.expect(201);
    put(&world.id.to_string(), strict).await.expect(200);
    other.activate(&world, "left").await.expect(201);
    let twice = put(&other.id.to_string(), strict).await;
    twice.expect_problem(409, "fingerprint_taken");
    put(&world.id.to_string(), Preset::Individual.id()).await.expect(200);
    put(&other.id.to_string(), strict).await.expect(200);
    let back = put(&world.id.to_string(), strict).await;
    back.expect_problem(409, "fingerprint_taken");
}
