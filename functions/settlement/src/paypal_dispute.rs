//! Follows disputes at PayPal, and money that it takes back without one: held while they are open, clawed back when they are lost.
//!
//! PayPal gives the money that a dispute moves no id: it is known by what it is and when. What it takes back is told twice, by the dispute and
//! by `PAYMENT.CAPTURE.REVERSED`; where there is a dispute, its money movements alone are posted.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use shared::messages::Envelope;
use shared::money::Money;
use shared::processor::ProcessorError;
use shared::processor::paypal::objects::{
    self, Capture, DisputeStatus as Told, MoneyDirection, MoneyMovement, OutcomeCode,
};
use shared::purchase::Order;
use shared::purchase::dispute::{self, Dispute, DisputeReport, DisputeStatus, Movement, Origin};
use shared::runtime::{Delivery, Failure};
use shared::store::{Versioned, reversals};

use crate::context::Context;
use crate::dispute::follow;
use crate::paypal;

const SELLER: &str = "SELLER";
/// The one reason that is no fee.
const SETTLEMENT: &str = "DISPUTE_SETTLEMENT";
/// A dispute and the reversal that it leads to take the money in one act.
const AT_ONCE: SignedDuration = SignedDuration::from_hours(1);
/// A reversal that PayPal does not show is dated by when it was heard of.
const HEARD_LATE: SignedDuration = SignedDuration::from_hours(24);

pub(crate) async fn hear(context: &Context, delivery: &Delivery<Envelope>, id: &str) -> Result<(), Failure> {
    let mut object = context.paypal.dispute(id).await?;
    let Some(capture) = object.capture().map(str::to_owned) else {
        return Err(Failure::reject(format!("dispute {id} names no payment")));
    };
    let capture = context.paypal.capture(&capture).await?;
    let Some(order) = paypal::order_of(context, delivery, &capture).await? else {
        return Ok(());
    };
    let known = reversals::dispute(&context.store, order.id, &object.dispute_id).await?;
    if known.is_some() {
        // What was fetched before the stored dispute was read may be older than that.
        object = context.paypal.dispute(id).await?;
    }
    let report = report(&object, &capture, &order).map_err(Failure::reject)?;
    let report = beyond_reversals(context, &order, report).await?;
    let advanced = dispute::advance(&order, known.as_deref(), &report, delivery.seed, delivery.now);
    follow(
        context,
        delivery,
        &order,
        known.as_ref(),
        advanced.map_err(Failure::reject)?,
    )
    .await
}

/// Money was taken back. Where a dispute says so, that is followed; otherwise the money is lost.
pub(crate) async fn hear_reversal(
    context: &Context,
    delivery: &Delivery<Envelope>,
    reversal: &str,
    capture: &str,
) -> Result<(), Failure> {
    let capture = context.paypal.capture(capture).await?;
    let Some(order) = paypal::order_of(context, delivery, &capture).await? else {
        return Ok(());
    };
    let disputes = context.paypal.disputes_of(&capture.id).await?.items;
    let taken = taken_back(context, &order, &capture, reversal).await?;
    let mut is_told = !disputes.is_empty() && taken.at.is_none();
    for dispute in &disputes {
        hear(context, delivery, &dispute.dispute_id).await?;
        is_told |= tells_of(&context.paypal.dispute(&dispute.dispute_id).await?, &taken);
    }
    if is_told {
        return Ok(());
    }
    // What was heard of disputes may have changed the order.
    let Some(order) = paypal::order_of(context, delivery, &capture).await? else {
        return Ok(());
    };
    let known = reversals::dispute(&context.store, order.id, reversal).await?;
    let amount = taken.amount;
    let report = DisputeReport {
        id: reversal.to_owned(),
        charge: capture.id,
        amount,
        reason: "reversed".to_owned(),
        status: DisputeStatus::Lost,
        opened_at: taken.at.unwrap_or(delivery.now),
        evidence_due: None,
        movements: vec![Movement {
            id: reversal.to_owned(),
            reference: None,
            amount: amount.checked_neg().map_err(Failure::reject)?,
            fee: Money::zero(amount.currency()),
            at: delivery.now,
        }],
    };
    if known.is_some() {
        return Ok(());
    }
    let advanced = dispute::reversed(&order, None, &report, delivery.seed, delivery.now);
    follow(context, delivery, &order, None, advanced.map_err(Failure::reject)?).await
}

/// What a reversal has taken.
struct Taken {
    amount: Money,
    /// `None` where PayPal does not show it.
    at: Option<Timestamp>,
}

/// A reversal is read as a refund is. Where PayPal shows none by this id, everything that was left of the payment has gone.
async fn taken_back(context: &Context, order: &Order, capture: &Capture, reversal: &str) -> Result<Taken, Failure> {
    let left = order.total.checked_sub(order.refunded()).map_err(Failure::reject)?;
    let all = Taken { amount: left, at: None };
    if reversal == capture.id {
        return Ok(all);
    }
    match context.paypal.refund(reversal).await {
        Ok(refund) => {
            let told = refund.amount.map(|amount| amount.money());
            let amount = told.filter(|told| told.currency() == left.currency()).unwrap_or(left);
            let at = refund.create_time;
            Ok(Taken { amount, at })
        }
        Err(ProcessorError::Refused { .. }) => Ok(all),
        Err(error) => Err(error.into()),
    }
}

/// Whether the money that a reversal has taken is the dispute's: as much, at the same time. Another dispute about the payment, one that was won
/// or is still open, has nothing to do with it.
fn tells_of(dispute: &objects::Dispute, taken: &Taken) -> bool {
    let is_same = |moved: &MoneyMovement| {
        let sellers = moved.affected_party.as_deref() == Some(SELLER)
            && moved.direction == Some(MoneyDirection::Debit)
            && moved.reason.as_deref().unwrap_or(SETTLEMENT) == SETTLEMENT;
        let at_once = moved.initiated_time.zip(taken.at);
        sellers
            && moved.amount.is_some_and(|amount| amount.money() == taken.amount)
            && at_once.is_some_and(|(moved, taken)| moved.duration_since(taken).abs() <= AT_ONCE)
    };
    dispute.money_movements.iter().any(is_same)
}

/// What a reversal has taken before anybody knew of the dispute is not taken again.
async fn beyond_reversals(
    context: &Context,
    order: &Versioned<Order>,
    mut report: DisputeReport,
) -> Result<DisputeReport, Failure> {
    let known = reversals::all_disputes(&context.store, order.id).await?;
    let is_reversal = |known: &&Dispute| known.origin == Origin::Reversal && known.charge == report.charge;
    for reversal in known.iter().filter(is_reversal) {
        let taken = Money::new(reversal.withdrawn_minor, report.amount.currency());
        let taken_back = taken.checked_neg().map_err(Failure::reject)?;
        let same = report.movements.iter().position(|movement| {
            let apart = movement.at.duration_since(reversal.opened_at).abs();
            movement.amount == taken_back && apart <= HEARD_LATE
        });
        if let Some(same) = same {
            report.movements.remove(same);
        }
        let left = report.amount.checked_sub(taken).map_err(Failure::reject)?;
        report.amount = if left.is_negative() {
            Money::zero(left.currency())
        } else {
            left
        };
    }
    Ok(report)
}

/// Reads a dispute. While PayPal says of it what is not known here, the money is held and nothing else follows.
fn report(object: &objects::Dispute, capture: &Capture, order: &Order) -> Result<DisputeReport, String> {
    let amount = object.dispute_amount.map_or(order.total, |amount| amount.money());
    let amount = dispute::disputed(order, amount);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut movements = Vec::new();
    for moved in &object.money_movements {
        if moved.affected_party.as_deref() != Some(SELLER) {
            continue;
        }
        let told = movement(object, capture, moved, &mut seen)?;
        movements.push(Movement {
            amount: dispute::moved(order, amount, told.amount),
            ..told
        });
    }
    Ok(DisputeReport {
        id: object.dispute_id.clone(),
        charge: capture.id.clone(),
        amount,
        reason: object.reason.clone().unwrap_or_default().to_lowercase(),
        status: status(object),
        opened_at: object.create_time,
        evidence_due: object.seller_response_due_date,
        movements,
    })
}

fn movement(
    object: &objects::Dispute,
    capture: &Capture,
    moved: &MoneyMovement,
    seen: &mut BTreeMap<String, u32>,
) -> Result<Movement, String> {
    let odd = |what: &str| format!("dispute {}: a movement {what}", object.dispute_id);
    let sum = moved.amount.ok_or_else(|| odd("without an amount"))?.money();
    let at = moved.initiated_time.unwrap_or(object.create_time);
    let gained = match moved.direction {
        Some(MoneyDirection::Credit) => sum,
        Some(MoneyDirection::Debit) => sum.checked_neg().map_err(|error| odd(&error.to_string()))?,
        Some(MoneyDirection::Other) | None => return Err(odd("without a direction that is known here")),
    };
    let reason = moved.reason.as_deref().unwrap_or(SETTLEMENT);
    let name = format!("{}.{}.{reason}.{}", object.dispute_id, at.as_second(), gained.minor());
    let number = seen.entry(name.clone()).or_default();
    *number += 1;
    let id = if *number == 1 { name } else { format!("{name}.{number}") };
    let zero = Money::zero(sum.currency());
    let (amount, fee) = if reason == SETTLEMENT {
        (gained, zero)
    } else {
        (zero, gained.checked_neg().map_err(|error| odd(&error.to_string()))?)
    };
    Ok(Movement {
        id,
        reference: Some(capture.id.clone()),
        amount,
        fee,
        at,
    })
}

fn status(object: &objects::Dispute) -> DisputeStatus {
    let outcome = object.dispute_outcome.as_ref().and_then(|outcome| outcome.outcome_code);
    match (object.status, outcome) {
        (Told::Resolved, Some(OutcomeCode::ResolvedBuyerFavour | OutcomeCode::Accepted)) => DisputeStatus::Lost,
        (
            Told::Resolved,
            Some(OutcomeCode::ResolvedSellerFavour | OutcomeCode::ResolvedWithPayout | OutcomeCode::Denied),
        ) => DisputeStatus::Won,
        (Told::Resolved, Some(OutcomeCode::CanceledByBuyer | OutcomeCode::None)) => DisputeStatus::Closed,
        (Told::Resolved, Some(OutcomeCode::Other) | None) | (Told::Other, _) => {
            tracing::error!(dispute.id = %object.dispute_id, "PayPal says of a dispute what is not known here: its money stays held");
            DisputeStatus::Open
        }
        (Told::Open | Told::WaitingForBuyerResponse | Told::WaitingForSellerResponse | Told::UnderReview, _) => {
            DisputeStatus::Open
        }
    }
}
