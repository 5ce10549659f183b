//! Refunds and disputes: beside their order, in a partition of its own.

use jiff::Timestamp;

use super::audit::{self, Audited};
use super::keys::{self, Key};
use super::ledger::{self, change_balance, post};
use super::revenue::recount;
use super::table::{Condition, Page, PageKey, Store, StoreError, Update, Versioned, Write};
use crate::audit::AuditEvent;
use crate::ids::{LicenceId, MessageId, OrderId, RefundId};
use crate::ledger::{BalanceChange, JournalEntry};
use crate::licence::LicenceStatus;
use crate::messages::{Envelope, Message};
use crate::purchase::Order;
use crate::purchase::dispute::{Dispute, DisputeAdvance};
use crate::purchase::refund::{Advance, Begun, Refund, RefundState};
use crate::purchase::reversal::TurnoverChange;
use crate::seed::Seed;

/// As many as are read at once of what an order has.
const PAGE: usize = 100;

pub async fn refund(store: &Store, order: OrderId, refund: RefundId) -> Result<Option<Versioned<Refund>>, StoreError> {
    store.get(&keys::refund(order, refund)).await
}

/// An order's refunds, oldest first.
pub async fn refunds(
    store: &Store,
    order: OrderId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Refund>, StoreError> {
    store.query(keys::refunds(order).after(after).limit(limit)).await
}

/// Refunds that customers have asked for and nobody has decided, oldest first. Through the index: read each before deciding.
pub async fn requested_refunds(
    store: &Store,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Refund>, StoreError> {
    let page = store
        .query_keys(keys::refunds_requested().after(after).limit(limit))
        .await?;
    let items = store.get_many(&page.items).await?;
    Ok(Page { items, next: page.next })
}

/// Refunds that have been decided and not finished, oldest first. Through the index: the settlement decides by the item.
pub async fn unfinished_refunds(
    store: &Store,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Refund>, StoreError> {
    let page = store
        .query_keys(keys::refunds_pending().after(after).limit(limit))
        .await?;
    let items = store.get_many(&page.items).await?;
    Ok(Page { items, next: page.next })
}

/// Where the refunds stand that have been decided and not finished, oldest first. The index may lag: read each before deciding.
pub async fn pending_refund_keys(store: &Store, after: Option<PageKey>, limit: usize) -> Result<Page<Key>, StoreError> {
    store
        .query_keys(keys::refunds_pending().after(after).limit(limit))
        .await
}

/// The refund at a place that the index named.
pub async fn refund_at(store: &Store, key: &Key) -> Result<Option<Versioned<Refund>>, StoreError> {
    store.get(key).await
}

/// The refund as it is, with its message once more: the processor is asked what became of it.
pub fn announce_again(refund: &Versioned<Refund>, id: MessageId) -> Result<Write, StoreError> {
    let message = Message::RefundDecided {
        customer: refund.customer,
        order: refund.order,
        refund: refund.id,
    };
    update_refund(refund, refund.revision, &[Envelope::new(id, message)])
}

pub async fn dispute(store: &Store, order: OrderId, dispute: &str) -> Result<Option<Versioned<Dispute>>, StoreError> {
    store.get(&keys::dispute(order, dispute)).await
}

/// An order's disputes.
pub async fn disputes(
    store: &Store,
    order: OrderId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Dispute>, StoreError> {
    store.query(keys::disputes(order).after(after).limit(limit)).await
}

/// Disputes of one status, by the day on which the evidence is due. Through the index: read each before deciding.
pub async fn disputes_by_status(
    store: &Store,
    status: &str,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Dispute>, StoreError> {
    let page = store
        .query_keys(keys::disputes_by_status(status).after(after).limit(limit))
        .await?;
    let items = store.get_many(&page.items).await?;
    Ok(Page { items, next: page.next })
}

/// A refund that begins: with what is set aside, or asked for, on the order, the act of whoever decided it, and the message that sends it.
pub fn begin_refund(
    order: &Order,
    order_revision: u64,
    refund: &Refund,
    audit: Option<&AuditEvent>,
    messages: &[Envelope],
) -> Result<Vec<Write>, StoreError> {
    let order_key = keys::order(order.customer, order.id);
    let on_order = Write::replace(order_key, order, order_revision)?;
    let mut writes = vec![on_order, create(refund, messages)?];
    writes.extend(
        audit
            .map(|event| audit::entry(Audited::Order(order.id), event))
            .transpose()?,
    );
    Ok(writes)
}

/// A refund that begins with the payment itself, with the message that sends it.
pub(super) fn begin_with_payment(refund: &Refund) -> Result<Write, StoreError> {
    let message = Message::RefundDecided {
        customer: refund.customer,
        order: refund.order,
        refund: refund.id,
    };
    create(refund, &[Envelope::new(Seed::of(&refund.id).id("decided"), message)])
}

fn create(refund: &Refund, messages: &[Envelope]) -> Result<Write, StoreError> {
    let write = Write::create(keys::refund(refund.order, refund.id), refund)?.outbox(messages)?;
    Ok(indexed(write, refund))
}

fn indexed(write: Write, refund: &Refund) -> Write {
    match refund.state {
        RefundState::Requested => write.indexed(keys::refund_requested(refund.order, refund.id)),
        RefundState::Created | RefundState::Sending { .. } | RefundState::Pending { .. } => {
            write.indexed(keys::refund_pending(refund.order, refund.id))
        }
        _ => write,
    }
}

/// A refund whose state changed, alone.
pub fn update_refund(refund: &Refund, revision: u64, messages: &[Envelope]) -> Result<Write, StoreError> {
    let write = Write::replace(keys::refund(refund.order, refund.id), refund, revision)?.outbox(messages)?;
    Ok(indexed(write, refund))
}

/// A refund and its order, both changed.
pub fn update_both(
    order: &Order,
    order_revision: u64,
    refund: &Refund,
    refund_revision: u64,
    audit: Option<&AuditEvent>,
    messages: &[Envelope],
) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![
        Write::replace(keys::order(order.customer, order.id), order, order_revision)?,
        update_refund(refund, refund_revision, messages)?,
    ];
    writes.extend(
        audit
            .map(|event| audit::entry(Audited::Order(order.id), event))
            .transpose()?,
    );
    Ok(writes)
}

/// A refund that the processor did not take, with its order: what balances had promised they promise no more.
pub fn refuse_refund(
    refused: &Begun,
    order_revision: u64,
    asked: &Versioned<Refund>,
) -> Result<Vec<Write>, StoreError> {
    let mut writes = update_both(
        &refused.order,
        order_revision,
        &refused.refund,
        asked.revision,
        None,
        &[],
    )?;
    let currency = refused.order.total.currency();
    writes.extend(
        asked
            .promised
            .iter()
            .map(|promise| ledger::release(*promise, currency, None)),
    );
    Ok(writes)
}

/// What the processor's word about a refund writes. `refund_revision` is `None` for one that is first heard of.
pub fn advance_refund(
    advance: &Advance,
    order_revision: u64,
    refund_revision: Option<u64>,
    messages: &[Envelope],
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    let (order, refund) = (&advance.order, &advance.refund);
    let on_refund = match refund_revision {
        Some(revision) => update_refund(refund, revision, messages)?,
        None => create(refund, messages)?,
    };
    let mut writes = vec![on_order(order, order_revision)?, on_refund];
    let promised = |change: &&BalanceChange| advance.released.iter().any(|promise| promise.partner == change.partner);
    let unpromised: Vec<_> = advance
        .balances
        .iter()
        .filter(|change| !promised(change))
        .copied()
        .collect();
    writes.extend(books(&advance.entries, &unpromised, &advance.turnovers, now)?);
    writes.extend(advance.released.iter().map(|promise| {
        let mut changes = advance.balances.iter();
        let change = changes.find(|change| change.partner == promise.partner);
        ledger::release(*promise, order.total.currency(), change)
    }));
    writes.extend(licences(&advance.revoked, &advance.reinstated));
    Ok(writes)
}

/// What the news of a dispute writes, with the act of the operator whose news it is. `revision` is `None` for one that is first heard of.
pub fn advance_dispute(
    advance: &DisputeAdvance,
    order_revision: u64,
    revision: Option<u64>,
    audit: Option<&AuditEvent>,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    let (order, dispute) = (&advance.order, &advance.dispute);
    let key = keys::dispute(dispute.order, &dispute.id);
    let on_dispute = match revision {
        Some(revision) => Write::replace(key, dispute, revision)?,
        None => Write::create(key, dispute)?,
    };
    let due = dispute.evidence_due.unwrap_or(dispute.opened_at);
    let mut writes = vec![
        on_order(order, order_revision)?,
        on_dispute.indexed(keys::dispute_by_status(&dispute.status.to_string(), due, &dispute.id)),
    ];
    writes.extend(books(&advance.entries, &advance.balances, &advance.turnovers, now)?);
    writes.extend(licences(&advance.revoked, &advance.reinstated));
    writes.extend(
        audit
            .map(|event| audit::entry(Audited::Order(order.id), event))
            .transpose()?,
    );
    Ok(writes)
}

/// A dispute that an operator has opened or closed, with the act and the message from which everything else follows. `revision` is `None`
/// for a new one.
pub fn keep_dispute_by_hand(
    dispute: &Dispute,
    revision: Option<u64>,
    audit: &AuditEvent,
    message: MessageId,
) -> Result<Vec<Write>, StoreError> {
    let told = Message::DisputeMadeByHand {
        customer: dispute.customer,
        order: dispute.order,
        dispute: dispute.id.clone(),
    };
    let key = keys::dispute(dispute.order, &dispute.id);
    let write = match revision {
        Some(revision) => Write::replace(key, dispute, revision)?,
        None => Write::create(key, dispute)?,
    };
    let by_status = keys::dispute_by_status(&dispute.status.to_string(), dispute.opened_at, &dispute.id);
    Ok(vec![
        write.outbox(&[Envelope::new(message, told)])?.indexed(by_status),
        audit::entry(Audited::Order(dispute.order), audit)?,
    ])
}

/// Every refund of an order, however many there are.
pub async fn all_refunds(store: &Store, order: OrderId) -> Result<Vec<Refund>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = refunds(store, order, after, PAGE).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// Every dispute of an order, however many there are.
pub async fn all_disputes(store: &Store, order: OrderId) -> Result<Vec<Dispute>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = disputes(store, order, after, PAGE).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// The order; of a renewal that was given back in whole with the message that ends its subscription.
fn on_order(order: &Order, revision: u64) -> Result<Write, StoreError> {
    let returned = order.renewal.as_ref().filter(|_| order.is_given_back()).map(|_| {
        let message = Message::RenewalReturned {
            customer: order.customer,
            order: order.id,
        };
        Envelope::new(Seed::of(&order.id).id("renewal returned"), message)
    });
    Write::replace(keys::order(order.customer, order.id), order, revision)?.outbox(returned.as_slice())
}

fn books(
    entries: &[JournalEntry],
    balances: &[BalanceChange],
    turnovers: &[TurnoverChange],
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    let posted = entries.iter().map(|entry| post(entry, now));
    let mut writes = posted.collect::<Result<Vec<_>, _>>()?;
    writes.extend(balances.iter().map(change_balance));
    writes.extend(turnovers.iter().map(recount));
    Ok(writes)
}

fn licences(revoked: &[LicenceId], reinstated: &[LicenceId]) -> impl Iterator<Item = Write> {
    let revoked = revoked.iter().map(|licence| (*licence, LicenceStatus::Revoked));
    let reinstated = reinstated.iter().map(|licence| (*licence, LicenceStatus::Active));
    revoked
        .chain(reinstated)
        .map(|(licence, status)| licence_status(licence, status))
}

fn licence_status(licence: LicenceId, status: LicenceStatus) -> Write {
    let update = Update::new().set_text("status", status.to_string());
    Write::update(keys::licence(licence), update).when(Condition::Present)
}
