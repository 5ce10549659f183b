//! Transfers: money from the platform's balance to a connected account's.

pub(crate) mod payouts;
pub(crate) mod reversals;

use serde_json::{Value, json};

use crate::accounts::merge_metadata;
use crate::balance::{self, Posting};
use crate::checkout::session::merge;
use crate::wire::call::{Answer, Call};
use crate::wire::{error::ApiError, form::missing_param, list};
use crate::world::{Kind, World, int, text};

pub(crate) fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    if call.owner().is_some() {
        return Err(ApiError::invalid(
            "The stand-in transfers from the platform's balance only.",
        ));
    }
    let source = match params.given("source_transaction") {
        Some(id) => Some(world.find(Kind::Charge, id, None, "source_transaction")?),
        None => None,
    };
    let amount = match (params.int("amount")?, &source) {
        (Some(amount), _) => amount,
        (None, Some(charge)) => int(charge, "amount"),
        (None, None) => return Err(missing_param("amount")),
    };
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::invalid(message)
            .code("parameter_invalid_integer")
            .param("amount"));
    }
    let currency = params.required("currency")?.to_ascii_lowercase();
    let destination = params.required("destination")?;
    check_destination(world, destination)?;
    check_funds(world, source.as_ref(), &currency, amount)?;
    let group = params
        .given("transfer_group")
        .or_else(|| source.as_ref().and_then(|charge| charge["transfer_group"].as_str()));
    Ok(make(
        world,
        call,
        &Draft {
            amount,
            currency: &currency,
            destination,
            source: source.as_ref(),
            group,
        },
    ))
}

struct Draft<'a> {
    amount: i64,
    currency: &'a str,
    destination: &'a str,
    source: Option<&'a Value>,
    group: Option<&'a str>,
}

fn check_destination(world: &World, destination: &str) -> Result<(), ApiError> {
    let Some(account) = world.shelf.get(Kind::Account, destination) else {
        let message = format!("No such destination: '{destination}'");
        return Err(ApiError::invalid(message).code("resource_missing").param("destination"));
    };
    let capabilities = &account["capabilities"];
    // An account made without asking for any has what all accounts once had: `legacy_payments`.
    let legacy = capabilities.as_object().is_some_and(serde_json::Map::is_empty);
    if !legacy && capabilities["transfers"] != json!("active") && capabilities["legacy_payments"] != json!("active") {
        let message = "Your destination account needs to have at least one of the following capabilities enabled: \
                       transfers, crypto_transfers, legacy_payments";
        return Err(ApiError::refused("insufficient_capabilities_for_transfer", message));
    }
    Ok(())
}

/// A transfer out of a charge may not exceed it, any other not the available balance.
fn check_funds(world: &World, source: Option<&Value>, currency: &str, amount: i64) -> Result<(), ApiError> {
    let Some(charge) = source else {
        return if balance::available(world, None, currency) < amount {
            Err(balance::insufficient())
        } else {
            Ok(())
        };
    };
    if text(charge, "currency") != currency {
        let message = format!(
            "The currency of source_transaction's balance transaction ({}) must be the same as the transfer currency ({currency})",
            text(charge, "currency")
        );
        return Err(ApiError::refused("transfer_source_balance_parameters_mismatch", message).param("currency"));
    }
    let used: i64 = world
        .select(Kind::Transfer, None, |body| {
            text(body, "source_transaction") == text(charge, "id")
        })
        .iter()
        .map(|body| int(body, "amount"))
        .sum();
    let left = int(charge, "amount") - used;
    if amount > left {
        let message = format!("The source_transaction has {left} {currency} left to transfer, less than {amount}.");
        return Err(ApiError::refused("balance_insufficient", message).param("amount"));
    }
    Ok(())
}

fn make(world: &mut World, call: &Call, draft: &Draft<'_>) -> Value {
    let id = world.id(Kind::Transfer);
    let payment = world.id_with("py", 24);
    let now = world.now();
    let outgoing = move_money(world, None, "transfer", "transfer", -draft.amount, draft.currency, &id);
    let body = json!({
        "id": id,
        "object": "transfer",
        "amount": draft.amount,
        "amount_reversed": 0,
        "balance_transaction": outgoing,
        "created": now,
        "currency": draft.currency,
        "description": call.params.json("description"),
        "destination": draft.destination,
        "destination_payment": payment,
        "livemode": false,
        "metadata": call.params.map("metadata"),
        "reversals": list::whole(&format!("/v1/transfers/{id}/reversals"), &[]),
        "reversed": false,
        "source_transaction": draft.source.map(|charge| text(charge, "id")),
        "source_type": "card",
        "transfer_group": draft.group,
    });
    world.shelf.put(Kind::Transfer, None, body.clone());
    let owner = Some(draft.destination);
    let incoming = move_money(
        world,
        owner,
        "payment",
        "charge",
        draft.amount,
        draft.currency,
        &payment,
    );
    let mut received = crate::charges::blank(&payment, draft.amount, draft.currency, now);
    merge(
        &mut received,
        json!({"balance_transaction": incoming, "source_transfer": id}),
    );
    world.shelf.put(Kind::Charge, owner, received);
    world.emit("transfer.created", &id);
    world.emit("payment.created", &payment);
    body
}

/// Posts a movement without a fee.
fn move_money(
    world: &mut World,
    owner: Option<&str>,
    kind: &str,
    category: &str,
    amount: i64,
    currency: &str,
    source: &str,
) -> String {
    let posting = Posting {
        kind,
        category,
        amount,
        fee: 0,
        currency,
        source,
        description: None,
        pending_s: 0,
    };
    balance::post(world, owner, &posting)
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Transfer, call.id(), None, "transfer")
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    Ok(world.update(call.id(), "transfer.updated", |body| {
        if call.params.at("description").is_some() {
            body["description"] = call.params.json("description");
        }
        merge_metadata(body, &call.params);
    }))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let transfers = world.select(Kind::Transfer, call.owner(), |body| {
        call.keeps(body, "transfer_group") && call.keeps(body, "destination")
    });
    list::page(call, Kind::Transfer, "/v1/transfers", transfers)
}
