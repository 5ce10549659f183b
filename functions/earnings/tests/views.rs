//! A partner's books in-process: complete for the team, readable for operators, not there for anybody else.

use serde_json::{Value, json};
use shared::auth::Scope;
use shared::ids::PartnerId;
use shared::ledger::{Account, BalanceChange, Fact, JournalEntry, Posting};
use shared::messages::{Envelope, Message};
use shared::money::{Currency, Money};
use shared::partner::Destination;
use shared::payout::{Payout, PayoutState};
use shared::store::payouts::PayoutRules;
use shared::store::{ledger, partners, payouts};
use shared::testing::TestApp;

fn app() -> TestApp {
    TestApp::new(|world| {
        let context = earnings::Context {
            edge: world.edge.clone(),
            store: world.store.clone(),
            rules: PayoutRules {
                minimum: eur(1000),
                paypal_offered: true,
            },
        };
        shared::http::router(earnings::routes(), context)
    })
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

/// A seller with one sale, and a payout that is decided.
async fn books(app: &TestApp) -> (PartnerId, Payout) {
    let anna = app.seller("anna").await;
    let available_on = "2026-11-29".parse().expect("a date");
    let postings = vec![
        Posting {
            account: Account::ProcessorClearing,
            amount: eur(1299),
        },
        Posting {
            account: Account::PartnerPayable(anna),
            amount: eur(-1039),
        },
        Posting {
            account: Account::PlatformRevenue,
            amount: eur(-260),
        },
    ];
    let fact = Fact::Sale(app.seed().id("order"));
    let sale = JournalEntry::new(app.seed().id("sale"), fact, Some(anna), app.now(), postings).expect("balanced");
    let account = Destination::Stripe {
        account: "acct_anna".to_owned(),
    };
    let payout = Payout::new(app.seed().id("payout"), anna, eur(500), account, app.now());
    let message = Message::PayoutDecided {
        partner: anna,
        payout: payout.id,
    };
    let writes = vec![
        ledger::post(&sale, app.now()).expect("an item"),
        ledger::change_balance(&BalanceChange {
            partner: anna,
            owed: eur(1039),
            maturing: Some(available_on),
            disputed_minor: 0,
        }),
        payouts::create(&payout, &Envelope::new(app.seed().id("m"), message)).expect("an item"),
    ];
    app.store.transact(writes).await.expect("fresh keys");
    app.take_messages();
    (anna, payout)
}

#[tokio::test]
async fn the_team_sees_every_cent() {
    let app = app();
    let (anna, payout) = books(&app).await;
    let token = app.sign_in("anna");
    let get = |path: String| app.get(format!("/v1/partners/{anna}/{path}")).bearer(&token);
    let balances = get("balances".into()).send().await.expect(200).json();
    let zero = json!({"amount": 0, "currency": "EUR"});
    let owed = json!({"amount": 1039, "currency": "EUR"});
    let balance = &balances["items"][0];
    assert_eq!((&balance["owed"], &balance["payable"]), (&owed, &zero));
    let sent = json!({"amount": 500, "currency": "EUR"});
    assert_eq!(
        holds(balance),
        [
            json!(["maturing", owed, "2026-11-29T00:00:00Z"]),
            json!(["payout_in_transit", sent, null])
        ]
    );
    let journal = get("journal-entries".into()).send().await.expect(200).json();
    assert_eq!(journal["items"][0]["fact"], "sale");
    let sum: i64 = journal["items"][0]["postings"]
        .as_array()
        .expect("legs")
        .iter()
        .filter_map(|leg| leg["amount"]["amount"].as_i64())
        .sum();
    assert_eq!(sum, 0);
    let payouts = get("payouts".into()).send().await.expect(200).json();
    assert_eq!(payouts["items"][0]["id"], json!(payout.id));
    let one = get(format!("payouts/{}", payout.id)).send().await.expect(200).json();
    assert_eq!(one["status"], "created");
    assert_eq!(
        (&one["processor"], &one["destination"]),
        (&json!("stripe"), &json!("acct_anna"))
    );
    get(format!("payouts/{}", app.seed().id::<shared::ids::PayoutId>("x")))
        .send()
        .await
        .expect_problem(404, "not_found");
}

/// Reason, amount and due date of each.
fn holds(balance: &Value) -> Vec<Value> {
    let holds = balance["holds"].as_array().expect("holds");
    assert!(
        holds
            .iter()
            .all(|hold| hold["explanation"].as_str().is_some_and(|text| text.ends_with('.')))
    );
    let parts = |hold: &Value| json!([hold["reason_code"], hold["amount"], hold["due_at"]]);
    holds.iter().map(parts).collect()
}

#[tokio::test]
async fn what_paypal_has_not_paid_yet_is_said_to_be_there() {
    let app = app();
    let (anna, payout) = books(&app).await;
    app.paid_by_paypal(anna, "anna@example.com").await;
    let partner = partners::load(&app.store, anna).await.expect("memory").expect("Anna");
    let accepted = Payout {
        destination: partner.destination().expect("a receiver"),
        state: PayoutState::Accepted {
            batch: "FYX".into(),
            at: app.now(),
        },
        ..payout
    };
    let write = payouts::update(&accepted, 1).expect("an item");
    app.store.write(write).await.expect("memory");
    let get = |path: &str| {
        let path = format!("/v1/partners/{anna}/{path}");
        app.get(path).bearer(&app.sign_in("anna"))
    };
    let shown = get("payouts").send().await.expect(200).json();
    let shown = &shown["items"][0];
    assert_eq!(
        json!([shown["processor"], shown["destination"], shown["status"]]),
        json!(["paypal", "anna@example.com", "accepted"])
    );
    let balances = get("balances").send().await.expect(200).json();
    let hold = &balances["items"][0]["holds"][1];
    assert_eq!(hold["reason_code"], "payout_in_transit");
    assert!(
        hold["explanation"]
            .as_str()
            .expect("a text")
            .starts_with("PayPal has it")
    );
}

#[tokio::test]
async fn every_hold_says_why_how_much_and_until_when() {
    let app = app();
    let (anna, _) = books(&app).await;
    app.clock.advance(jiff::SignedDuration::from_hours(7 * 24));
    let credit = ledger::change_balance(&BalanceChange {
        partner: anna,
        owed: eur(200),
        maturing: Some("2026-12-24".parse().expect("a date")),
        disputed_minor: 0,
    });
    app.store.write(credit).await.expect("memory");
    app.suspend(anna).await;
    let path = format!("/v1/partners/{anna}/balances");
    let balances = app
        .get(path)
        .bearer(&app.sign_in("anna"))
        .send()
        .await
        .expect(200)
        .json();
    let balance = &balances["items"][0];
    assert_eq!(balance["payable"]["amount"], 1039);
    let money = |amount| json!({"amount": amount, "currency": "EUR"});
    assert_eq!(
        holds(balance),
        [
            json!(["maturing", money(200), "2026-12-24T00:00:00Z"]),
            // Ten working days.
            json!(["fraud_suspected", money(1039), "2026-12-11T09:00:00Z"]),
            json!(["payout_in_transit", money(500), null]),
        ]
    );
}

#[tokio::test]
async fn the_held_part_becomes_payable_on_its_day() {
    let app = app();
    let (anna, _) = books(&app).await;
    app.clock.advance(jiff::SignedDuration::from_hours(7 * 24));
    let balances = app
        .get(format!("/v1/partners/{anna}/balances"))
        .bearer(&app.sign_in("anna"))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(balances["items"][0]["payable"]["amount"], 1039);
    assert_eq!(holds(&balances["items"][0]).len(), 1, "the payout in transit");
}

#[tokio::test]
async fn nobody_else_learns_that_the_partner_exists() {
    let app = app();
    let (anna, payout) = books(&app).await;
    app.seller("bert").await;
    let allowed = app.api_token("anna", &[Scope::EarningsRead]).await;
    let other_scope = app.api_token("anna", &[Scope::OrdersRead]).await;
    for path in [
        "balances".to_owned(),
        "journal-entries".into(),
        "payouts".into(),
        format!("payouts/{}", payout.id),
    ] {
        let get = || app.get(format!("/v1/partners/{anna}/{path}"));
        get().send().await.expect_problem(401, "unauthenticated");
        get()
            .bearer(&app.sign_in("bert"))
            .send()
            .await
            .expect_problem(404, "not_found");
        get().bearer(&app.sign_in_operator("olga")).send().await.expect(200);
        get().bearer(&allowed).send().await.expect(200);
        get()
            .bearer(&other_scope)
            .send()
            .await
            .expect_problem(403, "insufficient_scope");
    }
    app.take_messages();
}
