//! Payouts on demand in-process: the rules of a run, asked for by an owner or an operator, once for each key.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::auth::Scope;
use shared::ids::PartnerId;
use shared::ledger::BalanceChange;
use shared::messages::Message;
use shared::money::{Currency, Money};
use shared::partner::destination::name_receiver;
use shared::partner::{Act, PayPalAddress};
use shared::store::accounts::Role;
use shared::store::audit::{self, Audited};
use shared::store::payouts::PayoutRules;
use shared::store::{ledger, partners};
use shared::testing::{Answer, TestApp};

fn app() -> TestApp {
    TestApp::new(|world| {
        let context = earnings::Context {
            edge: world.edge.clone(),
            store: world.store.clone(),
            rules: PayoutRules {
                minimum: Money::new(1000, Currency::EUR),
                paypal_offered: true,
            },
        };
        shared::http::router(earnings::routes(), context)
    })
}

async fn earn(app: &TestApp, partner: PartnerId, minor: i64) {
    let credit = ledger::change_balance(&BalanceChange {
        partner,
        owed: Money::new(minor, Currency::EUR),
        maturing: Some("2026-11-01".parse().expect("a date")),
        disputed_minor: 0,
    });
    app.store.write(credit).await.expect("memory");
}

async fn ask(app: &TestApp, partner: PartnerId, token: &str, key: &str) -> Answer {
    let path = format!("/v1/partners/{partner}/payouts");
    let request = app.post(path, &json!({"currency": "EUR"}));
    request.bearer(token).idempotency_key(key).send().await
}

async fn owed(app: &TestApp, partner: PartnerId) -> i64 {
    let balances = ledger::balances(&app.store, partner).await.expect("memory");
    balances.iter().map(|balance| balance.owed.minor()).sum()
}

#[tokio::test]
async fn an_owner_is_paid_once_for_each_key() {
    let app = app();
    let anna = app.seller("anna").await;
    earn(&app, anna, 2500).await;
    let token = app.sign_in("anna");
    let made = ask(&app, anna, &token, "1").await.expect(201);
    let payout: Value = made.json();
    assert_eq!(payout["amount"], json!({"amount": 2500, "currency": "EUR"}));
    assert_eq!(payout["status"], "created");
    let place = made.header("location").expect("a location").to_owned();
    assert_eq!(app.get(place).bearer(&token).send().await.expect(200).json(), payout);
    assert_eq!(ask(&app, anna, &token, "1").await.expect(201).json(), payout);
    let sent = app.take_messages();
    assert_eq!(sent.len(), 1);
    assert!(matches!(sent[0].message, Message::PayoutDecided { partner, .. } if partner == anna));
    assert_eq!(owed(&app, anna).await, 0);
    ask(&app, anna, &token, "2")
        .await
        .expect_problem(409, "nothing_payable");
    let acts = audit::events(&app.store, Audited::Partner(anna), None, 10)
        .await
        .expect("memory")
        .items;
    let asked: Vec<_> = acts.iter().filter(|act| act.action == "payout.request").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (&asked[0].subject, asked[0].actor),
        (
            &payout["id"].as_str().expect("an id").to_owned(),
            app.user("anna").await
        )
    );
}

#[tokio::test]
async fn what_holds_a_run_back_is_named() {
    let app = app();
    let anna = app.seller("anna").await;
    let token = app.sign_in("anna");
    ask(&app, anna, &token, "1")
        .await
        .expect_problem(409, "nothing_payable");
    earn(&app, anna, 999).await;
    let below = ask(&app, anna, &token, "2")
        .await
        .expect_problem(409, "below_minimum")
        .json();
    let detail = below["detail"].as_str().expect("a detail");
    assert!(detail.contains("9.99 EUR") && detail.contains("10.00 EUR"), "{detail}");
    earn(&app, anna, 1).await;
    app.suspend(anna).await;
    let held = ask(&app, anna, &token, "3")
        .await
        .expect_problem(409, "fraud_suspected")
        .json();
    assert!(
        held["detail"].as_str().expect("a detail").contains("Due by 2026-12-0"),
        "{held}"
    );
    let path = format!("/v1/partners/{anna}/payouts");
    for wrong in [
        json!({"currency": "QQQ"}),
        json!({}),
        json!({"currency": "EUR", "amount": 5}),
    ] {
        let answer = app.post(path.as_str(), &wrong).bearer(&token).send().await;
        answer.expect_problem(422, "invalid_request");
    }
    assert_eq!(
        (owed(&app, anna).await, app.journal().len()),
        (1000, 0),
        "nothing was written"
    );
}

#[tokio::test]
async fn owners_and_operators_ask_and_nobody_else() {
    let app = app();
    let anna = app.seller("anna").await;
    earn(&app, anna, 2500).await;
    app.join(anna, "mia", Role::Member).await;
    app.seller("bert").await;
    app.take_messages();
    let token = |scope| app.api_token("anna", scope);
    let (reads, asks) = (
        token(&[Scope::EarningsRead]).await,
        token(&[Scope::EarningsWrite]).await,
    );
    ask(&app, anna, &app.sign_in("bert"), "1")
        .await
        .expect_problem(404, "not_found");
    ask(&app, anna, &app.sign_in("mia"), "1")
        .await
        .expect_problem(403, "owner_required");
    ask(&app, anna, &reads, "1")
        .await
        .expect_problem(403, "insufficient_scope");
    let path = format!("/v1/partners/{anna}/payouts");
    let nobody = app.post(path, &json!({"currency": "EUR"})).send().await;
    nobody.expect_problem(401, "unauthenticated");
    assert_eq!(owed(&app, anna).await, 2500);
    let operator = app.sign_in_operator("olga");
    ask(&app, anna, &operator, "1").await.expect(201);
    ask(&app, app.seed().id("ghost"), &operator, "2")
        .await
        .expect_problem(404, "not_found");
    earn(&app, anna, 1500).await;
    ask(&app, anna, &asks, "1").await.expect(201);
    assert_eq!((owed(&app, anna).await, app.take_messages().len()), (0, 2));
}

#[tokio::test]
async fn who_has_just_been_named_is_paid_when_that_has_cooled_off() {
    let app = app();
    let anna = app.seller("anna").await;
    earn(&app, anna, 2500).await;
    let owner = app.user("anna").await;
    let before = partners::load(&app.store, anna)
        .await
        .expect("memory")
        .expect("a partner");
    let act = Act {
        actor: owner,
        now: app.now(),
        seed: app.seed(),
    };
    let address = PayPalAddress::parse("anna@example.com").expect("an address");
    let named = name_receiver(&before, address, None, SignedDuration::from_hours(72), act);
    let named = named.expect("not rejected").expect("another receiver");
    partners::save(&app.store, &named, before.revision, [])
        .await
        .expect("nobody else writes");
    app.take_messages();

    let token = app.sign_in("anna");
    let held = ask(&app, anna, &token, "1").await;
    let held = held.expect_problem(409, "payout_destination_changed").json();
    let detail = held["detail"].as_str().expect("a detail");
    assert!(detail.contains("Due by 2026-11-25T09:00:00Z"), "{held}");
    let shown = async || {
        let balances = app.get(format!("/v1/partners/{anna}/balances"));
        let balances = balances.bearer(&app.sign_in("anna")).send().await.expect(200).json();
        balances["items"][0]["holds"].clone()
    };
    let holds = shown().await;
    assert_eq!(holds[0]["reason_code"], "payout_destination_changed");
    assert_eq!(holds[0]["due_at"], "2026-11-25T09:00:00Z");

    app.clock.advance(SignedDuration::from_hours(72));
    assert_eq!(shown().await, json!([]), "it has ended by itself");
    ask(&app, anna, &app.sign_in("anna"), "2").await.expect(201);
    app.take_messages();
}

#[tokio::test]
async fn what_another_partner_of_the_owner_owes_is_kept_and_shown() {
    let app = app();
    let (anna, bert) = (app.seller("anna").await, app.seller("bert").await);
    app.join(bert, "anna", Role::Owner).await;
    earn(&app, anna, 2500).await;
    earn(&app, bert, -700).await;
    app.take_messages();
    let balances = app.get(format!("/v1/partners/{anna}/balances"));
    let balances = balances.bearer(&app.sign_in("anna")).send().await.expect(200).json();
    let hold = &balances["items"][0]["holds"][0];
    assert_eq!(hold["reason_code"], "owner_in_debt");
    assert_eq!(hold["amount"], json!({"amount": 700, "currency": "EUR"}));
    let paid = ask(&app, anna, &app.sign_in("anna"), "1").await.expect(201).json();
    assert_eq!(paid["amount"]["amount"], 1800);
    app.take_messages();
}
