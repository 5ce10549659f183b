//! A licence that its holder has filled: nobody else is let in, and everything else goes on.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::licence::LicenceStatus;
use shared::store::commerce;

use super::World;

/// Parts with names as long as they may be: sixteen, 128 characters each.
fn parts(machine: usize) -> BTreeMap<String, String> {
    let part = |part: usize| (format!("part {part}"), format!("{machine:0>64}{part:0>64}"));
    (0..16).map(part).collect()
}

/// The machines of a licence that takes no more.
async fn filled(world: &World) -> Vec<Value> {
    let mut machines = Vec::new();
    loop {
        let number = machines.len();
        let body = json!({"fingerprint": format!("{number:0>128}"), "components": parts(number)});
        let answer = world.post("/machines", &body).await;
        if answer.status.as_u16() == 409 {
            answer.expect_problem(409, "licence_full");
            return machines;
        }
        assert!(answer.status.is_success(), "{}", answer.text());
        machines.push(answer.json()["id"].clone());
        assert!(machines.len() < 1_000, "the licence is never full");
    }
}

#[tokio::test]
async fn a_full_licence_lets_nobody_in_and_stays_in_everybodys_hands() {
    let world = World::under(
        json!({"name": "Without end", "floating": true, "check_in": {"interval": "week", "every": 1},
        "heartbeat": {"duration_seconds": 86_400}}),
    )
    .await;
    let machines = filled(&world).await;
    assert!(
        machines.len() > 100,
        "the room in reserve is small: {} machines",
        machines.len()
    );

    for machine in &machines {
        let beats = format!("/machines/{}/heartbeats", machine.as_str().expect("an id"));
        world.post(&beats, &json!({})).await.expect(200);
    }
    world.post("/check-ins", &json!({})).await.expect(200);
    // Who is in comes back, and a machine after another finds no place: a first heartbeat takes less than what was kept for it.
    assert!(filled(&world).await.len() <= machines.len() + 2);

    let operator = world.app.sign_in_operator("olga");
    for decision in ["suspend", "reinstate", "suspend", "reinstate", "ban"] {
        let body = json!({"decision": decision, "reason_code": "terms_violated", "note": "n".repeat(100)});
        let request = world.app.post(world.path("/decisions"), &body);
        request.bearer(&operator).send().await.expect(201);
    }
    world.refund().await;
    let stored = commerce::licence(&world.app.store, world.id).await.expect("read");
    assert_eq!(stored.expect("stored").status, LicenceStatus::Revoked);
}

#[tokio::test]
async fn who_leaves_a_full_licence_makes_room() {
    let world = World::under(json!({"name": "Without end", "floating": true})).await;
    let machines = filled(&world).await;
    for machine in &machines[..2] {
        let path = world.path(&format!("/machines/{}", machine.as_str().expect("an id")));
        world.with_key(world.app.delete(path)).send().await.expect(204);
    }
    let body = json!({"fingerprint": "another", "components": parts(0)});
    world.post("/machines", &body).await.expect(201);
}
