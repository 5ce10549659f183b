//! Asks the processor for refunds, and posts what becomes of them.
//!
//! A crash between any two lines leaves a refund that the next delivery takes up: the refund's id is the processor's idempotency key,
//! and what the processor says is decided anew from the refund it has, however often and from whichever side the news comes.

use jiff::Timestamp;
use shared::ids::{OrderId, RefundId, UserId};
use shared::messages::{Envelope, Message};
use shared::money::{Currency, Money};
use shared::processor::ProcessorError;
use shared::processor::stripe::objects::{self, RefundStatus};
use shared::processor::stripe::requests::{CreateRefund, Metadata};
use shared::purchase::Order;
use shared::purchase::refund::{
    Refund, RefundReason, RefundReport, RefundState, RefundStep, ReportedStatus, adopt, advance, next_step, refuse,
};
use shared::runtime::{Delivery, Failure};
use shared::seed::Seed;
use shared::store::{Versioned, reversals};

use crate::context::Context;
use crate::origin;

const REFUND_ID: &str = "refund_id";

/// A refund has been decided.
pub(crate) async fn send(
    context: &Context,
    delivery: &Delivery<Envelope>,
    customer: UserId,
    order: OrderId,
    refund: RefundId,
) -> Result<(), Failure> {
    let order = origin::load(context, customer, order).await?;
    let refund = load(context, order.id, refund).await?;
    let found = match next_step(&refund, delivery.now) {
        RefundStep::Nothing => return Ok(()),
        RefundStep::Send => None,
        RefundStep::LookUpThenSend => find(context, &order, refund.id).await?,
    };
    let object = match found {
        Some(object) => object,
        None => match ask(context, &order, &refund, delivery.now).await? {
            Asked::Accepted(object) => *object,
            Asked::Refused(code) => return give_up(context, &order, refund.id, &code, delivery.now).await,
        },
    };
    // Asking changed the refund's revision.
    let refund = load(context, order.id, refund.id).await?;
    post(context, delivery, &order, Some(&refund), &object).await
}

/// The processor told something about a refund: one of ours, or one made in its dashboard.
pub(crate) async fn hear(context: &Context, delivery: &Delivery<Envelope>, object_id: &str) -> Result<(), Failure> {
    let object = context.stripe.refund(object_id).await?;
    let charge = object.charge.as_ref().and_then(|charge| charge.object());
    let Some(charge) = charge else {
        return Err(Failure::reject(format!("refund {object_id} is not of a charge")));
    };
    let Some(order) = origin::order_of(context, delivery, charge).await? else {
        return Ok(());
    };
    let id = match object.metadata.get(REFUND_ID) {
        Some(id) => id.parse().map_err(Failure::reject)?,
        None => adopted_id(&object),
    };
    let refund = reversals::refund(&context.store, order.id, id).await?;
    post(context, delivery, &order, refund.as_ref(), &object).await
}

enum Asked {
    Accepted(Box<objects::Refund>),
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
    let request = CreateRefund {
        charge,
        amount: refund.amount,
        reason: stripes_word(refund.reason),
        metadata: Metadata::from([
            (REFUND_ID.into(), refund.id.to_string()),
            ("order_id".into(), order.id.to_string()),
            ("customer_id".into(), order.customer.to_string()),
        ]),
    };
    match context.stripe.create_refund(&request, &refund.id.to_string()).await {
        Ok(object) => Ok(Asked::Accepted(Box::new(object))),
        Err(ProcessorError::Refused { code, message, .. }) => {
            tracing::warn!(refund.id = %refund.id, stripe.code = code, stripe.message = message, "refund refused");
            Ok(Asked::Refused(code))
        }
        Err(error) => Err(error.into()),
    }
}

/// The three reasons that Stripe knows.
fn stripes_word(reason: RefundReason) -> Option<&'static str> {
    match reason {
        RefundReason::Duplicate => Some("duplicate"),
        RefundReason::Fraudulent => Some("fraudulent"),
        RefundReason::RequestedByCustomer => Some("requested_by_customer"),
        RefundReason::NotAsDescribed | RefundReason::DoesNotWork | RefundReason::Other => None,
    }
}

/// The refund that an earlier attempt made, if it did.
async fn find(context: &Context, order: &Order, refund: RefundId) -> Result<Option<objects::Refund>, Failure> {
    let Some(charge) = &order.charge else {
        return Ok(None);
    };
    let wanted = refund.to_string();
    let refunds = context.stripe.refunds_of(charge).await?;
    Ok(refunds
        .data
        .into_iter()
        .find(|object| object.metadata.get(REFUND_ID) == Some(&wanted)))
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
    let writes = reversals::update_both(
        &refused.order,
        order.revision,
        &refused.refund,
        refund.revision,
        None,
        &[],
    )?;
    Ok(context.store.transact(writes).await?)
}

/// Posts what the processor says. A conflict means that somebody else has heard it too: the message comes again and finds it done.
async fn post(
    context: &Context,
    delivery: &Delivery<Envelope>,
    order: &Versioned<Order>,
    refund: Option<&Versioned<Refund>>,
    object: &objects::Refund,
) -> Result<(), Failure> {
    let report = report(object).map_err(Failure::reject)?;
    let adopted = match refund {
        Some(_) => None,
        None => Some(adopt(order, &report, adopted_id(object), delivery.now).map_err(Failure::reject)?),
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
    let Some(advance) = advance(on_order, known, &report, delivery.seed, delivery.now).map_err(Failure::reject)? else {
        return Ok(());
    };
    let told = Message::OrderRefunded {
        customer: order.customer,
        order: order.id,
        refund: known.id,
    };
    let messages = match advance.accepted {
        true => vec![Envelope::new(Seed::of(&known.id).id("refund accepted"), told)],
        false => Vec::new(),
    };
    let writes = reversals::advance_refund(
        &advance,
        order.revision,
        refund.map(|refund| refund.revision),
        &messages,
    )?;
    context.store.transact(writes).await?;
    tracing::info!(order.id = %order.id, refund.id = %known.id, amount = %known.amount, state = ?advance.refund.state, "refund posted");
    Ok(())
}

/// A refund made at the processor has no id of ours: this is always the same one.
fn adopted_id(object: &objects::Refund) -> RefundId {
    let created = Timestamp::from_second(object.created).unwrap_or_default();
    Seed::named(created, &object.id).id("refund")
}

fn report(object: &objects::Refund) -> Result<RefundReport, String> {
    let currency: Currency = object
        .currency
        .parse()
        .map_err(|error| format!("refund {}: {error}", object.id))?;
    let status = match object.status {
        Some(RefundStatus::Pending) => ReportedStatus::Pending,
        Some(RefundStatus::RequiresAction) => ReportedStatus::RequiresAction,
        Some(RefundStatus::Succeeded) => ReportedStatus::Succeeded,
        Some(RefundStatus::Failed | RefundStatus::Canceled) => ReportedStatus::Failed,
        // A money field that is not understood is refused rather than interpreted.
        Some(RefundStatus::Other) | None => {
            return Err(format!("refund {} has a status that is not known here", object.id));
        }
    };
    Ok(RefundReport {
        reference: object.id.clone(),
        amount: Money::new(object.amount, currency),
        status,
        moved: object.balance_transaction.is_some(),
        failure: object.failure_reason.clone(),
        created: Timestamp::from_second(object.created).map_err(|error| format!("refund {}: {error}", object.id))?,
    })
}

async fn load(context: &Context, order: OrderId, refund: RefundId) -> Result<Versioned<Refund>, Failure> {
    let found = reversals::refund(&context.store, order, refund).await?;
    found.ok_or_else(|| Failure::reject(format!("refund {refund} of order {order} does not exist")))
}
