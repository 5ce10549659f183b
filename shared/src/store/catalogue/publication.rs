//! What the public sees: the published item, its index entries, and the change of both.

use jiff::Timestamp;

use crate::ids::{ListingId, PartnerId, SubmissionId, UserId};
use crate::listing::{Case, Publication, Published, Scene, Seller, Submission, Version};
use crate::messages::{Envelope, Message, Waiting};
use crate::seed::Seed;
use crate::store::audit::{self, Audited};
use crate::store::keys;
use crate::store::table::{Condition, Store, StoreError, Versioned, Write};

use super::browse::reindex;
use super::{all_versions, cases, lookalikes, replace_version};

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
pub struct PublicationBasis<'a> {
    pub listing_revision: u64,
    pub version_revision: u64,
    /// Of the approval that is published, or that becomes visible again.
    pub submission: Option<(SubmissionId, u64)>,
    /// Of the partner, where it must be free to publish.
    pub partner_revision: Option<u64>,
    pub before: Option<&'a Versioned<Published>>,
    /// Where a moderator has decided.
    pub moderation: Option<Moderation<'a>>,
}

impl PublicationBasis<'_> {
    /// What every decision about a version is made on.
    pub fn of(listing_revision: u64, version_revision: u64) -> Self {
        Self {
            listing_revision,
            version_revision,
            submission: None,
            partner_revision: None,
            before: None,
            moderation: None,
        }
    }
}

/// What the public sees of a listing while one of its versions changes, and what there is to be seen instead.
#[derive(Debug)]
pub struct Scenery {
    pub before: Option<Versioned<Published>>,
    /// The version's own.
    pub submission: Versioned<Submission>,
    next: Option<(Version, Versioned<Submission>)>,
}

/// `None` for a version that has not been handed in.
pub async fn scenery(store: &Store, version: &Version) -> Result<Option<Scenery>, StoreError> {
    let Some(submission) = version.submission() else {
        return Ok(None);
    };
    let before = published_revision(store, version.listing).await?;
    let is_seen = before
        .as_ref()
        .is_some_and(|before| before.latest.version == version.id);
    Ok(Some(Scenery {
        submission: approval(store, version.partner, submission).await?,
        next: if is_seen {
            next_best(store, version).await?
        } else {
            None
        },
        before,
    }))
}

/// The highest version that stays live, with its approval. Whoever changes which versions are live replaces the listing, so this cannot be
/// outdated when the change is written.
async fn next_best(store: &Store, gone: &Version) -> Result<Option<(Version, Versioned<Submission>)>, StoreError> {
    let versions = all_versions(store, gone.listing).await?;
    let live = versions
        .into_iter()
        .filter(|version| version.is_live() && version.id != gone.id);
    let Some(next) = live.max_by(|a, b| a.number.cmp(&b.number)) else {
        return Ok(None);
    };
    let submission = next
        .submission()
        .ok_or_else(|| StoreError::Corrupt("a live version without a submission".into()))?;
    let submission = approval(store, next.partner, submission).await?;
    Ok(Some((next, submission)))
}

async fn approval(
    store: &Store,
    partner: PartnerId,
    submission: SubmissionId,
) -> Result<Versioned<Submission>, StoreError> {
    let found = super::submission(store, partner, submission).await?;
    found.ok_or_else(|| StoreError::Corrupt(format!("there is no {submission}").into()))
}

impl Scenery {
    pub fn scene<'a>(&'a self, seller: &'a Seller) -> Scene<'a> {
        Scene {
            current: self.before.as_ref().map(|before| &before.value),
            submission: &self.submission,
            next: self.next(),
            seller,
        }
    }

    pub fn next(&self) -> Option<(&Version, &Submission)> {
        self.next
            .as_ref()
            .map(|(version, submission)| (version, &submission.value))
    }

    /// The approval that becomes visible must not have changed, whether it is the version's own or the next one's.
    pub fn basis(&self, listing_revision: u64, version_revision: u64) -> PublicationBasis<'_> {
        let visible = self
            .next
            .as_ref()
            .map_or(&self.submission, |(_, submission)| submission);
        PublicationBasis {
            submission: Some((visible.id, visible.revision)),
            before: self.before.as_ref(),
            ..PublicationBasis::of(listing_revision, version_revision)
        }
    }
}

/// A moderator's decision: of the case that it ends, nobody else has decided; and nobody decides about their own team.
#[derive(Debug, Clone, Copy)]
pub struct Moderation<'a> {
    pub ends: Option<&'a Versioned<Case>>,
    pub reviewer: UserId,
    pub at: Timestamp,
}

/// A listing comes out, changes or goes: the version, the listing, what the public sees, every index entry and the audit entry, in one
/// transaction. Whoever else publishes or yanks versions of the listing replaces the same listing item, so they come one after another.
pub async fn save_publication(
    store: &Store,
    change: &Publication,
    basis: PublicationBasis<'_>,
) -> Result<(), StoreError> {
    let mut writes = publication_writes(change, basis)?;
    let before = basis.before.map(|before| &before.value);
    writes.extend(lookalikes::renamed(store, before, change.published.as_ref()).await?);
    writes.push(audit::entry(Audited::Listing(change.listing.id), &change.audit)?);
    store.transact(writes).await
}

/// All but the audit entry and the name of its title.
pub(super) fn publication_writes(change: &Publication, basis: PublicationBasis<'_>) -> Result<Vec<Write>, StoreError> {
    let (listing, version) = (&change.listing, &change.version);
    let mut messages = change.messages.clone();
    if basis.before.is_some() && change.published.is_none() {
        messages.push(withdrawn(change));
    }
    let mut writes = vec![
        Write::replace(
            keys::listing(listing.partner, listing.id),
            listing,
            basis.listing_revision,
        )?,
        replace_version(version, basis.version_revision)?.outbox(&messages)?,
    ];
    writes.extend(seen(listing.id, basis.before, change.published.as_ref())?);
    writes.extend(reindex(
        basis.before.map(|before| &before.value),
        change.published.as_ref(),
    )?);
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
    if let Some(case) = &change.opens {
        writes.push(cases::open(case)?);
    }
    if let Some(moderation) = basis.moderation {
        writes.extend(cases::end(moderation, listing.partner)?);
    }
    Ok(writes)
}

/// Nothing of the listing is on sale any more: what waits to be paid for it is closed.
fn withdrawn(change: &Publication) -> Envelope {
    let message = Message::ListingWithdrawn {
        listing: change.listing.id,
        waiting: Waiting::Orders,
        after: None,
    };
    Envelope::new(Seed::of(&change.audit.id).id("withdrawn"), message)
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
