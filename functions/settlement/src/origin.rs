//! From a charge to its order, for news that names only the charge.

use shared::ids::{OrderId, UserId};
use shared::messages::Envelope;
use shared::processor::stripe::objects::Charge;
use shared::purchase::{Order, OrderStatus};
use shared::runtime::{Delivery, Failure};
use shared::store::{Versioned, commerce};

use crate::context::Context;
use crate::{session, subscription};

/// The order that a charge paid; `None` for a charge that is not of this marketplace, or of another deployment on the same account.
///
/// News of a refund or dispute may overtake the news of the sale: then the sale is settled first, from what the processor says now.
pub(crate) async fn order_of(
    context: &Context,
    delivery: &Delivery<Envelope>,
    charge: &Charge,
) -> Result<Option<Versioned<Order>>, Failure> {
    if context.stripe.is_foreign(&charge.metadata) {
        return Ok(None);
    }
    let Some((customer, id)) = named(charge) else {
        return subscription::renewal_of(context, delivery, charge).await;
    };
    let order = load(context, customer, id).await?;
    if order.status == OrderStatus::Paid {
        return Ok(Some(order));
    }
    let session = order.session.clone();
    let session = session.ok_or_else(|| Failure::retry(format!("order {id} has a charge and no session yet")))?;
    session::settle_session(context, delivery, &session, customer, id).await?;
    let order = load(context, customer, id).await?;
    if order.status == OrderStatus::Paid {
        Ok(Some(order))
    } else {
        Err(Failure::retry(format!(
            "charge {} is of order {id}, which is not paid",
            charge.id
        )))
    }
}

/// An order that is not there yet may still be on its way; one that never comes ends in the dead-letter queue.
pub(crate) async fn load(context: &Context, customer: UserId, order: OrderId) -> Result<Versioned<Order>, Failure> {
    let found = commerce::order(&context.store, customer, order).await?;
    found.ok_or_else(|| Failure::retry(format!("order {order} of {customer} does not exist")))
}

fn named(charge: &Charge) -> Option<(UserId, OrderId)> {
    let id = |key: &str| charge.metadata.get(key);
    Some((id("customer_id")?.parse().ok()?, id("order_id")?.parse().ok()?))
}
