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

/// What moved names nothing of ours.
const NOT_OURS: Evidence = Evidence::None(DifferenceKind::NotOurs);

pub(super) async fn gather(
    context: &Context,
    transaction: &BalanceTransaction,
    movement: &Movement,
) -> Result<Evidence, Failure> {
    let about = transaction.about();
    if about.is_some_and(|about| context.stripe.is_foreign(&about.metadata)) {
        return Ok(Evidence::Foreign);
    }
    let kind = about.map(|source| source.object.as_str());
    let Some(explanation) = Explanation::at_stripe(&movement.kind, kind) else {
        return Ok(Evidence::None(DifferenceKind::NotUnderstood));
    };
    match (explanation, about) {
        (Explanation::Own(against), _) => Ok(Evidence::Own(against)),
        (_, None) => Ok(NOT_OURS),
        (Explanation::Sale, Some(charge)) => sale(context, movement, charge).await,
        (Explanation::Refund, Some(about)) => refund(context, movement, about, Fact::Refund).await,
        (Explanation::RefundFailed, Some(about)) => refund(context, movement, about, Fact::RefundFailed).await,
        (Explanation::Dispute, Some(about)) => dispute(context, movement, about).await,
        (Explanation::Transfer, Some(about)) => Ok(transfer(about)),
        (Explanation::TransferReversed, Some(about)) => reversal(context, movement, about).await,
        // PayPal's alone.
        (Explanation::Hold | Explanation::Bill, Some(_)) => Ok(Evidence::None(DifferenceKind::NotUnderstood)),
    }
}

async fn sale(context: &Context, movement: &Movement, charge: &Source) -> Result<Evidence, Failure> {
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
        return Ok(Evidence::Entries(std::iter::once(sale).chain(fee).collect()));
    }
    let intent = charge.payment_intent.as_ref().map(Expandable::id);
    let (customer, subscription, order) = match renewal_of(context, intent).await? {
        Renewal::Ours(customer, subscription, order) => (customer, subscription, order),
        Renewal::Foreign => return Ok(Evidence::Foreign),
        Renewal::None => return Ok(NOT_OURS),
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
    Ok(Evidence::Entries(std::iter::once(renewal).chain(fee).collect()))
}

/// What a payment paid that names no order.
enum Renewal {
    /// An invoice of this subscription, and the order that the invoice is, if it is one yet.
    Ours(UserId, SubscriptionId, Option<Box<Order>>),
    Foreign,
    None,
}

async fn renewal_of(context: &Context, intent: Option<&str>) -> Result<Renewal, Failure> {
    let Some(intent) = intent else {
        return Ok(Renewal::None);
    };
    let Some(invoice) = context.stripe.invoice_of(intent).await? else {
        return Ok(Renewal::None);
    };
    if context.stripe.is_foreign(invoice.metadata()) {
        return Ok(Renewal::Foreign);
    }
    let (Some((customer, subscription)), Some(order)) = (invoice.named(), invoice.order()) else {
        return Ok(Renewal::None);
    };
    let order = commerce::order(&context.store, customer, order).await?;
    let order = order.map(|order| Box::new(order.value));
    Ok(Renewal::Ours(customer, subscription, order))
}

async fn refund(
    context: &Context,
    movement: &Movement,
    refund: &Source,
    fact: fn(RefundId) -> Fact,
) -> Result<Evidence, Failure> {
    let Some(charge) = refund.charge.as_ref().map(Expandable::id) else {
        return Ok(NOT_OURS);
    };
    // One of ours names its order. One that was made in the processor's dashboard does not, but its charge does.
    let order = match order_of(context, &refund.metadata).await? {
        Some(order) => Some(Box::new(order)),
        None => match paid_by(context, charge).await? {
            // Of ours in any case; a renewal that is no order yet has no shares that could be looked for.
            Paid::Ours(order) => order,
            Paid::Foreign => return Ok(Evidence::Foreign),
            Paid::None => return Ok(NOT_OURS),
        },
    };
    let keys = match &order {
        Some(order) => match refund_id(refund) {
            Some(id) => refund_shares(context, order, id, fact).await?,
            None => Vec::new(),
        },
        None => Vec::new(),
    };
    let news = reversal_changed(movement, ReversalSubject::Refund, &refund.id, charge);
    Ok(Evidence::Entries(vec![Expected { keys, news: Some(news) }]))
}

/// What a refund of Stripe's is called here.
fn refund_id(refund: &Source) -> Option<RefundId> {
    match refund.metadata.get("refund_id") {
        Some(id) => id.parse().ok(),
        None => Some(adopted_id(Timestamp::from_second(refund.created?).ok()?, &refund.id)),
    }
}

/// Whose a charge is, of which only the id is known.
enum Paid {
    /// The order, where it is one yet.
    Ours(Option<Box<Order>>),
    Foreign,
    None,
}

async fn paid_by(context: &Context, charge: &str) -> Result<Paid, Failure> {
    let charge = context.stripe.charge(charge).await?;
    if context.stripe.is_foreign(&charge.metadata) {
        return Ok(Paid::Foreign);
    }
    if let Some(order) = order_of(context, &charge.metadata).await? {
        return Ok(Paid::Ours(Some(Box::new(order))));
    }
    let intent = charge.payment_intent.as_ref().map(Expandable::id);
    Ok(match renewal_of(context, intent).await? {
        Renewal::Ours(_, _, order) => Paid::Ours(order),
        Renewal::Foreign => Paid::Foreign,
        Renewal::None => Paid::None,
    })
}

/// A dispute says of itself whose it is by its charge alone.
async fn dispute(context: &Context, movement: &Movement, dispute: &Source) -> Result<Evidence, Failure> {
    let Some(charge) = dispute.charge.as_ref().map(Expandable::id) else {
        return Ok(NOT_OURS);
    };
    if matches!(paid_by(context, charge).await?, Paid::Foreign) {
        return Ok(Evidence::Foreign);
    }
    let funds = Expected::entry(None, &Fact::DisputeFunds(movement.id.clone()));
    let news = reversal_changed(movement, ReversalSubject::Dispute, &dispute.id, charge);
    Ok(Evidence::Entries(vec![funds.made_by(news)]))
}

fn reversal_changed(movement: &Movement, subject: ReversalSubject, object_id: &str, charge: &str) -> Message {
    Message::ReversalChanged {
        event_id: movement.id.clone(),
        subject,
        object_id: object_id.to_owned(),
        charge: charge.to_owned(),
    }
}

fn transfer(transfer: &Source) -> Evidence {
    let Some((partner, payout)) = payout_of(&transfer.metadata) else {
        return NOT_OURS;
    };
    let sent = Expected::entry(Some(partner), &Fact::Transfer(payout));
    Evidence::Entries(vec![sent.made_by(Message::PayoutDecided { partner, payout })])
}

async fn reversal(context: &Context, movement: &Movement, reversal: &Source) -> Result<Evidence, Failure> {
    let Some(transfer) = reversal.transfer.as_ref().map(Expandable::id) else {
        return Ok(NOT_OURS);
    };
    let transfer = context.stripe.transfer(transfer).await?;
    if context.stripe.is_foreign(&transfer.metadata) {
        return Ok(Evidence::Foreign);
    }
    let Some((partner, payout)) = payout_of(&transfer.metadata) else {
        return Ok(NOT_OURS);
    };
    let taken_back = Expected::entry(Some(partner), &Fact::TransferReversed(reversal.id.clone()));
    Ok(Evidence::Entries(vec![taken_back.made_by(Message::TransferReversed {
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
