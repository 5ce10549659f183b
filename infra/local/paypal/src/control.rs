//! Control endpoints under `/_control`: how a test or a person makes happen what PayPal would do by itself.

use axum::http::Method;
use serde_json::{Value, json};
use standin::control::{self, Control, Outcome, Row, parsed, patched, time_span};
use standin::{Outage, World as _, matches_type};

use crate::amount::Sum;
use crate::error::ApiError;
use crate::signer::Tampering;
use crate::world::{Kind, World};
use crate::{disputes, events, orders, payments, payouts};

pub(crate) const CONTROLS: [Row; 26] = [
    (
        "GET",
        "",
        "",
        "State: clock, counts, settings, webhooks, outages, balance",
    ),
    ("POST", "reset", "{}", "Forget everything since the start"),
    (
        "POST",
        "settings",
        r#"{"payout_delay_ms": 0}"#,
        "Change fees and delays; only what is given",
    ),
    (
        "POST",
        "clock/advance",
        r#"{"days": 31}"#,
        "Move the clock forward (seconds, minutes, hours, days); what falls due happens",
    ),
    (
        "GET",
        "requests",
        "?method=POST&path=/v1/payments",
        "Every API request, with counts by endpoint and by path",
    ),
    ("DELETE", "requests", "", "Forget the request log and its counts"),
    (
        "POST",
        "outages",
        r#"{"how": "status", "when": "after", "status": 500, "requests": 1, "method": "POST", "path": "/v1/payments"}"#,
        "Make API requests fail: how = status, timeout, close, slow (delay_ms); when = before or after the request is done",
    ),
    ("DELETE", "outages", "", "End every outage"),
    (
        "POST",
        "request_ids/prune",
        r#"{"id": "…"}"#,
        "Forget one PayPal-Request-Id, or all of them",
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
        "?type=PAYMENT.CAPTURE.*&state=failed",
        "Every delivery with its attempts and the receiver's answer",
    ),
    (
        "POST",
        "events",
        r#"{"type": "PAYMENT.CAPTURE.COMPLETED", "resource": {}, "tampering": "none"}"#,
        "Forge an event of any type and content and deliver it; tampering = wrong_key, wrong_webhook, foreign_certificate, stale, future, altered_body, missing",
    ),
    (
        "POST",
        "events/{event}/resend",
        r#"{"tampering": "none"}"#,
        "Deliver an event again",
    ),
    (
        "POST",
        "orders/{order}/approve",
        r#"{"outcome": "success"}"#,
        "Approve an order as its page would; outcome = success, declined, pending, denied",
    ),
    (
        "POST",
        "captures/{capture}/decide",
        r#"{"completed": true}"#,
        "Let a pending capture be completed or denied now",
    ),
    ("POST", "refunds/{refund}/fail", "{}", "Let a refund fail"),
    (
        "POST",
        "captures/{capture}/refund",
        r#"{"amount": {"value": "5.00", "currency_code": "EUR"}}"#,
        "Refund in PayPal's dashboard: an amount, or all that is left",
    ),
    (
        "POST",
        "captures/{capture}/reverse",
        r#"{"amount": {"value": "5.00", "currency_code": "EUR"}}"#,
        "Let PayPal take money back without a dispute: an amount, or all that is left",
    ),
    (
        "POST",
        "captures/{capture}/dispute",
        r#"{"reason": "UNAUTHORISED", "amount": null, "channel": "INTERNAL", "hold": true}"#,
        "Open a dispute about all that is left, or an amount; channel = INTERNAL (PayPal decides), EXTERNAL (a bank does: a chargeback, with a fee)",
    ),
    (
        "POST",
        "disputes/{dispute}/update",
        r#"{"status": "UNDER_REVIEW"}"#,
        "Let an open dispute go on: OPEN, WAITING_FOR_SELLER_RESPONSE, WAITING_FOR_BUYER_RESPONSE, UNDER_REVIEW",
    ),
    (
        "POST",
        "disputes/{dispute}/close",
        r#"{"outcome": "lost"}"#,
        "End a dispute: lost, accepted, won, payout (PayPal pays the buyer), cancelled",
    ),
    (
        "POST",
        "disputes/{dispute}/overturn",
        "{}",
        "Decide it otherwise: what was lost is won on appeal, what was won is lost",
    ),
    (
        "POST",
        "payouts/{batch}/process",
        "{}",
        "Let PayPal look at a batch now",
    ),
    (
        "POST",
        "payouts-items/{item}",
        r#"{"status": "RETURNED"}"#,
        "Give an item a status: SUCCESS (claimed), UNCLAIMED, RETURNED, FAILED, BLOCKED, ONHOLD, REFUNDED, REVERSED",
    ),
    (
        "POST",
        "balance",
        r#"{"value": "1000.00", "currency": "EUR"}"#,
        "Bring the balance to an amount",
    ),
    ("GET", "objects/{id}", "", "Any object"),
];

/// Finds the row for a request and does it.
pub(crate) fn answer(world: &mut World, method: &Method, path: &str, query: &str, body: &[u8]) -> (u16, Value) {
    control::answer(&CONTROLS, (method.as_str(), path), query, body, |name, control| {
        world.run_due();
        perform(world, name, control)
    })
}

fn perform(world: &mut World, name: &str, control: &Control) -> Outcome {
    let id = control.id();
    match name {
        "GET " => Ok(summary(world)),
        "POST reset" => {
            world.reset();
            Ok(json!({"reset": true}))
        }
        "POST settings" => {
            world.settings = patched(&world.settings, &control.body)?;
            Ok(json!(world.settings))
        }
        "POST clock/advance" => {
            let seconds = time_span(&control.body)?;
            world.advance(seconds * 1000);
            Ok(json!({"now": world.time(), "advanced_s": seconds}))
        }
        "GET requests" => Ok(world.log.body(control.asked("method"), control.asked("path"))),
        "DELETE requests" => {
            world.log.clear();
            Ok(json!({"cleared": true}))
        }
        "POST outages" => {
            world.faults.outages.push(patched(&Outage::default(), &control.body)?);
            Ok(json!({"outages": world.faults.outages}))
        }
        "DELETE outages" => {
            world.faults.outages.clear();
            Ok(json!({"outages": []}))
        }
        "POST request_ids/prune" => Ok(json!({"pruned": world.request_ids.prune(control.body["id"].as_str())})),
        "POST webhooks" => {
            world.webhooks.controls = patched(&world.webhooks.controls, &control.body)?;
            Ok(json!(world.webhooks.controls))
        }
        "GET deliveries" => Ok(deliveries(world, control)),
        "POST events" => forge(world, control),
        "POST events/{event}/resend" => resend(world, id, control),
        "POST orders/{order}/approve" => approve(world, id, control),
        "POST captures/{capture}/decide" => {
            payments::decide(world, id, control.body["completed"] != json!(false));
            existing(world, Kind::Capture, id)
        }
        "POST refunds/{refund}/fail" => told(payments::fail_refund(world, id)),
        "POST captures/{capture}/refund" => told(payments::refund_by_hand(world, id, &control.body["amount"])),
        "POST captures/{capture}/reverse" => told(disputes::reverse(world, id, &control.body["amount"])),
        "POST captures/{capture}/dispute" => told(disputes::open(world, id, &parsed(control.body.clone())?)),
        "POST disputes/{dispute}/update" => {
            let status = control.body["status"].as_str().unwrap_or("UNDER_REVIEW");
            told(disputes::update(world, id, status))
        }
        "POST disputes/{dispute}/close" => told(disputes::close(world, id, outcome(control)?)),
        "POST disputes/{dispute}/overturn" => told(disputes::overturn(world, id)),
        "POST payouts/{batch}/process" => {
            existing(world, Kind::Batch, id)?;
            payouts::process(world, id);
            told(payouts::shown(world, id))
        }
        "POST payouts-items/{item}" => {
            let known = "SUCCESS UNCLAIMED RETURNED FAILED BLOCKED ONHOLD REFUNDED REVERSED";
            let status = control.body["status"].as_str().unwrap_or_default();
            if !known.split(' ').any(|each| each == status) {
                return Err((400, format!("status is one of {known}, not {status}")));
            }
            payouts::settle(world, id, status);
            existing(world, Kind::Item, id)
        }
        "POST balance" => {
            let sum = told(Sum::read(&control.body, "currency"))?;
            world.balance.insert(sum.currency.clone(), sum.minor);
            Ok(sum.payout_json())
        }
        "GET objects/{id}" => world
            .any(id)
            .cloned()
            .ok_or_else(|| (404, format!("There is no object {id}"))),
        other => Err((404, format!("The control {other} does nothing yet"))),
    }
}

fn summary(world: &World) -> Value {
    let balance: Vec<Value> = world
        .balance
        .iter()
        .map(|(currency, minor)| Sum::new(*minor, currency).payout_json())
        .collect();
    let count = |kind| world.all(kind).count();
    json!({
        "now": world.time(),
        "origin": world.origin,
        "settings": world.settings,
        "planned": world.plan.len(),
        "requests": world.log.total(),
        "webhooks": {"controls": world.webhooks.controls, "deliveries": world.webhooks.list.len(), "open": world.webhooks.open()},
        "outages": world.faults.outages,
        "request_ids": world.request_ids.len(),
        "balance": balance,
        "counts": {
            "orders": count(Kind::Order),
            "captures": count(Kind::Capture),
            "refunds": count(Kind::Refund),
            "disputes": count(Kind::Dispute),
            "payouts": count(Kind::Batch),
            "payouts_items": count(Kind::Item),
            "events": count(Kind::Event),
        },
    })
}

fn deliveries(world: &World, control: &Control) -> Value {
    let (wanted_type, wanted_state) = (control.asked("type"), control.asked("state"));
    let matching: Vec<Value> = world
        .webhooks
        .list
        .iter()
        .filter(|each| wanted_type.is_none_or(|pattern| matches_type(pattern, &each.kind)))
        .map(|each| json!(each))
        .filter(|each| wanted_state.is_none_or(|state| each["state"] == state))
        .collect();
    json!({"total": world.webhooks.list.len(), "open": world.webhooks.open(), "deliveries": matching})
}

fn forge(world: &mut World, control: &Control) -> Outcome {
    let Some(event_type) = control.body["type"].as_str() else {
        return Err((400, "type is missing".to_owned()));
    };
    let tampering = tampering(control)?;
    let first = world.webhooks.list.len();
    let event = events::forge(world, event_type, &control.body["resource"]);
    for delivery in world.webhooks.list.iter_mut().skip(first) {
        delivery.tampering = tampering;
    }
    Ok(event)
}

fn resend(world: &mut World, id: &str, control: &Control) -> Outcome {
    let event = existing(world, Kind::Event, id)?;
    let tampering = tampering(control)?;
    let event_type = event["event_type"].as_str().unwrap_or_default();
    let urls = world.config.webhook_urls.clone();
    let numbers: Vec<usize> = urls
        .iter()
        .map(|url| world.webhooks.add(id, event_type, "", url, tampering))
        .collect();
    Ok(json!({"event": id, "deliveries": numbers}))
}

fn approve(world: &mut World, id: &str, control: &Control) -> Outcome {
    let outcome = match &control.body["outcome"] {
        Value::Null => Default::default(),
        given => parsed(given.clone())?,
    };
    told(orders::approve(world, id, outcome).map(|return_url| json!({"return_url": return_url})))
}

fn outcome(control: &Control) -> Result<disputes::Outcome, (u16, String)> {
    match &control.body["outcome"] {
        Value::Null => Ok(disputes::Outcome::Lost),
        given => parsed(given.clone()),
    }
}

fn tampering(control: &Control) -> Result<Tampering, (u16, String)> {
    match &control.body["tampering"] {
        Value::Null => Ok(Tampering::None),
        given => parsed(given.clone()),
    }
}

fn existing(world: &World, kind: Kind, id: &str) -> Outcome {
    let found = world.get(kind, id).cloned();
    found.ok_or_else(|| (404, format!("There is no {kind:?} {id}")))
}

fn told<T>(answer: Result<T, ApiError>) -> Result<T, (u16, String)> {
    answer.map_err(|error| (error.status, error.code().to_owned()))
}
