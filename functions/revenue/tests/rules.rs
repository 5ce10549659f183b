//! Rules in-process: made once, never in conflict, ended and gone on with, by operators alone.

use serde_json::{Value, json};
use shared::auth::Scope;
use shared::testing::{Answer, TestApp};

fn app() -> TestApp {
    TestApp::new(|world| {
        let context = revenue::Context {
            edge: world.edge.clone(),
            store: world.store.clone(),
        };
        shared::http::router(revenue::routes(), context)
    })
}

const RULES: &str = "/v1/commission-rules";

fn rule(scope: &Value, commission_bps: u32) -> Value {
    json!({"name": "A rule", "scope": scope, "figures": {"commission_bps": commission_bps}})
}

fn marketplace() -> Value {
    json!({"type": "marketplace"})
}

async fn post(app: &TestApp, path: &str, body: &Value) -> Answer {
    app.post(path, body).bearer(&app.sign_in_operator("olga")).send().await
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.get(path).bearer(&app.sign_in_operator("olga")).send().await
}

async fn made(app: &TestApp, body: &Value) -> Value {
    post(app, RULES, body).await.expect(201).json()
}

fn path(rule: &Value, rest: &str) -> String {
    format!("{RULES}/{}{rest}", rule["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_rule_is_made_shown_and_listed() {
    let app = app();
    let figures = json!({
        "commission_bps": 2000, "fixed": {"amount": 30, "currency": "EUR"}, "base": "net", "affiliate_bps": 300, "reseller_bps": 200,
        "tiers": {"per": "listing", "count": {"reset": "yearly"}, "above": [{"above": {"amount": 100_000, "currency": "EUR"}, "commission_bps": 1500}]},
    });
    let body = json!({"name": "Gold", "scope": {"type": "group", "id": "gold"}, "until": "2027-01-01T00:00:00Z", "figures": figures});
    let answer = post(&app, RULES, &body).await.expect(201);
    let made = answer.json();
    assert_eq!(answer.header("location"), Some(path(&made, "").as_str()));
    let version = &made["versions"][0];
    assert_eq!(
        (&version["version"], &version["from"], &version["until"]),
        (
            &json!(1),
            &json!("2026-11-22T09:00:00Z"),
            &json!("2027-01-01T00:00:00Z")
        )
    );
    assert_eq!(version["figures"], figures);
    assert_eq!(get(&app, &path(&made, "")).await.expect(200).json(), made);
    let list = get(&app, RULES).await.expect(200).json();
    assert_eq!(list["items"], made["versions"]);
    get(&app, &format!("{RULES}/rul_01h455vb4pex5vsknk084sn02q"))
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn the_same_request_makes_one_rule() {
    let app = app();
    let ask = || {
        let request = app.post(RULES, &rule(&marketplace(), 1000));
        request
            .bearer(&app.sign_in_operator("olga"))
            .idempotency_key("once")
            .send()
    };
    let first = ask().await.expect(201).json();
    assert_eq!(ask().await.expect(201).json(), first);
    let list = get(&app, RULES).await.expect(200).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_rule_that_could_tie_with_another_is_refused() {
    let app = app();
    let first = made(&app, &rule(&marketplace(), 1000)).await;
    let refused = post(&app, RULES, &rule(&marketplace(), 500))
        .await
        .expect_problem(409, "rule_overlaps");
    let named = format!("{}@1", first["id"].as_str().expect("an id"));
    assert!(refused.text().contains(&named), "{}", refused.text());
    made(&app, &rule(&json!({"type": "content_type", "id": "synth-preset"}), 500)).await;
    let fixed = |currency: &str| {
        let figures = json!({"commission_bps": 500, "fixed": {"amount": 1, "currency": currency}});
        json!({"name": "Fixed", "scope": {"type": "group", "id": "gold"}, "figures": figures})
    };
    made(&app, &fixed("EUR")).await;
    made(&app, &fixed("USD")).await;
    post(&app, RULES, &fixed("EUR"))
        .await
        .expect_problem(409, "rule_overlaps");
    let list = get(&app, RULES).await.expect(200).json();
    assert_eq!(
        list["items"].as_array().map(Vec::len),
        Some(4),
        "nothing of what was refused is there"
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_named_and_not_made() {
    let app = app();
    let with = |change: Value| {
        let mut body = rule(&marketplace(), 1000);
        let (body_fields, change) = (body.as_object_mut().expect("an object"), change.as_object().cloned());
        body_fields.extend(change.expect("an object"));
        body
    };
    let tier = |minor: i64| json!({"above": {"amount": minor, "currency": "EUR"}, "commission_bps": 500});
    let tiers = |above: Value| json!({"figures": {"commission_bps": 1000, "tiers": {"per": "partner", "count": {"reset": "never"}, "above": above}}});
    for (body, pointer) in [
        (with(json!({"name": " "})), "/name"),
        (
            with(json!({"figures": {"commission_bps": 1000, "fixed": {"amount": 505, "currency": "UGX"}}})),
            "/figures/fixed/amount",
        ),
        (
            with(tiers(json!([tier(i64::MAX)]))),
            "/figures/tiers/above/0/above/amount",
        ),
        (with(json!({"scope": {"type": "partner", "id": "ptn_x"}})), "/scope/id"),
        (with(json!({"preset": "steam"})), "/preset"),
        (with(json!({"currency": "EUR"})), "/currency"),
        (
            with(json!({"figures": {"commission_bps": 10_001}})),
            "/figures/commission_bps",
        ),
        (
            with(json!({"figures": {"commission_bps": 1, "fixed": {"amount": -1, "currency": "EUR"}}})),
            "/figures/fixed/amount",
        ),
        (
            with(json!({"figures": {"commission_bps": 1, "fixed": {"amount": 1, "currency": "ECU"}}})),
            "/figures/fixed/currency",
        ),
        (
            with(json!({"figures": {"commission_bps": 1, "fixed": {"amount": 1e30, "currency": "EUR"}}})),
            "/figures/fixed/amount",
        ),
        (
            with(json!({"figures": {"commission_bps": 100, "affiliate_bps": 101}})),
            "/figures/affiliate_bps",
        ),
        (
            with(tiers(json!([tier(10), tier(10)]))),
            "/figures/tiers/above/1/above/amount",
        ),
        (with(tiers(json!([]))), "/figures/tiers/above"),
    ] {
        let refused = post(&app, RULES, &body)
            .await
            .expect_problem(422, "invalid_request")
            .json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    post(&app, RULES, &with(json!({"until": "2026-11-22T09:00:00Z"})))
        .await
        .expect_problem(422, "ends_before_it_begins");
    post(
        &app,
        RULES,
        &json!({"name": "A rule", "scope": marketplace(), "preset": "bazaar"}),
    )
    .await
    .expect_problem(422, "unknown_preset");
    assert_eq!(get(&app, RULES).await.expect(200).json()["items"], json!([]));
}

#[tokio::test]
async fn a_preset_becomes_a_rule_with_its_phases_in_any_currency() {
    let app = app();
    let presets = get(&app, "/v1/commission-presets").await.expect(200).json();
    let names: Vec<_> = presets["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|preset| preset["name"].as_str())
        .collect();
    assert_eq!(names, ["atlassian", "epic", "github", "jetbrains", "shopify", "steam"]);
    assert_eq!(
        presets["items"][3]["payout_minimum"],
        json!({"amount": 20_000, "currency": "USD"})
    );
    let body = json!({"name": "Like Atlassian", "scope": marketplace(), "preset": "atlassian", "currency": "EUR", "from": "2026-01-01T00:00:00Z"});
    let made = made(&app, &body).await;
    let periods: Vec<_> = made["versions"]
        .as_array()
        .expect("versions")
        .iter()
        .map(|version| (version["from"].as_str(), version["until"].as_str()))
        .collect();
    let (april, october) = (Some("2026-04-01T00:00:00Z"), Some("2026-10-01T00:00:00Z"));
    assert_eq!(periods, [(april, october), (october, None)]);
    let tier = &made["versions"][1]["figures"]["tiers"]["above"][0];
    assert_eq!(
        tier,
        &json!({"above": {"amount": 100_000_000, "currency": "EUR"}, "commission_bps": 1700})
    );
    assert_eq!(made["versions"][1]["preset"], "atlassian");
}

#[tokio::test]
async fn a_rule_goes_on_under_other_figures_and_keeps_what_it_said() {
    let app = app();
    let first = made(&app, &rule(&marketplace(), 1000)).await;
    let next = |from: &str| json!({"from": from, "figures": {"commission_bps": 800}});
    let revised = post(&app, &path(&first, "/versions"), &next("2026-12-01T00:00:00Z"))
        .await
        .expect(201)
        .json();
    let versions = &revised["versions"];
    assert_eq!(versions[0]["until"], "2026-12-01T00:00:00Z");
    assert_eq!(versions[0]["figures"]["commission_bps"], 1000);
    assert_eq!(
        (&versions[1]["version"], &versions[1]["figures"]["commission_bps"]),
        (&json!(2), &json!(800))
    );
    post(&app, &path(&first, "/versions"), &next("2026-11-01T00:00:00Z"))
        .await
        .expect_problem(422, "in_the_past");
    let nowhere = format!("{RULES}/rul_01h455vb4pex5vsknk084sn02q/versions");
    post(&app, &nowhere, &next("2026-12-01T00:00:00Z"))
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_rule_ends_and_makes_room() {
    let app = app();
    let first = made(&app, &rule(&marketplace(), 1000)).await;
    post(&app, &path(&first, "/end"), &json!({"at": "2026-11-22T08:59:59Z"}))
        .await
        .expect_problem(422, "in_the_past");
    let ended = post(&app, &path(&first, "/end"), &json!({})).await.expect(200).json();
    assert_eq!(ended["versions"][0]["until"], "2026-11-22T09:00:00Z");
    post(&app, &path(&first, "/end"), &json!({}))
        .await
        .expect_problem(409, "rule_ended");
    made(&app, &rule(&marketplace(), 500)).await;
    assert_eq!(get(&app, &path(&first, "")).await.expect(200).json(), ended);
    let acts = get(&app, &path(&first, "/audit-events")).await.expect(200).json();
    let olga = app.user("olga").await.to_string();
    let acts = acts["items"].as_array().expect("entries").iter();
    let mut acts: Vec<_> = acts
        .inspect(|act| assert_eq!((&act["subject"], &act["actor"]), (&first["id"], &json!(olga))))
        .filter_map(|act| act["action"].as_str())
        .collect();
    // Both at the same instant.
    acts.sort_unstable();
    assert_eq!(acts, ["commission_rule.create", "commission_rule.end"]);
}

#[tokio::test]
async fn a_rule_for_a_partner_needs_the_partner() {
    let app = app();
    let of = |partner: Value| rule(&json!({"type": "partner", "id": partner}), 1000);
    let nobody = json!(app.seed().id::<shared::ids::PartnerId>("nobody"));
    let problem = post(&app, RULES, &of(nobody)).await;
    let problem = problem.expect_problem(422, "unknown_partner").json();
    assert_eq!(problem["errors"][0]["pointer"], "/scope/id");
    let anna = app.seller("anna").await;
    made(&app, &of(json!(anna))).await;
}

#[tokio::test]
async fn rules_are_the_operators_alone() {
    let app = app();
    app.seller("anna").await;
    let token = app.api_token("anna", &[Scope::EarningsRead]).await;
    let first = made(&app, &rule(&marketplace(), 1000)).await;
    let requests = || {
        [
            app.post(RULES, &rule(&marketplace(), 1)),
            app.get(RULES),
            app.get(path(&first, "")),
            app.post(path(&first, "/versions"), &json!({"figures": {"commission_bps": 1}})),
            app.post(path(&first, "/end"), &json!({})),
            app.get(path(&first, "/audit-events")),
            app.get("/v1/commission-presets"),
        ]
    };
    for request in requests() {
        request.send().await.expect_problem(401, "unauthenticated");
    }
    for request in requests() {
        let request = request.bearer(&app.sign_in("anna"));
        request.send().await.expect_problem(403, "operator_required");
    }
    for request in requests() {
        request
            .bearer(&token)
            .send()
            .await
            .expect_problem(403, "sign_in_required");
    }
}
