//! Charges: money taken from a customer. Their fee becomes known later, as with Stripe's asynchronous capture.

pub(crate) mod authentication;
pub(crate) mod capture;
pub(crate) mod disputes;
pub(crate) mod intents;
pub(crate) mod refunds;

use serde_json::{Value, json};

use crate::accounts::merge_metadata;
use crate::balance::{self, Posting};
use crate::checkout::cards::{Card, Effect};
use crate::wire::call::{Answer, Call};
use crate::wire::list;
use crate::world::{Kind, World, int, text};

/// The fields of a charge every kind of it shares; the rest is set by who makes it.
pub(crate) fn blank(id: &str, amount: i64, currency: &str, created: i64) -> Value {
    json!({
        "id": id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": null,
        "billing_details": {"address": null, "email": null, "name": null, "phone": null, "tax_id": null},
        "calculated_statement_descriptor": "SOUK",
        "captured": true,
        "created": created,
        "currency": currency,
        "customer": null,
        "description": null,
        "disputed": false,
        "failure_balance_transaction": null,
        "failure_code": null,
        "failure_message": null,
        "fraud_details": {},
        "livemode": false,
        "metadata": {},
        "on_behalf_of": null,
        "outcome": null,
        "paid": true,
        "payment_intent": null,
        "payment_method": null,
        "payment_method_details": null,
        "receipt_email": null,
        "receipt_number": null,
        "receipt_url": null,
        "refunded": false,
        "review": null,
        "shipping": null,
        "source_transfer": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": "succeeded",
        "transfer_data": null,
        "transfer_group": null,
    })
}

/// What was paid with, as a charge shows it.
pub(crate) fn method_details(card: &Card) -> Value {
    if card.is_debit() {
        return json!({
            "type": "sepa_debit",
            "sepa_debit": {
                "bank_code": "19043",
                "branch_code": "",
                "country": "AT",
                "fingerprint": format!("standin{}", card.last4()),
                "last4": card.last4(),
                "mandate": null,
            },
        });
    }
    json!({
        "type": "card",
        "card": {
            "amount_authorized": null,
            "brand": card.brand,
            "checks": {"address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass"},
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": format!("standin{}", card.last4()),
            "funding": "credit",
            "installments": null,
            "last4": card.last4(),
            "mandate": null,
            "network": card.brand,
            "three_d_secure": null,
            "wallet": null,
        },
    })
}

/// How the bank answered.
pub(crate) fn outcome(card: &Card) -> Value {
    let (kind, network, reason, message) = match card.effect {
        Effect::Declines { decline_code, .. } => (
            "issuer_declined",
            "declined_by_network",
            json!(decline_code),
            "The bank did not return any further details with this decline.",
        ),
        Effect::Pays | Effect::Debits { .. } | Effect::Authenticates => {
            ("authorized", "approved_by_network", Value::Null, "Payment complete.")
        }
    };
    json!({
        "advice_code": null,
        "network_advice_code": null,
        "network_decline_code": null,
        "network_status": network,
        "reason": reason,
        "risk_level": "normal",
        "risk_score": 7,
        "seller_message": message,
        "type": kind,
    })
}

/// Posts the balance transaction of a charge that has none yet; returns false if there is nothing to post.
pub(crate) fn post_fee(world: &mut World, charge: &str, at_once: bool) -> bool {
    let Some(entry) = world.shelf.entry(charge) else {
        return false;
    };
    let (owner, body) = (entry.owner.clone(), entry.body.clone());
    if !body["balance_transaction"].is_null() || text(&body, "status") != "succeeded" || body["captured"] != json!(true)
    {
        return false;
    }
    let (amount, currency) = (int(&body, "amount"), text(&body, "currency"));
    let is_card = body["payment_method_details"]["type"] == json!("card");
    // The fee is counted from what reaches the balance, in its currency.
    let fee = balance::fee_of(
        world,
        balance::settled(world, owner.as_deref(), amount, currency).amount,
    );
    let posting = Posting {
        kind: if is_card { "charge" } else { "payment" },
        category: "charge",
        amount,
        fee,
        currency,
        source: charge,
        description: body["description"].as_str(),
        pending_s: if at_once { 0 } else { world.settings.available_delay_s },
    };
    let transaction = balance::post_settled(world, owner.as_deref(), &posting);
    if at_once {
        balance::tell_available(world, owner.as_deref());
    }
    world.set(charge, |body| body["balance_transaction"] = json!(transaction));
    true
}

/// The fee of a charge becomes known.
pub(crate) fn fee_arrives(world: &mut World, charge: &str) {
    if post_fee(world, charge, false) {
        // The event names the field that was null before, which `update` cannot see any more.
        let transaction = world.set(charge, |_| {})["balance_transaction"].clone();
        world.set(charge, |body| body["balance_transaction"] = Value::Null);
        world.update(charge, "charge.updated", |body| {
            body["balance_transaction"] = transaction;
        });
    }
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Charge, call.id(), call.owner(), "charge")
}

pub(crate) fn update(world: &mut World, call: &Call) -> Answer {
    retrieve(world, call)?;
    Ok(world.update(call.id(), "charge.updated", |body| {
        for field in ["description", "receipt_email", "transfer_group"] {
            if call.params.at(field).is_some() {
                body[field] = call.params.json(field);
            }
        }
        merge_metadata(body, &call.params);
    }))
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let charges = world.select(Kind::Charge, call.owner(), |body| {
        ["payment_intent", "transfer_group", "customer"]
            .iter()
            .all(|field| call.keeps(body, field))
    });
    list::page(call, Kind::Charge, "/v1/charges", charges)
}
