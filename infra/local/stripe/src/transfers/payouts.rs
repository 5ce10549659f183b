//! Payouts: money from a balance to its owner's bank. Paid after a while; a bank may still send it back.

use serde_json::{Value, json};

use super::move_money;
use crate::accounts::{self, merge_metadata};
use crate::balance;
use crate::wire::call::{Answer, Call};
use crate::wire::{error::ApiError, form::missing_param, list};
use crate::world::{Kind, Work, World, int, text};

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let owner = call.owner();
    let amount = params.int("amount")?.ok_or_else(|| missing_param("amount"))?;
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(message)
            .code("parameter_invalid_integer")
            .param("amount"));
    }
    let currency = params.required("currency")?.to_ascii_lowercase();
    let bank = match owner {
        None => json!("ba_standinplatform"),
        Some(account) => {
            let account = accounts::find(world, account)?;
            if account["payouts_enabled"] != json!(true) {
                let message = "Cannot create payouts; this account has requirements that need to be collected.";
                return Err(ApiError::refused("payouts_not_allowed", message));
            }
            account["external_accounts"]["data"][0]["id"].clone()
        }
    };
    if balance::available(world, owner, &currency) < amount {
        return Err(balance::insufficient());
    }
    let id = world.id(Kind::Payout);
    let transaction = move_money(world, owner, "payout", "payout", -amount, &currency, &id);
    let now = world.now();
    let body = json!({
        "id": id,
        "object": "payout",
        "amount": amount,
        "application_fee": null,
        "application_fee_amount": null,
        "arrival_date": now + world.settings.payout_delay_ms / 1000,
        "automatic": false,
        "balance_transaction": transaction,
        "created": now,
        "currency": currency,
        "description": params.json("description"),
        "destination": bank,
        "failure_balance_transaction": null,
        "failure_code": null,
        "failure_message": null,
        "livemode": false,
        "metadata": params.map("metadata"),
        "method": params.given("method").unwrap_or("standard"),
        "original_payout": null,
        "payout_method": null,
        "reconciliation_status": "not_applicable",
        "reversed_by": null,
        "source_type": "card",
        "statement_descriptor": params.json("statement_descriptor"),
        "status": "pending",
        "trace_id": null,
        "type": "bank_account",
    });
    world.shelf.put(Kind::Payout, owner, body.clone());
    world.emit("payout.created", &id);
    let delay = world.settings.payout_delay_ms;
    world.later(delay, Work::PayoutPaid { payout: id });
    Ok(body)
}

/// The bank has taken the money; it may still send it back.
pub(crate) fn paid(world: &mut World, payout: &str) {
    if world
        .shelf
        .get(Kind::Payout, payout)
        .is_some_and(|body| text(body, "status") == "pending")
    {
        world.update(payout, "payout.updated", |body| body["status"] = json!("paid"));
        world.emit("payout.paid", payout);
    }
}

/// The bank refuses the money or sends it back: it returns to the balance it came from.
pub(crate) fn fail(world: &mut World, payout: &str, code: &str) -> Answer {
    let body = end(world, payout, &["pending", "in_transit", "paid"], "payout_failure")?;
    let transaction = body.1;
    let after = world.update(payout, "payout.updated", |body| {
        body["status"] = json!("failed");
        body["failure_code"] = json!(code);
        body["failure_message"] = json!("The bank could not process this payout.");
        body["failure_balance_transaction"] = json!(transaction);
    });
    world.emit("payout.failed", payout);
    Ok(after)
}

pub(crate) fn cancel(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    let (_, transaction) = end(world, call.id(), &["pending"], "payout_cancel")?;
    let after = world.update(call.id(), "payout.updated", |body| {
        body["status"] = json!("canceled");
        body["failure_balance_transaction"] = json!(transaction);
    });
    world.emit("payout.canceled", call.id());
    Ok(after)
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Payout, call.id(), call.owner(), "payout")
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    Ok(world.update(call.id(), "payout.updated", |body| merge_metadata(body, &call.params)))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let payouts = world.select(Kind::Payout, call.owner(), |body| {
        call.keeps(body, "status") && call.keeps(body, "destination")
    });
    list::page(call, Kind::Payout, "/v1/payouts", payouts)
}

/// Returns the money of a payout in one of these states to its balance.
fn end(world: &mut World, payout: &str, states: &[&str], kind: &str) -> Result<(Value, String), ApiError> {
    let Some(entry) = world.shelf.entry(payout).filter(|entry| entry.kind == Kind::Payout) else {
        return Err(ApiError::missing(Kind::Payout.noun(), payout, "payout"));
    };
    let (owner, body) = (entry.owner.clone(), entry.body.clone());
    if !states.contains(&text(&body, "status")) {
        let mut error = ApiError::invalid(format!(
            "Payout {payout} is {} and cannot be ended so.",
            text(&body, "status")
        ));
        error.begun = true;
        return Err(error);
    }
    let category = if kind == "payout_cancel" {
        "payout_reversal"
    } else {
        kind
    };
    let transaction = move_money(
        world,
        owner.as_deref(),
        kind,
        category,
        int(&body, "amount"),
        text(&body, "currency"),
        payout,
    );
    Ok((body, transaction))
}
