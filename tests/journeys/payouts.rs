//! Payouts beyond the daily run.
//!
//! 1. Paula has sold; the operator has agreed a minimum with her, so what she asks for is refused and the balance says why.
//! 2. Without it she is paid at once, once for one key; asking again finds nothing payable.
//! 3. A person takes a part of the transfer back at the processor: it is owed again, and shown on the payout.
//! 4. Her account loses the capability to be paid, and Souk has not heard of it: at the moment of sending it asks, gives the amount back and
//!    says in a hold what to do. Once that is done she is paid under a new payout.
//! 5. Her bank sends money back: a hold says so; a payout that arrives ends it. Nothing of the books moves.

use serde_json::{Value, json};
use support::scenes::{eur, of_fact};
use support::{Order, Partner, Stack, eventually};

#[tokio::test]
async fn a_partner_asks_for_what_is_payable() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let _alone = stack.alone_with("payouts").await;
    let chiara = stack.somebody("Chiara Customer").await;
    Order::place(&chiara, &[&kit]).await.pay(&stack, &chiara).await;
    stack.stripe().fund().await;

    set_terms(&stack, &paula, json!({"minimums": [eur(5000)]})).await;
    ask(&paula, "below").await.refused(409, "below_minimum");
    let held = holds(&paula).await;
    assert_eq!(held, [json!(["below_minimum", eur(1039)])]);
    set_terms(&stack, &paula, json!({})).await;

    let made = ask(&paula, "at-once").await.is(201);
    assert_eq!(made["amount"], eur(1039));
    assert_eq!(ask(&paula, "at-once").await.is(201)["id"], made["id"]);
    let sent = paula.payout_becomes(&made, "sent").await;
    ask(&paula, "once-more").await.refused(409, "nothing_payable");
    assert_eq!((paula.owed_minor().await, paula.payouts().await.len()), (0, 1));

    let transfer = sent["transfer"].as_str().unwrap();
    let reverse = format!("transfers/{transfer}/reverse");
    stack.stripe().control(&reverse, json!({"amount": 300})).await;
    owes(&paula, 300).await;
    stack.stripe().control(&reverse, json!({"amount": 200})).await;
    owes(&paula, 500).await;
    assert_eq!(paula.payout_becomes(&made, "sent").await["reversed"], eur(500));
    assert_eq!(of_fact(&paula.journal().await, "transfer_reversed").len(), 2);
    paula.assert_books_balance().await;
    stack.aws().assert_no_dead_letter(&paula.id).await;
}

#[tokio::test]
async fn a_capability_lost_unheard_gives_the_payout_back() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let _alone = stack.alone_with("payouts").await;
    let chiara = stack.somebody("Chiara Customer").await;
    Order::place(&chiara, &[&kit]).await.pay(&stack, &chiara).await;
    stack.stripe().fund().await;
    {
        let _webhooks = stack.alone_with("webhooks").await;
        stack.stripe().control("webhooks", json!({"hold": true})).await;
        stack.stripe().visit(&paula.account, "incomplete").await;
        let made = ask(&paula, "unheard").await.is(201);
        let cancelled = paula.payout_becomes(&made, "cancelled").await;
        stack.stripe().control("webhooks", json!({"hold": false})).await;
        assert_eq!(cancelled["reason_code"], "partner_held");
        assert_eq!(
            stack.stripe().transfers_of(made["id"].as_str().unwrap()).await,
            [] as [Value; 0]
        );
    }
    owes(&paula, 1039).await;
    assert_eq!(holds(&paula).await, [json!(["payout_account_incomplete", eur(1039)])]);
    ask(&paula, "held").await.refused(409, "payout_account_incomplete");

    stack.stripe().visit(&paula.account, "complete").await;
    no_holds(&paula).await;
    let again = ask(&paula, "mended").await.is(201);
    paula.payout_becomes(&again, "sent").await;
    paula.assert_books_balance().await;

    let bank = bank_payout(&stack, &paula, 500).await;
    stack
        .stripe()
        .control(&format!("payouts/{bank}/fail"), json!({"code": "account_closed"}))
        .await;
    eventually("the hold of the bank", async || match holds(&paula).await.as_slice() {
        [hold] if hold[0] == "bank_payout_failed" => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    // The processor tells whole seconds; the next payout must have begun in a later one than the hold.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let bank = bank_payout(&stack, &paula, 400).await;
    stack.stripe().control(&format!("payouts/{bank}/pay"), json!({})).await;
    no_holds(&paula).await;
    assert_eq!(paula.owed_minor().await, 0);
    stack.aws().assert_no_dead_letter(&paula.account).await;
}

async fn set_terms(stack: &Stack, partner: &Partner, terms: Value) {
    let operator = stack.operator();
    operator
        .call("PUT", &partner.path("/payout-terms"))
        .json(&terms)
        .send()
        .await
        .is(200);
}

async fn ask(partner: &Partner, key: &str) -> support::Answer {
    let body = json!({"currency": "EUR"});
    partner.api.post_with_key(&partner.path("/payouts"), key, body).await
}

async fn owes(partner: &Partner, minor: i64) {
    eventually(&format!("{minor} being owed"), async || {
        match partner.owed_minor().await {
            owed if owed == minor => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

/// Reason and amount of everything that keeps the partner's euros.
async fn holds(partner: &Partner) -> Vec<Value> {
    let balances = partner.api.get(&partner.path("/balances")).await.is(200);
    let holds = balances["items"][0]["holds"].as_array().unwrap().iter();
    holds.map(|hold| json!([hold["reason_code"], hold["amount"]])).collect()
}

async fn no_holds(partner: &Partner) {
    eventually("the end of every hold", async || {
        match holds(partner).await.as_slice() {
            [] => Ok(()),
            open => Err(format!("{open:?}")),
        }
    })
    .await;
}

/// The processor begins to pay the partner's account out to its bank.
async fn bank_payout(stack: &Stack, partner: &Partner, minor: i64) -> String {
    stack.stripe().pay_bank(&partner.account, minor).await["id"]
        .as_str()
        .unwrap()
        .to_owned()
}
