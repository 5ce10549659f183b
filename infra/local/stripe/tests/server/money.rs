//! Money: what is taken, given back, disputed, passed on and sent home, and that every balance is the sum of its parts.

use serde_json::{Value, json};

use crate::support::{Stripe, id, session_form};

/// The sum of all nets equals what the balance says.
async fn assert_balanced(stripe: &Stripe) {
    let all = stripe.get("/v1/balance_transactions?limit=100&currency=eur").await;
    let sum: i64 = all["data"]
        .as_array()
        .expect("data")
        .iter()
        .map(|each| each["net"].as_i64().expect("net"))
        .sum();
    assert_eq!(sum, stripe.available().await);
}

#[tokio::test]
async fn a_sale_is_paid_and_its_fee_comes_later() {
    let stripe = Stripe::start().await;
    stripe.control("settings", json!({"fee_delay_ms": 60_000})).await;
    let session = stripe.session(10_000).await;
    stripe.pay(&session, "success").await;
    let path = format!("/v1/checkout/sessions/{session}?expand[]=payment_intent.latest_charge&expand[]=line_items");
    let body = stripe.get(&path).await;
    assert_eq!(
        (&body["status"], &body["payment_status"]),
        (&json!("complete"), &json!("paid"))
    );
    assert_eq!(body["line_items"]["data"][0]["description"], "Invoice Automation");
    let charge = &body["payment_intent"]["latest_charge"];
    assert_eq!(
        (&charge["transfer_group"], &charge["metadata"]["order"]),
        (&json!("ord_1"), &json!("ord_1"))
    );
    assert_eq!(charge["balance_transaction"], Value::Null);
    let succeeded = &stripe.get("/v1/events?type=charge.succeeded").await["data"][0]["data"];
    assert_eq!(succeeded["object"]["balance_transaction"], Value::Null);

    stripe.control("clock/advance", json!({"minutes": 2})).await;
    let updated = &stripe.get("/v1/events?type=charge.updated").await["data"][0]["data"];
    assert_eq!(updated["previous_attributes"], json!({"balance_transaction": null}));
    let transaction = updated["object"]["balance_transaction"]
        .as_str()
        .expect("a transaction");
    let transaction = stripe.get(&format!("/v1/balance_transactions/{transaction}")).await;
    assert_eq!(
        (&transaction["fee"], &transaction["net"], &transaction["type"]),
        (&json!(175), &json!(9825), &json!("charge"))
    );
    assert_eq!(transaction["fee_details"][0]["amount"], 175);
    let by_group = stripe.get("/v1/charges?transfer_group=ord_1").await;
    assert_eq!(by_group["data"].as_array().map(Vec::len), Some(1));
    assert_balanced(&stripe).await;
}

#[tokio::test]
async fn a_card_whose_fee_is_known_at_once_says_so_in_its_first_event() {
    let stripe = Stripe::start().await;
    stripe
        .control("settings", json!({"fee_delay_ms": 60_000, "available_delay_s": 86_400}))
        .await;
    let session = stripe.session(10_000).await;
    stripe.pay(&session, "4000 0000 0000 0077").await;
    let event = &stripe.get("/v1/events?type=charge.succeeded").await["data"][0];
    assert!(event["data"]["object"]["balance_transaction"].is_string());
    assert_eq!(stripe.available().await, 9825);
}

#[tokio::test]
async fn a_decline_leaves_the_session_open_for_another_card() {
    let stripe = Stripe::start().await;
    let session = stripe.session(1000).await;
    let declined = stripe.pay(&session, "insufficient_funds").await;
    assert_eq!(declined["declined"]["decline_code"], "insufficient_funds");
    assert_eq!(declined["session"]["status"], "open");
    let intent = declined["session"]["payment_intent"]
        .as_str()
        .expect("an intent")
        .to_owned();
    let body = stripe.get(&format!("/v1/payment_intents/{intent}")).await;
    assert_eq!(
        (&body["status"], &body["last_payment_error"]["code"]),
        (&json!("requires_payment_method"), &json!("card_declined"))
    );
    stripe.pay(&session, "success").await;
    let charges = stripe.get(&format!("/v1/charges?payment_intent={intent}")).await;
    let states: Vec<&Value> = charges["data"]
        .as_array()
        .expect("data")
        .iter()
        .map(|charge| &charge["status"])
        .collect();
    assert_eq!(states, ["succeeded", "failed"]);
}

#[tokio::test]
async fn a_bank_debit_is_unpaid_until_it_is_decided() {
    let stripe = Stripe::start().await;
    for (success, state, event) in [
        (true, "paid", "checkout.session.async_payment_succeeded"),
        (false, "unpaid", "checkout.session.async_payment_failed"),
    ] {
        let session = stripe.session(1000).await;
        let paid = stripe.pay(&session, "async_pending").await;
        assert_eq!(
            (&paid["session"]["status"], &paid["session"]["payment_status"]),
            (&json!("complete"), &json!("unpaid"))
        );
        let settled = stripe
            .control(&format!("checkout/{session}/settle"), json!({"success": success}))
            .await;
        assert_eq!(settled["payment_status"], state);
        let events = stripe.get(&format!("/v1/events?type={event}")).await;
        assert_eq!(events["data"][0]["data"]["object"]["id"], json!(session));
    }
}

#[tokio::test]
async fn currencies_are_minor_units_and_never_meet() {
    let stripe = Stripe::start().await;
    for (currency, amount) in [("jpy", 500), ("kwd", 12_345)] {
        let session = id(&stripe
            .post("/v1/checkout/sessions", &session_form(amount, currency))
            .await);
        stripe.pay(&session, "fee_at_once").await;
    }
    let balance = stripe.get("/v1/balance").await;
    let amounts: Vec<(&Value, &Value)> = balance["available"]
        .as_array()
        .expect("list")
        .iter()
        .map(|each| (&each["currency"], &each["amount"]))
        .collect();
    assert_eq!(amounts, [(&json!("jpy"), &json!(467)), (&json!("kwd"), &json!(12_135))]);
}

#[tokio::test]
async fn a_free_session_needs_no_payment() {
    let stripe = Stripe::start().await;
    let session = stripe.session(0).await;
    let paid = stripe.pay(&session, "success").await;
    assert_eq!(paid["session"]["payment_status"], "no_payment_required");
    assert_eq!(paid["session"]["payment_intent"], Value::Null);
}

#[tokio::test]
async fn sessions_expire_by_call_and_by_time() {
    let stripe = Stripe::start().await;
    let (first, second) = (stripe.session(1000).await, stripe.session(1000).await);
    stripe.post(&format!("/v1/checkout/sessions/{first}/expire"), "").await;
    stripe
        .refused(&format!("/v1/checkout/sessions/{first}/expire"), "", 400, "")
        .await;
    stripe.control("clock/advance", json!({"hours": 25})).await;
    assert_eq!(
        stripe.get(&format!("/v1/checkout/sessions/{second}")).await["status"],
        "expired"
    );
    let events = stripe.get("/v1/events?type=checkout.session.expired").await;
    assert_eq!(events["data"].as_array().map(Vec::len), Some(2));
    let soon = format!("{}&expires_at=1", session_form(1000, "eur"));
    assert_eq!(
        stripe.refused("/v1/checkout/sessions", &soon, 400, "").await["param"],
        "expires_at"
    );
}

#[tokio::test]
async fn refunds_go_up_to_the_rest_and_can_fail_later() {
    let stripe = Stripe::start().await;
    let charge = stripe.charge(10_000, "success").await;
    stripe
        .post("/v1/refunds", &format!("charge={charge}&amount=4000"))
        .await;
    let refused = stripe
        .refused("/v1/refunds", &format!("charge={charge}&amount=6001"), 400, "")
        .await;
    assert_eq!(refused["param"], "amount");
    let rest = stripe.post("/v1/refunds", &format!("charge={charge}")).await;
    assert_eq!(rest["amount"], 6000);
    stripe
        .refused(
            "/v1/refunds",
            &format!("charge={charge}"),
            400,
            "charge_already_refunded",
        )
        .await;
    assert_eq!(stripe.available().await, -175);

    let failed = stripe.control(&format!("refunds/{}/fail", id(&rest)), json!({})).await;
    assert_eq!(failed["status"], "failed");
    assert!(failed["failure_balance_transaction"].is_string());
    let after = stripe.get(&format!("/v1/charges/{charge}")).await;
    assert_eq!(
        (&after["amount_refunded"], &after["refunded"]),
        (&json!(4000), &json!(false))
    );
    assert_eq!(stripe.available().await, 6000 - 175);
    assert_balanced(&stripe).await;
}

#[tokio::test]
async fn cards_whose_refunds_pend_or_fail_do_so() {
    let stripe = Stripe::start().await;
    for (card, last) in [("refund_pends", "succeeded"), ("refund_fails", "failed")] {
        let charge = stripe.charge(1000, card).await;
        let refund = id(&stripe.post("/v1/refunds", &format!("charge={charge}")).await);
        stripe
            .until(&format!("/v1/refunds/{refund}"), |body| body["status"] == json!(last))
            .await;
    }
}

#[tokio::test]
async fn a_dispute_takes_the_money_and_returns_it_when_won() {
    let stripe = Stripe::start().await;
    let charge = stripe.charge(10_000, "dispute").await;
    let disputes = format!("/v1/disputes?charge={charge}");
    let list = stripe
        .until(&disputes, |list| !list["data"].as_array().expect("data").is_empty())
        .await;
    let dispute = id(&list["data"][0]);
    assert_eq!(stripe.available().await, -175 - 2000);
    stripe
        .refused("/v1/refunds", &format!("charge={charge}"), 400, "charge_disputed")
        .await;
    let text = "evidence[uncategorized_text]=winning_evidence";
    let won = stripe.post(&format!("/v1/disputes/{dispute}"), text).await;
    assert_eq!(won["status"], "won");
    // The fee of the dispute stays with Stripe, the one for countering it came back.
    assert_eq!(stripe.available().await, 10_000 - 175 - 2000);
    assert_eq!(won["balance_transactions"].as_array().map(Vec::len), Some(3));
    for event in ["created", "funds_withdrawn", "updated", "closed", "funds_reinstated"] {
        let events = stripe.get(&format!("/v1/events?type=charge.dispute.{event}")).await;
        assert_eq!(events["data"].as_array().map(Vec::len), Some(1), "{event}");
    }
    assert_balanced(&stripe).await;
}

#[tokio::test]
async fn an_inquiry_moves_no_money_until_it_escalates() {
    let stripe = Stripe::start().await;
    let charge = stripe.charge(10_000, "success").await;
    let inquiry = stripe
        .control(&format!("charges/{charge}/dispute"), json!({"inquiry": true}))
        .await;
    assert_eq!(
        (&inquiry["status"], &inquiry["balance_transactions"]),
        (&json!("warning_needs_response"), &json!([]))
    );
    assert_eq!(stripe.available().await, 9825);
    stripe
        .control(&format!("disputes/{}/escalate", id(&inquiry)), json!({}))
        .await;
    assert_eq!(stripe.available().await, -2175);
    let lost = stripe.post(&format!("/v1/disputes/{}/close", id(&inquiry)), "").await;
    assert_eq!(lost["status"], "lost");
    assert_eq!(stripe.available().await, -2175);
}

#[tokio::test]
async fn transfers_need_money_and_a_capable_account() {
    let stripe = Stripe::start().await;
    let account = stripe.account().await;
    let form = format!("amount=5000&currency=eur&destination={account}&transfer_group=pay_1");
    stripe
        .refused("/v1/transfers", &form, 400, "balance_insufficient")
        .await;
    stripe
        .control("balance", json!({"amount": 8000, "currency": "eur"}))
        .await;
    let transfer = stripe.post("/v1/transfers", &form).await;
    assert_eq!(stripe.available().await, 3000);
    let listed = stripe.get("/v1/transfers?transfer_group=pay_1").await;
    assert_eq!(listed["data"][0]["id"], transfer["id"]);
    assert_eq!(
        stripe.get("/v1/transfers?transfer_group=pay_2").await["data"],
        json!([])
    );

    let reversals = format!("/v1/transfers/{}/reversals", id(&transfer));
    stripe.post(&reversals, "amount=2000").await;
    assert_eq!(
        stripe.refused(&reversals, "amount=3001", 400, "").await["param"],
        "amount"
    );
    stripe.post(&reversals, "").await;
    let after = stripe.get(&format!("/v1/transfers/{}", id(&transfer))).await;
    assert_eq!(
        (&after["amount_reversed"], &after["reversed"]),
        (&json!(5000), &json!(true))
    );
    assert_eq!(after["reversals"]["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(stripe.available().await, 8000);

    stripe
        .control(
            &format!("accounts/{account}"),
            json!({"capabilities": {"transfers": "inactive"}}),
        )
        .await;
    stripe
        .refused("/v1/transfers", &form, 400, "insufficient_capabilities_for_transfer")
        .await;
    let nobody = "amount=1&currency=eur&destination=acct_nobody";
    stripe.refused("/v1/transfers", nobody, 400, "resource_missing").await;
}

#[tokio::test]
async fn payouts_are_paid_and_may_still_come_back() {
    let stripe = Stripe::start().await;
    let account = stripe.account().await;
    stripe
        .control("balance", json!({"amount": 900, "currency": "eur", "account": account}))
        .await;
    let headers = [("stripe-account", account.as_str())];
    let reply = stripe
        .call("POST", "/v1/payouts", "amount=900&currency=eur", &headers)
        .await
        .expect("an answer");
    let payout = id(&reply.json());
    assert_eq!(
        stripe
            .call("GET", &format!("/v1/payouts/{payout}"), "", &[])
            .await
            .expect("an answer")
            .status,
        404
    );
    let object = format!("/_control/objects/{payout}");
    stripe.until(&object, |body| body["object"]["status"] == "paid").await;
    stripe
        .control(&format!("payouts/{payout}/fail"), json!({"code": "account_closed"}))
        .await;
    let balance = stripe
        .call("GET", "/v1/balance", "", &headers)
        .await
        .expect("an answer")
        .json();
    assert_eq!(balance["available"][0]["amount"], 900);
    let events = stripe
        .call("GET", "/v1/events?types[]=payout.*", "", &headers)
        .await
        .expect("an answer")
        .json();
    let types: Vec<&Value> = events["data"]
        .as_array()
        .expect("data")
        .iter()
        .map(|event| &event["type"])
        .collect();
    assert_eq!(
        types,
        [
            "payout.failed",
            "payout.updated",
            "payout.paid",
            "payout.updated",
            "payout.created"
        ]
    );
}

#[tokio::test]
async fn a_negative_account_is_zeroed_out_of_the_platform() {
    let stripe = Stripe::start().await;
    let account = stripe.account().await;
    stripe
        .control(
            "balance",
            json!({"amount": -700, "currency": "eur", "account": account}),
        )
        .await;
    let zeroed = stripe.control(&format!("accounts/{account}/zero"), json!({})).await;
    assert_eq!(zeroed["collected"][0]["amount"], 700);
    assert_eq!(stripe.available().await, -700);
    assert_balanced(&stripe).await;
}
