use serde_json::{Value, json};
use shared::ids::{MachineId, UserId};
use shared::licensing::Preset;

use super::{World, code};

#[tokio::test]
async fn as_many_copies_run_as_the_policy_says() {
    let world = World::under(
        json!({"name": "Two at once", "limits": {"processes": 2}, "process_leasing": "licence",
        "heartbeat": {"duration_seconds": 600, "resurrection": {"kind": "within", "seconds": 300}}}),
    )
    .await;
    let machine = world.activate("left").await.expect(201).json();
    let processes = format!("/machines/{}/processes", machine["id"].as_str().expect("an id"));
    let first = world.post(&processes, &json!({"pid": "1"})).await.expect(201).json();
    let same = world.post(&processes, &json!({"pid": "1"})).await.expect(200).json();
    assert_eq!(same["id"], first["id"]);
    world.post(&processes, &json!({"pid": "2"})).await.expect(201);
    let third = world.post(&processes, &json!({"pid": "3"})).await;
    third.expect_problem(409, "too_many");
    let pid = world.post(&processes, &json!({"pid": "two words"})).await;
    pid.expect_problem(422, "invalid_request");
    let nowhere = format!("/machines/{}/processes", world.app.seed().id::<MachineId>("nowhere"));
    let nowhere = world.post(&nowhere, &json!({"pid": "1"})).await;
    nowhere.expect_problem(404, "not_found");

    let path = format!("/processes/{}", first["id"].as_str().expect("an id"));
    world.later(6);
    let beats = format!("{path}/heartbeats");
    world.post(&beats, &json!({})).await.expect(200);
    world.later(6);
    let listed = world.read("/processes").await;
    let pids: Vec<&Value> = listed["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|one| &one["pid"])
        .collect();
    assert_eq!(
        (pids, &listed["allowed"]),
        (vec![&json!("1")], &json!(2)),
        "the other fell silent"
    );
    for _ in 0..2 {
        world
            .with_key(world.app.delete(world.path(&path)))
            .send()
            .await
            .expect(204);
    }
    world.post(&beats, &json!({})).await.expect_problem(409, "not_running");
}

#[tokio::test]
async fn seats_are_given_and_taken_back_with_their_machines() {
    let world = World::under(json!({"name": "Two seats", "limits": {"users": 2}, "machine_leasing": "user"})).await;
    let user = |label: &str| world.app.seed().id::<UserId>(label).to_string();
    let (one, two, three) = (user("one"), user("two"), user("three"));
    let seat = |user: &str| world.path(&format!("/users/{user}"));
    let attach = async |user: &str| world.with_key(world.app.put(seat(user), &json!({}))).send().await;
    let denied = json!({"fingerprint": "left", "user": one});
    world.post("/machines", &denied).await.expect_problem(403, "no_seat");
    for user in [&one, &two, &one] {
        attach(user).await.expect(200);
    }
    attach(&three).await.expect_problem(409, "too_many");
    world.post("/machines", &denied).await.expect(201);
    let users = world.read("/users").await;
    assert_eq!(
        (users["items"].as_array().map(Vec::len), &users["allowed"]),
        (Some(2), &json!(2))
    );

    for _ in 0..2 {
        world.with_key(world.app.delete(seat(&one))).send().await.expect(204);
    }
    assert_eq!(world.read("/machines").await["items"], json!([]));
    attach(&three).await.expect(200);
}

#[tokio::test]
async fn uses_are_counted_once_for_a_key_and_never_beyond_the_limit() {
    let world = World::under(json!({"name": "Ten renders", "limits": {"uses": 10}})).await;
    let count = async |uses: u64, key: &str| {
        let request = world.app.post(world.path("/uses"), &json!({"uses": uses}));
        world.with_key(request).idempotency_key(key).send().await
    };
    for _ in 0..3 {
        let answer = count(4, "first").await.expect(200).json();
        assert_eq!((&answer["uses"], &answer["allowed"]), (&json!(4), &json!(10)));
    }
    count(5, "first").await.expect_problem(422, "idempotency_key_reused");
    assert_eq!(world.post("/uses", &json!({})).await.expect(200).json()["uses"], 5);
    count(6, "too many").await.expect_problem(409, "too_many");
    count(5, "the rest").await.expect(200);
    world
        .post("/uses", &json!({"uses": 0}))
        .await
        .expect_problem(422, "invalid_request");

    let correct = async |body: Value| {
        let request = world.app.post(world.path("/use-corrections"), &body);
        request.bearer(&world.app.sign_in_operator("olga")).send().await
    };
    let some = correct(json!({"uses": 3, "note": "A crash."})).await.expect(201).json();
    assert_eq!(some["uses"], 7);
    let too_few = correct(json!({"uses": 8, "note": "A crash."})).await;
    too_few.expect_problem(409, "too_few_uses");
    assert_eq!(
        correct(json!({"note": "A new year."})).await.expect(201).json()["uses"],
        0
    );
    let again = correct(json!({"note": "A new year."})).await;
    again.expect_problem(409, "no_uses");
    let holder = world
        .app
        .post(world.path("/use-corrections"), &json!({"note": "Mine."}));
    let holder = holder.bearer(&world.app.sign_in("ada")).send().await;
    holder.expect_problem(403, "operator_required");
    let acts = world.audit().await;
    assert_eq!(acts, ["licence.return_uses", "licence.return_uses"]);
}

#[tokio::test]
async fn who_does_not_check_in_is_overdue_until_they_do() {
    let world = World::new(Preset::Enterprise).await;
    world.activate("left").await.expect(201);
    world.later(31 * 24 * 60);
    let machine = world.activate("left").await.expect(201).json();
    assert_eq!(machine["pulse"], "alive");
    assert_eq!(code(&world.validated("left").await), ("OVERDUE", false));
    let checked = world.post("/check-ins", &json!({})).await.expect(200).json();
    assert_eq!(checked["checked_in_at"], world.app.now().to_string());
    assert_eq!(code(&world.validated("left").await), ("VALID", true));
    let never = World::new(Preset::Individual).await;
    never
        .post("/check-ins", &json!({}))
        .await
        .expect_problem(409, "no_check_in");
}
