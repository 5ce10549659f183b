use serde_json::{Value, json};

use super::{applied, notices, open_holds, path, pointers, world, world_where};

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
        assert!(open_holds(&shown).contains(&"payout_destination_changed"), "{shown}");
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
    world.stripe.answers(200, account("inactive", &["external_account"]));
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

#[tokio::test]
async fn who_was_refused_for_fraud_is_held_at_paypal_until_an_operator_of_another_team_releases_them() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let refused = json!({"id": "acct_1", "object": "account", "details_submitted": true, "payouts_enabled": false,
        "capabilities": {"transfers": "inactive"}, "requirements": {"disabled_reason": "rejected.fraud"}});
    let link = json!({"object": "account_link", "created": 1, "expires_at": 1_795_340_000, "url": "https://connect.stripe.com/1"});
    world
        .stripe
        .answers(200, refused.clone())
        .answers(200, link)
        .answers(200, refused);
    let links = app.post(path(&partner, "/onboarding-links"), &json!({}));
    links.bearer(&app.sign_in("ada")).send().await.expect(201);
    let named = app.put(path(&partner, "/payout-account"), &receiver("ada@warm.example"));
    let named = named.bearer(&app.sign_in("ada")).send().await.expect(200).json();
    assert!(open_holds(&named).contains(&"payout_account_refused"), "{named}");

    let mut holds = named["holds"].as_array().expect("holds").iter();
    let hold = holds.rfind(|hold| hold["reason_code"] == "payout_account_refused");
    let hold = hold.expect("a hold")["id"].as_str().expect("an id").to_owned();
    let release = async |token: String, body: &Value| {
        let call = app.post(path(&partner, &format!("/holds/{hold}/release")), body);
        call.bearer(&token).send().await
    };
    let why = json!({"evidence": "Stripe took them for somebody else."});
    release(app.sign_in("ada"), &why)
        .await
        .expect_problem(403, "operator_required");
    release(app.sign_in("eve"), &why).await.expect_problem(404, "not_found");
    let add = json!({"user_id": app.user("olga").await, "role": "member"});
    let add = app.post(path(&partner, "/members"), &add).bearer(&app.sign_in("ada"));
    add.send().await.expect(201);
    release(app.sign_in_operator("olga"), &why)
        .await
        .expect_problem(403, "own_work");
    release(app.sign_in_operator("omar"), &json!({}))
        .await
        .expect_problem(422, "invalid_request");
    app.take_messages();

    // Another name hides nothing from who reviews it.
    let mut other = super::application();
    other["name"] = json!("Cold Pads");
    let other = app.post("/v1/partners", &other).bearer(&app.sign_in("ada"));
    let other = other.send().await.expect(201).json();
    let review = other["holds"][0]["evidence"].as_str().expect("evidence");
    let id = partner["id"].as_str().expect("an id");
    assert!(review.contains(&format!("{id} (payout_account_refused)")), "{review}");
    app.take_messages();

    let released = release(app.sign_in_operator("omar"), &why).await.expect(200).json();
    assert!(!open_holds(&released).contains(&"payout_account_refused"), "{released}");
    assert_eq!(notices(app), ["hold_released"]);
    let again = release(app.sign_in_operator("omar"), &why).await;
    again.expect_problem(409, "hold_ended");
    let audit = app
        .get(path(&partner, "/audit-events"))
        .bearer(&app.sign_in_operator("omar"));
    let audit = audit.send().await.expect(200).json();
    let entry = audit["items"].as_array().expect("items").iter();
    let entry = entry
        .filter(|entry| entry["action"] == "partner.release_hold")
        .collect::<Vec<_>>();
    assert_eq!(entry.len(), 1);
    assert_eq!(entry[0]["evidence"], why["evidence"]);
    world.stripe.take_asked();
}

#[tokio::test]
async fn what_decides_who_is_paid_takes_a_fresh_sign_in_and_no_api_token() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let ada = app.user("ada").await;
    let every_scope = [shared::auth::Scope::PartnersRead, shared::auth::Scope::PartnersWrite];
    let api_token = app.api_token("ada", &every_scope).await;
    let now = app.now();
    let signed_in = |ago_min: i64| {
        let at = (now - jiff::SignedDuration::from_mins(ago_min)).as_second();
        app.issuer.token("ada", now).claim("auth_time", json!(at)).mint()
    };
    let unsaid = app.issuer.token("ada", now).without("auth_time").mint();
    let calls = || {
        [
            app.post(path(&partner, "/agreements"), &json!({"version": "2026-11-01"})),
            app.post(path(&partner, "/onboarding-links"), &json!({})),
            app.post(path(&partner, "/members"), &json!({"user_id": ada, "role": "member"})),
            app.delete(path(&partner, &format!("/members/{ada}"))),
            app.put(path(&partner, "/payout-account"), &receiver("ada@warm.example")),
        ]
    };
    for call in calls() {
        call.bearer(&api_token)
            .send()
            .await
            .expect_problem(403, "sign_in_required");
    }
    for token in [signed_in(17), signed_in(24 * 60), signed_in(-2), unsaid] {
        for call in calls() {
            let refused = call.bearer(&token).send().await;
            let refused = refused.expect_problem(401, "fresh_sign_in_required");
            let challenge = refused.header("www-authenticate").expect("a challenge").to_owned();
            assert!(challenge.contains("insufficient_user_authentication") && challenge.contains("max_age=900"));
        }
    }
    let stranger = app.put(path(&partner, "/payout-account"), &receiver("eve@example.com"));
    let eve = app.issuer.token("eve", now).without("auth_time").mint();
    stranger.bearer(&eve).send().await.expect_problem(404, "not_found");
    let terms = app.put(path(&partner, "/payout-terms"), &json!({}));
    let olga = app.issuer.token("olga", now).operator().without("auth_time").mint();
    terms
        .bearer(&olga)
        .send()
        .await
        .expect_problem(401, "fresh_sign_in_required");
    let fresh = app.put(path(&partner, "/payout-account"), &receiver("ada@warm.example"));
    fresh.bearer(&signed_in(14)).send().await.expect(200);
    app.take_messages();
}

#[tokio::test]
async fn every_owner_gets_a_mail_when_receiver_team_or_agreement_change() {
    let world = world().await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let bob = app.user("bob").await;
    let sent = async |call: shared::testing::TestRequest<'_>| {
        call.bearer(&app.sign_in("ada")).send().await;
        notices(app)
    };
    let add = json!({"user_id": bob, "role": "owner"});
    let twice = |news: &str| vec![news.to_owned(); 2];
    assert_eq!(
        sent(app.post(path(&partner, "/members"), &add)).await,
        twice("team_changed")
    );
    let accept = app.post(path(&partner, "/agreements"), &json!({"version": "2026-11-01"}));
    assert_eq!(sent(accept).await, twice("agreement_accepted"));
    let name = app.put(path(&partner, "/payout-account"), &receiver("ada@warm.example"));
    assert_eq!(sent(name).await, twice("paid_at_pay_pal"));
    let removed = app.delete(path(&partner, &format!("/members/{bob}")));
    assert_eq!(
        sent(removed).await,
        twice("team_changed"),
        "who was removed is told as well"
    );
}

#[tokio::test]
async fn no_receiver_is_named_where_paypal_is_not_set_up() {
    let world = world_where(false).await;
    let app = &world.app;
    let partner = applied(app, "ada").await;
    let set = async |body: &Value| {
        let call = app.put(path(&partner, "/payout-account"), body);
        call.bearer(&app.sign_in("ada")).send().await
    };
    let refused = set(&receiver("ada@warm.example")).await;
    refused.expect_problem(409, "paypal_not_offered");
    set(&json!({"paypal": null})).await.expect(200);
}
