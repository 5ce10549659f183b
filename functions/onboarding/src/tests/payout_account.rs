use serde_json::{Value, json};

use super::{applied, notices, open_holds, path, pointers, world};

fn receiver(address: &str) -> Value {
    json!({"paypal": {"receiver": address}})
}

#[tokio::test]
async fn an_owner_names_a_receiver_at_paypal_and_leaves_it() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let set = async |body: &Value| {
        let call = app.put(path(&partner, "/payout-account"), body);
        call.bearer(&app.sign_in("ada")).send().await
    };
    app.take_messages();
    let mut told = Vec::new();
    for _ in 0..2 {
        let shown = set(&receiver("ada@warm.example")).await.expect(200).json();
        assert_eq!(shown["paypal_receiver"], "ada@warm.example");
        told.extend(notices(app));
        assert!(!open_holds(&shown).contains(&"payout_account_missing"), "{shown}");
    }
    for _ in 0..2 {
        let shown = set(&json!({"paypal": null})).await.expect(200).json();
        assert_eq!(shown["paypal_receiver"], Value::Null);
        told.extend(notices(app));
        assert!(open_holds(&shown).contains(&"payout_account_missing"), "{shown}");
    }
    assert_eq!(told, ["paid_at_pay_pal", "paid_at_stripe"], "once each");
    let audit = app
        .get(path(&partner, "/audit-events"))
        .bearer(&app.sign_in_operator("olga"))
        .send()
        .await
        .expect(200)
        .json();
    let actions = audit["items"].as_array().expect("items").iter();
    let mut actions: Vec<_> = actions.filter_map(|event| event["action"].as_str()).collect();
    actions.sort_unstable();
    // What is named again, or left again, is no act.
    assert_eq!(
        actions,
        ["partner.apply", "partner.leave_paypal", "partner.name_paypal_receiver"]
    );
    assert!(!audit.to_string().contains("ada@warm.example"));
    assert!(world.stripe.take_asked().is_empty(), "there is no account to ask about");
}

#[tokio::test]
async fn who_leaves_paypal_is_held_for_what_stripe_wants_by_then() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let account = |transfers: &str, due: &[&str]| {
        json!({"id": "acct_1", "object": "account", "details_submitted": true, "payouts_enabled": true,
            "capabilities": {"transfers": transfers}, "requirements": {"currently_due": due}})
    };
    let link = json!({"object": "account_link", "created": 1, "expires_at": 1_795_340_000, "url": "https://connect.stripe.com/1"});
    world
        .stripe
        .answers(200, account("inactive", &["external_account"]))
        .answers(200, link);
    let links = app.post(path(&partner, "/onboarding-links"), &json!({}));
    links.bearer(&app.sign_in("ada")).send().await.expect(201);
    let set = async |body: &Value| {
        let call = app.put(path(&partner, "/payout-account"), body);
        call.bearer(&app.sign_in("ada")).send().await.expect(200).json()
    };
    let named = set(&receiver("ada@warm.example")).await;
    assert!(
        !open_holds(&named).iter().any(|hold| hold.starts_with("payout_account")),
        "{named}"
    );
    assert_eq!(named["payout_account"]["account"], "acct_1", "it is kept");
    world.stripe.take_asked();

    world
        .stripe
        .answers(200, account("inactive", &["individual.id_number"]));
    let left = set(&json!({"paypal": null})).await;
    assert!(open_holds(&left).contains(&"payout_account_incomplete"), "{left}");
    assert_eq!(world.stripe.take_asked()[0].path, "/v1/accounts/acct_1");
    app.take_messages();
}

#[tokio::test]
async fn nobody_else_moves_a_partners_money_and_nothing_unfit_is_taken() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let set = async |token: String, body: &Value| {
        let call = app.put(path(&partner, "/payout-account"), body);
        call.bearer(&token).send().await
    };
    let answer = set(app.sign_in("eve"), &receiver("eve@example.com")).await;
    answer.expect_problem(404, "not_found");
    for unfit in [
        "",
        "ada",
        "Ada <ada@warm.example>",
        &format!("{}@warm.example", "x".repeat(120)),
    ] {
        let refused = set(app.sign_in("ada"), &receiver(unfit)).await;
        let refused = refused.expect_problem(422, "invalid_request").json();
        assert_eq!(pointers(&refused), ["/paypal/receiver"], "{unfit:?}");
    }
    set(app.sign_in("ada"), &json!({}))
        .await
        .expect_problem(422, "invalid_request");

    let rejection = json!({"decision": "reject", "reason_code": "unsuitable_offer", "evidence": "Seen."});
    let decided = app.post(path(&partner, "/decisions"), &rejection);
    decided.bearer(&app.sign_in_operator("olga")).send().await.expect(201);
    let refused = set(app.sign_in("ada"), &receiver("ada@warm.example")).await;
    refused.expect_problem(409, "partner_rejected");
    app.take_messages();
}
