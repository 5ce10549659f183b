//! Reversals: a transfer taken back, in part or in whole, out of the connected account's balance.

use serde_json::{Value, json};

use super::move_money;
use crate::balance;
use crate::wire::call::{Answer, Call};
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, World, int, text};

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let transfer = world.find(Kind::Transfer, call.id(), None, "id")?;
    let left = int(&transfer, "amount") - int(&transfer, "amount_reversed");
    let amount = call.params.int("amount")?.unwrap_or(left);
    if left == 0 {
        let message = format!("Transfer {} is already fully reversed.", call.id());
        return Err(ApiError::refused("transfer_already_reversed", message));
    }
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(message)
            .code("parameter_invalid_integer")
            .param("amount"));
    }
    let currency = text(&transfer, "currency").to_owned();
    if amount > left {
        let message = format!(
            "Cannot reverse more than the remaining amount of transfer {}: {left} {currency} left, {amount} asked.",
            call.id()
        );
        let mut error = ApiError::invalid(message).param("amount");
        error.begun = true;
        return Err(error);
    }
    let account = text(&transfer, "destination").to_owned();
    if balance::available(world, Some(&account), &currency) < amount {
        let message = format!("Insufficient funds in the balance of account {account} to reverse {amount} {currency}.");
        return Err(ApiError::refused("balance_insufficient", message));
    }
    Ok(make(world, call, &transfer, amount))
}

fn make(world: &mut World, call: &Call, transfer: &Value, amount: i64) -> Value {
    let id = world.id(Kind::Reversal);
    let refund = world.id_with("pyr", 24);
    let (currency, account) = (text(transfer, "currency"), text(transfer, "destination"));
    let incoming = move_money(
        world,
        None,
        "transfer_refund",
        "transfer_reversal",
        amount,
        currency,
        &id,
    );
    let outgoing = move_money(
        world,
        Some(account),
        "payment_refund",
        "refund",
        -amount,
        currency,
        &refund,
    );
    let now = world.now();
    let body = json!({
        "id": id,
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": incoming,
        "created": now,
        "currency": currency,
        "destination_payment_refund": refund,
        "metadata": call.params.map("metadata"),
        "source_refund": null,
        "transfer": transfer["id"],
    });
    world.shelf.put(Kind::Reversal, None, body.clone());
    let returned = json!({
        "id": refund,
        "object": "refund",
        "amount": amount,
        "balance_transaction": outgoing,
        "charge": transfer["destination_payment"],
        "created": now,
        "currency": currency,
        "metadata": {},
        "payment_intent": null,
        "reason": null,
        "receipt_number": null,
        "source_transfer_reversal": id,
        "status": "succeeded",
        "transfer_reversal": null,
    });
    world.shelf.put(Kind::Refund, Some(account), returned);
    world.set(text(transfer, "destination_payment"), |charge| {
        let refunded = int(charge, "amount_refunded") + amount;
        charge["amount_refunded"] = json!(refunded);
        charge["refunded"] = json!(refunded == int(charge, "amount"));
    });
    let listed = body.clone();
    world.update(call.id(), "transfer.reversed", |transfer| {
        let reversed = int(transfer, "amount_reversed") + amount;
        transfer["amount_reversed"] = json!(reversed);
        transfer["reversed"] = json!(reversed == int(transfer, "amount"));
        if let Some(list) = transfer["reversals"]["data"].as_array_mut() {
            list.insert(0, listed);
            // As with Stripe, a transfer shows its newest ten; the rest is listed.
            let more = list.len() > 10;
            list.truncate(10);
            transfer["reversals"]["has_more"] = json!(more);
        }
    });
    body
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    let id = call.args.get(1).map_or("", String::as_str);
    let body = world.find(Kind::Reversal, id, None, "id")?;
    if text(&body, "transfer") == call.id() {
        Ok(body)
    } else {
        Err(ApiError::missing(Kind::Reversal.noun(), id, "id"))
    }
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    world.find(Kind::Transfer, call.id(), None, "id")?;
    let reversals = world.select(Kind::Reversal, None, |body| text(body, "transfer") == call.id());
    list::page(
        call,
        Kind::Reversal,
        &format!("/v1/transfers/{}/reversals", call.id()),
        reversals,
    )
}
