//! What the endpoints at Stripe are told, and what the people at Stripe's dashboard know.

use std::collections::BTreeMap;

use serde_json::Value;

/// What the people at the processors' dashboards know of, as events have told.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The charge that paid an order, by the order.
    pub(crate) charges: BTreeMap<String, String>,
    /// The processor's refund, by ours.
    pub(crate) refunds: BTreeMap<String, String>,
    /// Oldest first.
    pub(crate) transfers: Vec<String>,
    /// Items of payouts that PayPal has paid, oldest first.
    pub(crate) items: Vec<String>,
}

impl Heard {
    pub(crate) fn hear(&mut self, event: &Value) {
        let object = &event["data"]["object"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let metadata = |name: &str| text(&object["metadata"][name]);
        let Some(id) = text(&object["id"]) else { return };
        match event["type"].as_str() {
            Some("charge.succeeded") => self.charges.extend(metadata("order_id").map(|order| (order, id))),
            Some("refund.created") => self.refunds.extend(metadata("refund_id").map(|refund| (refund, id))),
            Some("transfer.created") => self.transfers.push(id),
            _ => {}
        }
    }
}

/// What the endpoints at Stripe are set up to hear: see README.md.
pub(crate) fn is_subscribed(event: &Value) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    let heard = [
        "checkout.session.",
        "charge.dispute.",
        "customer.subscription.",
        "refund.",
    ];
    let alone = [
        "account.updated",
        "charge.succeeded",
        "charge.updated",
        "customer.updated",
        "invoice.marked_uncollectible",
        "invoice.paid",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "invoice.voided",
        "transfer.reversed",
    ];
    heard.iter().any(|begin| kind.starts_with(begin)) || alone.contains(&kind)
}
