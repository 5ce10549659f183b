//! A change that costs less gives credit, unless money of the period that runs has gone back.

use jiff::Timestamp;
use shared::ids::SubscriptionId;
use shared::money::{Currency, Money};
use shared::purchase::{Payment, settle};
use shared::revenue::Turnovers;
use shared::store::{commerce, subscriptions};
use shared::subscription::{PaidInvoice, renewal};

use super::desk::Desk;
use super::*;

/// Carla has paid 18.00 for a month of two seats, of which so much has gone back.
async fn paid_with(desk: &Desk, plan: &str, went_back: i64) -> String {
    let made = desk.subscribe(plan).await;
    let now = told(desk, plan, "active", &json!({}));
    desk.hear(&made, &now).await;
    let id: SubscriptionId = made["id"].as_str().expect("an id").parse().expect("an id");
    let (customer, store) = (desk.app.user("carla").await, &desk.app.store);
    let subscription = subscriptions::subscription(store, customer, id).await;
    let subscription = subscription.expect("memory").expect("made").value;
    let began = now["items"]["data"][0]["current_period_start"].as_i64();
    let began = Timestamp::from_second(began.expect("a time")).expect("a time");
    let paid = PaidInvoice {
        id: "in_1".into(),
        created: began,
        paid_at: Some(began),
        amount: Money::new(1800, Currency::EUR),
        until: subscription.paid_until.expect("paid"),
    };
    let payment = Payment {
        amount: paid.amount,
        charge: Some("ch_1".into()),
        at: began,
    };
    let order = renewal(&subscription, &paid);
    let settled = settle(&order, &payment, &Turnovers::new(), 7, paid.seed(), || [7; 16]);
    let mut settled = settled.expect("paid in full");
    settled.order.lines[0].claimed_minor = went_back;
    let writes = commerce::renewal_writes(&settled, began).expect("items");
    store.transact(writes).await.expect("nobody else writes");
    desk.app.take_messages();
    desk.stripe.take_asked();
    format!("/v1/subscriptions/{id}")
}

fn preview(total: i64) -> Value {
    json!({"id": "upcoming_1", "object": "invoice", "status": "draft", "currency": "eur", "amount_paid": 0, "amount_due": total.max(0),
        "total": total, "starting_balance": 0, "created": 1, "lines": {"data": []}})
}

#[tokio::test]
async fn nothing_is_credited_for_a_period_whose_money_has_gone_back() {
    for (went_back, total, behavior) in [
        (0, -900, "always_invoice"),
        (100, -900, "none"),
        (100, 900, "always_invoice"),
    ] {
        let desk = desk().await;
        let plan = desk.plan(monthly()).await;
        let path = paid_with(&desk, &plan, went_back).await;
        let now = told(&desk, &plan, "active", &json!({}));
        desk.stripe.answers(200, list(&paid(&now)));
        if went_back > 0 {
            desk.stripe.answers(200, preview(total));
        }
        let mut fewer = now;
        fewer["items"]["data"][0]["quantity"] = json!(1);
        desk.changes(fewer);
        let carla = desk.app.sign_in("carla");
        let changes = format!("{path}/changes");
        let change = json!({"quantity": 1});
        desk.app.post(&changes, &change).bearer(&carla).send().await.expect(201);
        has(&desk.asked(), "proration_behavior", behavior);
        desk.app.take_messages();
    }
}

#[tokio::test]
async fn a_preview_shows_no_credit_where_there_will_be_none() {
    let desk = desk().await;
    let plan = desk.plan(monthly()).await;
    let path = paid_with(&desk, &plan, 100).await;
    let now = told(&desk, &plan, "active", &json!({}));
    desk.stripe
        .answers(200, list(&paid(&now)))
        .answers(200, preview(-900))
        .answers(200, preview(0));
    let carla = desk.app.sign_in("carla");
    let previews = format!("{path}/change-previews");
    let change = json!({"quantity": 1});
    let shown = desk
        .app
        .post(&previews, &change)
        .bearer(&carla)
        .send()
        .await
        .expect(200);
    assert_eq!(shown.json()["credit"], json!({"amount": 0, "currency": "EUR"}));
    has(&desk.asked(), "subscription_details[proration_behavior]", "none");
    desk.app.take_messages();
}
