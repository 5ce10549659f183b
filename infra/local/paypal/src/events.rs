//! Events: what happened, told to every webhook of the configuration.

use serde_json::{Value, json};

use crate::world::{Kind, World};

/// Makes an event and plans its deliveries. Suppressed types are never made at all.
pub(crate) fn emit(world: &mut World, event_type: &str, resource: &Value) {
    if !world.webhooks.is_suppressed(event_type) {
        forge(world, event_type, resource);
    }
}

/// Makes an event of any content and returns it.
pub(crate) fn forge(world: &mut World, event_type: &str, resource: &Value) -> Value {
    let id = format!("WH-{}-{}", world.id(), world.id());
    let event = json!({
        "id": id,
        "event_version": "1.0",
        "create_time": world.time(),
        "resource_type": resource_type(event_type),
        "event_type": event_type,
        "summary": event_type.to_lowercase().replace(['.', '-'], " "),
        "resource": resource,
        "links": [],
    });
    world.put(Kind::Event, &id, event.clone());
    for url in world.config.webhook_urls.clone() {
        world.webhooks.plan(&id, event_type, "", &url);
    }
    event
}

fn resource_type(event_type: &str) -> &'static str {
    match event_type {
        "PAYMENT.CAPTURE.REFUNDED" | "PAYMENT.CAPTURE.REVERSED" => "refund",
        _ if event_type.starts_with("CUSTOMER.DISPUTE.") => "dispute",
        _ if event_type.starts_with("PAYMENT.CAPTURE.") => "capture",
        _ if event_type.starts_with("PAYMENT.PAYOUTS-ITEM.") => "payouts_item",
        _ if event_type.starts_with("PAYMENT.PAYOUTSBATCH.") => "payouts",
        _ => "checkout-order",
    }
}
