use jiff::Timestamp;
use serde_json::{Value, json};

use super::objects::{BatchStatus, CaptureStatus, ItemStatus, OrderStatus, RefundStatus, TransactionStatus};
use super::requests::{EventsPage, OrderLine, Receiver, TransactionsPage};
use super::*;
use crate::money::{Currency, Money};
use crate::testing::ScriptedServer;

fn eur(minor: i64) -> Amount {
    Money::new(minor, Currency::EUR)
        .try_into()
        .expect("PayPal takes euros and cents")
}

fn granted(token: &str, expires_in: u64) -> Value {
    json!({"access_token": token, "token_type": "Bearer", "expires_in": expires_in})
}

/// A server that has given a token, which is not in its list of questions any more.
async fn signed_in() -> (ScriptedServer, PayPalClient) {
    let server = ScriptedServer::start().await;
    let paypal = server
        .answers(200, granted("A21", 32_400))
        .answers(404, refused_body("RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID"))
        .paypal();
    paypal.order("unknown").await.expect_err("there is no such order");
    server.take_asked();
    (server, paypal)
}

fn refused_body(name: &str, issue: &str) -> Value {
    json!({"name": name, "message": "No.", "debug_id": "b1", "details": [{"issue": issue, "description": "Not so."}], "links": []})
}

fn order_request() -> CreateOrder {
    let line = |name: &str, minor, quantity| OrderLine {
        name: name.into(),
        unit_price: eur(minor),
        quantity,
    };
    CreateOrder {
        order: "ord_1".into(),
        lines: vec![line("Warm & wide", 1_299, 1), line(&"é".repeat(200), 500, 2)],
        total: eur(2_299),
        return_url: "https://souk.example/done".into(),
        cancel_url: "https://souk.example/cart".into(),
    }
}

fn capture() -> Value {
    json!({
        "id": "3C6", "status": "COMPLETED", "amount": {"currency_code": "EUR", "value": "22.99"}, "final_capture": true,
        "custom_id": "ord_1", "create_time": "2026-11-22T09:00:00Z", "seller_receivable_breakdown": {
            "gross_amount": {"currency_code": "EUR", "value": "22.99"}, "paypal_fee": {"currency_code": "EUR", "value": "0.92"},
            "net_amount": {"currency_code": "EUR", "value": "22.07"}},
    })
}

fn refund() -> Value {
    json!({
        "id": "1JU", "status": "COMPLETED", "amount": {"currency_code": "EUR", "value": "5.00"}, "custom_id": "rfd_1",
        "seller_payable_breakdown": {"gross_amount": {"currency_code": "EUR", "value": "5.00"},
            "net_amount": {"currency_code": "EUR", "value": "5.00"}},
    })
}

fn batch(status: &str, items: &Value) -> Value {
    json!({"batch_header": {"payout_batch_id": "FYX", "batch_status": status, "sender_batch_header": {"sender_batch_id": "pay_1"}},
        "items": items})
}

fn item(status: &str) -> Value {
    json!({"payout_item_id": "8AE", "payout_batch_id": "FYX", "transaction_status": status,
        "payout_item_fee": {"currency": "EUR", "value": "0.25"},
        "payout_item": {"recipient_type": "EMAIL", "amount": {"currency": "EUR", "value": "7.00"}, "receiver": "p@example.com",
            "sender_item_id": "pay_1"},
        "errors": {"name": "RECEIVER_UNREGISTERED", "message": "Receiver is unregistered"}})
}

fn payout_request() -> CreatePayout {
    CreatePayout {
        payout: "pay_1".into(),
        item: "ptn_1.pay_1".into(),
        receiver: Receiver::Email("p@example.com".into()),
        amount: eur(700),
        note: "Souk pays you".into(),
    }
}

#[tokio::test]
async fn an_order_is_asked_for_as_specified_under_its_id() {
    let (server, paypal) = signed_in().await;
    server.answers(
        200,
        json!({"id": "5O1", "status": "PAYER_ACTION_REQUIRED", "something_new": 1, "links": [
            {"href": "https://api/self", "rel": "self", "method": "GET"},
            {"href": "https://pay.example/5O1", "rel": "payer-action", "method": "GET"}]}),
    );
    let order = paypal.create_order(&order_request(), "key-1").await.expect("an order");
    assert_eq!(order.status, OrderStatus::PayerActionRequired);
    assert_eq!(order.approval_url(), Some("https://pay.example/5O1"));
    assert_eq!(order.capture(), None);

    let asked = &server.take_asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("POST", "/v2/checkout/orders")
    );
    assert_eq!(asked.header("paypal-request-id"), Some("key-1"));
    assert_eq!(asked.header("authorization"), Some("Bearer A21"));
    assert_eq!(asked.header("prefer"), Some("return=representation"));
    let euros = |value: &str| json!({"currency_code": "EUR", "value": value});
    let mut total = euros("22.99");
    total["breakdown"] = json!({"item_total": euros("22.99")});
    assert_eq!(
        serde_json::from_str::<Value>(&asked.body).expect("JSON"),
        json!({
            "intent": "CAPTURE",
            "purchase_units": [{"custom_id": "ord_1", "invoice_id": "ord_1", "amount": total, "items": [
                {"name": "Warm & wide", "unit_amount": euros("12.99"), "quantity": "1", "category": "DIGITAL_GOODS"},
                {"name": "é".repeat(127), "unit_amount": euros("5.00"), "quantity": "2", "category": "DIGITAL_GOODS"},
            ]}],
            "payment_source": {"paypal": {"experience_context": {
                "return_url": "https://souk.example/done", "cancel_url": "https://souk.example/cart",
                "user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING",
            }}},
        })
    );
}

#[tokio::test]
async fn what_was_captured_and_refunded_is_read_through() {
    let (server, paypal) = signed_in().await;
    let mut order = json!({"id": "5O1", "status": "COMPLETED", "purchase_units": [{
        "amount": {"currency_code": "EUR", "value": "22.99"}, "custom_id": "ord_1",
        "payments": {"captures": [capture()]}}]});
    server.answers(201, order.clone());
    let captured = paypal.capture_order("5O1", "key-2").await.expect("a capture");
    assert_eq!(captured.custom_id(), Some("ord_1"));
    let found = captured.capture().expect("captured");
    assert_eq!(
        (found.status, found.amount, found.fee()),
        (CaptureStatus::Completed, eur(2_299), Some(eur(92)))
    );

    order["purchase_units"][0]["payments"]["refunds"] = json!([refund()]);
    server
        .answers(200, order)
        .answers(200, capture())
        .answers(200, refund());
    let order = paypal.order("5O1").await.expect("an order");
    assert_eq!(order.refund("rfd_1").map(|refund| refund.id.as_str()), Some("1JU"));
    assert_eq!(order.refund("rfd_2"), None);
    assert_eq!(Some(&paypal.capture("3C6").await.expect("a capture")), order.capture());
    assert_eq!(
        Some(&paypal.refund("1JU").await.expect("a refund")),
        order.refund("rfd_1")
    );

    let asked = server.take_asked();
    let paths: Vec<_> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/v2/checkout/orders/5O1/capture",
            "/v2/checkout/orders/5O1",
            "/v2/payments/captures/3C6",
            "/v2/payments/refunds/1JU"
        ]
    );
    assert_eq!(
        (asked[0].body.as_str(), asked[0].header("paypal-request-id")),
        ("{}", Some("key-2"))
    );
    assert_eq!(asked[1].header("paypal-request-id"), None);
}

#[tokio::test]
async fn refunds_are_full_or_of_an_amount() {
    let (server, paypal) = signed_in().await;
    server.answers(201, refund()).answers(201, refund());
    let mut request = RefundCapture {
        refund: "rfd_1".into(),
        amount: Some(eur(500)),
    };
    let made = paypal.refund_capture("3C6", &request, "k").await.expect("a refund");
    assert_eq!((made.status, made.amount), (RefundStatus::Completed, Some(eur(500))));
    request.amount = None;
    paypal.refund_capture("3C6", &request, "k").await.expect("a refund");

    let asked = server.take_asked();
    assert_eq!(asked[0].path, "/v2/payments/captures/3C6/refund");
    let bodies: Vec<Value> = asked
        .iter()
        .map(|asked| serde_json::from_str(&asked.body).expect("JSON"))
        .collect();
    let all_that_is_left = json!({"custom_id": "rfd_1", "invoice_id": "rfd_1"});
    let mut partly = all_that_is_left.clone();
    partly["amount"] = json!({"currency_code": "EUR", "value": "5.00"});
    assert_eq!(bodies, [partly, all_that_is_left]);
}

#[tokio::test]
async fn a_payout_is_a_batch_of_one_item() {
    let (server, paypal) = signed_in().await;
    let mut unpaid = batch("PENDING", &Value::Null);
    unpaid.as_object_mut().expect("an object").remove("items");
    server
        .answers(201, unpaid)
        .answers(200, batch("SUCCESS", &json!([item("UNCLAIMED")])))
        .answers(200, item("RETURNED"));
    let made = paypal.create_payout(&payout_request(), "k").await.expect("a batch");
    assert_eq!(
        (made.batch_header.batch_status, made.item()),
        (BatchStatus::Pending, None)
    );
    let found = paypal.payout("FYX").await.expect("a batch");
    let unclaimed = found.item().expect("an item");
    assert_eq!(unclaimed.payout_item.amount, eur(700));
    assert_eq!(unclaimed.transaction_status, Some(ItemStatus::Unclaimed));
    assert!(!ItemStatus::Unclaimed.is_undone(), "the money may still be claimed");
    let returned = paypal.payout_item("8AE").await.expect("an item");
    assert!(returned.transaction_status.is_some_and(ItemStatus::is_undone));

    let asked = server.take_asked();
    assert_eq!(asked[0].header("paypal-request-id"), Some("k"));
    assert_eq!(
        (asked[1].path.as_str(), asked[2].path.as_str()),
        ("/v1/payments/payouts/FYX", "/v1/payments/payouts-item/8AE")
    );
    let body: Value = serde_json::from_str(&asked[0].body).expect("JSON");
    assert_eq!(body["sender_batch_header"]["sender_batch_id"], "pay_1");
    assert_eq!(
        body["items"],
        json!([{"recipient_type": "EMAIL", "receiver": "p@example.com", "sender_item_id": "ptn_1.pay_1", "note": "Souk pays you",
            "amount": {"currency": "EUR", "value": "7.00"}}])
    );
}

#[tokio::test]
async fn scenario_45_a_duplicate_batch_is_adopted() {
    let (server, paypal) = signed_in().await;
    // As PayPal's sandbox answers it.
    let duplicate = json!({"name": "USER_BUSINESS_ERROR", "message": "User business error.", "debug_id": "f0", "details": [{
        "field": "SENDER_BATCH_ID", "location": "body", "issue": "Batch with given sender_batch_id already exists",
        "link": [{"href": "https://api.sandbox.paypal.com/v1/payments/payouts/FYX", "rel": "self", "method": "GET"}]}]});
    server
        .answers(400, duplicate.clone())
        .answers(200, batch("SUCCESS", &json!([item("SUCCESS")])));
    let adopted = paypal
        .create_payout(&payout_request(), "k2")
        .await
        .expect("the first batch");
    assert_eq!(adopted.batch_header.payout_batch_id, "FYX");
    assert_eq!(
        adopted.batch_header.sender_batch_header.sender_batch_id.as_deref(),
        Some("pay_1")
    );
    let asked = server.take_asked();
    assert_eq!(
        (asked[1].method.as_str(), asked[1].path.as_str()),
        ("GET", "/v1/payments/payouts/FYX")
    );
    // A batch that is there and is not named is no proof that nothing was paid.
    let mut unnamed = duplicate;
    unnamed["details"][0]["link"] = json!([]);
    server.answers(400, unnamed);
    let outcome = paypal.create_payout(&payout_request(), "k3").await;
    assert!(matches!(outcome, Err(ProcessorError::KeyReused { .. })), "{outcome:?}");
}

#[tokio::test]
async fn events_are_listed_page_by_page() {
    let (server, paypal) = signed_in().await;
    let event = |id: &str| json!({"id": id, "event_type": "PAYMENT.CAPTURE.COMPLETED", "create_time": "2026-11-22T09:00:00.000Z", "resource": {"id": "3C6"}});
    let next = "https://elsewhere.example/v1/notifications/webhooks-events?page_size=100&next_page_token=a%2Bb";
    server
        .answers(
            200,
            json!({"events": [event("WH-1")], "count": 2, "links": [{"rel": "next", "href": next, "method": "GET"}]}),
        )
        .answers(200, json!({"events": [event("WH-2")], "count": 2, "links": []}));
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    let page = EventsPage::first(at("2026-11-21T09:00:00.5Z"), at("2026-11-22T09:00:00Z"));
    let first = paypal.events(&page).await.expect("a page");
    let page = first.next_page().expect("another page");
    let second = paypal.events(&page).await.expect("a page");
    assert_eq!(
        (
            first.events[0].id(|event| &event.id),
            second.events[0].id(|event| &event.id)
        ),
        ("WH-1", "WH-2")
    );
    assert_eq!(second.next_page(), None);
    let asked: Vec<_> = server.take_asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(
        asked,
        [
            "/v1/notifications/webhooks-events?page_size=100&start_time=2026-11-21T09%3A00%3A00Z&end_time=2026-11-22T09%3A00%3A00Z",
            "/v1/notifications/webhooks-events?page_size=100&next_page_token=a%2Bb",
        ]
    );
}

#[tokio::test]
async fn movements_are_listed_page_by_page() {
    let (server, paypal) = signed_in().await;
    let page = |number: u32, id: &str| {
        json!({"page": number, "total_pages": 2, "total_items": 2, "transaction_details": [{"transaction_info": {
            "transaction_id": id, "paypal_reference_id": "1FX", "paypal_reference_id_type": "TXN", "transaction_event_code": "T0001",
            "transaction_initiation_date": "2026-09-23T12:11:56+0000", "transaction_updated_date": "2026-09-23T12:11:56+0000",
            "transaction_amount": {"currency_code": "EUR", "value": "-7.00"}, "fee_amount": {"currency_code": "EUR", "value": "-0.25"},
            "transaction_status": "P", "custom_field": "probe-1", "protection_eligibility": "02"}}]})
    };
    server.answers(200, page(1, "108")).answers(200, page(2, "109"));
    let until: Timestamp = "2026-09-24T00:00:00Z".parse().expect("a time");
    let asked = TransactionsPage::first(until - jiff::SignedDuration::from_hours(24), until);
    let first = paypal.transactions(&asked).await.expect("a page");
    let asked = first.next_page(&asked).expect("another page");
    let second = paypal.transactions(&asked).await.expect("a page");
    assert_eq!(second.next_page(&asked), None);
    let found: Vec<_> = first.into_transactions().chain(second.into_transactions()).collect();
    let ids: Vec<_> = found.iter().map(|found| found.transaction_id.as_str()).collect();
    assert_eq!(ids, ["108", "109"]);
    assert_eq!(
        (found[0].transaction_amount, found[0].fee_amount),
        (eur(-700), Some(eur(-25)))
    );
    assert_eq!(found[0].transaction_initiation_date.to_string(), "2026-09-23T12:11:56Z");
    assert_eq!(found[0].transaction_status, TransactionStatus::Pending);
    assert_eq!(
        server.take_asked()[1].path,
        "/v1/reporting/transactions?start_date=2026-09-23T00%3A00%3A00Z&end_date=2026-09-24T00%3A00%3A00Z&fields=transaction_info&page_size=100&page=2"
    );
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_it_expires_or_is_refused() {
    let server = ScriptedServer::start().await;
    let paypal = server.paypal();
    server
        .answers(200, granted("short", 60))
        .answers(200, capture())
        .answers(200, granted("long", 3_600))
        .answers(200, capture())
        .answers(
            401,
            json!({"error": "invalid_token", "error_description": "Token signature verification failed"}),
        )
        .answers(200, granted("next", 3_600))
        .answers(200, capture());
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(paypal.capture("3C6").await.is_ok());
    }
    assert_eq!(outcomes, [true, true, false, true]);
    let asked = server.take_asked();
    let told: Vec<_> = asked.iter().filter_map(|asked| asked.header("authorization")).collect();
    let basic = "Basic Y2xpZW50OnNlY3JldA==";
    assert_eq!(
        told,
        [
            basic,
            "Bearer short",
            basic,
            "Bearer long",
            "Bearer long",
            basic,
            "Bearer next"
        ]
    );
    assert_eq!(
        (asked[0].path.as_str(), asked[0].body.as_str()),
        ("/v1/oauth2/token", "grant_type=client_credentials")
    );
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    let server = ScriptedServer::start().await;
    let paypal = server.paypal();
    server
        .answers(401, json!({"error": "invalid_client"}))
        .answers(429, json!({}))
        .answers(503, json!({}));
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(told(&paypal.capture_order("5O1", "k").await.expect_err("an error")));
    }
    assert_eq!(seen, ["unauthorised", "rate limited", "unknown"]);
    assert!(server.take_asked().iter().all(|asked| asked.path == "/v1/oauth2/token"));
}

#[tokio::test]
async fn an_id_cannot_leave_its_place_in_the_path() {
    let (server, paypal) = signed_in().await;
    let _ = paypal.order("../../v1/payments/payouts?x=1#").await;
    assert_eq!(
        server.take_asked()[0].path,
        "/v2/checkout/orders/..%2F..%2Fv1%2Fpayments%2Fpayouts%3Fx=1%23"
    );
}

#[test]
fn values_that_are_not_known_have_a_place() {
    let order: Order = serde_json::from_value(json!({"id": "5O1", "status": "HALF_PAID"})).expect("an order");
    assert_eq!(order.status, OrderStatus::Other);
    let mut odd = capture();
    odd["status"] = json!("IN_THE_MAIL");
    odd["seller_receivable_breakdown"] = Value::Null;
    let capture: Capture = serde_json::from_value(odd).expect("a capture");
    assert_eq!((capture.status, capture.fee()), (CaptureStatus::Other, None));
    assert!(!ItemStatus::Other.is_undone());
}

fn told(error: &ProcessorError) -> String {
    match error {
        ProcessorError::Refused { status, code, .. } => format!("refused {status} {code}"),
        ProcessorError::RateLimited => "rate limited".into(),
        ProcessorError::Conflict => "conflict".into(),
        ProcessorError::KeyReused { .. } => "key reused".into(),
        ProcessorError::Unknown(_) => "unknown".into(),
        ProcessorError::Unauthorised(_) => "unauthorised".into(),
    }
}

#[tokio::test]
async fn every_error_says_whether_the_outcome_is_known() {
    let (server, paypal) = signed_in().await;
    let mut seen = Vec::new();
    for (status, body) in [
        (422, refused_body("UNPROCESSABLE_ENTITY", "ORDER_NOT_APPROVED")),
        (400, refused_body("USER_BUSINESS_ERROR", "Receiver is missing")),
        (422, json!({"name": "INSUFFICIENT_FUNDS", "message": "No."})),
        (404, refused_body("RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")),
        (403, refused_body("NOT_AUTHORIZED", "PERMISSION_DENIED")),
        (409, refused_body("RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS")),
        (429, refused_body("RATE_LIMIT_REACHED", "")),
        (500, refused_body("INTERNAL_SERVER_ERROR", "")),
        (404, json!("from some proxy")),
        (200, json!({"status": "COMPLETED"})),
        (302, json!({})),
        (0, Value::Null),
    ] {
        server.answers(status, body);
        let error = paypal
            .create_payout(&payout_request(), "k")
            .await
            .expect_err("an error");
        seen.push(told(&error));
    }
    let expected = [
        "refused 422 ORDER_NOT_APPROVED",
        "refused 400 USER_BUSINESS_ERROR",
        "refused 422 INSUFFICIENT_FUNDS",
        "refused 404 INVALID_RESOURCE_ID",
        "unauthorised",
        "conflict",
        "rate limited",
        "unknown",
        "unknown",
        "unknown",
        "unknown",
        "unknown",
    ];
    assert_eq!(seen, expected);
}
