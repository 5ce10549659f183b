//! Follows a dispute: posts its movements, holds the shares meanwhile, and claws them back when it is lost.

use jiff::Timestamp;
use shared::messages::Envelope;
use shared::money::{Currency, Money};
use shared::processor::stripe::objects;
use shared::purchase::dispute::{DisputeReport, DisputeStatus, Movement, advance};
use shared::runtime::{Delivery, Failure};
use shared::store::reversals;

use crate::context::Context;
use crate::origin;

pub(crate) async fn hear(context: &Context, delivery: &Delivery<Envelope>, object_id: &str) -> Result<(), Failure> {
    let object = context.stripe.dispute(object_id).await?;
    let Some(charge) = object.charge.object() else {
        return Err(Failure::reject(format!("dispute {object_id} came without its charge")));
    };
    let Some(order) = origin::order_of(context, delivery, charge).await? else {
        return Ok(());
    };
    let report = report(&object, &charge.id).map_err(Failure::reject)?;
    let known = reversals::dispute(&context.store, order.id, &report.id).await?;
    let advanced = advance(&order, known.as_deref(), &report, delivery.seed, delivery.now).map_err(Failure::reject)?;
    let Some(advanced) = advanced else {
        return Ok(());
    };
    let writes = reversals::advance_dispute(&advanced, order.revision, known.map(|known| known.revision))?;
    context.store.transact(writes).await?;
    tracing::warn!(order.id = %order.id, dispute.id = %report.id, amount = %report.amount, status = %report.status, "dispute followed");
    Ok(())
}

/// Reads a dispute. A status or currency that is not known here moves nothing: a person must look at it.
fn report(object: &objects::Dispute, charge: &str) -> Result<DisputeReport, String> {
    let odd = |error: &dyn std::fmt::Display| format!("dispute {}: {error}", object.id);
    let time = |second: i64| Timestamp::from_second(second).map_err(|error| odd(&error));
    let currency: Currency = object.currency.parse().map_err(|error| odd(&error))?;
    let movement = |movement: &objects::BalanceTransaction| {
        if !movement.currency.eq_ignore_ascii_case(&object.currency) {
            return Err(odd(&format!("movement {} is in {}", movement.id, movement.currency)));
        }
        Ok(Movement {
            id: movement.id.clone(),
            amount: Money::new(movement.amount, currency),
            fee: Money::new(movement.fee, currency),
            at: time(movement.created)?,
        })
    };
    let due = object.evidence_details.as_ref().and_then(|details| details.due_by);
    Ok(DisputeReport {
        id: object.id.clone(),
        charge: charge.to_owned(),
        amount: Money::new(object.amount, currency),
        reason: object.reason.clone(),
        status: status(object.status).ok_or_else(|| odd(&"its status is not known here"))?,
        opened_at: time(object.created)?,
        evidence_due: due.map(time).transpose()?,
        movements: object
            .balance_transactions
            .iter()
            .map(movement)
            .collect::<Result<_, _>>()?,
    })
}

fn status(status: objects::DisputeStatus) -> Option<DisputeStatus> {
    use objects::DisputeStatus as Told;
    Some(match status {
        Told::WarningNeedsResponse | Told::WarningUnderReview => DisputeStatus::Inquiry,
        Told::NeedsResponse | Told::UnderReview => DisputeStatus::Open,
        Told::WarningClosed | Told::Prevented => DisputeStatus::Closed,
        Told::Won => DisputeStatus::Won,
        Told::Lost => DisputeStatus::Lost,
        Told::Other => return None,
    })
}
