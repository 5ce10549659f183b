//! From what moved at Stripe, by the object behind the balance transaction and the ids of ours in its metadata.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::ids::{PartnerId, PayoutId, RefundId, SubscriptionId, UserId};
use shared::ledger::Fact;
use shared::messages::{Message, PaymentSubject, ReversalSubject};
use shared::processor::stripe::objects::{BalanceTransaction, Expandable, Source};
use shared::purchase::Order;
use shared::purchase::refund::adopted_id;
use shared::reconciliation::{DifferenceKind, Explanation, Movement};
use shared::runtime::Failure;
use shared::store::commerce;

use super::{Evidence, Expected, refund_shares, shares};
use crate::context::Context;

pub(super) async fn gather(
    context: &Context,
    transaction: &BalanceTransaction,
    movement: &Movement,
) -> Result<Evidence, Failure> {
    let about = transaction.about();
    let kind = about.map(|source| source.object.as_str());
    let Some(explanation) = Explanation::at_stripe(&movement.kind, kind) else {
        return Ok(Evidence::None(DifferenceKind::NotUnderstood));
    };
    let expected = match (explanation, about) {
        (Explanation::Own(against), _) => return Ok(Evidence::Own(against)),
        (_, None) => None,
        (Explanation::Sale, Some(charge)) => sale(context, movement, charge).await?,
        (Explanation::Refund, Some(about)) => refund(context, movement, about, Fact::Refund).await?,
        (Explanation::RefundFailed, Some(about)) => refund(context, movement, about, Fact::RefundFailed).await?,
        (Explanation::Dispute, Some(about)) => dispute(movement, about),
        (Explanation::Transfer, Some(about)) => transfer(about),
        (Explanation::TransferReversed, Some(about)) => reversal(context, movement, about).await?,
    };
    Ok(expected.into())
}

async fn sale(context: &Context, movement: &Movement, charge: &Source) -> Result<Option<Vec<Expected>>, Failure> {
    let fee = |news| {
        let fee = Expected::entry(None, &Fact::Fee(charge.id.clone()));
        (!movement.fee.is_zero()).then(|| fee.made_by(news))
    };
    if let Some(order) = order_of(context, &charge.metadata).await? {
        let changed = |subject, object_id: &str| Message::PaymentChanged {
            event_id: movement.id.clone(),
            subject,
            object_id: object_id.to_owned(),
            customer: order.customer,
            order: order.id,
        };
        let session = order.session.as_deref();
        let sale = Expected {
            keys: shares(&order, &Fact::Sale(order.id)),
            news: session.map(|session| changed(PaymentSubject::CheckoutSession, session)),
        };
        let fee = fee(changed(PaymentSubject::Charge, &charge.id));
        return Ok(Some(std::iter::once(sale).chain(fee).collect()));
    }
    let intent = charge.payment_intent.as_ref().map(Expandable::id);
    let Some((customer, subscription, order)) = renewal_of(context, intent).await? else {
        return Ok(None);
    };
    let renewal = Expected {
        keys: order.map_or_else(Vec::new, |order| shares(&order, &Fact::Sale(order.id))),
        news: Some(Message::SubscriptionChanged {
            event_id: movement.id.clone(),
            customer,
            subscription,
            at: movement.at,
        }),
    };
    let fee = fee(Message::UnnamedCharge {
        event_id: movement.id.clone(),
        charge: charge.id.clone(),
    });
    Ok(Some(std::iter::once(renewal).chain(fee).collect()))
}

/// The subscription whose invoice a payment paid, and the order that the invoice is, if it is one yet.
async fn renewal_of(
    context: &Context,
    intent: Option<&str>,
) -> Result<Option<(UserId, SubscriptionId, Option<Order>)>, Failure> {
    let Some(intent) = intent else {
        return Ok(None);
    };
    let Some(invoice) = context.stripe.invoice_of(intent).await? else {
        return Ok(None);
    };
    let (Some((customer, subscription)), Some(order)) = (invoice.named(), invoice.order()) else {
        return Ok(None);
    };
    let order = commerce::order(&context.store, customer, order).await?;
    Ok(Some((customer, subscription, order.map(|order| order.value))))
}

async fn refund(
    context: &Context,
    movement: &Movement,
    refund: &Source,
    fact: fn(RefundId) -> Fact,
) -> Result<Option<Vec<Expected>>, Failure> {
    let Some(charge) = refund.charge.as_ref().map(Expandable::id) else {
        return Ok(None);
    };
    // One of ours names its order. One that was made in the processor's dashboard does not, but its charge does.
    let order = match order_of(context, &refund.metadata).await? {
        Some(order) => Some(order),
        None => {
            let charge = context.stripe.charge(charge).await?;
            match order_of(context, &charge.metadata).await? {
                Some(order) => Some(order),
                None => {
                    let intent = charge.payment_intent.as_ref().map(Expandable::id);
                    let Some((_, _, order)) = renewal_of(context, intent).await? else {
                        return Ok(None);
                    };
                    // Of ours in any case; a renewal that is no order yet has no shares that could be looked for.
                    order
                }
            }
        }
    };
    let keys = match &order {
        Some(order) => match refund_id(refund) {
            Some(id) => refund_shares(context, order, id, fact).await?,
            None => Vec::new(),
        },
        None => Vec::new(),
    };
    let news = reversal_changed(movement, ReversalSubject::Refund, &refund.id, charge);
    Ok(Some(vec![Expected { keys, news: Some(news) }]))
}

/// What a refund of Stripe's is called here.
fn refund_id(refund: &Source) -> Option<RefundId> {
    match refund.metadata.get("refund_id") {
        Some(id) => id.parse().ok(),
        None => Some(adopted_id(Timestamp::from_second(refund.created?).ok()?, &refund.id)),
    }
}

fn dispute(movement: &Movement, dispute: &Source) -> Option<Vec<Expected>> {
    let charge = dispute.charge.as_ref().map(Expandable::id)?;
    let funds = Expected::entry(None, &Fact::DisputeFunds(movement.id.clone()));
    let news = reversal_changed(movement, ReversalSubject::Dispute, &dispute.id, charge);
    Some(vec![funds.made_by(news)])
}

fn reversal_changed(movement: &Movement, subject: ReversalSubject, object_id: &str, charge: &str) -> Message {
    Message::ReversalChanged {
        event_id: movement.id.clone(),
        subject,
        object_id: object_id.to_owned(),
        charge: charge.to_owned(),
    }
}

fn transfer(transfer: &Source) -> Option<Vec<Expected>> {
    let (partner, payout) = payout_of(&transfer.metadata)?;
    let sent = Expected::entry(Some(partner), &Fact::Transfer(payout));
    Some(vec![sent.made_by(Message::PayoutDecided { partner, payout })])
}

async fn reversal(context: &Context, movement: &Movement, reversal: &Source) -> Result<Option<Vec<Expected>>, Failure> {
    let Some(transfer) = reversal.transfer.as_ref().map(Expandable::id) else {
        return Ok(None);
    };
    let transfer = context.stripe.transfer(transfer).await?;
    let Some((partner, payout)) = payout_of(&transfer.metadata) else {
        return Ok(None);
    };
    let taken_back = Expected::entry(Some(partner), &Fact::TransferReversed(reversal.id.clone()));
    Ok(Some(vec![taken_back.made_by(Message::TransferReversed {
        event_id: movement.id.clone(),
        transfer: transfer.id,
        partner,
        payout,
    })]))
}

/// The order that an object of the processor says it is for; both ids were put there by us.
async fn order_of(context: &Context, metadata: &BTreeMap<String, String>) -> Result<Option<Order>, Failure> {
    let named = || {
        Some((
            metadata.get("customer_id")?.parse().ok()?,
            metadata.get("order_id")?.parse().ok()?,
        ))
    };
    let Some((customer, order)) = named() else {
        return Ok(None);
    };
    let found = commerce::order(&context.store, customer, order).await?;
    Ok(found.map(|order| order.value))
}

/// The payout that a transfer says it is; both ids were put there by us.
fn payout_of(metadata: &BTreeMap<String, String>) -> Option<(PartnerId, PayoutId)> {
    Some((
        metadata.get("partner_id")?.parse().ok()?,
        metadata.get("payout_id")?.parse().ok()?,
    ))
}
