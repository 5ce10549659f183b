//! The pages, used without scripts: forms posted as a browser posts them.

use serde_json::json;
use shared::processor::paypal::objects::OrderStatus;

use crate::support::PayPal;

#[tokio::test]
async fn an_order_is_approved_on_its_page() {
    let paypal = PayPal::start().await;
    let order = paypal.order("ord_1").await;
    let path = format!("/checkoutnow?token={}", order.id);
    let page = paypal.get(&path).await;
    for part in [
        "<html lang=\"en\">",
        "name=\"viewport\"",
        "Pay 22.99 EUR",
        "Warm &lt;wide&gt;",
        "Drums × 2",
        "Approve 22.99 EUR",
        "Cancel",
    ] {
        assert!(page.text.contains(part), "{part} is not on the page");
    }
    let cancelled = paypal.submit(&path, &[("action", "cancel")]).await;
    let back = format!("https://souk.example/cart?token={}", order.id);
    assert_eq!((cancelled.status, cancelled.location), (303, back));
    let approved = paypal
        .submit(&path, &[("action", "approve"), ("outcome", "success")])
        .await;
    let on = format!("https://souk.example/done?order=1&token={}&PayerID=", order.id);
    assert!(
        approved.status == 303 && approved.location.starts_with(&on),
        "{approved:?}"
    );
    let now = paypal.client.order(&order.id).await.expect("an order");
    assert_eq!(now.status, OrderStatus::Approved);
    assert!(paypal.get(&path).await.text.contains("Already approved"));
    assert!(
        paypal
            .submit(&path, &[("action", "approve")])
            .await
            .text
            .contains("Already approved")
    );
    assert_eq!(paypal.get("/checkoutnow?token=x").await.status, 404);
}

#[tokio::test]
async fn the_overview_shows_what_happened_and_every_control() {
    let paypal = PayPal::start().await;
    let order = paypal.paid("ord_1").await;
    let page = paypal.get("/").await.text;
    for part in [
        order.id.as_str(),
        "clock/advance",
        "POST /v1/payments/payouts",
        "Webhook deliveries",
        "22.07 EUR",
    ] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    let object = paypal.observe(&format!("objects/{}", order.id)).await;
    assert_eq!(object["id"], json!(order.id));
}

#[tokio::test]
async fn controls_say_what_is_wrong() {
    let paypal = PayPal::start().await;
    for (path, body, told) in [
        ("nothing", "{}", "There is no control"),
        ("settings", "{\"fee_bsp\": 1}", "fee_bsp"),
        ("settings", "{", "not JSON"),
        ("clock/advance", "{\"days\": -1}", "only moves forward"),
        ("outages", "{\"how\": \"explode\"}", "explode"),
        ("orders/x/approve", "{\"outcome\": \"gold\"}", "gold"),
        ("orders/x/approve", "{}", "INVALID_RESOURCE_ID"),
        ("captures/x/decide", "{}", "There is no Capture x"),
        ("payouts-items/x", "{\"status\": \"LOST\"}", "LOST"),
        ("balance", "{}", "CURRENCY_NOT_SUPPORTED"),
    ] {
        let reply = paypal.post(&format!("/_control/{path}"), body).await;
        assert!(
            matches!(reply.status, 400 | 404 | 422) && reply.text.contains(told),
            "{path} {body}: {}",
            reply.text
        );
    }
}
