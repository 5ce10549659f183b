//! What the public sees: the published item, its index entries, and the change of both.

use crate::ids::ListingId;
use crate::listing::{Publication, Published};
use crate::store::audit::{self, Audited};
use crate::store::keys;
use crate::store::table::{Condition, Store, StoreError, Versioned, Write};

use super::browse::reindex;

/// What the public sees of a listing; what an order freezes.
pub async fn published(store: &Store, listing: ListingId) -> Result<Option<Published>, StoreError> {
    Ok(published_revision(store, listing)
        .await?
        .map(|published| published.value))
}

/// The same with its revision, for whoever changes it.
pub async fn published_revision(store: &Store, listing: ListingId) -> Result<Option<Versioned<Published>>, StoreError> {
    store.get(&keys::published(listing)).await
}

/// Those of the listings that are published, in the order asked for.
pub async fn published_many(store: &Store, listings: &[ListingId]) -> Result<Vec<Published>, StoreError> {
    let keys: Vec<_> = listings.iter().copied().map(keys::published).collect();
    if keys.is_empty() {
        Ok(Vec::new())
    } else {
        store.get_many(&keys).await
    }
}

/// What a publication was decided on: none of it may have changed.
#[derive(Debug, Clone, Copy)]
pub struct PublicationBasis {
    pub listing_revision: u64,
    pub version_revision: u64,
    /// Of the approval that is published, or that becomes visible again.
    pub submission: Option<(crate::ids::SubmissionId, u64)>,
    /// Of the partner, where it must be free to publish.
    pub partner_revision: Option<u64>,
}

/// A listing comes out, changes or goes: the version, the listing, what the public sees, every index entry and the audit entry, in one
/// transaction. Whoever else publishes or yanks versions of the listing replaces the same listing item, so they come one after another.
pub async fn save_publication(
    store: &Store,
    change: &Publication,
    before: Option<&Versioned<Published>>,
    basis: PublicationBasis,
) -> Result<(), StoreError> {
    let (listing, version) = (&change.listing, &change.version);
    let mut writes = vec![
        Write::replace(
            keys::listing(listing.partner, listing.id),
            listing,
            basis.listing_revision,
        )?,
        Write::replace(
            keys::version(version.listing, version.id),
            version,
            basis.version_revision,
        )?,
        audit::entry(Audited::Listing(listing.id), &change.audit)?,
    ];
    writes.extend(seen(listing.id, before, change.published.as_ref())?);
    writes.extend(reindex(before.map(|before| &before.value), change.published.as_ref())?);
    if let Some((submission, revision)) = basis.submission {
        writes.push(Write::check(
            keys::submission(listing.partner, submission),
            Condition::Revision(revision),
        ));
    }
    if let Some(revision) = basis.partner_revision {
        writes.push(Write::check(
            keys::partner(listing.partner),
            Condition::Revision(revision),
        ));
    }
    store.transact(writes).await
}

fn seen(
    listing: ListingId,
    before: Option<&Versioned<Published>>,
    after: Option<&Published>,
) -> Result<Option<Write>, StoreError> {
    let key = keys::published(listing);
    Ok(match (before, after) {
        (None, None) => None,
        (None, Some(after)) => Some(Write::create(key, after)?),
        (Some(before), None) => Some(Write::delete(key, Condition::Revision(before.revision))),
        (Some(before), Some(after)) if before.value == *after => {
            Some(Write::check(key, Condition::Revision(before.revision)))
        }
        (Some(before), Some(after)) => Some(Write::replace(key, after, before.revision)?),
    })
}
