//! What moves on the balance, as Transaction Search lists it (reporting_transactions_v1). Whatever changes the balance is one of these.

use serde_json::{Value, json};

use crate::amount::Sum;
use crate::world::{Kind, World};

pub(crate) struct Movement<'a> {
    pub id: &'a str,
    /// The movement that it follows from.
    pub reference: Option<&'a str>,
    /// developer.paypal.com/docs/transaction-search/transaction-event-codes
    pub code: &'static str,
    /// Below zero what leaves the balance.
    pub amount: Sum,
    /// Below zero what PayPal takes.
    pub fee_minor: i64,
    pub custom: &'a Value,
    /// `S`uccess, `P`ending, `D`enied or re`V`ersed.
    pub status: &'static str,
}

pub(crate) fn record(world: &mut World, movement: &Movement<'_>) {
    let Movement { amount, fee_minor, .. } = movement;
    let mut info = json!({
        "transaction_id": movement.id,
        "transaction_event_code": movement.code,
        "transaction_initiation_date": world.time(),
        "transaction_updated_date": world.time(),
        "transaction_amount": amount.json(),
        "fee_amount": Sum::new(*fee_minor, &amount.currency).json(),
        "transaction_status": movement.status,
        "custom_field": movement.custom,
    });
    if let Some(reference) = movement.reference {
        info["paypal_reference_id"] = json!(reference);
        info["paypal_reference_id_type"] = json!("TXN");
    }
    world.put(Kind::Movement, movement.id, info);
    world.book(&Sum::new(amount.minor + fee_minor, &amount.currency));
}

/// What has become of a movement. One that is denied has not moved after all.
pub(crate) fn restate(world: &mut World, id: &str, status: &str) {
    let time = world.time();
    let mut moved = None;
    world.change(Kind::Movement, id, |info| {
        let is_denied = status == "D" && info["transaction_status"] != "D";
        moved = is_denied.then(|| (Sum::of(&info["transaction_amount"]), Sum::of(&info["fee_amount"]).minor));
        info["transaction_status"] = json!(status);
        info["transaction_updated_date"] = json!(time);
    });
    if let Some((amount, fee_minor)) = moved {
        world.book(&Sum::new(-amount.minor - fee_minor, &amount.currency));
    }
}
