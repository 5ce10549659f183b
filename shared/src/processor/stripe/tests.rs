use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::objects::{BankPayoutStatus, CapabilityStatus, ChargeStatus, Expandable, PaymentStatus, SessionStatus};
use super::requests::CheckoutLine;
use super::*;
use crate::money::{Currency, Money};
use crate::testing::ScriptedServer;

fn refused_body(kind: &str, code: Option<&str>) -> Value {
    json!({"error": {"type": kind, "code": code, "message": "No."}})
}

fn session_request() -> CreateCheckoutSession {
    CreateCheckoutSession {
        lines: vec![
            CheckoutLine {
                name: "Warm & wide".into(),
                unit_price: Money::new(1_299, Currency::EUR),
                quantity: 1,
            },
            CheckoutLine {
                name: "Drums".into(),
                unit_price: Money::new(500, Currency::EUR),
                quantity: 2,
            },
        ],
        client_reference_id: "ord_1".into(),
        customer_email: None,
        success_url: "https://souk.example/done".into(),
        cancel_url: "https://souk.example/cart".into(),
        expires_at: None,
        metadata: BTreeMap::from([("order".into(), "ord_1".into())]),
    }
}

fn session() -> Value {
    json!({
        "id": "cs_1", "object": "checkout.session", "url": "https://pay.example/cs_1", "status": "open", "payment_status": "unpaid",
        "amount_total": 2_299, "currency": "eur", "client_reference_id": "ord_1", "payment_intent": null, "livemode": false,
        "created": 1, "expires_at": 2, "metadata": {"order": "ord_1"}, "something_new": [1, 2],
    })
}

#[tokio::test]
async fn a_post_carries_its_key_the_version_and_nested_fields() {
    let server = ScriptedServer::start().await;
    let made = server
        .answers(200, session())
        .stripe()
        .create_checkout_session(&session_request(), "key-1")
        .await
        .expect("a session");
    assert_eq!(
        (made.status, made.payment_status),
        (Some(SessionStatus::Open), PaymentStatus::Unpaid)
    );

    let asked = &server.take_asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("POST", "/v1/checkout/sessions")
    );
    assert_eq!(asked.header("idempotency-key"), Some("key-1"));
    assert_eq!(asked.header("stripe-version"), Some(API_VERSION));
    assert_eq!(asked.header("authorization"), Some("Bearer sk_test_123"));
    let form: BTreeMap<_, _> = asked.form().into_iter().collect();
    for (name, value) in [
        ("mode", "payment"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][unit_amount]", "1299"),
        ("line_items[0][price_data][product_data][name]", "Warm & wide"),
        ("line_items[1][quantity]", "2"),
        ("metadata[order]", "ord_1"),
        ("payment_intent_data[metadata][order]", "ord_1"),
        ("client_reference_id", "ord_1"),
    ] {
        assert_eq!(form.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!form.contains_key("customer_email"), "what is not known is not sent");
}

#[tokio::test]
async fn accounts_links_and_transfers_are_asked_for_as_specified() {
    let server = ScriptedServer::start().await;
    let stripe = server.stripe();
    let account = json!({"id": "acct_1", "object": "account", "payouts_enabled": true, "capabilities": {"transfers": "active"}, "metadata": {}});
    server.answers(200, account).answers(
        200,
        json!({"object": "account_link", "created": 1, "expires_at": 2, "url": "https://connect.example"}),
    );
    let transfer = json!({"id": "tr_1", "object": "transfer", "amount": 700, "amount_reversed": 0, "reversed": false, "currency": "eur",
        "destination": "acct_1", "transfer_group": "pay_1", "livemode": false, "created": 1, "metadata": {}});
    server
        .answers(200, transfer.clone())
        .answers(200, json!({"object": "list", "data": [transfer], "has_more": false}));

    let request = CreateAccount {
        country: "DE".into(),
        email: Some("a@example.com".into()),
        metadata: BTreeMap::new(),
    };
    assert!(
        stripe
            .create_account(&request, "k1")
            .await
            .expect("an account")
            .can_be_paid()
    );
    let request = CreateAccountLink {
        account: "acct_1".into(),
        refresh_url: "https://r".into(),
        return_url: "https://t".into(),
    };
    assert_eq!(
        stripe.create_account_link(&request, "k2").await.expect("a link").url,
        "https://connect.example"
    );
    let request = CreateTransfer {
        amount: Money::new(700, Currency::EUR),
        destination: "acct_1".into(),
        transfer_group: "pay_1".into(),
        metadata: BTreeMap::new(),
    };
    let made = stripe.create_transfer(&request, "k3").await.expect("a transfer");
    assert_eq!(made.destination.as_ref().map(Expandable::id), Some("acct_1"));
    assert_eq!(stripe.transfers_of("pay_1").await.expect("a list").data, [made]);

    let asked = server.take_asked();
    let bodies: Vec<_> = asked.iter().map(|request| request.body.as_str()).collect();
    assert!(bodies[0].contains("controller%5Bstripe_dashboard%5D%5Btype%5D=express"));
    assert!(bodies[0].contains("capabilities%5Btransfers%5D%5Brequested%5D=true"));
    assert!(bodies[1].contains("type=account_onboarding"));
    assert_eq!(
        bodies[2],
        "amount=700&currency=eur&destination=acct_1&transfer_group=pay_1"
    );
    assert_eq!(asked[3].path, "/v1/transfers?transfer_group=pay_1&limit=100");
    assert_eq!(asked[3].header("idempotency-key"), None);
}

#[tokio::test]
async fn what_was_expanded_is_read_through() {
    let server = ScriptedServer::start().await;
    let balance_transaction = json!({"id": "txn_1", "amount": 2_299, "fee": 97, "net": 2_202, "currency": "eur", "type": "charge",
        "status": "pending", "available_on": 9, "created": 1, "source": "ch_1"});
    let charge = json!({"id": "ch_1", "amount": 2_299, "amount_captured": 2_299, "amount_refunded": 0, "currency": "eur", "status": "succeeded",
        "paid": true, "captured": true, "balance_transaction": balance_transaction, "payment_intent": "pi_1", "livemode": false, "created": 1, "metadata": {}});
    let mut paid = session();
    paid["payment_status"] = json!("paid");
    paid["metadata"] = Value::Null;
    paid["payment_intent"] = json!({"id": "pi_1", "status": "succeeded", "livemode": false, "latest_charge": charge});
    server.answers(200, paid);

    let session = server.stripe().checkout_session("cs_1").await.expect("a session");
    let charge = session.charge().expect("expanded");
    assert_eq!(charge.status, ChargeStatus::Succeeded);
    assert_eq!(
        charge
            .balance_transaction
            .as_ref()
            .and_then(Expandable::object)
            .map(|found| (found.fee, found.net)),
        Some((97, 2_202))
    );
    assert_eq!(
        server.take_asked()[0].path,
        "/v1/checkout/sessions/cs_1?expand%5B0%5D=payment_intent.latest_charge.balance_transaction"
    );
}

#[tokio::test]
async fn what_is_a_partners_is_asked_for_in_its_account() {
    let server = ScriptedServer::start().await;
    let payout =
        json!({"id": "po_1", "object": "payout", "status": "failed", "failure_code": "account_closed", "created": 1});
    server.answers(200, payout).answers(
        200,
        json!({"data": [{"id": "trr_1", "amount": 5, "currency": "eur", "created": 2}], "has_more": false}),
    );
    let stripe = server.stripe();
    let payout = stripe.bank_payout("acct_1", "po_1").await.expect("a payout");
    assert_eq!(
        (payout.status, payout.failure_code.as_deref()),
        (BankPayoutStatus::Failed, Some("account_closed"))
    );
    let reversals = stripe.transfer_reversals("tr_1", &ListPage::default()).await;
    assert_eq!(reversals.expect("a list").data[0].amount, 5);
    let asked = server.take_asked();
    assert_eq!(
        (asked[0].path.as_str(), asked[0].header("stripe-account")),
        ("/v1/payouts/po_1", Some("acct_1"))
    );
    assert_eq!(
        (asked[1].path.as_str(), asked[1].header("stripe-account")),
        ("/v1/transfers/tr_1/reversals?limit=100", None)
    );
}

#[tokio::test]
async fn an_id_cannot_leave_its_place_in_the_path() {
    let server = ScriptedServer::start().await;
    let _ = server
        .answers(404, refused_body("invalid_request_error", Some("resource_missing")))
        .stripe()
        .charge("../transfers?x=1#")
        .await;
    assert_eq!(
        server.take_asked()[0].path,
        "/v1/charges/..%2Ftransfers%3Fx=1%23?expand%5B0%5D=balance_transaction"
    );
}

#[tokio::test]
async fn values_that_are_not_known_have_a_place() {
    let account: Account = serde_json::from_value(
        json!({"id": "acct_1", "capabilities": {"transfers": "thinking"}, "payouts_enabled": true}),
    )
    .expect("an account");
    assert_eq!(
        account
            .capabilities
            .as_ref()
            .and_then(|capabilities| capabilities.transfers),
        Some(CapabilityStatus::Other)
    );
    assert!(!account.can_be_paid());
    let mut odd = session();
    odd["payment_status"] = json!("half_paid");
    assert_eq!(
        serde_json::from_value::<CheckoutSession>(odd)
            .expect("a session")
            .payment_status,
        PaymentStatus::Other
    );
}

#[tokio::test]
async fn every_error_says_whether_the_outcome_is_known() {
    let server = ScriptedServer::start().await;
    let stripe = server.stripe();
    let mut seen = Vec::new();
    for (status, body) in [
        (400, refused_body("invalid_request_error", Some("balance_insufficient"))),
        (402, refused_body("card_error", Some("card_declined"))),
        (404, refused_body("invalid_request_error", None)),
        (400, refused_body("idempotency_error", None)),
        (401, refused_body("invalid_request_error", None)),
        (403, refused_body("invalid_request_error", None)),
        (403, refused_body("invalid_request_error", Some("account_invalid"))),
        (409, refused_body("idempotency_error", Some("idempotency_key_in_use"))),
        (429, refused_body("invalid_request_error", Some("rate_limit"))),
        (500, refused_body("api_error", None)),
        (404, json!("from some proxy")),
        (200, json!({"id": "cs_1"})),
        (302, json!({})),
        (0, Value::Null),
    ] {
        server.answers(status, body);
        seen.push(
            match stripe
                .create_checkout_session(&session_request(), "k")
                .await
                .expect_err("an error")
            {
                ProcessorError::Refused { status, code, .. } => format!("refused {status} {code}"),
                ProcessorError::RateLimited => "rate limited".into(),
                ProcessorError::Conflict => "conflict".into(),
                ProcessorError::KeyReused { .. } => "key reused".into(),
                ProcessorError::Unknown(_) => "unknown".into(),
                ProcessorError::Unauthorised(_) => "unauthorised".into(),
            },
        );
    }
    let expected = [
        "refused 400 balance_insufficient",
        "refused 402 card_declined",
        "refused 404 invalid_request_error",
        "key reused",
        "unauthorised",
        "unauthorised",
        "refused 403 account_invalid",
        "conflict",
        "rate limited",
        "unknown",
        "unknown",
        "unknown",
        "unknown",
        "unknown",
    ];
    assert_eq!(seen, expected);

    let nobody: Url = "http://127.0.0.1:1".parse().expect("a URL");
    let error = StripeClient::new(nobody, StripeSecretSource::fixed("sk", &["wh"]))
        .account("acct_1")
        .await
        .expect_err("nobody there");
    assert!(error.is_outcome_unknown());
}
