//! Payments in another currency than the balance's: converted, each at the rate of its own moment.

use serde_json::{Value, json};

use crate::support::{Stripe, id, session_form};

async fn movement(stripe: &Stripe, of: &Value) -> Value {
    let transaction = of["balance_transaction"].as_str().expect("a movement");
    stripe.get(&format!("/v1/balance_transactions/{transaction}")).await
}

async fn paid(stripe: &Stripe, amount: i64, currency: &str) -> Value {
    let session = id(&stripe
        .post("/v1/checkout/sessions", &session_form(amount, currency))
        .await);
    stripe.pay(&session, "fee_at_once").await;
    let path = format!("/v1/checkout/sessions/{session}?expand[]=payment_intent.latest_charge");
    stripe.get(&path).await["payment_intent"]["latest_charge"].clone()
}

async fn rate(stripe: &Stripe, usd_ppm: i64) {
    let settings =
        json!({"settlement_currencies": ["eur", "gbp"], "exchange_rates_ppm": {"usd": usd_ppm, "jpy": 6200}});
    stripe.control("settings", settings).await;
}

#[track_caller]
fn moved(movement: &Value, amount: i64, fee: i64, currency: &str, rate: &Value) {
    assert_eq!(
        (
            &movement["amount"],
            &movement["fee"],
            &movement["net"],
            &movement["currency"],
            &movement["exchange_rate"]
        ),
        (
            &json!(amount),
            &json!(fee),
            &json!(amount - fee),
            &json!(currency),
            rate
        )
    );
}

#[tokio::test]
async fn a_payment_and_what_comes_back_of_it_are_converted_at_their_own_rates() {
    let stripe = Stripe::start().await;
    rate(&stripe, 920_000).await;
    let charge = paid(&stripe, 10_000, "usd").await;
    assert_eq!(
        (&charge["amount"], &charge["currency"]),
        (&json!(10_000), &json!("usd"))
    );
    // 1.5 % of 92 EUR, and 25 cents of them.
    moved(&movement(&stripe, &charge).await, 9200, 163, "eur", &json!(0.92));

    rate(&stripe, 900_000).await;
    let of_charge = format!("charge={}&amount=5000", id(&charge));
    let refund = stripe.post("/v1/refunds", &of_charge).await;
    assert_eq!((&refund["amount"], &refund["currency"]), (&json!(5000), &json!("usd")));
    moved(&movement(&stripe, &refund).await, -4500, 0, "eur", &json!(0.9));

    rate(&stripe, 950_000).await;
    let failed = stripe
        .control(&format!("refunds/{}/fail", id(&refund)), json!({}))
        .await;
    let back = failed["failure_balance_transaction"].as_str().expect("a movement");
    let back = stripe.get(&format!("/v1/balance_transactions/{back}")).await;
    moved(&back, 4750, 0, "eur", &json!(0.95));

    let dispute = stripe
        .control(&format!("charges/{}/dispute", id(&charge)), json!({}))
        .await;
    assert_eq!(
        (&dispute["amount"], &dispute["currency"]),
        (&json!(10_000), &json!("usd"))
    );
    moved(&dispute["balance_transactions"][0], -9500, 2000, "eur", &json!(0.95));
    rate(&stripe, 1_000_000).await;
    let won = stripe
        .control(&format!("disputes/{}/close", id(&dispute)), json!({"outcome": "won"}))
        .await;
    moved(&won["balance_transactions"][1], 10_000, 0, "eur", &json!(1.0));
    let balance = stripe.get("/v1/balance").await;
    assert_eq!(
        balance["available"],
        json!([{"amount": 7787, "currency": "eur", "source_types": {"card": 7787}}])
    );
}

#[tokio::test]
async fn what_the_balance_is_kept_in_is_not_converted() {
    let stripe = Stripe::start().await;
    rate(&stripe, 920_000).await;
    for currency in ["eur", "gbp"] {
        let charge = paid(&stripe, 1000, currency).await;
        moved(&movement(&stripe, &charge).await, 1000, 40, currency, &Value::Null);
    }
    // Yen have no minor unit: 10,000 of them are 62 EUR.
    let charge = paid(&stripe, 10_000, "jpy").await;
    moved(&movement(&stripe, &charge).await, 6200, 118, "eur", &json!(0.0062));
}
