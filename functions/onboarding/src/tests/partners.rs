use serde_json::{Value, json};
use shared::auth::Scope;

use super::{application, applied, cut_off, notices, open_holds, path, pointers, world};

#[tokio::test]
async fn an_application_is_answered_with_what_is_missing() {
    let world = world().await;
    let app = &world.app;
    let answer = app
        .post("/v1/partners", &application())
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect(201);
    let partner = answer.json();
    assert_eq!(answer.header("location"), Some(path(&partner, "").as_str()));
    assert_eq!(
        (&partner["status"], &partner["role"]),
        (&json!("applied"), &json!("owner"))
    );
    assert_eq!(
        open_holds(&partner),
        ["application_review", "agreement_not_accepted", "payout_account_missing"]
    );
    let review = &partner["holds"][0];
    assert_eq!(review["blocks"], json!(["publish", "sell", "payout"]));
    // 2026-11-22 is a Sunday: three working days end on Wednesday.
    assert_eq!(
        (&review["waits_for"], &review["due_at"]),
        (&json!("operator"), &json!("2026-11-25T09:00:00Z"))
    );
    assert_eq!(notices(app), ["received"]);

    let read = app
        .get(path(&partner, ""))
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(read, partner);
    let list = app
        .get("/v1/partners")
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(list, json!({"items": [partner], "next": null}));
}

#[tokio::test]
async fn a_repeated_application_makes_one_partner() {
    let world = world().await;
    let app = &world.app;
    let apply = || app.post("/v1/partners", &application()).bearer(&app.sign_in("ada"));
    let first = apply().idempotency_key("k1").send().await.expect(201).json();
    let again = apply().idempotency_key("k1").send().await.expect(201);
    assert_eq!(again.json(), first);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    cut_off(app, "ada", "k1").await;
    assert_eq!(apply().idempotency_key("k1").send().await.expect(201).json(), first);
    assert_eq!(notices(app).len(), 1);

    let other = apply()
        .idempotency_key("k2")
        .send()
        .await
        .expect_problem(409, "already_applied");
    assert!(
        other.text().contains(first["id"].as_str().expect("an id")),
        "says which: {}",
        other.text()
    );
    let mut spelled = application();
    spelled["name"] = json!("WARM-pads");
    let answer = app
        .post("/v1/partners", &spelled)
        .bearer(&app.sign_in("ada"))
        .send()
        .await;
    answer.expect_problem(409, "already_applied");
    // Names are not owned: somebody else may have the same.
    applied(app, "bob").await;
}

#[tokio::test]
async fn every_wrong_field_of_an_application_is_named() {
    let world = world().await;
    let app = &world.app;
    let check = async |field: &'static str, value: Value| {
        let mut body = application();
        body[field] = value.clone();
        let answer = app.post("/v1/partners", &body).bearer(&app.sign_in("ada")).send().await;
        let problem = answer.expect_problem(422, "invalid_request").json();
        assert_eq!(pointers(&problem), [format!("/{field}")], "{value}");
    };
    check("name", json!("x")).await;
    check("name", json!("x".repeat(81))).await;
    check("name", json!("a\u{202E}b")).await;
    check("name", json!(7)).await;
    check("country", json!("XX")).await;
    check("country", json!("de")).await;
    check("support_email", json!("nobody")).await;
    check("website", json!("http://warm.example")).await;
    check("website", json!("https://user:secret@warm.example")).await;
    check("about", json!("too short")).await;
    check("about", json!("x".repeat(2_001))).await;
    check("owner", json!("somebody else")).await;

    let answer = app.post(
        "/v1/partners",
        &json!({"name": "", "country": "", "support_email": "", "about": ""}),
    );
    let problem = answer
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect_problem(422, "invalid_request")
        .json();
    assert_eq!(pointers(&problem), ["/name", "/country", "/support_email", "/about"]);
    let text = app
        .post("/v1/partners", &application())
        .header("content-type", "text/plain");
    text.bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect_problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn others_see_nothing_of_a_partner() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    for rest in ["", "/members", "/audit-events"] {
        app.get(path(&partner, rest))
            .send()
            .await
            .expect_problem(401, "unauthenticated");
        app.get(path(&partner, rest))
            .bearer(&app.sign_in("eve"))
            .send()
            .await
            .expect_problem(404, "not_found");
    }
    for (rest, body) in [
        ("/agreements", json!({"version": "2026-11-01"})),
        ("/onboarding-links", json!({})),
        ("/decisions", json!({"decision": "approve"})),
        ("/members", json!({"user_id": app.user("eve").await, "role": "owner"})),
    ] {
        app.post(path(&partner, rest), &body)
            .send()
            .await
            .expect_problem(401, "unauthenticated");
        app.post(path(&partner, rest), &body)
            .bearer(&app.sign_in("eve"))
            .send()
            .await
            .expect_problem(404, "not_found");
    }
    let none = app
        .get("/v1/partners")
        .bearer(&app.sign_in("eve"))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(none["items"], json!([]));
    for id in [
        "ptn_01h2xcejqtf2nbrexx3vqjhp41",
        "lst_01h2xcejqtf2nbrexx3vqjhp41",
        "nonsense",
    ] {
        let token = app.sign_in_operator("olga");
        app.get(format!("/v1/partners/{id}"))
            .bearer(&token)
            .send()
            .await
            .expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn operators_list_all_partners_of_a_status() {
    let world = world().await;
    let app = &world.app;
    let (first, second) = (applied(app, "ada").await, applied(app, "bob").await);
    let page = |cursor: &str| format!("/v1/partners?status=applied&limit=1{cursor}");
    let olga = app.sign_in_operator("olga");
    let one = app.get(page("")).bearer(&olga).send().await.expect(200).json();
    let cursor = format!("&cursor={}", one["next"].as_str().expect("more"));
    let two = app.get(page(&cursor)).bearer(&olga).send().await.expect(200).json();
    let mut listed = vec![one["items"][0]["id"].clone(), two["items"][0]["id"].clone()];
    let mut expected = vec![first["id"].clone(), second["id"].clone()];
    listed.sort_by_key(Value::to_string);
    expected.sort_by_key(Value::to_string);
    assert_eq!(listed, expected);
    assert_eq!(one["items"][0]["role"], Value::Null);

    app.get(page(""))
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect_problem(403, "operator_required");
    app.get("/v1/partners?status=odd")
        .bearer(&olga)
        .send()
        .await
        .expect_problem(400, "invalid_query");
    app.get("/v1/partners?limit=0")
        .bearer(&olga)
        .send()
        .await
        .expect_problem(422, "invalid_request");
    app.get("/v1/partners?cursor=x")
        .bearer(&olga)
        .send()
        .await
        .expect_problem(400, "invalid_cursor");
}

#[tokio::test]
async fn the_agreement_is_public_and_accepted_once() {
    let world = world().await;
    let app = &world.app;
    let agreement = app.get("/v1/agreement").send().await.expect(200).json();
    assert!(agreement["text"].as_str().expect("text").contains("Partner agreement"));
    let partner = applied(app, "ada").await;
    let body = json!({"version": agreement["version"]});
    let accept = |body: &Value| {
        app.post(path(&partner, "/agreements"), body)
            .bearer(&app.sign_in("ada"))
    };

    let old = accept(&json!({"version": "2020-01-01"}))
        .send()
        .await
        .expect_problem(422, "agreement_not_current");
    assert_eq!(pointers(&old.json()), ["/version"]);
    let accepted = accept(&body).send().await.expect(201).json();
    assert_eq!(accepted["accepted_by"], json!(app.user("ada").await));
    assert_eq!(accept(&body).send().await.expect(200).json(), accepted);
    let read = app
        .get(path(&partner, ""))
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(open_holds(&read), ["application_review", "payout_account_missing"]);
    assert_eq!(read["agreement"], accepted);

    // An operator may look, but not agree in the partner's name.
    let operator = app
        .post(path(&partner, "/agreements"), &body)
        .bearer(&app.sign_in_operator("olga"));
    operator.send().await.expect_problem(403, "operators_only_look");
    app.take_messages();
}

#[tokio::test]
async fn an_api_token_does_what_its_scopes_say() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let reads = app.api_token("ada", &[Scope::PartnersRead]).await;
    app.get(path(&partner, "")).bearer(&reads).send().await.expect(200);
    let apply = app.post("/v1/partners", &application()).bearer(&reads);
    apply.send().await.expect_problem(403, "insufficient_scope");
    let decide = app
        .post(path(&partner, "/decisions"), &json!({"decision": "approve"}))
        .bearer(&reads);
    decide.send().await.expect_problem(403, "sign_in_required");
}

#[tokio::test]
async fn an_operator_puts_a_partner_into_a_group_and_out_of_it() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let put = |body: &Value| {
        app.put(path(&partner, "/group"), body)
            .bearer(&app.sign_in_operator("olga"))
    };
    let shown = put(&json!({"group": "gold"})).send().await.expect(200).json();
    assert_eq!(shown["group"], "gold");
    put(&json!({"group": "gold"})).send().await.expect(200);
    let shown = put(&json!({"group": null})).send().await.expect(200).json();
    assert_eq!(shown["group"], Value::Null);
    for wrong in [json!({}), json!({"group": "Gold"}), json!({"group": ""})] {
        put(&wrong).send().await.expect_problem(422, "invalid_request");
    }
    let audit = app
        .get(path(&partner, "/audit-events"))
        .bearer(&app.sign_in_operator("olga"))
        .send()
        .await
        .expect(200)
        .json();
    let acts = audit["items"].as_array().expect("entries").iter();
    let acts = acts.filter(|entry| entry["action"] == "partner.group");
    assert_eq!(acts.count(), 2, "what changed nothing is no act: {audit}");
    let by_team = app
        .put(path(&partner, "/group"), &json!({"group": "gold"}))
        .bearer(&app.sign_in("ada"));
    by_team.send().await.expect_problem(403, "operator_required");
}
