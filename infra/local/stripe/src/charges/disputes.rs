//! Disputes: a customer's bank takes the money back, and it is won or lost; an inquiry only asks.

use serde_json::{Map, Value, json};

use super::fee_arrives;
use crate::accounts::merge_metadata;
use crate::balance::{self, Posting};
use crate::wire::call::{Answer, Call};
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, World, int, text};

/// How long a bank waits for evidence.
const EVIDENCE_DUE_S: i64 = 7 * 24 * 60 * 60;
const EVIDENCE: [&str; 27] = [
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
];

/// Opens a dispute over what is left of a charge; an inquiry takes no money.
pub(crate) fn open(world: &mut World, charge: &str, reason: &str, inquiry: bool) -> Answer {
    let Some(entry) = world.shelf.entry(charge).filter(|entry| entry.kind == Kind::Charge) else {
        return Err(ApiError::missing(Kind::Charge.noun(), charge, "charge"));
    };
    let (owner, body) = (entry.owner.clone(), entry.body.clone());
    let amount = int(&body, "amount") - int(&body, "amount_refunded");
    if text(&body, "status") != "succeeded"
        || body["captured"] != json!(true)
        || body["disputed"] == json!(true)
        || amount == 0
    {
        return Err(ApiError::invalid(format!(
            "Charge {charge} is not paid, disputed already, or fully refunded."
        )));
    }
    let id = world.id(Kind::Dispute);
    let now = world.now();
    let mut evidence: Map<String, Value> = EVIDENCE.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    evidence.insert("enhanced_evidence".to_owned(), json!({}));
    let dispute = json!({
        "id": id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge,
        "created": now,
        "currency": body["currency"],
        "enhanced_eligibility_types": [],
        "evidence": evidence,
        "evidence_details": {
            "due_by": now + EVIDENCE_DUE_S,
            "enhanced_eligibility": {},
            "has_evidence": false,
            "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": false,
        "metadata": {},
        "payment_intent": body["payment_intent"],
        "payment_method_details": {
            "card": {"brand": "visa", "case_type": if inquiry { "inquiry" } else { "chargeback" },
                "network_reason_code": "10.4"},
            "type": "card",
        },
        "reason": reason,
        "status": if inquiry { "warning_needs_response" } else { "needs_response" },
    });
    world.shelf.put(Kind::Dispute, owner.as_deref(), dispute);
    world.set(charge, |body| body["disputed"] = json!(true));
    world.emit("charge.dispute.created", &id);
    if !inquiry {
        withdraw(world, &id);
    }
    Ok(world.set(&id, |_| {}))
}

/// An inquiry becomes a dispute, and the money is taken.
pub(crate) fn escalate(world: &mut World, dispute: &str) -> Answer {
    let body = found(world, dispute)?;
    if !text(&body, "status").starts_with("warning_") || text(&body, "status") == "warning_closed" {
        return Err(ApiError::invalid(format!("Dispute {dispute} is not an open inquiry.")));
    }
    world.update(dispute, "charge.dispute.updated", |body| {
        body["status"] = json!("needs_response");
        body["is_charge_refundable"] = json!(false);
        body["payment_method_details"]["card"]["case_type"] = json!("chargeback");
    });
    withdraw(world, dispute);
    found(world, dispute)
}

/// The bank decides. An inquiry is closed either way; a won dispute returns the principal and the countered fee.
pub(crate) fn decide(world: &mut World, dispute: &str, won: bool) -> Answer {
    let body = found(world, dispute)?;
    let status = text(&body, "status");
    if matches!(status, "won" | "lost" | "warning_closed") {
        return Err(ApiError::invalid(format!("This dispute is already closed ({status}).")));
    }
    let inquiry = status.starts_with("warning_");
    let outcome = match (inquiry, won) {
        (true, _) => "warning_closed",
        (false, true) => "won",
        (false, false) => "lost",
    };
    if outcome == "won" {
        let countered = int(&body["evidence_details"], "submission_count") > 0;
        let returned = if countered {
            -world.settings.dispute_counter_fee_minor
        } else {
            0
        };
        post(world, dispute, "dispute_reversal", int(&body, "amount"), returned);
    }
    let after = world.set(dispute, |body| body["status"] = json!(outcome));
    world.emit("charge.dispute.closed", dispute);
    if outcome == "won" {
        world.emit("charge.dispute.funds_reinstated", dispute);
    }
    Ok(after)
}

/// The bank changes its mind about a dispute that it has decided: what was lost is won and given back, what was won is taken once more and
/// open again.
pub(crate) fn overturn(world: &mut World, dispute: &str) -> Answer {
    let body = found(world, dispute)?;
    match text(&body, "status") {
        "lost" => {
            post(world, dispute, "dispute_reversal", int(&body, "amount"), 0);
            world.set(dispute, |body| body["status"] = json!("won"));
            world.emit("charge.dispute.closed", dispute);
            world.emit("charge.dispute.funds_reinstated", dispute);
        }
        "won" => {
            world.update(dispute, "charge.dispute.updated", |body| {
                body["status"] = json!("needs_response");
            });
            withdraw(world, dispute);
        }
        status => return Err(ApiError::invalid(format!("This dispute is not decided ({status})."))),
    }
    found(world, dispute)
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    let body = retrieve(world, call)?;
    let open = matches!(
        text(&body, "status"),
        "needs_response" | "warning_needs_response" | "under_review" | "warning_under_review"
    );
    let given = call.params.map("evidence");
    // Stripe submits evidence unless it is told only to keep it.
    let submit = !given.is_empty() && call.params.text("submit") != Some("false");
    if !given.is_empty() && !open {
        let message = format!("This dispute is already closed ({}).", text(&body, "status"));
        return Err(ApiError::refused("dispute_closed", message).param("evidence"));
    }
    let first = submit && int(&body["evidence_details"], "submission_count") == 0;
    let verdict = given
        .get("uncategorized_text")
        .and_then(Value::as_str)
        .map(str::to_owned);
    world.update(call.id(), "charge.dispute.updated", |body| {
        merge_metadata(body, &call.params);
        for (name, value) in given {
            body["evidence"][&name] = value;
            body["evidence_details"]["has_evidence"] = json!(true);
        }
        if submit {
            let count = int(&body["evidence_details"], "submission_count") + 1;
            body["evidence_details"]["submission_count"] = json!(count);
            let inquiry = text(body, "status").starts_with("warning_");
            body["status"] = json!(if inquiry {
                "warning_under_review"
            } else {
                "under_review"
            });
        }
    });
    if first && !text(&body, "status").starts_with("warning_") {
        let fee = world.settings.dispute_counter_fee_minor;
        post(world, call.id(), "fee", 0, fee);
    }
    // The texts with which Stripe's test mode decides a dispute by itself.
    match verdict.as_deref().filter(|_| submit) {
        Some("winning_evidence") => decide(world, call.id(), true),
        Some("losing_evidence") => decide(world, call.id(), false),
        _ => found(world, call.id()),
    }
}

/// Accepts a dispute as lost.
pub(crate) fn close(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    decide(world, call.id(), false)
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Dispute, call.id(), call.owner(), "dispute")
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let disputes = world.select(Kind::Dispute, call.owner(), |body| {
        call.keeps(body, "charge") && call.keeps(body, "payment_intent")
    });
    list::page(call, Kind::Dispute, "/v1/disputes", disputes)
}

fn found(world: &World, dispute: &str) -> Answer {
    let body = world.shelf.get(Kind::Dispute, dispute).cloned();
    body.ok_or_else(|| ApiError::missing(Kind::Dispute.noun(), dispute, "dispute"))
}

fn withdraw(world: &mut World, dispute: &str) {
    let Ok(body) = found(world, dispute) else { return };
    fee_arrives(world, text(&body, "charge"));
    let fee = world.settings.dispute_fee_minor;
    post(world, dispute, "dispute", -int(&body, "amount"), fee);
    world.emit("charge.dispute.funds_withdrawn", dispute);
}

/// Posts a movement of a dispute and lists it among the dispute's own.
fn post(world: &mut World, dispute: &str, category: &str, amount: i64, fee: i64) {
    let Some(entry) = world.shelf.entry(dispute) else {
        return;
    };
    let (owner, body) = (entry.owner.clone(), entry.body.clone());
    let description = format!("Chargeback for {}", text(&body, "charge"));
    let posting = Posting {
        kind: "adjustment",
        category,
        amount,
        fee,
        currency: text(&body, "currency"),
        source: dispute,
        description: Some(&description),
        pending_s: 0,
    };
    let id = balance::post_settled(world, owner.as_deref(), &posting);
    let transaction = world
        .shelf
        .get(Kind::BalanceTransaction, &id)
        .cloned()
        .unwrap_or_default();
    world.set(dispute, |body| {
        if let Some(list) = body["balance_transactions"].as_array_mut() {
            list.push(transaction);
        }
    });
}
