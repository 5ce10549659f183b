//! What a subscription has as credit, and what is still refundable of its payments: never the same money.

use shared::money::Money;
use shared::processor::stripe::billing::Invoice;
use shared::purchase::Order;
use shared::purchase::credit::spread;
use shared::runtime::Failure;
use shared::store::{StoreError, Write, commerce, keys};
use shared::subscription::{Status, Subscription, rests_on};

use crate::context::Context;
use crate::subscription::cancel;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Credit {
    /// What is more than all that is left of the payments.
    pub(crate) beyond_minor: i64,
    /// Whether the subscription was ended by this: nobody is charged on for what they have been given back.
    pub(crate) has_ended_it: bool,
}

/// Lays the credit on the payments, and ends the subscription where nothing pays for the period that runs any more. As with a sale, who got only
/// a part of it back keeps what they have bought. The credit of one that has ended pays for nothing more: it is taken, so that what it stood
/// for can be refunded.
pub(crate) async fn follow(
    context: &Context,
    subscription: &Subscription,
    told: Option<Money>,
    invoices: &[Invoice],
    orders: &[Order],
) -> Result<Credit, Failure> {
    let Some(at_stripe) = &subscription.at_stripe else {
        return Ok(Credit::default());
    };
    if subscription.status == Status::Ended && told.is_some() {
        tracing::info!(subscription.id = %subscription.id, "the subscription has ended: its credit is taken");
        context.stripe.take_credit(&at_stripe.customer).await?;
    }
    let spread = spread(orders, subscription.credit);
    for order in &spread.changed {
        keep(context, order).await?;
    }
    let current = orders.iter().map(|order| {
        let changed = spread.changed.iter().find(|changed| changed.id == order.id);
        changed.unwrap_or(order)
    });
    let current: Vec<_> = current.cloned().collect();
    let has_ended_it = subscription.status.is_running() && is_given_back(subscription, invoices, &current);
    if has_ended_it {
        tracing::info!(subscription.id = %subscription.id, "what paid for the period was given back: the subscription is cancelled");
        cancel(context, &at_stripe.subscription).await?;
    }
    Ok(Credit {
        beyond_minor: spread.beyond_minor,
        has_ended_it,
    })
}

/// Refused with a conflict where the order has changed since it was read: then all is looked at again.
async fn keep(context: &Context, changed: &Order) -> Result<(), Failure> {
    let order = commerce::order(&context.store, changed.customer, changed.id).await?;
    let order = order.ok_or_else(|| Failure::retry(format!("order {} was there and is gone", changed.id)))?;
    let mut next = order.value.clone();
    for (line, changed) in next.lines.iter_mut().zip(&changed.lines) {
        line.credited_minor = changed.credited_minor;
    }
    if next != *changed {
        return Err(StoreError::Busy.into());
    }
    let key = keys::order(next.customer, next.id);
    context.store.write(Write::replace(key, &next, order.revision)?).await?;
    Ok(())
}

/// Whether money went back, and nothing is left of what has paid for the period that runs.
fn is_given_back(subscription: &Subscription, invoices: &[Invoice], orders: &[Order]) -> bool {
    let Some(paid_until) = subscription.paid_until else {
        return false;
    };
    let drew_credit = invoices.iter().any(|invoice| invoice.drew_credit_for(paid_until));
    let mut payments = orders.iter().filter(|order| rests_on(paid_until, order, drew_credit));
    payments.clone().any(Order::is_given_back) && !payments.any(Order::pays)
}
