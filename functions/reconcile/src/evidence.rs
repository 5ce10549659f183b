//! Where the entries must be that explain a movement, and which message makes those that are not there.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{PartnerId, PayoutId, RefundId};
use shared::ledger::{Fact, JournalEntry};
use shared::messages::{Message, PaymentSubject, ReversalSubject};
use shared::processor::stripe::objects::{Expandable, Source};
use shared::purchase::Order;
use shared::reconciliation::{Explanation, Movement};
use shared::runtime::Failure;
use shared::store::keys::Key;
use shared::store::{commerce, ledger, reversals};

use crate::context::Context;

/// More refunds than one order ever has.
const REFUNDS: usize = 100;

/// Entries that one message makes, and that message as the webhook would have sent it.
pub(crate) struct Expected {
    pub(crate) keys: Vec<Key>,
    pub(crate) news: Option<Message>,
}

impl Expected {
    /// A single entry that no message makes.
    pub(crate) fn entry(partner: Option<PartnerId>, fact: &Fact) -> Self {
        Self {
            keys: vec![ledger::fact_key(partner, fact)],
            news: None,
        }
    }

    fn made_by(self, news: Message) -> Self {
        Self {
            news: Some(news),
            ..self
        }
    }

    /// Whether all of it is there. Where not even the place is known, it is not.
    pub(crate) fn is_among(&self, entries: &[JournalEntry]) -> bool {
        let is_there = |key: &Key| entries.iter().any(|entry| ledger::journal_key(entry) == *key);
        !self.keys.is_empty() && self.keys.iter().all(is_there)
    }
}

/// `None` when what moved names nothing of ours.
pub(crate) async fn gather(
    context: &Context,
    explanation: Explanation,
    movement: &Movement,
    about: Option<&Source>,
) -> Result<Option<Vec<Expected>>, Failure> {
    let Some(about) = about else {
        return Ok(None);
    };
    match explanation {
        Explanation::Sale => sale(context, movement, about).await,
        Explanation::Refund => refund(context, movement, about, Fact::Refund).await,
        Explanation::RefundFailed => refund(context, movement, about, Fact::RefundFailed).await,
        Explanation::Dispute => Ok(dispute(movement, about)),
        Explanation::Transfer => Ok(transfer(about)),
        Explanation::TransferReversed => reversal(context, movement, about).await,
        Explanation::Own(_) => Ok(None),
    }
}

async fn sale(context: &Context, movement: &Movement, charge: &Source) -> Result<Option<Vec<Expected>>, Failure> {
    let Some(order) = order_of(context, &charge.metadata).await? else {
        return Ok(None);
    };
    let changed = |subject, object_id: &str| Message::PaymentChanged {
        event_id: movement.id.clone(),
        subject,
        object_id: object_id.to_owned(),
        customer: order.customer,
        order: order.id,
    };
    let mut expected = vec![Expected {
        keys: shares(&order, &Fact::Sale(order.id)),
        news: order
            .session
            .as_deref()
            .map(|session| changed(PaymentSubject::CheckoutSession, session)),
    }];
    if !movement.fee.is_zero() {
        let fee = Expected::entry(None, &Fact::Fee(charge.id.clone()));
        expected.push(fee.made_by(changed(PaymentSubject::Charge, &charge.id)));
    }
    Ok(Some(expected))
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
        None => order_of(context, &context.stripe.charge(charge).await?.metadata).await?,
    };
    let Some(order) = order else {
        return Ok(None);
    };
    let known = reversals::refunds(&context.store, order.id, None, REFUNDS).await?.items;
    let known = known
        .iter()
        .find(|known| known.processor_ref.as_deref() == Some(refund.id.as_str()));
    let keys = known.map_or_else(Vec::new, |known| shares(&order, &fact(known.id)));
    let news = reversal_changed(movement, ReversalSubject::Refund, &refund.id, charge);
    Ok(Some(vec![Expected { keys, news: Some(news) }]))
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

/// Where each partner's entry of a fact is. What is free posts nothing.
fn shares(order: &Order, fact: &Fact) -> Vec<Key> {
    let paid = order.lines.iter().filter(|line| !line.price.is_zero());
    let partners: BTreeSet<_> = paid.map(|line| line.partner).collect();
    partners
        .into_iter()
        .map(|partner| ledger::fact_key(Some(partner), fact))
        .collect()
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
