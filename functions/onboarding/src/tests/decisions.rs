use serde_json::{Value, json};

use super::{applied, cut_off, notices, open_holds, path, pointers, world};

#[tokio::test]
async fn a_partner_is_approved_suspended_and_reinstated() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let decide = |body: &Value| {
        app.post(path(&partner, "/decisions"), body)
            .bearer(&app.sign_in_operator("olga"))
    };

    let approved = decide(&json!({"decision": "approve"})).send().await.expect(201).json();
    assert!(approved["id"].as_str().expect("an id").starts_with("dec_"));
    assert_eq!(approved["partner"]["status"], "approved");
    assert_eq!(
        open_holds(&approved["partner"]),
        ["agreement_not_accepted", "payout_account_missing"]
    );

    let evidence = "Forty cards from one address.";
    let suspend = json!({"decision": "suspend", "reason_code": "fraud_suspected", "evidence": evidence});
    let suspended = decide(&suspend).send().await.expect(201).json();
    let hold = suspended["partner"]["holds"]
        .as_array()
        .expect("holds")
        .last()
        .expect("one")
        .clone();
    assert_eq!(
        (&hold["reason_code"], &hold["evidence"]),
        (&json!("fraud_suspected"), &json!(evidence))
    );

    let back = decide(&json!({"decision": "reinstate", "evidence": "They were a choir."}))
        .send()
        .await
        .expect(201)
        .json();
    assert_eq!(back["partner"]["status"], "approved");
    assert_eq!(notices(app), ["approved", "suspended", "reinstated"]);

    let audit = app
        .get(path(&partner, "/audit-events"))
        .bearer(&app.sign_in_operator("olga"))
        .send()
        .await
        .expect(200)
        .json();
    let mut actions: Vec<_> = audit["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|event| event["action"].as_str())
        .collect();
    // The clock stands still, so entries of one moment have no order.
    actions.sort_unstable();
    assert_eq!(
        actions,
        [
            "partner.apply",
            "partner.approve",
            "partner.reinstate",
            "partner.suspend"
        ]
    );
    let own = app
        .get(path(&partner, "/audit-events"))
        .bearer(&app.sign_in("ada"))
        .send()
        .await;
    own.expect_problem(403, "operator_required");
}

#[tokio::test]
async fn a_rejected_partner_is_reopened_before_it_is_approved() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let decide = |body: &Value| {
        app.post(path(&partner, "/decisions"), body)
            .bearer(&app.sign_in_operator("olga"))
    };
    let reject = json!({"decision": "reject", "reason_code": "identity_unverified", "evidence": "No register entry."});
    let rejected = decide(&reject).send().await.expect(201).json();
    assert_eq!(rejected["partner"]["status"], "rejected");
    assert!(open_holds(&rejected["partner"]).contains(&"identity_unverified"));

    decide(&json!({"decision": "approve"}))
        .send()
        .await
        .expect_problem(409, "wrong_status");
    let accept = app
        .post(path(&partner, "/agreements"), &json!({"version": "2026-11-01"}))
        .bearer(&app.sign_in("ada"));
    accept.send().await.expect_problem(409, "partner_rejected");
    let link = app
        .post(path(&partner, "/onboarding-links"), &json!({}))
        .bearer(&app.sign_in("ada"));
    link.send().await.expect_problem(409, "partner_rejected");

    decide(&json!({"decision": "reopen", "evidence": "They sent one."}))
        .send()
        .await
        .expect(201);
    decide(&json!({"decision": "approve", "evidence": "HRB 1234"}))
        .send()
        .await
        .expect(201);
    assert_eq!(notices(app).len(), 3);
}

#[tokio::test]
async fn a_decision_needs_its_reason_and_its_evidence() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let check = async |body: Value, expected: &[&str]| {
        let answer = app
            .post(path(&partner, "/decisions"), &body)
            .bearer(&app.sign_in_operator("olga"))
            .send()
            .await;
        let problem = answer.expect(422).json();
        assert_eq!(pointers(&problem), expected, "{body}: {problem}");
    };
    check(json!({"decision": "reject"}), &["/reason_code", "/evidence"]).await;
    check(json!({"decision": "reinstate"}), &["/evidence"]).await;
    check(
        json!({"decision": "approve", "reason_code": "fraud_suspected"}),
        &["/reason_code"],
    )
    .await;
    check(json!({"decision": "approve", "evidence": ""}), &["/evidence"]).await;
    check(
        json!({"decision": "reject", "reason_code": "identity_unverified", "evidence": "x".repeat(2_001)}),
        &["/evidence"],
    )
    .await;
    check(
        json!({"decision": "reject", "reason_code": "out_of_the_blue", "evidence": "x"}),
        &["/reason_code"],
    )
    .await;
    check(
        json!({"decision": "reject", "reason_code": "fraud_suspected", "evidence": "x"}),
        &["/reason_code"],
    )
    .await;
    check(json!({"decision": "delete"}), &["/decision"]).await;
    check(json!({"decision": "approve", "by": "me"}), &["/by"]).await;
}

#[tokio::test]
async fn only_operators_decide_and_partners_do_not_see_who_else_there_is() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let approve = json!({"decision": "approve"});
    let own = app
        .post(path(&partner, "/decisions"), &approve)
        .bearer(&app.sign_in("ada"))
        .send()
        .await;
    own.expect_problem(403, "operator_required");
    let foreign = app
        .post(path(&partner, "/decisions"), &approve)
        .bearer(&app.sign_in("eve"))
        .send()
        .await;
    foreign.expect_problem(404, "not_found");
    let nobody = app.post("/v1/partners/ptn_01h2xcejqtf2nbrexx3vqjhp41/decisions", &approve);
    nobody
        .bearer(&app.sign_in_operator("olga"))
        .send()
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_decision_sent_twice_is_made_once() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let approve = || {
        let request = app.post(path(&partner, "/decisions"), &json!({"decision": "approve"}));
        request.bearer(&app.sign_in_operator("olga")).idempotency_key("k1")
    };
    let first = approve().send().await.expect(201).json();
    assert_eq!(approve().send().await.expect(201).json(), first);
    cut_off(app, "olga", "k1").await;
    assert_eq!(approve().send().await.expect(201).json(), first);
    assert_eq!(notices(app), ["approved"]);
}
