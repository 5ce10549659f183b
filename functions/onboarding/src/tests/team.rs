use serde_json::{Value, json};

use super::{applied, cut_off, path, pointers, world};

#[tokio::test]
async fn owners_build_the_team() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let add = |body: &Value, by: &str| app.post(path(&partner, "/members"), body).bearer(&app.sign_in(by));
    let bob_joins = json!({"user_id": bob, "role": "member"});

    let member = add(&bob_joins, "ada").send().await.expect(201).json();
    assert_eq!(
        member,
        json!({"user_id": bob, "role": "member", "since": "2026-11-22T09:00:00Z"})
    );
    add(&bob_joins, "ada")
        .send()
        .await
        .expect_problem(409, "already_member");
    let read = app
        .get(path(&partner, ""))
        .bearer(&app.sign_in("bob"))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(read["role"], "member");
    let list = app
        .get(path(&partner, "/members"))
        .bearer(&app.sign_in("bob"))
        .send()
        .await
        .expect(200)
        .json();
    let mut users: Vec<_> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["user_id"].clone())
        .collect();
    users.sort_by_key(Value::to_string);
    let mut expected = vec![json!(ada), json!(bob)];
    expected.sort_by_key(Value::to_string);
    assert_eq!(users, expected);

    // A member may leave, and nothing else.
    let eve_joins = json!({"user_id": app.user("eve").await, "role": "member"});
    add(&eve_joins, "bob")
        .send()
        .await
        .expect_problem(403, "owner_required");
    let remove = |who: &Value, by: &str| {
        let who = who.as_str().expect("an id");
        app.delete(path(&partner, &format!("/members/{who}")))
            .bearer(&app.sign_in(by))
    };
    remove(&json!(ada), "bob")
        .send()
        .await
        .expect_problem(403, "owner_required");
    remove(&json!(bob), "eve").send().await.expect_problem(404, "not_found");
    remove(&json!(bob), "bob").send().await.expect(204);
    remove(&json!(bob), "ada").send().await.expect_problem(404, "not_found");
    app.get(path(&partner, ""))
        .bearer(&app.sign_in("bob"))
        .send()
        .await
        .expect_problem(404, "not_found");
    app.take_messages();
}

#[tokio::test]
async fn the_last_owner_stays() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let (ada, bob) = (app.user("ada").await, app.user("bob").await);
    let leave = || {
        app.delete(path(&partner, &format!("/members/{ada}")))
            .bearer(&app.sign_in("ada"))
    };
    leave().send().await.expect_problem(409, "last_owner");
    let bob_joins = json!({"user_id": bob, "role": "owner"});
    app.post(path(&partner, "/members"), &bob_joins)
        .bearer(&app.sign_in("ada"))
        .send()
        .await
        .expect(201);
    leave().send().await.expect(204);
    app.take_messages();
    // Notices go to who is left.
    let approve = app.post(path(&partner, "/decisions"), &json!({"decision": "approve"}));
    approve.bearer(&app.sign_in_operator("olga")).send().await.expect(201);
    let messages = app.take_messages();
    assert!(matches!(&messages[0].message, shared::messages::Message::PartnerNotice { user, .. } if *user == bob));
}

#[tokio::test]
async fn nobody_joins_who_was_never_here() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let add = |body: &Value| app.post(path(&partner, "/members"), body).bearer(&app.sign_in("ada"));
    let stranger = json!({"user_id": "usr_01h2xcejqtf2nbrexx3vqjhp41", "role": "member"});
    add(&stranger).send().await.expect_problem(422, "unknown_user");
    let check = async |body: Value, pointer: &str| {
        let problem = add(&body).send().await.expect_problem(422, "invalid_request").json();
        assert_eq!(pointers(&problem), [pointer]);
    };
    check(json!({"user_id": "ada", "role": "member"}), "/user_id").await;
    check(json!({"user_id": app.user("bob").await, "role": "king"}), "/role").await;
    check(json!({"role": "member"}), "/user_id").await;
    let operator = app
        .post(path(&partner, "/members"), &stranger)
        .bearer(&app.sign_in_operator("olga"));
    operator.send().await.expect_problem(403, "operators_only_look");
}

#[tokio::test]
async fn an_addition_sent_twice_adds_once() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let body = json!({"user_id": app.user("bob").await, "role": "member"});
    let add = || {
        app.post(path(&partner, "/members"), &body)
            .bearer(&app.sign_in("ada"))
            .idempotency_key("k1")
    };
    let first = add().send().await.expect(201).json();
    assert_eq!(add().send().await.expect(201).json(), first);
    cut_off(app, "ada", "k1").await;
    assert_eq!(add().send().await.expect(201).json(), first);
    app.take_messages();
}
