use serde_json::{Value, json};
use shared::auth::Scope;

use super::{cut_off, pointers, world};

#[tokio::test]
async fn the_caller_is_told_who_that_is() {
    let world = world().await;
    let app = &world.app;
    let me = app
        .get("/v1/me")
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect(200)
        .json();
    let id = app.user("ada").await;
    assert_eq!(
        me,
        json!({"id": id, "name": "ada", "email": "ada@example.com", "operator": false})
    );
    let me = app
        .get("/v1/me")
        .bearer(&app.sign_in_operator("olga"))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(me["operator"], true);
    app.get("/v1/me").send().await.expect_problem(401, "unauthenticated");
    app.get("/v1/me")
        .bearer("nonsense")
        .send()
        .await
        .expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_token_is_shown_once_used_and_revoked() {
    let world = world().await;
    let app = &world.app;
    let body = json!({"label": " release  pipeline ", "scopes": ["partners:read"], "valid_days": 7});
    let create = || {
        app.post("/v1/api-tokens", &body)
            .bearer(&app.sign_in("ada"))
            .idempotency_key("k1")
    };
    let answer = create().send().await.expect(201);
    let made = answer.json();
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("souk_pat_") && secret.ends_with(made["hint"].as_str().expect("a hint")));
    assert_eq!(
        (&made["label"], &made["valid_until"]),
        (&json!("release pipeline"), &json!("2026-11-29T09:00:00Z"))
    );
    let place = answer.header("location").expect("a place").to_owned();
    create().send().await.expect_problem(409, "secret_shown_once");
    cut_off(app, "ada", "k1").await;
    create().send().await.expect_problem(409, "secret_shown_once");

    app.get("/v1/me").bearer(&secret).send().await.expect(200);
    let list = app
        .get("/v1/api-tokens")
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect(200);
    assert!(!list.text().contains(&secret), "the list shows a secret");
    assert_eq!(list.json()["items"][0]["id"], made["id"]);

    app.delete(&place)
        .bearer(&app.sign_in("eve"))
        .send()
        .await
        .expect_problem(404, "not_found");
    app.delete(&place).bearer(&app.sign_in("ada")).send().await.expect(204);
    app.delete(&place).bearer(&app.sign_in("ada")).send().await.expect(204);
    app.get("/v1/me")
        .bearer(&secret)
        .send()
        .await
        .expect_problem(401, "invalid_token");
    let list = app
        .get("/v1/api-tokens")
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(list["items"][0]["revoked_at"], "2026-11-22T09:00:00Z");
}

#[tokio::test]
async fn a_token_makes_no_tokens() {
    let world = world().await;
    let app = &world.app;
    let token = app.api_token("ada", &[Scope::PartnersRead, Scope::PartnersWrite]).await;
    let body = json!({"label": "more", "scopes": ["orders:write"]});
    app.post("/v1/api-tokens", &body)
        .bearer(&token)
        .send()
        .await
        .expect_problem(403, "sign_in_required");
    app.get("/v1/api-tokens")
        .bearer(&token)
        .send()
        .await
        .expect_problem(403, "sign_in_required");
    let other = app
        .delete("/v1/api-tokens/tok_01h2xcejqtf2nbrexx3vqjhp41")
        .bearer(&token);
    other.send().await.expect_problem(403, "sign_in_required");
    app.post("/v1/api-tokens", &body)
        .send()
        .await
        .expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn every_wrong_field_of_a_token_is_named() {
    let world = world().await;
    let app = &world.app;
    let check = async |body: Value, expected: &[&str]| {
        let answer = app
            .post("/v1/api-tokens", &body)
            .bearer(&app.sign_in("ada"))
            .send()
            .await;
        let problem = answer.expect_problem(422, "invalid_request").json();
        assert_eq!(pointers(&problem), expected, "{body}");
    };
    check(
        json!({"label": "", "scopes": [], "valid_days": 0}),
        &["/label", "/scopes", "/valid_days"],
    )
    .await;
    check(
        json!({"label": "x".repeat(101), "scopes": ["orders:read"], "valid_days": 367}),
        &["/label", "/valid_days"],
    )
    .await;
    check(
        json!({"label": "x", "scopes": ["orders:read", "everything"]}),
        &["/scopes/1"],
    )
    .await;
    check(json!({"label": "x"}), &["/scopes"]).await;
}
