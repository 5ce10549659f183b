//! What partners refund with: what they are still owed, and no more.

use serde_json::json;
use shared::ids::PartnerId;
use shared::ledger::BalanceChange;
use shared::money::{Currency, Money};
use shared::purchase::Order;
use shared::store::accounts::Role;
use shared::store::{keys, ledger};
use shared::testing::TestApp;

use super::{Got, app, eur, get, post, sale, sent};

/// The partner is paid out this much of what it is owed.
async fn paid_out(app: &TestApp, partner: PartnerId, minor: i64) {
    let debit = ledger::change_balance(&BalanceChange {
        partner,
        owed: Money::new(-minor, Currency::EUR),
        maturing: None,
        disputed_minor: 0,
    });
    app.store.write(debit).await.expect("memory does not fail");
    app.take_messages();
}

async fn promised(app: &TestApp, partner: PartnerId) -> i64 {
    let balance = ledger::balance(&app.store, &keys::balance(partner, Currency::EUR)).await;
    balance.expect("memory").expect("a balance").promised.minor()
}

fn reason(got: &Got) -> (u16, Option<&str>, Option<&str>) {
    (
        got.status,
        got.body["code"].as_str().or(got.body["status"].as_str()),
        got.body["review"]["reason_code"].as_str(),
    )
}

#[tokio::test]
async fn what_a_partner_has_been_paid_is_refunded_by_an_operator_alone() {
    let app = app();
    let sale = sale(&app).await;
    paid_out(&app, sale.anna, 1039).await;
    let (partner, before) = (app.sign_in("anna"), sale.stored(&app).await);
    let path = sale.partners(sale.anna, "/refunds");
    let asked = post(&app, &partner, &path, &json!({"reason": "other"})).await;
    assert_eq!(reason(&asked), (201, Some("requested"), Some("beyond_owed")));
    let left = |order: &Order| order.lines[0].refundable_minor();
    assert_eq!(left(&sale.stored(&app).await), left(&before), "nothing is set aside");
    assert_eq!(sent(&app.take_messages()), 0, "and nothing is sent");
    assert_eq!(promised(&app, sale.anna).await, 0);

    let refund = asked.body["id"].as_str().expect("an id");
    let (approve, decline) = (
        json!({"decision": "approve"}),
        json!({"decision": "decline", "note": "Kept."}),
    );
    let theirs = sale.partners(sale.anna, &format!("/refunds/{refund}/decisions"));
    for decision in [&approve, &decline] {
        let refused = post(&app, &partner, &theirs, decision).await;
        assert_eq!(reason(&refused), (403, Some("waits_for_operator"), None));
    }
    let operator = app.sign_in_operator("olga");
    let waiting = get(&app, &operator, "/v1/refunds").await;
    assert_eq!(waiting.body["items"][0]["id"], refund);
    let decisions = sale.path(&format!("/refunds/{refund}/decisions"));
    for own in ["carla", "bert"] {
        let refused = post(&app, &app.sign_in_operator(own), &decisions, &approve).await;
        assert_eq!(reason(&refused), (403, Some("own_work"), None));
        let made = post(
            &app,
            &app.sign_in_operator(own),
            &sale.path("/refunds"),
            &json!({"reason": "other"}),
        )
        .await;
        assert_eq!(reason(&made), (403, Some("own_work"), None));
    }
    let approved = post(&app, &operator, &decisions, &approve).await;
    assert_eq!(reason(&approved), (200, Some("created"), Some("beyond_owed")));
    assert_eq!(sent(&app.take_messages()), 1);
    let acts = get(&app, &operator, &sale.path("/audit-events")).await;
    let acts = acts.body["items"].as_array().expect("items").iter();
    let mut acts: Vec<_> = acts.filter_map(|act| act["action"].as_str()).collect();
    acts.sort_unstable();
    assert_eq!(acts, ["refund.approve", "refund.request"]);
}

#[tokio::test]
async fn refunds_of_a_partner_together_take_back_no_more_than_it_is_owed() {
    let app = app();
    let sale = sale(&app).await;
    paid_out(&app, sale.anna, 500).await;
    let refund = async |minor: i64| {
        let body = json!({"lines": [{"line": 0, "amount": eur(minor)}], "reason": "other"});
        post(&app, &app.sign_in("anna"), &sale.partners(sale.anna, "/refunds"), &body).await
    };
    // 539 are left. 80 % of what goes back are anna's, and nothing is posted yet.
    assert_eq!(reason(&refund(600).await), (201, Some("created"), None));
    assert_eq!(promised(&app, sale.anna).await, 480);
    assert_eq!(
        reason(&refund(100).await),
        (201, Some("requested"), Some("beyond_owed"))
    );
    assert_eq!(reason(&refund(70).await), (201, Some("created"), None));
    assert_eq!(promised(&app, sale.anna).await, 536);
    assert_eq!(sent(&app.take_messages()), 2);
}

#[tokio::test]
async fn a_request_that_a_partner_has_been_paid_for_goes_on_to_an_operator() {
    let app = app();
    let sale = sale(&app).await;
    paid_out(&app, sale.anna, 1039).await;
    let body = json!({"lines": [{"line": 0}], "reason": "does_not_work"});
    let asked = post(&app, &app.sign_in("carla"), &sale.path("/refund-requests"), &body).await;
    let refund = asked.body["id"].as_str().expect("an id");
    let theirs = sale.partners(sale.anna, &format!("/refunds/{refund}/decisions"));
    let approve = json!({"decision": "approve"});
    let passed_on = post(&app, &app.sign_in("anna"), &theirs, &approve).await;
    assert_eq!(reason(&passed_on), (200, Some("requested"), Some("beyond_owed")));
    assert_eq!(sent(&app.take_messages()), 0);
    let again = post(&app, &app.sign_in("anna"), &theirs, &approve).await;
    assert_eq!(reason(&again), (403, Some("waits_for_operator"), None));
    let decisions = sale.path(&format!("/refunds/{refund}/decisions"));
    let approved = post(&app, &app.sign_in_operator("olga"), &decisions, &approve).await;
    assert_eq!(reason(&approved), (200, Some("created"), Some("beyond_owed")));
    assert_eq!(sent(&app.take_messages()), 1);
}

#[tokio::test]
async fn a_partner_whose_owner_owes_elsewhere_refunds_nothing_by_itself() {
    let app = app();
    let sale = sale(&app).await;
    // Anna owns bert's partner as well, which owes 6 euros by now.
    app.join(sale.bert, "anna", Role::Owner).await;
    paid_out(&app, sale.bert, 1000).await;
    let body = json!({"lines": [{"line": 0, "amount": eur(600)}], "reason": "other"});
    let asked = post(&app, &app.sign_in("anna"), &sale.partners(sale.anna, "/refunds"), &body).await;
    assert_eq!(reason(&asked), (201, Some("requested"), Some("beyond_owed")));
    app.take_messages();
}
