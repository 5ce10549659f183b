//! What changes of a subscription cost: prorations, seats, other intervals, discounts.

use serde_json::{Value, json};

use crate::billing::{advance_to, invoices, period_end, price, subscribed, subscription};
use crate::support::{Stripe, id};

const DAY_S: i64 = 86_400;

#[tokio::test]
async fn a_dearer_plan_is_prorated_to_the_second_and_a_cheaper_one_becomes_credit() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    let body = subscription(&stripe, &id).await;
    let item = body["items"]["data"][0]["id"].as_str().expect("an item").to_owned();
    let (start, end) = (
        body["items"]["data"][0]["current_period_start"]
            .as_i64()
            .expect("a start"),
        period_end(&body),
    );
    let half = (start + end) / 2;
    let (dear, cheap) = (price(&stripe, 3000, "month").await, price(&stripe, 200, "month").await);
    let path = format!("/v1/subscriptions/{id}");
    let change = |price: &str| {
        format!("items[0][id]={item}&items[0][price]={price}&proration_date={half}&proration_behavior=always_invoice")
    };
    let asked = format!(
        "subscription={id}&subscription_details[items][0][id]={item}&subscription_details[items][0][price]={dear}\
         &subscription_details[proration_date]={half}&subscription_details[proration_behavior]=always_invoice"
    );
    let preview = stripe.post("/v1/invoices/create_preview", &asked).await;
    let amounts = |invoice: &Value| -> Vec<i64> {
        let lines = invoice["lines"]["data"].as_array().expect("lines");
        lines
            .iter()
            .map(|line| line["amount"].as_i64().expect("an amount"))
            .collect()
    };
    assert_eq!(amounts(&preview), [-500, 1500]);
    assert_eq!(invoices(&stripe, &id).await.len(), 1, "a preview makes nothing");

    let changed = stripe.post(&path, &change(&dear)).await;
    assert_eq!(changed["items"]["data"][0]["price"]["id"], json!(dear));
    let upgrade = &invoices(&stripe, &id).await[1];
    assert_eq!(
        (amounts(upgrade), &upgrade["amount_paid"], &upgrade["billing_reason"]),
        (vec![-500, 1500], &json!(1000), &json!("subscription_update"))
    );
    let parent = &upgrade["lines"]["data"][0]["parent"]["subscription_item_details"];
    assert_eq!(
        (&parent["proration"], &parent["subscription_item"]),
        (&json!(true), &json!(item))
    );

    stripe.post(&path, &change(&cheap)).await;
    let downgrade = &invoices(&stripe, &id).await[2];
    assert_eq!(
        (amounts(downgrade), &downgrade["total"]),
        (vec![-1500, 100], &json!(-1400))
    );
    assert_eq!(
        (&downgrade["status"], &downgrade["amount_due"]),
        (&json!("paid"), &json!(0))
    );
    let customer = body["customer"].as_str().expect("a customer");
    assert_eq!(stripe.get(&format!("/v1/customers/{customer}")).await["balance"], -1400);
    advance_to(&stripe, end).await;
    let renewal = &invoices(&stripe, &id).await[3];
    assert_eq!(
        (&renewal["total"], &renewal["amount_due"], &renewal["ending_balance"]),
        (&json!(200), &json!(0), &json!(-1200))
    );
    let moves = stripe
        .get(&format!("/v1/customers/{customer}/balance_transactions"))
        .await;
    assert_eq!(
        (&moves["data"][0]["amount"], &moves["data"][1]["amount"]),
        (&json!(200), &json!(-1400))
    );
}

#[tokio::test]
async fn more_seats_wait_for_the_next_invoice() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    let body = subscription(&stripe, &id).await;
    let item = body["items"]["data"][0]["id"].as_str().expect("an item");
    let (start, end) = (
        body["items"]["data"][0]["current_period_start"]
            .as_i64()
            .expect("a start"),
        period_end(&body),
    );
    let form = format!(
        "items[0][id]={item}&items[0][quantity]=4&proration_date={}",
        (start + end) / 2
    );
    let changed = stripe.post(&format!("/v1/subscriptions/{id}"), &form).await;
    assert_eq!(changed["items"]["data"][0]["quantity"], 4);
    let waiting = stripe.get("/v1/invoiceitems?pending=true").await;
    assert_eq!(waiting["data"].as_array().map(Vec::len), Some(2));
    let customer = body["customer"].as_str().expect("a customer");
    let fee = format!("customer={customer}&amount=250&currency=eur&description=Set-up");
    stripe.post("/v1/invoiceitems", &fee).await;
    let next = stripe
        .post("/v1/invoices/create_preview", &format!("subscription={id}"))
        .await;
    assert_eq!(next["total"], 4000 + 2000 - 500 + 250);
    advance_to(&stripe, end).await;
    let renewal = &invoices(&stripe, &id).await[1];
    assert_eq!(
        (&renewal["total"], &renewal["status"]),
        (&next["total"], &json!("paid"))
    );
    assert_eq!(stripe.get("/v1/invoiceitems?pending=true").await["data"], json!([]));
}

#[tokio::test]
async fn an_invoice_shows_ten_lines_and_the_others_when_they_are_asked_for() {
    let stripe = Stripe::start().await;
    let subscribed = subscribed(&stripe, 1000, "success", "").await;
    let body = subscription(&stripe, &subscribed).await;
    let customer = body["customer"].as_str().expect("a customer");
    for number in 0..11 {
        let fee = format!("customer={customer}&amount=100&currency=eur&description=Fee {number}");
        stripe.post("/v1/invoiceitems", &fee).await;
    }
    advance_to(&stripe, period_end(&body)).await;
    let renewal = &invoices(&stripe, &subscribed).await[1];
    let shown = renewal["lines"]["data"].as_array().map(Vec::len);
    assert_eq!(
        (shown, &renewal["lines"]["has_more"], &renewal["total"]),
        (Some(10), &json!(true), &json!(2100))
    );
    let lines = stripe
        .get(&format!("/v1/invoices/{}/lines?limit=100", id(renewal)))
        .await;
    assert_eq!(
        (lines["data"].as_array().map(Vec::len), &lines["has_more"]),
        (Some(12), &json!(false))
    );
}

#[tokio::test]
async fn another_interval_begins_a_new_period_at_once() {
    let stripe = Stripe::start().await;
    let id = subscribed(&stripe, 1000, "success", "").await;
    let body = subscription(&stripe, &id).await;
    let item = body["items"]["data"][0]["id"].as_str().expect("an item");
    let yearly = price(&stripe, 10_000, "year").await;
    stripe.control("clock/advance", json!({"days": 10})).await;
    let form = format!("items[0][id]={item}&items[0][price]={yearly}");
    let changed = stripe.post(&format!("/v1/subscriptions/{id}"), &form).await;
    assert!(period_end(&changed) - changed["billing_cycle_anchor"].as_i64().expect("an anchor") >= 365 * DAY_S);
    let invoice = &invoices(&stripe, &id).await[1];
    let credit = invoice["lines"]["data"][0]["amount"].as_i64().expect("an amount");
    assert!((-720..=-640).contains(&credit), "{credit} for some two thirds of 1000");
    assert_eq!(invoice["amount_paid"], 10_000 + credit);
}

#[tokio::test]
async fn a_coupon_takes_its_share_as_long_as_it_holds() {
    let stripe = Stripe::start().await;
    for (coupon, expected) in [
        ("percent_off=50&duration=forever", [500, 500, 500]),
        ("percent_off=12.5&duration=once", [875, 1000, 1000]),
        (
            "amount_off=300&currency=eur&duration=repeating&duration_in_months=2",
            [700, 700, 1000],
        ),
    ] {
        let coupon = id(&stripe.post("/v1/coupons", coupon).await);
        let id = subscribed(&stripe, 1000, "success", &format!("&discounts[0][coupon]={coupon}")).await;
        stripe.control("clock/advance", json!({"days": 31})).await;
        stripe.control("clock/advance", json!({"days": 31})).await;
        let paid: Vec<Value> = invoices(&stripe, &id)
            .await
            .iter()
            .map(|body| body["amount_paid"].clone())
            .collect();
        assert_eq!(paid[..3], expected.map(|amount| json!(amount)), "{coupon}");
    }
}

/// What a change asks for is reduced by the discount that comes with it; what it gives back is what was paid.
#[tokio::test]
async fn a_change_brings_a_discount_of_its_own_or_ends_the_one_there_is() {
    let stripe = Stripe::start().await;
    let coupon = id(&stripe.post("/v1/coupons", "percent_off=50&duration=forever").await);
    let dear = price(&stripe, 3000, "month").await;
    for (begun, discounts, expected) in [
        (
            format!("&discounts[0][coupon]={coupon}"),
            "discounts=".to_owned(),
            [-250, 1500],
        ),
        (String::new(), format!("discounts[0][coupon]={coupon}"), [-500, 750]),
    ] {
        let sub = subscribed(&stripe, 1000, "success", &begun).await;
        let body = subscription(&stripe, &sub).await;
        let item = &body["items"]["data"][0];
        let start = item["current_period_start"].as_i64().expect("a start");
        let half = (start + period_end(&body)) / 2;
        let item = item["id"].as_str().expect("an item");
        let asked = format!(
            "subscription={sub}&{discounts}&subscription_details[items][0][id]={item}&subscription_details[items][0][price]={dear}\
             &subscription_details[proration_date]={half}&subscription_details[proration_behavior]=always_invoice"
        );
        let amounts = |invoice: &Value| -> Vec<Value> {
            let lines = invoice["lines"]["data"].as_array().expect("lines");
            lines.iter().map(|line| line["amount"].clone()).collect()
        };
        let preview = stripe.post("/v1/invoices/create_preview", &asked).await;
        assert_eq!(amounts(&preview), expected.map(|amount| json!(amount)), "{discounts}");
        let asked = format!(
            "{discounts}&items[0][id]={item}&items[0][price]={dear}&proration_date={half}&proration_behavior=always_invoice"
        );
        stripe.post(&format!("/v1/subscriptions/{sub}"), &asked).await;
        let made = &invoices(&stripe, &sub).await[1];
        assert_eq!(amounts(made), expected.map(|amount| json!(amount)), "{discounts}");
        assert_eq!(made["total"], preview["total"], "{discounts}");
    }
}
