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

/// What a hold has held is available again. The release bears the transaction id and the date of the hold: only its code, and when it was last
/// changed, tell it apart (seen in settlement reports of PayPal's).
pub(crate) fn release(world: &mut World, hold: &str) {
    let Some(mut info) = world.get(Kind::Movement, hold).cloned() else {
        return;
    };
    let held = Sum::of(&info["transaction_amount"]);
    let released = Sum::new(-held.minor, &held.currency);
    info["transaction_event_code"] = json!("T1111");
    info["transaction_updated_date"] = json!(world.time());
    info["transaction_amount"] = released.json();
    world.put(Kind::Movement, &format!("{hold}.T1111"), info);
    world.book(&released);
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
