//! Whom an operator trusts to mend what has been approved.

use serde_json::{Value, json};
use shared::ids::PartnerId;
use shared::store::accounts::Role;
use shared::testing::Answer;

use super::{applied, path, world};

#[tokio::test]
async fn an_operator_trusts_an_approved_partner_and_no_longer() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let set =
        async |who: &str, body: &Value| -> Answer { app.put(path(&partner, "/trust"), body).bearer(who).send().await };
    let olga = app.sign_in_operator("olga");
    let trust = json!({"trusted": true, "evidence": "Two years without a fault."});
    set(&olga, &trust).await.expect_problem(409, "wrong_status");
    let approve = app.post(path(&partner, "/decisions"), &json!({"decision": "approve"}));
    approve.bearer(&olga).send().await.expect(201);
    app.take_messages();

    let shown = set(&olga, &trust).await.expect(200).json();
    assert_eq!(shown["trusted_since"], app.now().to_string());
    set(&olga, &trust).await.expect(200);
    for wrong in [
        json!({"trusted": true}),
        json!({"trusted": true, "evidence": " "}),
        json!({"evidence": "x"}),
    ] {
        set(&olga, &wrong).await.expect_problem(422, "invalid_request");
    }
    set(&app.sign_in("ada"), &trust)
        .await
        .expect_problem(403, "operator_required");
    let taken = json!({"trusted": false, "evidence": "A bad patch."});
    assert_eq!(
        set(&olga, &taken).await.expect(200).json()["trusted_since"],
        Value::Null
    );

    let audit = app
        .get(path(&partner, "/audit-events"))
        .bearer(&olga)
        .send()
        .await
        .expect(200)
        .json();
    let actions: Vec<_> = audit["items"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| entry["action"].clone())
        .collect();
    let acts = |name: &str| actions.iter().filter(|action| *action == name).count();
    assert_eq!((acts("partner.trust"), acts("partner.distrust")), (1, 1), "{audit}");

    let id: PartnerId = partner["id"].as_str().expect("an id").parse().expect("an id");
    app.join(id, "olga", Role::Member).await;
    set(&olga, &trust).await.expect_problem(403, "own_work");
}
