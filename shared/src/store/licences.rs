//! What belongs to licences beside themselves: partners' policies, batches, trials, and who owns what without an order.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::audit::{self, Audited};
use super::table::{Condition, Page, PageKey, Store, StoreError, Write};
use super::{commerce, keys};
use crate::audit::AuditEvent;
use crate::ids::{LicenceBatchId, LicenceId, ListingId, OrderId, PartnerId, PolicyId, SubscriptionId, UserId};
use crate::licence::batch::Trial;
use crate::licence::policies::{OwnPolicy, SalePolicy, Terms, TrialOffer};
use crate::licence::{Batch, Licence};
use crate::licensing::{Device, TrialRecord};
use crate::purchase::{Order, OrderStatus};

/// Each licence is an item, its place in the batch and its place among its owner's.
const BATCHED_AT_ONCE: usize = 32;
/// Longer than any retry; clients that come back later have forgotten what they asked.
const USES_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

// ---- policies

pub async fn create_policy(store: &Store, own: &OwnPolicy, act: &AuditEvent) -> Result<(), StoreError> {
    let writes = vec![
        Write::create(keys::policy(own.partner, own.policy.id), own)?,
        audit::entry(Audited::Partner(own.partner), act)?,
    ];
    store.transact(writes).await
}

pub async fn policy(store: &Store, partner: PartnerId, policy: PolicyId) -> Result<Option<OwnPolicy>, StoreError> {
    let found = store.get::<OwnPolicy>(&keys::policy(partner, policy)).await?;
    Ok(found.map(|own| own.value))
}

/// Newest first.
pub async fn policies(
    store: &Store,
    partner: PartnerId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<OwnPolicy>, StoreError> {
    let query = keys::policies(partner).descending();
    store.query(query.after(after).limit(limit)).await
}

/// The policy with this id: a preset, or one of the partner's own.
pub async fn terms(store: &Store, partner: PartnerId, id: PolicyId) -> Result<Option<Terms>, StoreError> {
    if let Some(preset) = Terms::preset(id) {
        return Ok(Some(preset));
    }
    let own = policy(store, partner, id).await?;
    Ok(own.map(|own| Terms::Own(Box::new(own.policy))))
}

// ---- batches

pub async fn batch(store: &Store, partner: PartnerId, batch: LicenceBatchId) -> Result<Option<Batch>, StoreError> {
    let found = store.get::<Batch>(&keys::licence_batch(partner, batch)).await?;
    Ok(found.map(|batch| batch.value))
}

/// Newest first.
pub async fn batches(
    store: &Store,
    partner: PartnerId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Batch>, StoreError> {
    let query = keys::licence_batches(partner).descending();
    store.query(query.after(after).limit(limit)).await
}

/// Writes the batch and its licences, some at a time; a second call with the same batch writes what the first one did not. Answers with the
/// licences as they are stored.
pub async fn issue(
    store: &Store,
    batch: &Batch,
    licences: Vec<Licence>,
    act: &AuditEvent,
) -> Result<Vec<Licence>, StoreError> {
    let mut opening = vec![
        Write::create(keys::licence_batch(batch.partner, batch.id), batch)?,
        audit::entry(Audited::Partner(batch.partner), act)?,
    ];
    let mut issued = Vec::with_capacity(licences.len());
    for some in licences.chunks(BATCHED_AT_ONCE) {
        let mut writes = std::mem::take(&mut opening);
        for licence in some {
            writes.push(Write::create(keys::licence(licence.id), licence)?);
            writes.push(Write::create(keys::batched(batch.id, licence.id), &Place::of(licence))?);
            writes.push(Write::create(
                keys::owned(licence.owner, licence.id),
                &Place::of(licence),
            )?);
        }
        match store.transact(writes).await {
            Ok(()) => issued.extend_from_slice(some),
            // An earlier attempt of the same request has issued them, with keys of its own.
            Err(StoreError::Conflict { .. }) => {
                let ids: Vec<_> = some.iter().map(|licence| licence.id).collect();
                let found = commerce::licences(store, &ids).await?;
                if found.len() < some.len() {
                    return Err(StoreError::Busy);
                }
                issued.extend(found);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(issued)
}

/// In the order in which they were made up.
pub async fn licences_of_batch(
    store: &Store,
    batch: LicenceBatchId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Licence>, StoreError> {
    let page: Page<Place> = store.query(keys::all_batched(batch).after(after).limit(limit)).await?;
    licences_at(store, page).await
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    licence: LicenceId,
}

impl Place {
    fn of(licence: &Licence) -> Self {
        Self { licence: licence.id }
    }
}

async fn licences_at(store: &Store, page: Page<Place>) -> Result<Page<Licence>, StoreError> {
    let ids: Vec<_> = page.items.iter().map(|place| place.licence).collect();
    let items = if ids.is_empty() {
        Vec::new()
    } else {
        commerce::licences(store, &ids).await?
    };
    Ok(Page { items, next: page.next })
}

// ---- owners

/// What somebody has: first by their orders, newest first, a page of them at a time; then what they were given, tried or were handed.
pub async fn licences_of(
    store: &Store,
    owner: UserId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Licence>, StoreError> {
    let is_later = |PageKey(key): &PageKey| key.get("pk") == Some(&keys::owned_partition(owner));
    let mut page = if after.as_ref().is_some_and(is_later) {
        let places = store.query(keys::all_owned(owner).after(after).limit(limit)).await?;
        licences_at(store, places).await?
    } else {
        let orders = commerce::orders(store, owner, after, limit).await?;
        let paid = orders.items.iter().filter(|order| order.status == OrderStatus::Paid);
        let ids: Vec<_> = paid.flat_map(Order::licences).collect();
        let bought = commerce::licences(store, &ids).await?;
        match orders.next {
            Some(next) => Page {
                items: bought,
                next: Some(next),
            },
            None => {
                let places = store.query(keys::all_owned(owner).limit(limit)).await?;
                let Page { items, next } = licences_at(store, places).await?;
                Page {
                    items: bought.into_iter().chain(items).collect(),
                    next,
                }
            }
        }
    };
    // What they have handed on is somebody else's, though their order tells of it.
    page.items.retain(|licence| licence.owner == owner);
    Ok(page)
}

/// The licence is somebody else's from now on.
pub fn change_owner(licence: LicenceId, from: UserId, to: UserId) -> Result<Vec<Write>, StoreError> {
    // Who bought it has no such item: their order tells of it.
    let whether_or_not = Condition::Any(vec![Condition::Present, Condition::Absent]);
    Ok(vec![
        Write::delete(keys::owned(from, licence), whether_or_not),
        Write::create(keys::owned(to, licence), &Place { licence })?,
    ])
}

// ---- trials

/// Under which policy a listing may be tried; nothing where it may not.
pub async fn trial_offer(store: &Store, listing: ListingId) -> Result<Option<TrialOffer>, StoreError> {
    let found = store.get::<TrialOffer>(&keys::trial_terms(listing)).await?;
    Ok(found.map(|offer| offer.value))
}

pub async fn save_trial_offer(store: &Store, offer: &TrialOffer, act: &AuditEvent) -> Result<(), StoreError> {
    let key = keys::trial_terms(offer.listing);
    let write = match store.get::<TrialOffer>(&key).await? {
        None => Write::create(key, offer)?,
        Some(before) => Write::replace(key, offer, before.revision)?,
    };
    store
        .transact(vec![write, audit::entry(Audited::Partner(offer.partner), act)?])
        .await
}

/// Under which policy sales of these listings issue; one that is not among them issues Individual licences.
pub async fn sale_policies(store: &Store, listings: &[ListingId]) -> Result<Vec<SalePolicy>, StoreError> {
    let keys: Vec<_> = listings.iter().map(|listing| keys::sale_policy(*listing)).collect();
    store.get_many(&keys).await
}

pub async fn save_sale_policy(store: &Store, policy: &SalePolicy, act: &AuditEvent) -> Result<(), StoreError> {
    let key = keys::sale_policy(policy.listing);
    let write = match store.get::<SalePolicy>(&key).await? {
        None => Write::create(key, policy)?,
        Some(before) => Write::replace(key, policy, before.revision)?,
    };
    store
        .transact(vec![write, audit::entry(Audited::Partner(policy.partner), act)?])
        .await
}

/// What is known of trials of a listing by this owner and on this machine, or one with parts of it.
pub async fn trials(
    store: &Store,
    listing: ListingId,
    owner: UserId,
    device: Option<Device<'_>>,
) -> Result<Vec<TrialRecord>, StoreError> {
    let mut sought = vec![keys::trial_of(listing, owner)];
    if let Some(device) = device {
        sought.push(keys::trial_on(listing, device.fingerprint));
        sought.extend(device.components.iter().map(|part| keys::trial_with(listing, part)));
    }
    store.get_many(&sought).await
}

/// The record of a trial wherever it must be found, but where an earlier one stands. `earlier`: what [`trials`] has answered.
pub fn record_trial(record: &TrialRecord, earlier: &[TrialRecord]) -> Result<Vec<Write>, StoreError> {
    let listing = record.product;
    let mut writes = Vec::new();
    if !earlier.iter().any(|other| other.owner == record.owner) {
        writes.push(Write::create(keys::trial_of(listing, record.owner), record)?);
    }
    if let Some(fingerprint) = &record.fingerprint
        && !earlier
            .iter()
            .any(|other| other.fingerprint.as_ref() == Some(fingerprint))
    {
        writes.push(Write::create(keys::trial_on(listing, fingerprint), record)?);
    }
    for part in &record.components {
        if !earlier.iter().any(|other| other.components.contains(part)) {
            writes.push(Write::create(keys::trial_with(listing, part), record)?);
        }
    }
    Ok(writes)
}

/// A licence that no order tells of, to be written with what it is issued for.
pub fn issue_owned(licence: &Licence) -> Result<Vec<Write>, StoreError> {
    Ok(vec![
        Write::create(keys::licence(licence.id), licence)?,
        Write::create(keys::owned(licence.owner, licence.id), &Place::of(licence))?,
        Write::create(
            keys::held(licence.listing, licence.id),
            &Held::Licence { licence: licence.id },
        )?,
    ])
}

/// By what somebody holds a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Held {
    Order {
        order: OrderId,
        customer: UserId,
    },
    /// Not yet: the payment page may be open.
    Begun {
        subscription: SubscriptionId,
        customer: UserId,
    },
    Licence {
        licence: LicenceId,
    },
}

/// The licences of a listing that were sold, subscribed to or tried; also those that are revoked.
pub async fn licences_held(
    store: &Store,
    listing: ListingId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Licence>, StoreError> {
    let page: Page<Held> = store.query(keys::all_held(listing).after(after).limit(limit)).await?;
    let orders = page.items.iter().filter_map(|held| match held {
        Held::Order { order, customer } => Some(keys::order(*customer, *order)),
        Held::Begun { .. } | Held::Licence { .. } => None,
    });
    let orders: Vec<_> = orders.collect();
    let orders: Vec<Order> = if orders.is_empty() {
        Vec::new()
    } else {
        store.get_many(&orders).await?
    };
    let paid = orders.iter().filter(|order| order.status == OrderStatus::Paid);
    let sold = paid
        .flat_map(|order| &order.lines)
        .filter(|line| line.listing == listing);
    let alone = page.items.iter().filter_map(|held| match held {
        Held::Licence { licence } => Some(*licence),
        Held::Begun { .. } | Held::Order { .. } => None,
    });
    let licences: Vec<_> = sold.map(|line| line.licence).chain(alone).collect();
    let items = if licences.is_empty() {
        Vec::new()
    } else {
        commerce::licences(store, &licences).await?
    };
    Ok(Page { items, next: page.next })
}

/// A trial with its licence. Refused with a conflict where one has begun meanwhile that it would be the second of.
pub async fn begin_trial(store: &Store, trial: &Trial, earlier: &[TrialRecord]) -> Result<(), StoreError> {
    let mut writes = issue_owned(&trial.licence)?;
    writes.extend(record_trial(&trial.record, earlier)?);
    store.transact(writes).await
}

// ---- uses

/// That uses were counted, so that they are not counted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsesCounted {
    pub uses: u64,
}

pub async fn uses_counted(store: &Store, licence: LicenceId, key: &str) -> Result<Option<UsesCounted>, StoreError> {
    let found = store.get::<UsesCounted>(&keys::uses_counted(licence, key)).await?;
    Ok(found.map(|counted| counted.value))
}

pub fn count_uses(licence: LicenceId, key: &str, counted: &UsesCounted, now: Timestamp) -> Result<Write, StoreError> {
    let until = now.saturating_add(USES_KEPT_FOR).unwrap_or(Timestamp::MAX);
    Ok(Write::create(keys::uses_counted(licence, key), counted)?.expires_at(until))
}
