//! Appeals: lodged with their case, and decided with all that follows.

use crate::ids::{AppealId, PartnerId};
use crate::listing::{Appeal, Effect, Lodged, Settled};
use crate::page::{Page, PageKey};
use crate::store::audit::{self, Audited};
use crate::store::keys;
use crate::store::table::{Store, StoreError, Versioned, Write};

use super::publication::publication_writes;
use super::{Moderation, PublicationBasis, cases, lookalikes, replace_version};

pub async fn appeal(
    store: &Store,
    partner: PartnerId,
    appeal: AppealId,
) -> Result<Option<Versioned<Appeal>>, StoreError> {
    store.get(&keys::appeal(partner, appeal)).await
}

/// A partner's appeals, newest first.
pub async fn appeals(
    store: &Store,
    partner: PartnerId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Appeal>, StoreError> {
    store
        .query(keys::appeals(partner).descending().after(after).limit(limit))
        .await
}

/// An appeal with its place in the moderators' queue.
pub async fn lodge_appeal(store: &Store, lodged: &Lodged, version_revision: u64) -> Result<(), StoreError> {
    let appeal = &lodged.appeal;
    let writes = vec![
        Write::create(keys::appeal(appeal.partner, appeal.id), appeal)?,
        replace_version(&lodged.version, version_revision)?,
        cases::open(&lodged.case)?,
    ];
    store.transact(writes).await
}

/// What a decision about an appeal was made on: none of it may have changed.
#[derive(Debug, Clone, Copy)]
pub struct AppealBasis<'a> {
    pub appeal_revision: u64,
    /// Of the submission or the upload, where the appeal is about one.
    pub subject_revision: u64,
    /// Of the version and its listing, with what the public sees of it and the decision itself.
    pub publication: PublicationBasis<'a>,
    pub moderation: Moderation<'a>,
}

/// A decision about an appeal.
pub async fn settle_appeal(store: &Store, settled: &Settled, basis: AppealBasis<'_>) -> Result<(), StoreError> {
    let appeal = &settled.appeal;
    let key = keys::appeal(appeal.partner, appeal.id);
    let mut writes = vec![
        Write::replace(key, appeal, basis.appeal_revision)?.outbox(&settled.messages)?,
        audit::entry(Audited::Listing(appeal.listing), &settled.audit)?,
    ];
    writes.extend(cases::end(basis.moderation, appeal.partner)?);
    let (subject, publication) = (basis.subject_revision, basis.publication);
    match &settled.effect {
        Effect::Dismissed { version } => writes.push(replace_version(version, publication.version_revision)?),
        Effect::ScannedAgain {
            listing,
            version,
            upload,
        } => writes.extend([
            Write::replace(
                keys::listing(listing.partner, listing.id),
                listing,
                publication.listing_revision,
            )?,
            replace_version(version, publication.version_revision)?,
            Write::replace(keys::upload(upload.version, upload.id), upload, subject)?,
        ]),
        Effect::Approved { version, submission } => writes.extend([
            replace_version(version, publication.version_revision)?,
            Write::replace(keys::submission(submission.partner, submission.id), submission, subject)?,
        ]),
        Effect::Restored(change) => {
            writes.extend(publication_writes(change, publication)?);
            let before = publication.before.map(|before| &before.value);
            writes.extend(lookalikes::renamed(store, before, change.published.as_ref()).await?);
        }
    }
    store.transact(writes).await
}
