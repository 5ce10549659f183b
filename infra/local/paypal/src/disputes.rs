//! Disputes v1: a buyer, or a buyer's bank, asks for the money of a capture back. And what PayPal takes back without one.
//!
//! While a dispute is open PayPal holds what it is about, as far as it has come in; a hold and its release bear one transaction id, and one date. When the dispute is
//! lost the money goes: as a reversal where PayPal has decided (`INTERNAL`), as a chargeback with a fee where a bank has (`EXTERNAL`).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::amount::Sum;
use crate::error::ApiError;
use crate::events;
use crate::movements::{self, Movement};
use crate::payments;
use crate::world::{Kind, World};

const SELLER: &str = "SELLER";
/// How long a seller has to answer (paypal.com, "Resolving disputes, claims and chargebacks").
const RESPONSE_S: i64 = 10 * 24 * 60 * 60;

/// What is asked for, by `POST /_control/captures/{capture}/dispute`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Claim {
    reason: String,
    /// All that is left of the payment, if absent.
    amount: Option<Value>,
    channel: Channel,
    /// Whether PayPal holds the money until it is decided.
    hold: bool,
}

impl Default for Claim {
    fn default() -> Self {
        Self {
            reason: "UNAUTHORISED".to_owned(),
            amount: None,
            channel: Channel::Internal,
            hold: true,
        }
    }
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Channel {
    /// PayPal itself.
    Internal,
    /// The bank of the buyer's card.
    External,
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Internal => "INTERNAL",
            Self::External => "EXTERNAL",
        }
    }

    fn of(dispute: &Value) -> Self {
        if dispute["dispute_channel"] == "EXTERNAL" {
            Self::External
        } else {
            Self::Internal
        }
    }
}

/// How a dispute ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Lost,
    /// The seller gives in.
    Accepted,
    Won,
    /// PayPal pays the buyer from its own pocket.
    Payout,
    Cancelled,
}

impl Outcome {
    fn code(self) -> &'static str {
        match self {
            Self::Lost => "RESOLVED_BUYER_FAVOUR",
            Self::Accepted => "ACCEPTED",
            Self::Won => "RESOLVED_SELLER_FAVOUR",
            Self::Payout => "RESOLVED_WITH_PAYOUT",
            Self::Cancelled => "CANCELED_BY_BUYER",
        }
    }

    fn takes_money(self) -> bool {
        matches!(self, Self::Lost | Self::Accepted)
    }
}

/// Money that goes to the buyer, or comes back.
struct Flow<'a> {
    code: &'static str,
    /// The capture; of a fee, the chargeback that it is for.
    of: &'a str,
    /// Below zero what leaves the balance.
    minor: i64,
    reason: &'static str,
}

pub(crate) fn capture_of(dispute: &Value) -> &str {
    dispute["disputed_transactions"][0]["seller_transaction_id"]
        .as_str()
        .unwrap_or_default()
}

fn is_open(dispute: &Value) -> bool {
    dispute["status"] != "RESOLVED"
}

pub(crate) fn has_open(world: &World, capture: &str) -> bool {
    let mut disputes = world.all(Kind::Dispute);
    disputes.any(|dispute| is_open(dispute) && capture_of(dispute) == capture)
}

/// What disputes and reversals have taken of a capture and not given back.
pub(crate) fn taken(world: &World, capture: &str) -> i64 {
    let takes = |info: &&Value| {
        matches!(
            info["transaction_event_code"].as_str(),
            Some("T1106" | "T1201" | "T1202")
        ) && info["paypal_reference_id"] == capture
    };
    let movements = world.all(Kind::Movement).filter(takes);
    -movements
        .map(|info| Sum::of(&info["transaction_amount"]).minor)
        .sum::<i64>()
}

/// Opens a dispute about a capture.
pub(crate) fn open(world: &mut World, capture: &str, claim: &Claim) -> Result<Value, ApiError> {
    let object = world.find(Kind::Capture, capture)?;
    if has_open(world, capture) {
        return Err(ApiError::issue(
            "TRANSACTION_DISPUTED",
            "There is an open case on this transaction.",
        ));
    }
    let left = payments::left(world, &object)?;
    let amount = match &claim.amount {
        None => left.clone(),
        Some(given) => Sum::read(given, "currency_code")?,
    };
    if amount.currency != left.currency || amount.minor > left.minor || amount.minor == 0 {
        return Err(ApiError::issue(
            "INVALID_DISPUTE_AMOUNT",
            "More is disputed than is left of the payment.",
        ));
    }
    let id = format!("PP-D-{}", world.digits(5));
    let time = world.time();
    let dispute = json!({
        "dispute_id": id,
        "create_time": time,
        "update_time": time,
        "disputed_transactions": [{
            "seller_transaction_id": capture,
            "create_time": object["create_time"],
            "transaction_status": "COMPLETED",
            "gross_amount": object["amount"],
            "custom": object["custom_id"],
            "invoice_number": object["invoice_id"],
            "buyer": {"name": "Jenny Rosen"},
            "seller": {"name": "Souk", "merchant_id": "5U5XFVAFGKG28"},
        }],
        "reason": claim.reason,
        "status": "OPEN",
        "dispute_state": "REQUIRED_ACTION",
        "dispute_amount": amount.json(),
        "dispute_life_cycle_stage": if claim.channel == Channel::External { "CHARGEBACK" } else { "INQUIRY" },
        "dispute_channel": claim.channel.name(),
        "seller_response_due_date": world.time_in(RESPONSE_S),
        "refund_details": {"allowed_refund_amount": amount.json()},
        "links": [{"href": world.url(&format!("/v1/customer/disputes/{id}")), "rel": "self", "method": "GET"}],
    });
    world.put(Kind::Dispute, &id, dispute.clone());
    if claim.hold {
        hold(world, &id, &object, &amount);
    }
    events::emit(world, "CUSTOMER.DISPUTE.CREATED", &dispute);
    Ok(dispute)
}

/// PayPal holds no more than has come in: its fee is gone already.
fn hold(world: &mut World, dispute: &str, capture: &Value, amount: &Sum) {
    let net = Sum::of(&capture["seller_receivable_breakdown"]["net_amount"]);
    let held = Sum::new(-amount.minor.min(net.minor), &amount.currency);
    let transaction = world.id();
    movements::record(
        world,
        &Movement {
            id: &transaction,
            reference: capture["id"].as_str(),
            code: "T1110",
            amount: held,
            fee_minor: 0,
            custom: &capture["custom_id"],
            status: "S",
        },
    );
    world.holds.insert(dispute.to_owned(), transaction);
}

fn release(world: &mut World, dispute: &str) {
    if let Some(held) = world.holds.remove(dispute) {
        movements::release(world, &held);
    }
}

/// Somebody has answered, or asked for more.
pub(crate) fn update(world: &mut World, id: &str, status: &str) -> Result<Value, ApiError> {
    let dispute = world.find(Kind::Dispute, id)?;
    if !is_open(&dispute) {
        return Err(resolved());
    }
    let state = match status {
        "OPEN" | "WAITING_FOR_SELLER_RESPONSE" => "REQUIRED_ACTION",
        "WAITING_FOR_BUYER_RESPONSE" => "REQUIRED_OTHER_PARTY_ACTION",
        "UNDER_REVIEW" => "UNDER_PAYPAL_REVIEW",
        _ => {
            return Err(ApiError::invalid(
                "INVALID_PARAMETER_VALUE",
                "/status",
                "The value is no status.",
            ));
        }
    };
    Ok(tell(world, id, "CUSTOMER.DISPUTE.UPDATED", |dispute| {
        dispute["status"] = json!(status);
        dispute["dispute_state"] = json!(state);
    }))
}

/// Ends a dispute.
pub(crate) fn close(world: &mut World, id: &str, outcome: Outcome) -> Result<Value, ApiError> {
    let dispute = world.find(Kind::Dispute, id)?;
    if !is_open(&dispute) {
        return Err(resolved());
    }
    release(world, id);
    let reversal = outcome.takes_money().then(|| take(world, id, &dispute)).flatten();
    let told = resolve(world, id, outcome);
    if let Some(reversal) = reversal {
        events::emit(world, "PAYMENT.CAPTURE.REVERSED", &reversal);
    }
    Ok(told)
}

/// What was decided is decided otherwise: a lost dispute is won on appeal, a won one is lost.
pub(crate) fn overturn(world: &mut World, id: &str) -> Result<Value, ApiError> {
    let dispute = world.find(Kind::Dispute, id)?;
    let outcome = dispute["dispute_outcome"]["outcome_code"].as_str();
    match outcome.unwrap_or_default() {
        "RESOLVED_BUYER_FAVOUR" | "ACCEPTED" => {
            let capture = capture_of(&dispute).to_owned();
            let code = match Channel::of(&dispute) {
                Channel::Internal => "T1106",
                Channel::External => "T1202",
            };
            let minor = -settled(&dispute);
            if minor != 0 {
                let back = Flow {
                    code,
                    of: &capture,
                    minor,
                    reason: "DISPUTE_SETTLEMENT",
                };
                flow(world, id, &dispute, &back);
            }
            Ok(resolve(world, id, Outcome::Won))
        }
        "RESOLVED_SELLER_FAVOUR" | "RESOLVED_WITH_PAYOUT" | "CANCELED_BY_BUYER" => {
            take(world, id, &dispute);
            Ok(resolve(world, id, Outcome::Lost))
        }
        _ => Err(ApiError::issue("DISPUTE_NOT_RESOLVED", "The dispute is still open.")),
    }
}

/// PayPal takes back what is left of a capture, or an amount of it, and there is no dispute that could be asked for.
pub(crate) fn reverse(world: &mut World, capture: &str, amount: &Value) -> Result<Value, ApiError> {
    let object = world.find(Kind::Capture, capture)?;
    let left = payments::left(world, &object)?;
    let amount = match amount {
        Value::Null => left.clone(),
        given => Sum::read(given, "currency_code")?,
    };
    if amount.currency != left.currency || amount.minor > left.minor || amount.minor == 0 {
        return Err(ApiError::issue(
            "INVALID_REVERSAL_AMOUNT",
            "More is reversed than is left of the payment.",
        ));
    }
    let id = world.id();
    movements::record(
        world,
        &Movement {
            id: &id,
            reference: Some(capture),
            code: "T1106",
            amount: Sum::new(-amount.minor, &amount.currency),
            fee_minor: 0,
            custom: &object["custom_id"],
            status: "S",
        },
    );
    let reversal = reversal(world, &id, &object, &amount);
    events::emit(world, "PAYMENT.CAPTURE.REVERSED", &reversal);
    Ok(reversal)
}

/// A reversal is shown as a refund is.
fn reversal(world: &mut World, id: &str, capture: &Value, amount: &Sum) -> Value {
    let of = capture["id"].as_str().unwrap_or_default();
    let reversal = json!({
        "id": id,
        "status": "COMPLETED",
        "amount": amount.json(),
        "custom_id": capture["custom_id"],
        "invoice_id": capture["invoice_id"],
        "create_time": world.time(),
        "update_time": world.time(),
        "links": [
            {"href": world.url(&format!("/v2/payments/refunds/{id}")), "rel": "self", "method": "GET"},
            {"href": world.url(&format!("/v2/payments/captures/{of}")), "rel": "up", "method": "GET"},
        ],
    });
    world.put(Kind::Reversal, id, reversal.clone());
    reversal
}

/// Takes what the dispute is about, as far as it is still there. Returns the reversal where PayPal tells of one.
fn take(world: &mut World, id: &str, dispute: &Value) -> Option<Value> {
    let capture = world.get(Kind::Capture, capture_of(dispute))?.clone();
    let left = payments::left(world, &capture).ok()?;
    let minor = Sum::of(&dispute["dispute_amount"]).minor.min(left.minor);
    if minor == 0 {
        return None;
    }
    let of = capture["id"].as_str().unwrap_or_default();
    let channel = Channel::of(dispute);
    let settlement = Flow {
        code: match channel {
            Channel::Internal => "T1106",
            Channel::External => "T1201",
        },
        of,
        minor: -minor,
        reason: "DISPUTE_SETTLEMENT",
    };
    let transaction = flow(world, id, dispute, &settlement);
    let fee = world.settings.chargeback_fee_minor;
    if channel == Channel::External {
        if fee > 0 {
            let fee = Flow {
                code: "T0106",
                of: &transaction,
                minor: -fee,
                reason: "CHARGEBACK_FEE",
            };
            flow(world, id, dispute, &fee);
        }
        return None;
    }
    Some(reversal(
        world,
        &transaction,
        &capture,
        &Sum::new(minor, &left.currency),
    ))
}

/// Moves money on the balance, and says so with the dispute. Returns the movement's id, which the dispute does not tell.
fn flow(world: &mut World, id: &str, dispute: &Value, flow: &Flow<'_>) -> String {
    let currency = Sum::of(&dispute["dispute_amount"]).currency;
    let transaction = world.id();
    movements::record(
        world,
        &Movement {
            id: &transaction,
            reference: Some(flow.of),
            code: flow.code,
            amount: Sum::new(flow.minor, &currency),
            fee_minor: 0,
            custom: &dispute["disputed_transactions"][0]["custom"],
            status: "S",
        },
    );
    let side = |party: &str, minor: i64| {
        json!({
            "affected_party": party,
            "amount": Sum::new(minor.abs(), &currency).json(),
            "initiated_time": world.time(),
            "type": if minor < 0 { "DEBIT" } else { "CREDIT" },
            "reason": flow.reason,
        })
    };
    let mut sides = vec![side(SELLER, flow.minor)];
    if flow.reason == "DISPUTE_SETTLEMENT" {
        sides.push(side("BUYER", -flow.minor));
    }
    world.change(Kind::Dispute, id, |dispute| {
        if let Some(movements) = dispute["money_movements"].as_array_mut() {
            movements.extend(sides);
        } else {
            dispute["money_movements"] = json!(sides);
        }
    });
    transaction
}

/// What the dispute has moved for the seller so far, without fees.
fn settled(dispute: &Value) -> i64 {
    let movements = dispute["money_movements"].as_array().into_iter().flatten();
    let sellers =
        movements.filter(|moved| moved["affected_party"] == SELLER && moved["reason"] == "DISPUTE_SETTLEMENT");
    let minor = |moved: &Value| {
        let minor = Sum::of(&moved["amount"]).minor;
        if moved["type"] == "DEBIT" { -minor } else { minor }
    };
    sellers.map(minor).sum()
}

fn resolve(world: &mut World, id: &str, outcome: Outcome) -> Value {
    tell(world, id, "CUSTOMER.DISPUTE.RESOLVED", |dispute| {
        dispute["status"] = json!("RESOLVED");
        dispute["dispute_state"] = json!("RESOLVED");
        let refunded = Sum::new(
            (-settled(dispute)).max(0),
            &Sum::of(&dispute["dispute_amount"]).currency,
        );
        dispute["dispute_outcome"] = json!({"outcome_code": outcome.code(), "amount_refunded": refunded.json()});
        if let Some(fields) = dispute.as_object_mut() {
            fields.remove("seller_response_due_date");
        }
    })
}

fn tell(world: &mut World, id: &str, event: &str, change: impl FnOnce(&mut Value)) -> Value {
    let time = world.time();
    world.change(Kind::Dispute, id, |dispute| {
        change(dispute);
        dispute["update_time"] = json!(time);
    });
    let told = world.get(Kind::Dispute, id).cloned().unwrap_or_default();
    events::emit(world, event, &told);
    told
}

fn resolved() -> ApiError {
    ApiError::issue("DISPUTE_RESOLVED", "The dispute is resolved already.")
}
