//! Events that are larger than an item, or than anything should be.

use serde_json::json;
use shared::messages::Message;
use shared::store::commerce::Disposition;

use super::{PayPal, SECRETS, app, deliver, event, inbox, inbox_of, ours, paypals};
use shared::processor::Processor;

const KIB: usize = 1024;

#[tokio::test]
async fn of_an_event_that_no_item_holds_the_envelope_is_kept() {
    let app = app();
    for (id, length, whole) in [
        ("evt_1", 300 * KIB, true),
        ("evt_2", 360 * KIB, false),
        ("evt_3", 400 * KIB, false),
        ("evt_4", 2000 * KIB, false),
        ("evt_5", 5000 * KIB, false),
    ] {
        let body = event(
            id,
            "product.updated",
            &json!({"id": "prod_1", "description": "x".repeat(length)}),
        );
        for _ in 0..2 {
            deliver(&app, &body, SECRETS[0]).await.expect(200);
        }
        let stored = inbox(&app, id).await.expect("taken in");
        assert_eq!(
            (stored.disposition, stored.object_id.as_deref()),
            (Disposition::Stored, Some("prod_1"))
        );
        assert_eq!(
            (stored.body.is_some(), stored.omitted_bytes.is_some()),
            (whole, !whole),
            "{length}"
        );
    }
    // Nothing is read of a large object but its ids.
    let (_, order, mut object) = ours(&app);
    object["description"] = json!("x".repeat(500 * KIB));
    deliver(&app, &event("evt_6", "checkout.session.completed", &object), SECRETS[0])
        .await
        .expect(200);
    let messages = app.take_messages();
    assert!(matches!(&messages[0].message, Message::PaymentChanged { order: of, .. } if *of == order));
    // What is no event may be as large.
    let answer = deliver(&app, &json!({"hello": "x".repeat(500 * KIB)}).to_string(), SECRETS[0]).await;
    assert_eq!(answer.expect(202).json()["code"], "not_an_event");
}

#[tokio::test]
async fn what_is_too_long_for_an_id_is_none() {
    let app = app();
    let long = "x".repeat(500 * KIB);
    let (customer, order, _) = ours(&app);
    let metadata = json!({"customer_id": customer, "order_id": order});
    let ours = json!({"id": &long, "metadata": metadata});
    let charge = json!({"id": "re_1", "charge": &long});
    for body in [
        event("evt_1", "checkout.session.completed", &ours),
        event("evt_2", "refund.created", &charge),
        event("evt_3", &long, &json!({"id": "x"})),
        event(&long, "charge.updated", &json!({"id": "ch_1", "metadata": metadata})),
    ] {
        deliver(&app, &body, SECRETS[0]).await.expect(200);
    }
    for id in ["evt_1", "evt_2", "evt_3"] {
        let stored = inbox(&app, id).await.expect("taken in");
        assert!(matches!(stored.disposition, Disposition::Quarantined(_)), "{id}");
    }
    assert!(app.take_messages().is_empty());
}

#[tokio::test]
async fn a_large_event_of_paypals_is_kept_alike() {
    let paypal = PayPal::start().await;
    let large = json!({"id": "P-1", "description": "x".repeat(500 * KIB)});
    paypal
        .deliver(&paypals("WH-1", "BILLING.PLAN.CREATED", &large))
        .await
        .expect(200);
    let stored = inbox_of(&paypal.app, Processor::PayPal, "WH-1")
        .await
        .expect("taken in");
    assert_eq!((stored.body, stored.omitted_bytes.is_some()), (None, true));
    let answer = paypal.deliver(&json!({"hello": "world"})).await;
    assert_eq!(answer.expect(202).json()["code"], "not_an_event");
}
