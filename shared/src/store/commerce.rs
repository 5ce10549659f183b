//! Carts, orders, licences and the webhook inbox.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys;
use super::licences::Held;
use super::table::{Condition, Page, PageKey, Query, Store, StoreError, Update, Versioned, Write};
use crate::ids::{LicenceId, ListingId, OrderId, UserId};
use crate::licence::Licence;
use crate::messages::{Envelope, Message};
use crate::processor::Processor;
use crate::purchase::{Cart, Order, OrderStatus, Settlement};
use crate::seed::Seed;

pub async fn cart(store: &Store, customer: UserId) -> Result<Option<Versioned<Cart>>, StoreError> {
    store.get(&keys::cart(customer)).await
}

/// Writes the cart as it was changed; `before` is what it was read as.
pub async fn save_cart(
    store: &Store,
    customer: UserId,
    before: Option<&Versioned<Cart>>,
    cart: &Cart,
) -> Result<(), StoreError> {
    let key = keys::cart(customer);
    store
        .write(match before {
            None => Write::create(key, cart)?,
            Some(before) => Write::replace(key, cart, before.revision)?,
        })
        .await
}

pub async fn order(store: &Store, customer: UserId, order: OrderId) -> Result<Option<Versioned<Order>>, StoreError> {
    store.get(&keys::order(customer, order)).await
}

#[derive(Serialize, Deserialize)]
struct OrderOwner {
    order: OrderId,
    customer: UserId,
}

/// An order by its id alone: for those who may see it though it is not theirs.
pub async fn order_by_id(store: &Store, id: OrderId) -> Result<Option<Versioned<Order>>, StoreError> {
    match store.get::<OrderOwner>(&keys::order_owner(id)).await? {
        Some(owner) => order(store, owner.customer, id).await,
        None => Ok(None),
    }
}

/// Those of the orders that exist.
pub async fn orders_by_id(store: &Store, ids: &[OrderId]) -> Result<Vec<Order>, StoreError> {
    let owners: Vec<_> = ids.iter().copied().map(keys::order_owner).collect();
    let owners: Vec<OrderOwner> = store.get_many(&owners).await?;
    let orders: Vec<_> = owners
        .iter()
        .map(|owner| keys::order(owner.customer, owner.order))
        .collect();
    store.get_many(&orders).await
}

/// A customer's orders, newest first.
pub async fn orders(
    store: &Store,
    customer: UserId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Order>, StoreError> {
    let query: Query = keys::orders(customer);
    store.query(query.descending().after(after).limit(limit)).await
}

/// A new order, with the messages that follow from it. An order that is there already, because the same request was made before,
/// is left as it is.
pub async fn create_order(store: &Store, order: &Order, messages: &[Envelope]) -> Result<Versioned<Order>, StoreError> {
    created(store, order, new_order(order, messages)?).await
}

/// The same for a cart, which is empty once the order is there. `None` where the cart has been ordered or changed since it was read.
pub async fn order_cart(
    store: &Store,
    order: &Order,
    messages: &[Envelope],
    cart: &Versioned<Cart>,
) -> Result<Option<Versioned<Order>>, StoreError> {
    let mut writes = new_order(order, messages)?;
    let key = keys::cart(order.customer);
    writes.push(Write::replace(key, &Cart::default(), cart.revision)?);
    match created(store, order, writes).await {
        Ok(order) => Ok(Some(order)),
        Err(StoreError::Busy) if is_changed(store, order.customer, cart).await? => Ok(None),
        Err(error) => Err(error),
    }
}

async fn is_changed(store: &Store, customer: UserId, before: &Versioned<Cart>) -> Result<bool, StoreError> {
    let now = cart(store, customer).await?;
    Ok(now.is_none_or(|now| now.revision != before.revision))
}

async fn created(store: &Store, order: &Order, writes: Vec<Write>) -> Result<Versioned<Order>, StoreError> {
    let key = keys::order(order.customer, order.id);
    match store.transact(writes).await {
        Ok(()) => Ok(Versioned {
            value: order.clone(),
            revision: 1,
        }),
        Err(StoreError::Conflict { .. }) => store.get(&key).await?.ok_or(StoreError::Busy),
        Err(error) => Err(error),
    }
}

/// The processor has refused an order for good: it is cancelled, and what came out of the cart is back there, where the cart is still empty.
pub async fn cancel_refused(store: &Store, order: &Versioned<Order>, from_cart: bool) -> Result<(), StoreError> {
    let Some(cancelled) = order.end_unpaid(OrderStatus::Cancelled) else {
        return Ok(());
    };
    let key = keys::order(order.customer, order.id);
    let mut writes = vec![Write::replace(key, &cancelled, order.revision)?];
    if from_cart
        && let Some(empty) = cart(store, order.customer).await?
        && empty.lines.is_empty()
    {
        let lines = order.lines.iter().map(|line| line.listing).collect();
        let key = keys::cart(order.customer);
        writes.push(Write::replace(key, &Cart { lines }, empty.revision)?);
    }
    store.transact(writes).await
}

fn new_order(order: &Order, messages: &[Envelope]) -> Result<Vec<Write>, StoreError> {
    let owner = OrderOwner {
        order: order.id,
        customer: order.customer,
    };
    let mut writes = vec![
        findable(Write::create(keys::order(order.customer, order.id), order)?, order).outbox(messages)?,
        Write::create(keys::order_owner(order.id), &owner)?,
    ];
    // A renewal sells nothing that the subscription has not sold.
    for line in order.lines.iter().filter(|_| order.renewal.is_none()) {
        let held = Held::Order {
            order: order.id,
            customer: order.customer,
        };
        writes.push(Write::create(keys::sold(line.listing, order.id), &held)?);
    }
    Ok(writes)
}

/// The orders of a listing, the newest first; those of other listings in a page are left out.
pub async fn orders_of_listing(
    store: &Store,
    listing: ListingId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Order>, StoreError> {
    let query = keys::ordered(listing).descending().after(after).limit(limit);
    let page: Page<Held> = store.query(query).await?;
    let orders = page.items.iter().filter_map(|held| match held {
        Held::Order { order, customer } => Some(keys::order(*customer, *order)),
        Held::Begun { .. } | Held::Licence { .. } => None,
    });
    let orders: Vec<_> = orders.collect();
    let items = if orders.is_empty() {
        Vec::new()
    } else {
        store.get_many(&orders).await?
    };
    Ok(Page { items, next: page.next })
}

/// An order that has ended because something in it has left the shop, with the mail that tells the customer.
pub async fn withdraw_order(store: &Store, ended: &Order, revision: u64) -> Result<(), StoreError> {
    let told = Message::OrderWithdrawn {
        customer: ended.customer,
        order: ended.id,
    };
    let told = Envelope::new(Seed::of(&ended.id).id("withdrawn"), told);
    let write = Write::replace(keys::order(ended.customer, ended.id), ended, revision)?;
    store.write(write.outbox(&[told])?).await
}

pub async fn update_order(store: &Store, order: &Order, revision: u64) -> Result<(), StoreError> {
    let write = Write::replace(keys::order(order.customer, order.id), order, revision)?;
    store.write(findable(write, order)).await
}

/// As long as it waits to be paid, an order is in the index of those that do.
fn findable(write: Write, order: &Order) -> Write {
    match order.status {
        OrderStatus::Pending | OrderStatus::AwaitingPayment => write.indexed(keys::unpaid_order(order.id)),
        OrderStatus::Paid | OrderStatus::Cancelled | OrderStatus::Expired => write,
    }
}

/// Orders that wait to be paid, oldest first, a shard at a time: of so many, those that were placed when they are wanted. The index may lag.
pub async fn unpaid_orders(
    store: &Store,
    shard: u8,
    after: Option<PageKey>,
    limit: usize,
    is_wanted: impl Fn(Timestamp) -> bool,
) -> Result<Page<Order>, StoreError> {
    let page = store
        .query_keys(keys::unpaid_orders(shard).after(after).limit(limit))
        .await?;
    // Told by the ids, so that only what is wanted is read.
    let wanted = page.items.into_iter().filter(|key| {
        let order = keys::order_at(key);
        order.is_none_or(|order| is_wanted(Seed::of(&order).begun_at()))
    });
    let wanted: Vec<_> = wanted.collect();
    let mut items: Vec<Order> = store.get_many(&wanted).await?;
    items.retain(|order| matches!(order.status, OrderStatus::Pending | OrderStatus::AwaitingPayment));
    Ok(Page { items, next: page.next })
}

/// Those of a customer's orders that exist.
pub async fn orders_of(store: &Store, customer: UserId, ids: &[OrderId]) -> Result<Vec<Order>, StoreError> {
    let orders: Vec<_> = ids.iter().map(|id| keys::order(customer, *id)).collect();
    store.get_many(&orders).await
}

pub async fn licence(store: &Store, licence: LicenceId) -> Result<Option<Licence>, StoreError> {
    Ok(store.get(&keys::licence(licence)).await?.map(|licence| licence.value))
}

/// A licence with its revision, for whoever decides about it.
pub async fn licence_revision(store: &Store, licence: LicenceId) -> Result<Option<Versioned<Licence>>, StoreError> {
    store.get(&keys::licence(licence)).await
}

/// Counts a key that opened nothing, in this window of time. `false` where there have been so many that no more are looked at.
pub async fn count_wrong_key(
    store: &Store,
    source: &str,
    limit: i64,
    (window, ends_at): (&str, Timestamp),
) -> Result<bool, StoreError> {
    let below = Condition::Any(vec![Condition::Absent, Condition::Below("wrong", limit)]);
    let count = Write::update(keys::wrong_keys(source, window), Update::new().add("wrong", 1));
    match store.write(count.expires_at(ends_at).when(below)).await {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

pub async fn licences(store: &Store, ids: &[LicenceId]) -> Result<Vec<Licence>, StoreError> {
    let keys: Vec<_> = ids.iter().map(|id| keys::licence(*id)).collect();
    store.get_many(&keys).await
}

/// All that a settlement writes: order, journal entries, balances, counters and licences, in one transaction. Refused with a conflict
/// when the order or a counter has changed since it was read, or when one of its facts has been posted already.
pub fn settlement_writes(settlement: &Settlement, revision: u64, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let order = &settlement.order;
    let announcement = std::slice::from_ref(&settlement.announcement);
    let on_order = Write::replace(keys::order(order.customer, order.id), order, revision)?.outbox(announcement)?;
    follow_settlement(vec![on_order], settlement, now)
}

/// The same for an order that was paid before it was there. Refused with a conflict where it is there by now.
pub fn renewal_writes(settlement: &Settlement, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let announcement = std::slice::from_ref(&settlement.announcement);
    follow_settlement(new_order(&settlement.order, announcement)?, settlement, now)
}

fn follow_settlement(
    mut writes: Vec<Write>,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    for entry in &settlement.entries {
        writes.push(super::ledger::post(entry, now)?);
    }
    for change in &settlement.balances {
        writes.push(super::ledger::change_balance(change));
    }
    for moved in &settlement.moved {
        writes.push(super::revenue::count(moved));
    }
    for licence in &settlement.licences {
        writes.push(Write::create(keys::licence(licence.id), licence)?);
    }
    if let Some(refund) = &settlement.refund {
        writes.push(super::reversals::begin_with_payment(refund)?);
    }
    Ok(writes)
}

/// What the inbox keeps of a processor's event.
///
/// Of an event that Souk acts on, the envelope is enough: the object is fetched before anything is decided, and an item below 1 KB is one
/// write unit. Of any other event the body is kept too, since nobody will fetch it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxEvent {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub created: Timestamp,
    pub received_at: Timestamp,
    pub disposition: Disposition,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<String>,
    /// The length of a body that an item cannot hold: the processor shows it, for as long as it keeps the event.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub omitted_bytes: Option<usize>,
}

/// What became of an event when it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    Queued,
    /// Nothing in Souk follows from this type of event.
    Stored,
    /// It does not fit what it claims to be about; a person must look at it. The text says why.
    Quarantined(String),
}

/// Those of the events that have been taken in.
pub async fn known_events(
    store: &Store,
    processor: Processor,
    ids: impl IntoIterator<Item = &str>,
) -> Result<HashSet<String>, StoreError> {
    let keys: Vec<_> = ids.into_iter().map(|id| keys::processor_event(processor, id)).collect();
    let found: Vec<InboxEvent> = store.get_many(&keys).await?;
    Ok(found.into_iter().map(|event| event.id).collect())
}

/// What was kept of an event, if it has been taken in.
pub async fn event(store: &Store, processor: Processor, id: &str) -> Result<Option<InboxEvent>, StoreError> {
    let found = store.get(&keys::processor_event(processor, id)).await?;
    Ok(found.map(|event| event.value))
}

/// Takes an event in, once. `false` when it had been taken in before.
pub async fn take_in(
    store: &Store,
    processor: Processor,
    event: &InboxEvent,
    messages: &[Envelope],
) -> Result<bool, StoreError> {
    match store
        .write(Write::create(keys::processor_event(processor, &event.id), event)?.outbox(messages)?)
        .await
    {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
