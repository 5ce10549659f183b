//! Follows a dispute at Stripe: posts its movements, holds the shares meanwhile, and claws them back when it is lost.

use jiff::Timestamp;
use shared::ids::{OrderId, UserId};
use shared::ledger::Fact;
use shared::messages::Envelope;
use shared::money::{Currency, Money};
use shared::processor::stripe::objects;
use shared::purchase::Order;
use shared::purchase::dispute::Origin;
use shared::purchase::dispute::{
    Dispute, DisputeAdvance, DisputeReport, DisputeStatus, Movement, advance, disputed, follow_by_hand, moved,
};
use shared::runtime::{Delivery, Failure};
use shared::store::{Versioned, ledger, reversals};

use crate::context::Context;
use crate::{origin, requests};

pub(crate) async fn hear(context: &Context, delivery: &Delivery<Envelope>, object_id: &str) -> Result<(), Failure> {
    let mut object = context.stripe.dispute(object_id).await?;
    let Some(charge) = object.charge.object().cloned() else {
        return Err(Failure::reject(format!("dispute {object_id} came without its charge")));
    };
    let Some(order) = origin::order_of(context, delivery, &charge).await? else {
        return Ok(());
    };
    let known = reversals::dispute(&context.store, order.id, &object.id).await?;
    if known.is_some() {
        // What was fetched before the stored dispute was read may be older than that: any status may follow any other, so the latest counts.
        object = context.stripe.dispute(object_id).await?;
    }
    let report = report(&order, &object, &charge.id).map_err(Failure::reject)?;
    let advanced = advance(&order, known.as_deref(), &report, delivery.seed, delivery.now).map_err(Failure::reject)?;
    follow(context, delivery, &order, known.as_ref(), advanced).await
}

/// An operator has opened a dispute by hand, or closed it.
pub(crate) async fn hear_by_hand(
    context: &Context,
    delivery: &Delivery<Envelope>,
    customer: UserId,
    order: OrderId,
    dispute: &str,
) -> Result<(), Failure> {
    let order = origin::load(context, customer, order).await?;
    let known = reversals::dispute(&context.store, order.id, dispute).await?;
    let known =
        known.ok_or_else(|| Failure::retry(format!("dispute {dispute} of order {} does not exist", order.id)))?;
    let mut told = known.value.clone();
    if let Origin::Operator {
        ruling: Some(ruling), ..
    } = &mut told.origin
    {
        // A movement that another dispute has named is posted already: this one's stands under its own name.
        let named = ruling.transaction.clone().filter(|id| !known.movements.contains(id));
        let keys = named.map(|id| ledger::fact_key(None, &Fact::DisputeFunds(id)));
        if !ledger::entries(&context.store, keys.as_slice()).await?.is_empty() {
            ruling.transaction = None;
        }
    }
    let advanced = follow_by_hand(&order, &told, delivery.seed, delivery.now).map_err(Failure::reject)?;
    follow(context, delivery, &order, Some(&known), advanced).await
}

/// Writes what follows from the news of a dispute. A conflict means that somebody else has heard of it, or has changed the order: the message
/// comes again.
pub(crate) async fn follow(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: &Versioned<Order>,
    known: Option<&Versioned<Dispute>>,
    advanced: Option<DisputeAdvance>,
) -> Result<(), Failure> {
    let Some(mut advanced) = advanced else {
        return Ok(());
    };
    let superseded = requests::supersede(context, &mut advanced.order, delivery.now).await?;
    let revision = known.map(|known| known.revision);
    let mut writes = reversals::advance_dispute(&advanced, order.revision, revision, None, delivery.now)?;
    writes.extend(superseded);
    context.store.transact(writes).await?;
    let dispute = &advanced.dispute;
    tracing::warn!(order.id = %order.id, dispute.id = %dispute.id, amount = %dispute.amount, status = %dispute.status, "dispute followed");
    Ok(())
}

/// Reads a dispute, in the order's currency. A status or currency that is not known here moves nothing: a person must look at it.
fn report(order: &Order, object: &objects::Dispute, charge: &str) -> Result<DisputeReport, String> {
    let odd = |error: &dyn std::fmt::Display| format!("dispute {}: {error}", object.id);
    let time = |second: i64| Timestamp::from_second(second).map_err(|error| odd(&error));
    let currency = |code: &str| code.parse::<Currency>().map_err(|error| odd(&error));
    let amount = disputed(order, Money::new(object.amount, currency(&object.currency)?));
    let movement = |movement: &objects::BalanceTransaction| {
        let settled = currency(&movement.currency)?;
        Ok::<_, String>(Movement {
            id: movement.id.clone(),
            reference: None,
            amount: moved(order, amount, Money::new(movement.amount, settled)),
            fee: Money::new(movement.fee, settled),
            at: time(movement.created)?,
        })
    };
    let due = object.evidence_details.as_ref().and_then(|details| details.due_by);
    Ok(DisputeReport {
        id: object.id.clone(),
        charge: charge.to_owned(),
        amount,
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
