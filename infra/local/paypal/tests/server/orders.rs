//! Orders, captures and refunds.

use serde_json::json;
use shared::processor::ProcessorError;
use shared::processor::paypal::objects::{CaptureStatus, OrderStatus, RefundStatus};

use crate::support::{PayPal, eur, order_request, refund_request, refused};

#[tokio::test]
async fn an_order_is_approved_captured_and_read_again() {
    let paypal = PayPal::start().await;
    let order = paypal.order("ord_1").await;
    assert_eq!(order.status, OrderStatus::PayerActionRequired);
    let page = paypal.url(&format!("/checkoutnow?token={}", order.id));
    assert_eq!(order.approval_url(), Some(page.as_str()));
    let early = paypal.client.capture_order(&order.id, "c").await;
    assert_eq!(refused(early), "ORDER_NOT_APPROVED");

    paypal.approve(&order.id, "success").await;
    assert_eq!(
        paypal.client.order(&order.id).await.expect("an order").status,
        OrderStatus::Approved
    );
    let captured = paypal.client.capture_order(&order.id, "c").await.expect("a capture");
    assert_eq!(
        (captured.status, captured.custom_id()),
        (OrderStatus::Completed, Some("ord_1"))
    );
    let capture = captured.capture().expect("captured");
    assert_eq!((capture.status, capture.amount), (CaptureStatus::Completed, eur(2_299)));
    assert_eq!(capture.fee(), Some(eur(92)), "2.49 % and 0.35 EUR");
    assert_eq!(&paypal.client.capture(&capture.id).await.expect("a capture"), capture);
    assert_eq!(paypal.client.order(&order.id).await.expect("an order"), captured);
    assert_eq!(paypal.balance().await, "22.07");
    let again = paypal.client.capture_order(&order.id, "another").await;
    assert_eq!(refused(again), "ORDER_ALREADY_CAPTURED");
}

#[tokio::test]
async fn one_invoice_is_paid_once() {
    let paypal = PayPal::start().await;
    paypal.paid("ord_1").await;
    let second = paypal
        .client
        .create_order(&order_request("ord_1"), "other")
        .await
        .expect("an order");
    paypal.approve(&second.id, "success").await;
    let twice = paypal.client.capture_order(&second.id, "other").await;
    assert_eq!(refused(twice), "DUPLICATE_INVOICE_ID");
}

#[tokio::test]
async fn a_declined_instrument_leaves_the_order_to_be_approved_again() {
    let paypal = PayPal::start().await;
    let order = paypal.order("ord_1").await;
    paypal.approve(&order.id, "declined").await;
    let declined = paypal.client.capture_order(&order.id, "c").await;
    assert_eq!(refused(declined), "INSTRUMENT_DECLINED");
    paypal.approve(&order.id, "success").await;
    let captured = paypal.client.capture_order(&order.id, "c").await.expect("a capture");
    assert_eq!(captured.status, OrderStatus::Completed);
}

#[tokio::test]
async fn a_pending_capture_is_completed_or_denied_later() {
    let paypal = PayPal::start().await;
    for (outcome, becomes) in [
        ("pending", CaptureStatus::Completed),
        ("denied", CaptureStatus::Declined),
    ] {
        let order = paypal.order(outcome).await;
        paypal.approve(&order.id, outcome).await;
        let captured = paypal
            .client
            .capture_order(&order.id, outcome)
            .await
            .expect("a capture");
        let capture = captured.capture().expect("captured");
        assert_eq!((capture.status, capture.fee()), (CaptureStatus::Pending, None));
        let decided = paypal
            .until(async |client| {
                let now = client.capture(&capture.id).await.expect("a capture");
                (now.status != CaptureStatus::Pending).then_some(now)
            })
            .await;
        assert_eq!(
            (decided.status, decided.fee().is_some()),
            (becomes, outcome == "pending")
        );
    }
    assert_eq!(paypal.balance().await, "22.07");
}

#[tokio::test]
async fn orders_that_do_not_add_up_are_refused() {
    let paypal = PayPal::start().await;
    let mut wrong = order_request("ord_1");
    wrong.lines.pop();
    assert_eq!(
        refused(paypal.client.create_order(&wrong, "a").await),
        "ITEM_TOTAL_MISMATCH"
    );
    let mut wrong = order_request("ord_1");
    wrong.lines[0].name.clear();
    assert_eq!(
        refused(paypal.client.create_order(&wrong, "b").await),
        "INVALID_STRING_LENGTH"
    );
    let mut wrong = order_request("ord_1");
    let forints = shared::money::Money::new(229_900, "ISK".parse().expect("a currency"));
    wrong.total = forints.try_into().expect("whole units");
    assert_eq!(
        refused(paypal.client.create_order(&wrong, "c").await),
        "CURRENCY_NOT_SUPPORTED"
    );
    assert_eq!(paypal.observe("").await["counts"]["orders"], 0);
}

#[tokio::test]
async fn refunds_go_up_to_what_is_left() {
    let paypal = PayPal::start().await;
    let order = paypal.paid("ord_1").await;
    let capture = order.capture().expect("captured").id.clone();
    let partly = paypal
        .client
        .refund_capture(&capture, &refund_request("rfd_1", Some(500)), "r1")
        .await
        .expect("a refund");
    assert_eq!(
        (partly.status, partly.amount),
        (RefundStatus::Completed, Some(eur(500)))
    );
    let left = paypal.client.capture(&capture).await.expect("a capture");
    assert_eq!(left.status, CaptureStatus::PartiallyRefunded);
    let too_much = paypal
        .client
        .refund_capture(&capture, &refund_request("rfd_2", Some(1_800)), "r2")
        .await;
    assert_eq!(refused(too_much), "REFUND_AMOUNT_EXCEEDED");
    let rest = paypal
        .client
        .refund_capture(&capture, &refund_request("rfd_3", None), "r3")
        .await
        .expect("a refund");
    assert_eq!(rest.amount, Some(eur(1_799)));
    assert_eq!(paypal.balance().await, "-0.92", "PayPal keeps its fee");
    let more = paypal
        .client
        .refund_capture(&capture, &refund_request("rfd_4", None), "r4")
        .await;
    assert_eq!(refused(more), "CAPTURE_FULLY_REFUNDED");

    let order = paypal.client.order(&order.id).await.expect("an order");
    assert_eq!(order.capture().expect("captured").status, CaptureStatus::Refunded);
    assert_eq!(order.refund("rfd_3"), Some(&rest));
    assert_eq!(paypal.client.refund(&rest.id).await.expect("a refund"), rest);
}

#[tokio::test]
async fn a_refund_can_fail_after_it_was_made() {
    let paypal = PayPal::start().await;
    let order = paypal.paid("ord_1").await;
    let capture = order.capture().expect("captured").id.clone();
    let refund = paypal
        .client
        .refund_capture(&capture, &refund_request("rfd_1", None), "r1")
        .await
        .expect("a refund");
    paypal.control(&format!("refunds/{}/fail", refund.id), json!({})).await;
    let failed = paypal.client.refund(&refund.id).await.expect("a refund");
    assert_eq!(failed.status, RefundStatus::Failed);
    let capture = paypal.client.capture(&capture).await.expect("a capture");
    assert_eq!(capture.status, CaptureStatus::Completed);
    assert_eq!(paypal.balance().await, "22.07");
}

#[tokio::test]
async fn what_is_not_there_is_a_404() {
    let paypal = PayPal::start().await;
    for outcome in [
        paypal.client.order("x").await.map(drop),
        paypal.client.capture("x").await.map(drop),
        paypal.client.refund("x").await.map(drop),
        paypal.client.payout("x").await.map(drop),
        paypal.client.payout_item("x").await.map(drop),
        paypal.client.capture_order("x", "k").await.map(drop),
    ] {
        assert!(
            matches!(&outcome, Err(ProcessorError::Refused { status: 404, code, .. }) if code == "INVALID_RESOURCE_ID"),
            "{outcome:?}"
        );
    }
}
