//! Refunds of PayPal's captures.

use shared::ids::RefundId;
use shared::messages::Envelope;
use shared::processor::ProcessorError;
use shared::processor::paypal::Amount;
use shared::processor::paypal::objects::{self, RefundStatus};
use shared::processor::paypal::reference;
use shared::processor::paypal::requests::RefundCapture;
use shared::purchase::Order;
use shared::purchase::refund::{Refund, RefundReport, ReportedStatus};
use shared::runtime::{Delivery, Failure};

use crate::context::Context;
use crate::paypal;

/// A refund of this capture was made: asked for here, or by hand in PayPal's dashboard.
pub(crate) async fn hear(
    context: &Context,
    delivery: &Delivery<Envelope>,
    refund: &str,
    capture: &str,
) -> Result<(), Failure> {
    let capture = context.paypal.capture(capture).await?;
    let Some(order) = paypal::order_of(context, delivery, &capture).await? else {
        return Ok(());
    };
    let object = context.paypal.refund(refund).await?;
    // A refund made by hand has the order's id, not one of a refund.
    let id = object.custom_id.as_deref();
    let id = id.and_then(|custom| reference::id(custom).parse().ok());
    let report = report(&object).map_err(Failure::reject)?;
    super::hear(context, delivery, &order, id, &report).await
}

pub(super) async fn create(
    context: &Context,
    capture: &str,
    refund: &Refund,
) -> Result<Result<RefundReport, String>, ProcessorError> {
    let amount = match Amount::try_from(refund.amount) {
        Ok(amount) => amount,
        Err(error) => return Ok(Err(format!("refund {}: {error}", refund.id))),
    };
    let request = RefundCapture {
        refund: refund.id.to_string(),
        amount: Some(amount),
    };
    let object = context
        .paypal
        .refund_capture(capture, &request, &refund.id.to_string())
        .await?;
    Ok(report(&object))
}

/// Looks through what PayPal has with the order.
pub(super) async fn find(
    context: &Context,
    order: &Order,
    refund: RefundId,
) -> Result<Option<Result<RefundReport, String>>, ProcessorError> {
    let Some(session) = &order.session else {
        return Ok(None);
    };
    let object = context.paypal.order(session).await?;
    Ok(object.refund(&refund.to_string()).map(report))
}

pub(super) async fn look_up(context: &Context, refund: &str) -> Result<Result<RefundReport, String>, ProcessorError> {
    Ok(report(&context.paypal.refund(refund).await?))
}

fn report(object: &objects::Refund) -> Result<RefundReport, String> {
    let missing = |what: &str| format!("refund {} has no {what}", object.id);
    let status = match object.status {
        RefundStatus::Pending => ReportedStatus::Pending,
        RefundStatus::Completed => ReportedStatus::Succeeded,
        RefundStatus::Failed | RefundStatus::Cancelled => ReportedStatus::Failed,
        // A money field that is not understood is refused rather than interpreted.
        RefundStatus::Other => return Err(format!("refund {} has a status that is not known here", object.id)),
    };
    Ok(RefundReport {
        reference: object.id.clone(),
        amount: object.amount.ok_or_else(|| missing("amount"))?.money(),
        status,
        moved: object.status == RefundStatus::Completed,
        failure: None,
        created: object.create_time.ok_or_else(|| missing("time"))?,
    })
}
