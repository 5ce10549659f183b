use serde_json::{Value, json};

use super::{applied, path, pointers, world};

#[tokio::test]
async fn an_operator_agrees_terms_with_a_partner() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let set = |token: String, body: &Value| app.put(path(&partner, "/payout-terms"), body).bearer(&token);
    let terms = json!({
        "minimums": [{"amount": 2500, "currency": "EUR"}, {"amount": 4000, "currency": "JPY"}],
        "reserves": [{"amount": 10_000, "currency": "EUR"}],
    });
    for _ in 0..2 {
        let answer = set(app.sign_in_operator("olga"), &terms).send().await;
        assert_eq!(answer.expect(200).json(), terms);
    }
    let shown = app.get(path(&partner, "")).bearer(&app.sign_in("ada")).send().await;
    assert_eq!(shown.expect(200).json()["payout_terms"], terms);
    let audit = app
        .get(path(&partner, "/audit-events"))
        .bearer(&app.sign_in_operator("olga"))
        .send()
        .await
        .expect(200)
        .json();
    let items = audit["items"].as_array().expect("items").iter();
    let set_terms = items.filter(|event| event["action"] == "partner.set_payout_terms");
    assert_eq!(set_terms.count(), 1, "the same terms again are no act");

    let wrong = json!({
        "minimums": [{"amount": -1, "currency": "EUR"}],
        "reserves": [{"amount": 1, "currency": "EUR"}, {"amount": 2, "currency": "EUR"}],
    });
    let refused = set(app.sign_in_operator("olga"), &wrong).send().await;
    let refused = refused.expect_problem(422, "invalid_request").json();
    assert_eq!(pointers(&refused), ["/minimums/0", "/reserves/1"]);
    let odd = json!({"minimums": [{"amount": 505, "currency": "UGX"}], "reserves": [{"amount": i64::MAX, "currency": "EUR"}]});
    let refused = set(app.sign_in_operator("olga"), &odd).send().await;
    let refused = refused.expect_problem(422, "invalid_request").json();
    assert_eq!(pointers(&refused), ["/minimums/0", "/reserves/0"]);
    let unknown = json!({"minimums": [{"amount": 1, "currency": "QQQ"}]});
    let refused = set(app.sign_in_operator("olga"), &unknown).send().await;
    refused.expect_problem(422, "invalid_request");
    let own = set(app.sign_in("ada"), &terms).send().await;
    own.expect_problem(403, "operator_required");
    let stranger = set(app.sign_in("eve"), &terms).send().await;
    stranger.expect_problem(404, "not_found");
    app.take_messages();
}
