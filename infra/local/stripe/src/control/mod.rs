//! Control endpoints under `/_control`: how a test or a person makes happen what Stripe would do by itself.

mod deeds;

use axum::http::Method;
use serde_json::Value;
use standin::World as _;
use standin::control::{self, Row};

use crate::world::World;

pub(crate) const CONTROLS: [Row; 35] = [
    (
        "GET",
        "",
        "",
        "State: clock, counts, settings, webhooks, outages, keys, balances",
    ),
    ("POST", "reset", "{}", "Forget everything since the start"),
    (
        "POST",
        "settings",
        r#"{"fee_delay_ms": 0}"#,
        "Change fees and delays; only what is given",
    ),
    (
        "POST",
        "clock/advance",
        r#"{"days": 8}"#,
        "Move the clock forward (seconds, minutes, hours, days); what falls due happens",
    ),
    (
        "GET",
        "requests",
        "?method=POST&path=/v1/transfers",
        "Every API request, with counts by endpoint and by path",
    ),
    ("DELETE", "requests", "", "Forget the request log and its counts"),
    (
        "POST",
        "outages",
        r#"{"how": "status", "when": "after", "status": 500, "requests": 1, "method": "POST", "path": "/v1/transfers"}"#,
        "Make API requests fail: how = status, timeout, close, slow (delay_ms); when = before or after the request is done; remember = keep the error under the idempotency key",
    ),
    ("DELETE", "outages", "", "End every outage"),
    (
        "POST",
        "idempotency_keys/prune",
        r#"{"key": "…"}"#,
        "Forget one idempotency key, or all of them",
    ),
    (
        "POST",
        "webhooks",
        r#"{"copies": 2, "hold": false, "order": "shuffle", "seed": 1, "delay_ms": 0, "drop_next": 0, "suppressed": []}"#,
        "Control deliveries: copies of each, hold or release, order (as_emitted, sequential, reverse, shuffle), delay, drop the next, suppress types",
    ),
    (
        "GET",
        "deliveries",
        "?type=charge.*&state=failed",
        "Every delivery with its attempts and the receiver's answer",
    ),
    (
        "POST",
        "events",
        r#"{"type": "charge.succeeded", "account": null, "object": {}, "tampering": "none"}"#,
        "Forge an event of any type and content and deliver it; tampering = wrong_secret, stale, future, altered_body, missing, malformed, rotated",
    ),
    (
        "POST",
        "events/{event}/resend",
        r#"{"tampering": "none"}"#,
        "Deliver an event again",
    ),
    (
        "POST",
        "webhook_endpoints/{endpoint}/secrets",
        r#"{"secrets": ["whsec_new", "whsec_old"]}"#,
        "Sign with these secrets, one v1 each",
    ),
    (
        "POST",
        "checkout/{session}/pay",
        r#"{"outcome": "success", "email": "…", "name": "…"}"#,
        "Pay a session as its page would; outcome is a key or number of a test card, or no_card where none is needed",
    ),
    (
        "POST",
        "checkout/{session}/settle",
        r#"{"success": true}"#,
        "Let a waiting bank debit succeed or fail",
    ),
    ("POST", "checkout/{session}/expire", "{}", "Let a session expire now"),
    (
        "POST",
        "customers/{customer}/card",
        r#"{"declines": "all", "as": "insufficient_funds"}"#,
        "Decline charges of a customer's stored cards: all, next, none, or a number of them, until the portal changes the card; as is a test card that declines or wants to be confirmed",
    ),
    (
        "POST",
        "portal/{session}/card",
        r#"{"card": "success"}"#,
        "Change what a customer pays with as the portal's page would; card is a key or number of a test card",
    ),
    (
        "POST",
        "subscriptions/{subscription}/age",
        r#"{"days": 31}"#,
        "Make a subscription older, and nothing else: all its times move back (seconds, minutes, hours, days), and what is due by now happens",
    ),
    (
        "POST",
        "payment_intents/{intent}/authenticate",
        r#"{"success": true}"#,
        "Answer for the customer whose bank wants a payment confirmed: confirm it, or fail to",
    ),
    (
        "POST",
        "charges/{charge}/fee",
        "{}",
        "Let the fee of a charge become known now",
    ),
    (
        "POST",
        "charges/{charge}/dispute",
        r#"{"reason": "fraudulent", "inquiry": false}"#,
        "Open a dispute or an inquiry",
    ),
    (
        "POST",
        "disputes/{dispute}/escalate",
        "{}",
        "Turn an inquiry into a dispute",
    ),
    (
        "POST",
        "disputes/{dispute}/close",
        r#"{"outcome": "won"}"#,
        "Close a dispute: won or lost; an inquiry just closes",
    ),
    (
        "POST",
        "disputes/{dispute}/overturn",
        "{}",
        "Change what was decided: a lost dispute is won later, a won one is taken once more",
    ),
    (
        "POST",
        "refunds/{refund}/fail",
        r#"{"reason": "lost_or_stolen_card"}"#,
        "Let a refund fail",
    ),
    ("POST", "payouts/{payout}/pay", "{}", "Let a payout be paid now"),
    (
        "POST",
        "payouts/{payout}/fail",
        r#"{"code": "account_closed"}"#,
        "Let a payout fail, even after it was paid",
    ),
    (
        "POST",
        "transfers/{transfer}/reverse",
        r#"{"amount": 100}"#,
        "Reverse a transfer as by hand in the dashboard",
    ),
    (
        "POST",
        "accounts/{account}",
        r#"{"outcome": "complete", "capabilities": {"transfers": "inactive"}, "requirements": {"currently_due": []}, "payouts_enabled": true}"#,
        "Set what an account may do: outcome (complete, pending, document_due, incomplete, refused), then single fields",
    ),
    (
        "POST",
        "accounts/{account}/zero",
        "{}",
        "Zero a negative balance out of the platform's",
    ),
    (
        "POST",
        "balance",
        r#"{"amount": 100000, "currency": "eur", "account": null}"#,
        "Bring an available balance to an amount",
    ),
    ("GET", "objects/{id}", "", "Any object, whoever owns it"),
    ("GET", "cards", "", "The ways to pay: keys, numbers, what they do"),
];

/// Finds the row for a request and does it.
pub(crate) fn answer(world: &mut World, method: &Method, path: &str, query: &str, body: &[u8]) -> (u16, Value) {
    control::answer(&CONTROLS, (method.as_str(), path), query, body, |name, control| {
        world.run_due();
        deeds::perform(world, name, control)
    })
}
