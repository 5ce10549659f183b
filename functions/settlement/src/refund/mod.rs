//! Asks the order's processor for refunds, and posts what becomes of them.
//!
//! A crash between any two lines leaves a refund that the next delivery takes up: the refund's id is the processor's idempotency key,
//! and what the processor says is decided anew from the refund it has, however often and from whichever side the news comes.

mod paypal;
mod stripe;

pub(crate) use paypal::hear as hear_paypal;
pub(crate) use stripe::hear as hear_stripe;

use jiff::Timestamp;
use shared::ids::{OrderId, RefundId, UserId};
use shared::messages::{Envelope, Message};
use shared::processor::{Processor, ProcessorError};
use shared::purchase::refund::{
    Refund, RefundReport, RefundState, RefundStep, ReportedStatus, adopt, adopted_id, advance, next_step, refuse,
};
use shared::purchase::{Order, OrderLine};
use shared::runtime::{Delivery, Failure};
use shared::seed::Seed;
use shared::store::{Versioned, reversals};

use crate::context::Context;
use crate::subscription::credit_beyond;
use crate::{origin, requests};

/// Why a refund was not asked for: the customer has the money as credit.
const CREDIT_UNSPENT: &str = "credit_unspent";

/// A refund has been decided, or has been on its way for long.
pub(crate) async fn send(
    context: &Context,
    delivery: &Delivery<Envelope>,
    customer: UserId,
    order: OrderId,
    refund: RefundId,
) -> Result<(), Failure> {
    let order = origin::load(context, customer, order).await?;
    let refund = load(context, order.id, refund).await?;
    let step = next_step(&refund, delivery.now);
    let found = match step {
        RefundStep::Nothing => return Ok(()),
        RefundStep::Send => None,
        RefundStep::LookUpThenSend => find(context, &order, refund.id).await?,
        RefundStep::LookUp => Some(look_up(context, &order, &refund).await?),
    };
    let was_asked = matches!(refund.state, RefundState::Sending { .. }) && step == RefundStep::Send;
    let order = match &found {
        None if !was_asked && order.renewal.is_some() => {
            if credit_beyond(context, delivery, &order).await? > 0 {
                // A change has given credit since it was decided: it would be the same money twice.
                let order = origin::load(context, customer, order.id).await?;
                return give_up(context, &order, refund.id, CREDIT_UNSPENT, delivery.now).await;
            }
            origin::load(context, customer, order.id).await?
        }
        _ => order,
    };
    let report = match found {
        Some(report) => report,
        None => match ask(context, &order, &refund, delivery.now).await? {
            Asked::Accepted(report) => report,
            Asked::Refused(code) => return give_up(context, &order, refund.id, &code, delivery.now).await,
        },
    };
    // Asking changed the refund's revision.
    let refund = load(context, order.id, refund.id).await?;
    post(context, delivery, &order, Some(&refund), &report).await
}

/// The processor told something about a refund: the one of this id, or, where it has none of ours, one made in its dashboard.
async fn hear(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: &Versioned<Order>,
    id: Option<RefundId>,
    report: &RefundReport,
) -> Result<(), Failure> {
    let id = id.unwrap_or_else(|| adopted_id(report.created, &report.reference));
    let refund = reversals::refund(&context.store, order.id, id).await?;
    if refund.is_none() {
        catch_up(context, delivery, order, report).await?;
    }
    post(context, delivery, order, refund.as_ref(), report).await
}

/// No processor gives back more than it was paid. Where one seems to, an earlier refund has failed and the news is late: that one is
/// asked about first, for the shares that it gave back are what this one takes.
async fn catch_up(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: &Versioned<Order>,
    report: &RefundReport,
) -> Result<(), Failure> {
    let left: i64 = order.lines.iter().map(OrderLine::unclaimed_minor).sum();
    if report.amount.minor() <= left {
        return Ok(());
    }
    for refund in reversals::all_refunds(&context.store, order.id).await? {
        if !matches!(
            refund.state,
            RefundState::Pending { .. } | RefundState::Succeeded { .. }
        ) {
            continue;
        }
        let news = look_up(context, order, &refund).await?;
        if news.status == ReportedStatus::Failed {
            let refund = load(context, order.id, refund.id).await?;
            post(context, delivery, order, Some(&refund), &news).await?;
            return Err(Failure::retry(format!("refund {} had failed before", refund.id)));
        }
    }
    Ok(())
}

enum Asked {
    Accepted(RefundReport),
    Refused(String),
}

async fn ask(context: &Context, order: &Order, refund: &Versioned<Refund>, now: Timestamp) -> Result<Asked, Failure> {
    let charge = order.charge.clone();
    let charge = charge.ok_or_else(|| Failure::reject(format!("order {} was paid without a charge", order.id)))?;
    if refund.state == RefundState::Created {
        let sending = Refund {
            state: RefundState::Sending { since: now },
            ..refund.value.clone()
        };
        let write = reversals::update_refund(&sending, refund.revision, &[])?;
        context.store.write(write).await?;
    }
    let asked = match order.processor {
        Processor::Stripe => stripe::create(context, order, charge, refund).await,
        Processor::PayPal => paypal::create(context, &charge, refund).await,
    };
    match asked {
        Ok(report) => Ok(Asked::Accepted(report.map_err(Failure::reject)?)),
        Err(ProcessorError::Refused { code, message, .. }) => {
            tracing::warn!(refund.id = %refund.id, processor = %order.processor, code, message, "refund refused");
            Ok(Asked::Refused(code))
        }
        Err(error) => Err(error.into()),
    }
}

/// The refund that an earlier attempt made, if it did.
async fn find(context: &Context, order: &Order, refund: RefundId) -> Result<Option<RefundReport>, Failure> {
    let found = match order.processor {
        Processor::Stripe => stripe::find(context, order, refund).await?,
        Processor::PayPal => paypal::find(context, order, refund).await?,
    };
    found.transpose().map_err(Failure::reject)
}

/// The refund that the processor has accepted, as it is now.
async fn look_up(context: &Context, order: &Order, refund: &Refund) -> Result<RefundReport, Failure> {
    let reference = refund.processor_ref.as_deref();
    let reference = reference.ok_or_else(|| Failure::reject(format!("refund {} is pending nowhere", refund.id)))?;
    let report = match order.processor {
        Processor::Stripe => stripe::look_up(context, reference).await?,
        Processor::PayPal => paypal::look_up(context, reference).await?,
    };
    report.map_err(Failure::reject)
}

/// It is proven that nothing happened: what was set aside is free again.
async fn give_up(
    context: &Context,
    order: &Versioned<Order>,
    id: RefundId,
    code: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let refund = load(context, order.id, id).await?;
    let refused = refuse(order, &refund, code, now);
    let writes = reversals::refuse_refund(&refused, order.revision, &refund)?;
    Ok(context.store.transact(writes).await?)
}

/// Posts what the processor says. A conflict means that somebody else has heard it too: the message comes again and finds it done.
async fn post(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: &Versioned<Order>,
    refund: Option<&Versioned<Refund>>,
    report: &RefundReport,
) -> Result<(), Failure> {
    let adopted = match refund {
        Some(_) => None,
        None => Some(
            adopt(
                order,
                report,
                adopted_id(report.created, &report.reference),
                delivery.now,
            )
            .map_err(Failure::reject)?,
        ),
    };
    let (on_order, known) = match (&adopted, refund) {
        (Some(begun), _) => (&begun.order, &begun.refund),
        (None, Some(refund)) => (&order.value, &refund.value),
        (None, None) => return Err(Failure::reject("a refund that is neither known nor adopted")),
    };
    if known.amount != report.amount {
        return Err(Failure::reject(format!(
            "refund {} is of {} here and of {} at the processor",
            known.id, known.amount, report.amount
        )));
    }
    let advance = advance(on_order, known, report, delivery.seed, delivery.now).map_err(Failure::reject)?;
    let Some(mut advance) = advance else {
        return Ok(());
    };
    let superseded = requests::supersede(context, &mut advance.order, delivery.now).await?;
    let told = Message::OrderRefunded {
        customer: order.customer,
        order: order.id,
        refund: known.id,
    };
    let messages = match advance.accepted {
        true => vec![Envelope::new(Seed::of(&known.id).id("refund accepted"), told)],
        false => Vec::new(),
    };
    let mut writes = reversals::advance_refund(
        &advance,
        order.revision,
        refund.map(|refund| refund.revision),
        &messages,
        delivery.now,
    )?;
    writes.extend(superseded);
    context.store.transact(writes).await?;
    tracing::info!(order.id = %order.id, refund.id = %known.id, amount = %known.amount, state = ?advance.refund.state, "refund posted");
    Ok(())
}

async fn load(context: &Context, order: OrderId, refund: RefundId) -> Result<Versioned<Refund>, Failure> {
    let found = reversals::refund(&context.store, order, refund).await?;
    found.ok_or_else(|| Failure::reject(format!("refund {refund} of order {order} does not exist")))
}
