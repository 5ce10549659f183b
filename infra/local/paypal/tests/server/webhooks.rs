//! Webhooks as Souk verifies them: signed with the certificate that the stand-in serves; repeated, held, broken.

use std::error::Error;

use serde_json::json;
use shared::clock::Clock;
use shared::processor::paypal::certificate::Certificates;
use shared::processor::paypal::objects::Event;
use shared::processor::paypal::webhook::{Transmission, verify};

use crate::support::{Got, PayPal, WEBHOOK, listening, payout_request, refund_request};

/// What Souk's own intake does with it.
async fn take_in((headers, body): &Got, certificates: &Certificates) -> Result<Event, Box<dyn Error>> {
    let transmission = Transmission::read(headers, Clock::System.now())?;
    let certificate = certificates
        .get(transmission.certificate_url, Clock::System.now())
        .await?;
    Ok(verify(body, &transmission, WEBHOOK, &certificate)?)
}

fn certificates(paypal: &PayPal) -> Certificates {
    Certificates::new(&paypal.url("").parse().expect("a URL"))
}

#[tokio::test]
async fn a_sale_a_refund_and_a_payout_tell_their_story_in_verified_events() {
    let (paypal, receiver) = listening(&[]).await;
    paypal.control("webhooks", json!({"order": "sequential"})).await;
    let order = paypal.paid("ord_1").await;
    let capture = order.capture().expect("captured").id.clone();
    paypal
        .client
        .refund_capture(&capture, &refund_request("rfd_1", Some(500)), "r1")
        .await
        .expect("a refund");
    paypal
        .client
        .create_payout(&payout_request("pay_1", "partner@example.com", 700), "p1")
        .await
        .expect("a batch");
    let told = [
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.REFUNDED",
        "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
        "PAYMENT.PAYOUTSBATCH.SUCCESS",
    ];
    assert_eq!(receiver.types(5).await, told);
    let certificates = certificates(&paypal);
    let mut events = Vec::new();
    for got in receiver.wait(5).await {
        events.push(take_in(&got, &certificates).await.expect("verified"));
    }
    assert_eq!(events[0].text("/id"), Some(order.id.as_str()));
    let path = "/supplementary_data/related_ids/order_id";
    assert_eq!(events[1].text(path), Some(order.id.as_str()));
    assert_eq!(events[2].text("/custom_id"), Some("rfd_1"));
    assert_eq!(events[3].text("/payout_item/sender_item_id"), Some("item of pay_1"));
}

#[tokio::test]
async fn tampered_deliveries_are_refused_for_what_is_wrong_with_them() {
    let (paypal, receiver) = listening(&[]).await;
    let certificates = certificates(&paypal);
    for (number, (tampering, expected)) in [
        ("none", "verified"),
        ("wrong_key", "no signature fits the body"),
        ("wrong_webhook", "no signature fits the body"),
        ("altered_body", "no signature fits the body"),
        ("stale", "the signature's time is more than 300 seconds from now"),
        ("future", "the signature's time is more than 300 seconds from now"),
        ("foreign_certificate", "the certificate's address is not PayPal's"),
        ("missing", "the signature's headers are missing or malformed"),
    ]
    .into_iter()
    .enumerate()
    {
        let event = json!({"type": "PAYMENT.CAPTURE.MYSTERY", "resource": {"id": "x"}, "tampering": tampering});
        paypal.control("events", event).await;
        let got = receiver.wait(number + 1).await;
        let outcome = take_in(&got[number], &certificates).await;
        let outcome = outcome.map_or_else(|error| error.to_string(), |_| "verified".to_owned());
        assert_eq!(outcome, expected, "{tampering}");
    }
}

#[tokio::test]
async fn the_certificate_outlives_a_reset_and_a_moved_clock() {
    let (paypal, receiver) = listening(&[]).await;
    let certificates = certificates(&paypal);
    paypal.order("ord_1").await;
    paypal.control("events", json!({"type": "A", "resource": {}})).await;
    let before = receiver.wait(1).await;
    take_in(&before[0], &certificates).await.expect("verified");
    paypal.control("reset", json!({})).await;
    assert_eq!(paypal.observe("").await["counts"]["orders"], 0);
    paypal.control("clock/advance", json!({"days": 40})).await;
    paypal.control("events", json!({"type": "B", "resource": {}})).await;
    let after = receiver.wait(2).await;
    take_in(&after[1], &certificates)
        .await
        .expect("verified with the same certificate");
    let foreign = paypal.get("/v1/notifications/certs/CERT-UNKNOWN").await;
    assert_eq!(foreign.status, 404);
}

#[tokio::test]
async fn deliveries_are_repeated_until_they_are_taken_and_doubled_when_told() {
    let (paypal, receiver) = listening(&[500, 404]).await;
    paypal.control("events", json!({"type": "A", "resource": {}})).await;
    let attempts = receiver.wait(3).await;
    assert!(attempts.iter().all(|(_, body)| *body == attempts[0].1));
    paypal.control("webhooks", json!({"copies": 2})).await;
    paypal.control("events", json!({"type": "B", "resource": {}})).await;
    assert_eq!(receiver.types(5).await[3..], ["B", "B"]);
    paypal.control("webhooks", json!({"copies": 1, "drop_next": 1})).await;
    let lost = paypal.control("events", json!({"type": "C", "resource": {}})).await;
    let path = format!("events/{}/resend", lost["id"].as_str().expect("an id"));
    paypal.control(&path, json!({})).await;
    assert_eq!(receiver.types(6).await[5..], ["C"]);
    let dropped = paypal.observe("deliveries?state=dropped").await;
    assert_eq!(dropped["deliveries"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn suppressed_events_are_never_made() {
    let (paypal, receiver) = listening(&[]).await;
    paypal
        .control("webhooks", json!({"suppressed": ["PAYMENT.CAPTURE.*"]}))
        .await;
    paypal.paid("ord_1").await;
    assert_eq!(receiver.types(1).await, ["CHECKOUT.ORDER.APPROVED"]);
    assert_eq!(paypal.observe("").await["counts"]["events"], 1);
}
