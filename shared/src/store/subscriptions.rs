//! Plans, subscriptions, and proofs of education.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::audit::{self, Audited};
use super::leases::{self, Move};
use super::licences::Held;
use super::table::{Page, PageKey, Store, StoreError, Versioned, Write};
use super::{commerce, keys, licences};
use crate::audit::AuditEvent;
use crate::ids::{EducationalProofId, ListingId, PlanId, SubscriptionId, UserId};
use crate::licence::{self, Licence};
use crate::licensing::TrialRecord;
use crate::messages::{Envelope, Message};
use crate::seed::Seed;
use crate::subscription::education::ProofState;
use crate::subscription::{self, EducationalProof, Plan, Report, Subscription, entitle, first_licence};

/// More than one customer ever has.
const MOST_PROOFS: usize = 100;
/// Stripe's pages are open for a day; a retry may open one a day after the request.
const PAGES_OPEN_FOR: SignedDuration = SignedDuration::from_hours(48);

// ---- plans

pub async fn create_plan(store: &Store, plan: &Plan, act: &AuditEvent) -> Result<(), StoreError> {
    let writes = vec![
        Write::create(keys::plan(plan.listing, plan.id), plan)?,
        audit::entry(Audited::Partner(plan.partner), act)?,
    ];
    store.transact(writes).await
}

pub async fn replace_plan(store: &Store, plan: &Plan, revision: u64, act: &AuditEvent) -> Result<(), StoreError> {
    let writes = vec![
        Write::replace(keys::plan(plan.listing, plan.id), plan, revision)?,
        audit::entry(Audited::Partner(plan.partner), act)?,
    ];
    store.transact(writes).await
}

pub async fn plan(store: &Store, listing: ListingId, plan: PlanId) -> Result<Option<Versioned<Plan>>, StoreError> {
    store.get(&keys::plan(listing, plan)).await
}

/// Oldest first, those that are retired among them.
pub async fn plans(
    store: &Store,
    listing: ListingId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Plan>, StoreError> {
    store.query(keys::plans(listing).after(after).limit(limit)).await
}

/// Whether the listing is, or was, sold by subscription. Plans that are retired count: what was sold is not given away when the last one goes.
pub async fn has_plans(store: &Store, listing: ListingId) -> Result<bool, StoreError> {
    Ok(!plans(store, listing, None, 1).await?.items.is_empty())
}

// ---- subscriptions

/// A customer's latest subscription to a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    pub subscription: SubscriptionId,
}

pub async fn latest(
    store: &Store,
    customer: UserId,
    listing: ListingId,
) -> Result<Option<Versioned<Latest>>, StoreError> {
    store.get(&keys::subscribed(customer, listing)).await
}

/// A new one, and the latest from now on. Where another one was made since `before` was read, or the same request twice, it is as that has it:
/// a conflict where nothing was made under this id.
pub async fn create(
    store: &Store,
    subscription: &Subscription,
    before: Option<&Versioned<Latest>>,
) -> Result<Versioned<Subscription>, StoreError> {
    let key = keys::subscription(subscription.customer, subscription.id);
    let latest_key = keys::subscribed(subscription.customer, subscription.plan.listing);
    let latest = Latest {
        subscription: subscription.id,
    };
    let listing = subscription.plan.listing;
    let begun = Held::Begun {
        subscription: subscription.id,
        customer: subscription.customer,
    };
    let closes = subscription
        .created_at
        .saturating_add(PAGES_OPEN_FOR)
        .unwrap_or(Timestamp::MAX);
    let writes = vec![
        Write::create(key.clone(), subscription)?,
        Write::create(keys::begun(listing, subscription.id), &begun)?.expires_at(closes),
        match before {
            Some(before) => Write::replace(latest_key, &latest, before.revision)?,
            None => Write::create(latest_key, &latest)?,
        },
    ];
    match store.transact(writes).await {
        Ok(()) => Ok(Versioned {
            value: subscription.clone(),
            revision: 1,
        }),
        Err(conflict @ StoreError::Conflict { .. }) => store.get(&key).await?.ok_or(conflict),
        Err(error) => Err(error),
    }
}

/// The subscriptions to a listing whose payment pages may be open.
pub async fn begun(
    store: &Store,
    listing: ListingId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Subscription>, StoreError> {
    let page: Page<Held> = store.query(keys::all_begun(listing).after(after).limit(limit)).await?;
    let begun = page.items.iter().filter_map(|held| match held {
        Held::Begun { subscription, customer } => Some(keys::subscription(*customer, *subscription)),
        Held::Order { .. } | Held::Licence { .. } => None,
    });
    let begun: Vec<_> = begun.collect();
    let items = if begun.is_empty() {
        Vec::new()
    } else {
        store.get_many(&begun).await?
    };
    Ok(Page { items, next: page.next })
}

pub async fn update(store: &Store, subscription: &Subscription, revision: u64) -> Result<(), StoreError> {
    let key = keys::subscription(subscription.customer, subscription.id);
    store.write(Write::replace(key, subscription, revision)?).await
}

pub async fn subscription(
    store: &Store,
    customer: UserId,
    subscription: SubscriptionId,
) -> Result<Option<Versioned<Subscription>>, StoreError> {
    store.get(&keys::subscription(customer, subscription)).await
}

/// A customer's subscriptions, newest first.
pub async fn subscriptions(
    store: &Store,
    customer: UserId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Subscription>, StoreError> {
    let query = keys::subscriptions(customer).descending();
    store.query(query.after(after).limit(limit)).await
}

/// The subscription as Stripe tells it now, and its licence with it: both are written, or neither. Refused with a conflict where either has
/// changed since it was read: whoever hears of it fetches again, so what is older never overwrites what is newer. Writes nothing where
/// nothing has changed.
///
/// `at`: by the processor's clock; `plan`: the one that Stripe's subscription names.
pub async fn follow(
    store: &Store,
    before: &Versioned<Subscription>,
    (report, named): (&Report, Option<PlanId>),
    at: Timestamp,
    now: Timestamp,
) -> Result<Subscription, StoreError> {
    let under = match named.filter(|named| *named != before.plan.id) {
        Some(named) => plan(store, before.plan.listing, named).await?,
        None => None,
    };
    let under = under.map_or_else(|| before.plan.clone(), |plan| plan.value);
    let (next, news) = subscription::follow(before, report, &under, at);
    let mut writes = licence_writes(store, &next, now).await?;
    if next != before.value {
        let news = news.map(|news| {
            let notice = Message::SubscriptionNotice {
                customer: next.customer,
                subscription: next.id,
                news,
            };
            let id = Seed::of(&next.id).id(&format!("{news} {}", before.revision));
            Envelope::new(id, notice)
        });
        let key = keys::subscription(next.customer, next.id);
        writes.push(Write::replace(key, &next, before.revision)?.outbox(news.as_slice())?);
    }
    if !writes.is_empty() {
        store.transact(writes).await?;
        tracing::info!(subscription.id = %next.id, status = %next.status, "subscription followed");
    }
    Ok(next)
}

async fn licence_writes(store: &Store, next: &Subscription, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let Some(licence) = commerce::licence_revision(store, next.licence).await? else {
        let Some(first) = first_licence(next, licence::secret(), now) else {
            return Ok(Vec::new());
        };
        let mut writes = licences::issue_owned(&first)?;
        if next.trial_end.is_some() {
            let record = TrialRecord {
                product: first.listing,
                licence: first.id,
                owner: first.owner,
                fingerprint: None,
                components: std::collections::BTreeSet::new(),
                began_at: now,
            };
            let earlier = licences::trials(store, first.listing, first.owner, None).await?;
            writes.extend(licences::record_trial(&record, &earlier)?);
        }
        return Ok(writes);
    };
    let Some(entitled) = entitle(&licence, next) else {
        return Ok(Vec::new());
    };
    let mut writes = vec![Write::replace(keys::licence(licence.id), &entitled, licence.revision)?];
    writes.extend(moved_claims(store, &licence, &entitled, now).await?);
    Ok(writes)
}

/// What the machines of the licence have claimed, under another policy. What cannot be claimed there is not: the customer has paid, and
/// keeps the machines.
async fn moved_claims(store: &Store, from: &Licence, to: &Licence, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let (old, new) = ((from.policy(), from.granted()), (to.policy(), to.granted()));
    if old.0.id == new.0.id {
        return Ok(Vec::new());
    }
    match leases::move_claims(store, (&old.0, &old.1), (&new.0, &new.1), now).await? {
        Move::Claims(writes) => Ok(writes),
        Move::Taken(_) | Move::TooMany => Ok(Vec::new()),
    }
}

// ---- proofs of education

#[derive(Serialize, Deserialize)]
struct ProofOwner {
    proof: EducationalProofId,
    customer: UserId,
}

/// A proof that is there already, because the same request was made before, is left as it is.
pub async fn create_proof(store: &Store, proof: &EducationalProof) -> Result<EducationalProof, StoreError> {
    let key = keys::educational_proof(proof.customer, proof.id);
    let owner = ProofOwner {
        proof: proof.id,
        customer: proof.customer,
    };
    let writes = vec![
        Write::create(key.clone(), proof)?.indexed(keys::educational_proof_pending(proof.id)),
        Write::create(keys::educational_proof_owner(proof.id), &owner)?,
    ];
    match store.transact(writes).await {
        Ok(()) => Ok(proof.clone()),
        Err(StoreError::Conflict { .. }) => {
            let found = store.get::<EducationalProof>(&key).await?;
            found.map(|proof| proof.value).ok_or(StoreError::Busy)
        }
        Err(error) => Err(error),
    }
}

pub async fn proof(
    store: &Store,
    customer: UserId,
    proof: EducationalProofId,
) -> Result<Option<Versioned<EducationalProof>>, StoreError> {
    store.get(&keys::educational_proof(customer, proof)).await
}

/// A proof by its id alone: for those who decide about it.
pub async fn proof_by_id(
    store: &Store,
    id: EducationalProofId,
) -> Result<Option<Versioned<EducationalProof>>, StoreError> {
    match store.get::<ProofOwner>(&keys::educational_proof_owner(id)).await? {
        Some(owner) => proof(store, owner.customer, id).await,
        None => Ok(None),
    }
}

/// Newest first.
pub async fn proofs(
    store: &Store,
    customer: UserId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<EducationalProof>, StoreError> {
    let query = keys::educational_proofs(customer).descending();
    store.query(query.after(after).limit(limit)).await
}

/// Whether somebody has shown that they study or teach.
pub async fn is_educational(store: &Store, customer: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let all = proofs(store, customer, None, MOST_PROOFS).await?;
    Ok(all.items.iter().any(|proof| proof.is_good(now)))
}

/// Those that wait for a decision, oldest first. Through the index: what has been decided meanwhile is left out.
pub async fn pending_proofs(
    store: &Store,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<EducationalProof>, StoreError> {
    let page = store
        .query_keys(keys::educational_proofs_pending().after(after).limit(limit))
        .await?;
    let mut items: Vec<EducationalProof> = store.get_many(&page.items).await?;
    items.retain(|proof| proof.state == ProofState::Pending);
    Ok(Page { items, next: page.next })
}

/// With the audit entry, and the mail that tells the customer.
pub async fn decide_proof(
    store: &Store,
    decided: &EducationalProof,
    revision: u64,
    act: &AuditEvent,
) -> Result<(), StoreError> {
    let told = Message::EducationalProofDecided {
        customer: decided.customer,
        proof: decided.id,
    };
    let told = Envelope::new(Seed::of(&decided.id).id("decided"), told);
    let key = keys::educational_proof(decided.customer, decided.id);
    let writes = vec![
        Write::replace(key, decided, revision)?.outbox(&[told])?,
        audit::entry(Audited::Proof(decided.id), act)?,
    ];
    store.transact(writes).await
}
