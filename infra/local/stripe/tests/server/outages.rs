//! Keys, idempotency and outages: unknown outcomes a caller has to resolve by itself.

use std::time::Duration;

use serde_json::json;

use crate::support::{Reply, Stripe};

async fn transfers(stripe: &Stripe) -> usize {
    stripe.get("/v1/transfers").await["data"]
        .as_array()
        .expect("data")
        .len()
}

async fn with_money() -> (Stripe, String) {
    let stripe = Stripe::start().await;
    let account = stripe.account().await;
    stripe
        .control("balance", json!({"amount": 100_000, "currency": "eur"}))
        .await;
    let form = format!("amount=5000&currency=eur&destination={account}&transfer_group=pay_1");
    (stripe, form)
}

async fn keyed(stripe: &Stripe, form: &str, key: &str) -> Result<Reply, String> {
    stripe
        .call("POST", "/v1/transfers", form, &[("idempotency-key", key)])
        .await
}

#[tokio::test]
async fn keys_are_checked_in_stripes_words() {
    let stripe = Stripe::start().await;
    let none = stripe
        .call("GET", "/v1/balance", "", &[("authorization", "")])
        .await
        .expect("an answer");
    assert_eq!(none.status, 401);
    let wrong = stripe
        .call("GET", "/v1/balance", "", &[("authorization", "Bearer sk_test_wrong")])
        .await;
    assert_eq!(
        wrong.expect("an answer").json()["error"]["message"],
        "Invalid API Key provided: sk_test_*********rong"
    );
    let basic = stripe
        .call(
            "GET",
            "/v1/balance",
            "",
            &[("authorization", "Basic c2tfdGVzdF9zdGFuZGluX2xvY2FsOg==")],
        )
        .await;
    assert_eq!(basic.expect("an answer").status, 200);
    let stranger = stripe
        .call("GET", "/v1/balance", "", &[("stripe-account", "acct_x")])
        .await
        .expect("an answer");
    assert_eq!(
        (stranger.status, stranger.error_code().as_str()),
        (403, "account_invalid")
    );
    let version = stripe
        .call("GET", "/v1/balance", "", &[("stripe-version", "2025-01-01.old")])
        .await
        .expect("an answer");
    assert_eq!(version.header("stripe-version"), Some("2025-01-01.old"));
    assert!(version.header("request-id").is_some_and(|id| id.starts_with("req_")));
}

#[tokio::test]
async fn a_key_replays_its_first_result_and_nothing_else() {
    let (stripe, form) = with_money().await;
    let first = keyed(&stripe, &form, "k").await.expect("an answer");
    let again = keyed(&stripe, &form, "k").await.expect("an answer");
    assert_eq!((again.status, &again.text), (200, &first.text));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("original-request"), first.header("request-id"));
    let turned: Vec<&str> = form.split('&').rev().collect();
    let turned = keyed(&stripe, &turned.join("&"), "k").await.expect("an answer");
    assert_eq!(turned.header("idempotent-replayed"), Some("true"));
    let other = keyed(&stripe, &form.replace("5000", "5001"), "k")
        .await
        .expect("an answer");
    assert_eq!(
        (other.status, &other.json()["error"]["type"]),
        (400, &json!("idempotency_error"))
    );
    let elsewhere = stripe
        .call("POST", "/v1/customers", "", &[("idempotency-key", "k")])
        .await
        .expect("an answer");
    assert_eq!(elsewhere.json()["error"]["type"], "idempotency_error");
    assert_eq!(transfers(&stripe).await, 1);
}

#[tokio::test]
async fn refusals_are_kept_but_invalid_parameters_are_not() {
    let (stripe, form) = with_money().await;
    let invalid = keyed(&stripe, &form.replace("5000", "many"), "k")
        .await
        .expect("an answer");
    assert_eq!(invalid.error_code(), "parameter_invalid_integer");
    assert_eq!(keyed(&stripe, &form, "k").await.expect("an answer").status, 200);

    stripe.control("balance", json!({"amount": 0, "currency": "eur"})).await;
    assert_eq!(
        keyed(&stripe, &form, "poor").await.expect("an answer").error_code(),
        "balance_insufficient"
    );
    stripe
        .control("balance", json!({"amount": 100_000, "currency": "eur"}))
        .await;
    let kept = keyed(&stripe, &form, "poor").await.expect("an answer");
    assert_eq!(
        (kept.error_code().as_str(), kept.header("idempotent-replayed")),
        ("balance_insufficient", Some("true"))
    );
    assert_eq!(transfers(&stripe).await, 1);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_or_when_pruned() {
    let (stripe, form) = with_money().await;
    keyed(&stripe, &form, "k").await.expect("an answer");
    stripe.control("clock/advance", json!({"hours": 25})).await;
    assert_eq!(
        keyed(&stripe, &form, "k")
            .await
            .expect("an answer")
            .header("idempotent-replayed"),
        None
    );
    stripe.control("idempotency_keys/prune", json!({"key": "k"})).await;
    assert_eq!(
        keyed(&stripe, &form, "k")
            .await
            .expect("an answer")
            .header("idempotent-replayed"),
        None
    );
    assert_eq!(transfers(&stripe).await, 3);
}

#[tokio::test]
async fn a_second_request_meanwhile_is_a_conflict() {
    let (stripe, form) = with_money().await;
    let slow = json!({"how": "slow", "delay_ms": 400, "requests": 1, "path": "/v1/transfers"});
    stripe.control("outages", slow).await;
    let second = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        keyed(&stripe, &form, "k").await.expect("an answer")
    };
    let (first, second) = tokio::join!(keyed(&stripe, &form, "k"), second);
    assert_eq!(first.expect("an answer").status, 200);
    assert_eq!(
        (second.status, second.error_code().as_str()),
        (409, "idempotency_key_in_use")
    );
    assert_eq!(transfers(&stripe).await, 1);
}

#[tokio::test]
async fn an_outage_before_does_nothing_and_the_key_stays_free() {
    let (stripe, form) = with_money().await;
    for outage in [
        json!({"status": 500}),
        json!({"status": 503}),
        json!({"how": "close"}),
        json!({"how": "timeout", "delay_ms": 50}),
    ] {
        let mut outage = outage;
        outage["requests"] = json!(1);
        stripe.control("outages", outage.clone()).await;
        let lost = keyed(&stripe, &form, "k").await;
        assert!(
            lost.as_ref().map_or(true, |reply| reply.status >= 500),
            "{outage}: {lost:?}"
        );
        assert_eq!(transfers(&stripe).await, 0);
    }
    assert_eq!(keyed(&stripe, &form, "k").await.expect("an answer").status, 200);
}

#[tokio::test]
async fn an_outage_after_has_done_it_and_the_key_tells() {
    let (stripe, form) = with_money().await;
    for (count, how) in ["status", "close", "timeout"].into_iter().enumerate() {
        let outage = json!({"how": how, "when": "after", "delay_ms": 50, "requests": 1, "method": "POST"});
        stripe.control("outages", outage).await;
        let lost = keyed(&stripe, &form, how).await;
        assert!(
            lost.as_ref().map_or(true, |reply| reply.status == 500),
            "{how}: {lost:?}"
        );
        assert_eq!(transfers(&stripe).await, count + 1);
        let again = keyed(&stripe, &form, how).await.expect("an answer");
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    }
}

#[tokio::test]
async fn a_remembered_500_is_replayed_though_the_transfer_exists() {
    let (stripe, form) = with_money().await;
    stripe
        .control(
            "outages",
            json!({"when": "after", "remember": true, "requests": 1, "method": "POST"}),
        )
        .await;
    for _ in 0..2 {
        assert_eq!(keyed(&stripe, &form, "k").await.expect("an answer").status, 500);
    }
    assert_eq!(
        stripe.get("/v1/transfers?transfer_group=pay_1").await["data"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_stop_what_it_asked_for() {
    let (stripe, form) = with_money().await;
    stripe
        .control(
            "outages",
            json!({"how": "slow", "delay_ms": 150, "requests": 1, "method": "POST"}),
        )
        .await;
    let gave_up = tokio::time::timeout(Duration::from_millis(40), keyed(&stripe, &form, "k")).await;
    assert!(gave_up.is_err());
    stripe
        .until("/v1/transfers", |list| {
            list["data"].as_array().is_some_and(|data| data.len() == 1)
        })
        .await;
    let again = keyed(&stripe, &form, "k").await.expect("an answer");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
}

#[tokio::test]
async fn requests_are_counted_by_endpoint_and_by_path() {
    let (stripe, form) = with_money().await;
    let reply = stripe
        .call("DELETE", "/_control/requests", "", &[])
        .await
        .expect("an answer");
    assert_eq!(reply.status, 200);
    keyed(&stripe, &form, "k").await.expect("an answer");
    keyed(&stripe, &form, "k").await.expect("an answer");
    let log = stripe.observe("requests?method=POST&path=/v1/transfers").await;
    assert_eq!(
        (&log["by_endpoint"]["POST /v1/transfers"], &log["matching"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(log["requests"][1]["replayed"], true);
    assert_eq!(log["requests"][1]["idempotency_key"], "k");
}

#[tokio::test]
async fn lists_page_both_ways() {
    let stripe = Stripe::start().await;
    for number in 0..5 {
        stripe.post("/v1/customers", &format!("name=c{number}")).await;
    }
    let all = stripe.get("/v1/customers").await;
    let ids: Vec<&str> = all["data"]
        .as_array()
        .expect("data")
        .iter()
        .filter_map(|each| each["id"].as_str())
        .collect();
    assert_eq!(
        (ids.len(), &all["has_more"], &all["url"]),
        (5, &json!(false), &json!("/v1/customers"))
    );
    let next = stripe
        .get(&format!("/v1/customers?limit=2&starting_after={}", ids[1]))
        .await;
    assert_eq!(
        (&next["data"][0]["id"], &next["has_more"]),
        (&json!(ids[2]), &json!(true))
    );
    let before = stripe
        .get(&format!("/v1/customers?limit=2&ending_before={}", ids[3]))
        .await;
    assert_eq!(
        (&before["data"][0]["id"], &before["has_more"]),
        (&json!(ids[1]), &json!(true))
    );
    for bad in ["limit=0", "limit=101", "starting_after=cus_x", "expand[]=data.nothing"] {
        let reply = stripe
            .call("GET", &format!("/v1/customers?{bad}"), "", &[])
            .await
            .expect("an answer");
        assert!(matches!(reply.status, 400 | 404), "{bad}: {}", reply.text);
    }
    let unknown = stripe.call("GET", "/v1/quotes", "", &[]).await.expect("an answer");
    assert_eq!(
        (unknown.status, &unknown.json()["error"]["type"]),
        (404, &json!("invalid_request_error"))
    );
}
