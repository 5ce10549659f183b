//! Refunds of Stripe's charges.

use jiff::Timestamp;
use shared::ids::RefundId;
use shared::messages::Envelope;
use shared::money::{Currency, Money};
use shared::processor::ProcessorError;
use shared::processor::stripe::objects::{self, RefundStatus};
use shared::processor::stripe::requests::{CreateRefund, Metadata};
use shared::purchase::Order;
use shared::purchase::refund::{Refund, RefundReason, RefundReport, ReportedStatus};
use shared::runtime::{Delivery, Failure};

use crate::context::Context;
use crate::origin;

const REFUND_ID: &str = "refund_id";

pub(crate) async fn hear(context: &Context, delivery: &Delivery<Envelope>, object_id: &str) -> Result<(), Failure> {
    let object = context.stripe.refund(object_id).await?;
    let charge = object.charge.as_ref().and_then(|charge| charge.object());
    let Some(charge) = charge else {
        return Err(Failure::reject(format!("refund {object_id} is not of a charge")));
    };
    let Some(order) = origin::order_of(context, delivery, charge).await? else {
        return Ok(());
    };
    let id = object.metadata.get(REFUND_ID).map(|id| id.parse()).transpose();
    let id = id.map_err(Failure::reject)?;
    let report = report(&object).map_err(Failure::reject)?;
    super::hear(context, delivery, &order, id, &report).await
}

pub(super) async fn create(
    context: &Context,
    order: &Order,
    charge: String,
    refund: &Refund,
) -> Result<Result<RefundReport, String>, ProcessorError> {
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
    let object = context.stripe.create_refund(&request, &refund.id.to_string()).await?;
    Ok(report(&object))
}

/// The three reasons that Stripe knows.
fn stripes_word(reason: RefundReason) -> Option<&'static str> {
    match reason {
        RefundReason::Duplicate => Some("duplicate"),
        RefundReason::Fraudulent => Some("fraudulent"),
        RefundReason::RequestedByCustomer => Some("requested_by_customer"),
        RefundReason::NotAsDescribed
        | RefundReason::DoesNotWork
        | RefundReason::NoLongerOffered
        | RefundReason::Other => None,
    }
}

pub(super) async fn find(
    context: &Context,
    order: &Order,
    refund: RefundId,
) -> Result<Option<Result<RefundReport, String>>, ProcessorError> {
    let Some(charge) = &order.charge else {
        return Ok(None);
    };
    let wanted = refund.to_string();
    let mut page = context.stripe.refunds_of(charge, None).await?;
    loop {
        let is_this = |object: &&objects::Refund| object.metadata.get(REFUND_ID) == Some(&wanted);
        if let Some(found) = page.data.iter().find(is_this) {
            return Ok(Some(report(found)));
        }
        match page.next_page() {
            Some(last) => page = context.stripe.refunds_of(charge, Some(&last)).await?,
            None => return Ok(None),
        }
    }
}

pub(super) async fn look_up(context: &Context, refund: &str) -> Result<Result<RefundReport, String>, ProcessorError> {
    Ok(report(&context.stripe.refund(refund).await?))
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
