//! Where the entries must be that explain a movement, and which message makes those that are not there.

mod paypal;
mod stripe;

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::ids::{PartnerId, RefundId};
use shared::ledger::{Account, Fact, JournalEntry};
use shared::messages::Message;
use shared::purchase::{Order, OrderLine};
use shared::reconciliation::{DifferenceKind, Movement};
use shared::runtime::Failure;
use shared::store::keys::Key;
use shared::store::{ledger, reversals};

use crate::books::Told;
use crate::context::Context;

/// What a movement rests on.
pub(crate) enum Evidence {
    /// Entries that must be in the journal.
    Entries(Vec<Expected>),
    /// No message makes its entry: it is posted here, against this account.
    Own(Account),
    /// Another deployment's on the same account, which explains it in its own books.
    Foreign,
    /// Nothing of ours, or nothing that Souk has a word for.
    None(DifferenceKind),
}

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

pub(crate) async fn gather(
    context: &Context,
    told: &Told,
    movement: &Movement,
    now: Timestamp,
) -> Result<Evidence, Failure> {
    match told {
        Told::Stripe(transaction) => stripe::gather(context, transaction, movement).await,
        Told::PayPal(transaction) => paypal::gather(context, transaction, movement, now).await,
    }
}

/// The movement, with what it is of in the end: PayPal's fee for a chargeback is of the chargeback, and so of the payment.
pub(crate) async fn trace(context: &Context, told: &Told, movement: Movement) -> Result<Movement, Failure> {
    match told {
        Told::Stripe(_) => Ok(movement),
        Told::PayPal(_) => paypal::trace(context, movement).await,
    }
}

/// Where each partner's entry of a fact is, and the platform's of what nobody has sold. What is free posts nothing.
fn shares(order: &Order, fact: &Fact) -> Vec<Key> {
    let paid = order.lines.iter().filter(|line| !line.price.is_zero());
    let journals: BTreeSet<_> = paid.map(OrderLine::journal).collect();
    journals
        .into_iter()
        .map(|journal| ledger::fact_key(journal, fact))
        .collect()
}

/// Where the entries are of the order's refund with this id; nowhere, if it is not known here. However many an order has, the refund is found
/// by its id: the processor tells ours, or what one that was made there is called here follows from when it was made.
async fn refund_shares(
    context: &Context,
    order: &Order,
    refund: RefundId,
    fact: fn(RefundId) -> Fact,
) -> Result<Vec<Key>, Failure> {
    let known = reversals::refund(&context.store, order.id, refund).await?;
    Ok(known.map_or_else(Vec::new, |known| shares(order, &fact(known.id))))
}
