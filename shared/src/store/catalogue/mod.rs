//! Listings, versions, uploads, scans and submissions as stored.
//!
//! What a rule returned is written whole: every change of state carries the revision it was decided on, and goes in one transaction with its
//! audit entry and its message. What the public sees is in [`publication`], the index it browses in [`browse`].

mod appeals;
pub(crate) mod browse;
mod cases;
pub(crate) mod lookalikes;
mod publication;
mod rejections;
mod replies;
mod rescans;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::audit::{self, Audited};
use super::keys;
use super::table::{Condition, Page, PageKey, Store, StoreError, Versioned, Write};
use crate::ids::{ListingId, PartnerId, SubmissionId, UploadId, VersionId};
use crate::listing::{
    HandedIn, Listing, MAX_VERSIONS, Requested, Reviewed, Scanned, Stage, Standing, Submission, Upload, Version,
};
use crate::scan::Check;

pub use appeals::{AppealBasis, appeal, appeals, lodge_appeal, settle_appeal};
pub use browse::{find, shelf};
pub use cases::{CaseDecision, case, close_report, closed_cases, decide, judge, report, review_queue, save_case};
pub use lookalikes::titled;
pub use publication::{
    Moderation, PublicationBasis, Scenery, published, published_many, published_revision, save_publication, scenery,
};
pub use rejections::{Delayed, due_rejections, end_delay};
pub use replies::{replies, reply, save_reply};
pub use rescans::{
    Counted, begin_rescan, begin_rescan_for_rules, count_page, enforce_rescan, is_counted, record_finding, record_pass,
    rescan, rescan_findings, rescan_messages, rescans,
};

// ---- listings

pub async fn listing(
    store: &Store,
    partner: PartnerId,
    listing: ListingId,
) -> Result<Option<Versioned<Listing>>, StoreError> {
    store.get(&keys::listing(partner, listing)).await
}

/// A partner's listings, newest first.
pub async fn listings(
    store: &Store,
    partner: PartnerId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Listing>, StoreError> {
    store
        .query(keys::listings(partner).descending().after(after).limit(limit))
        .await
}

/// A new listing. One that is there already, because the same request was made before, is left as it is and handed back.
pub async fn create_listing(store: &Store, new: &Listing) -> Result<Listing, StoreError> {
    let key = keys::listing(new.partner, new.id);
    match store.write(Write::create(key.clone(), new)?).await {
        Ok(()) => Ok(new.clone()),
        Err(StoreError::Conflict { .. }) => Ok(store.get(&key).await?.ok_or(StoreError::Busy)?.value),
        Err(error) => Err(error),
    }
}

pub async fn save_listing(store: &Store, listing: &Listing, revision: u64) -> Result<(), StoreError> {
    store
        .write(Write::replace(
            keys::listing(listing.partner, listing.id),
            listing,
            revision,
        )?)
        .await
}

// ---- versions

/// Says that a version number is taken, and by which version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NumberItem {
    version: VersionId,
}

#[derive(Debug)]
pub enum VersionCreated {
    Created,
    /// The same request was made before; this is what it made.
    Already(Box<Version>),
    NumberTaken,
}

pub async fn version(
    store: &Store,
    listing: ListingId,
    version: VersionId,
) -> Result<Option<Versioned<Version>>, StoreError> {
    store.get(&keys::version(listing, version)).await
}

/// The listing's version that has this number.
pub async fn version_by_number(store: &Store, listing: ListingId, number: &str) -> Result<Option<Version>, StoreError> {
    let Some(taken) = store.get::<NumberItem>(&keys::version_number(listing, number)).await? else {
        return Ok(None);
    };
    let found = version(store, listing, taken.version).await?;
    Ok(found.map(|version| version.value))
}

/// A listing's versions, newest first.
pub async fn versions(
    store: &Store,
    listing: ListingId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Version>, StoreError> {
    store
        .query(keys::versions(listing).descending().after(after).limit(limit))
        .await
}

/// All versions of a listing; there are at most [`MAX_VERSIONS`].
pub async fn all_versions(store: &Store, listing: ListingId) -> Result<Vec<Version>, StoreError> {
    let (mut versions, mut after) = (Vec::new(), None);
    loop {
        let page: Page<Version> = store
            .query(keys::versions(listing).after(after).limit(MAX_VERSIONS as usize))
            .await?;
        versions.extend(page.items);
        match page.next {
            None => return Ok(versions),
            next => after = next,
        }
    }
}

/// A new version: takes its number, is counted by its listing.
pub async fn create_version(
    store: &Store,
    listing: &Listing,
    revision: u64,
    new: &Version,
) -> Result<VersionCreated, StoreError> {
    let number = keys::version_number(new.listing, &new.number.to_string());
    let writes = vec![
        Write::create(number.clone(), &NumberItem { version: new.id })?,
        Write::create(keys::version(new.listing, new.id), new)?,
        Write::replace(keys::listing(listing.partner, listing.id), listing, revision)?,
    ];
    match store.transact(writes).await {
        Ok(()) => Ok(VersionCreated::Created),
        Err(StoreError::Conflict { failed }) if failed.contains(&0) => {
            let taken = store.get::<NumberItem>(&number).await?.ok_or(StoreError::Busy)?;
            if taken.version != new.id {
                return Ok(VersionCreated::NumberTaken);
            }
            let before = version(store, new.listing, new.id).await?.ok_or(StoreError::Busy)?;
            Ok(VersionCreated::Already(Box::new(before.value)))
        }
        Err(error) => Err(error),
    }
}

/// What has been published can be found by whether it is stopped.
fn replace_version(version: &Version, revision: u64) -> Result<Write, StoreError> {
    let write = Write::replace(keys::version(version.listing, version.id), version, revision)?;
    Ok(match (version.standing(), &version.stage) {
        (Some(standing), _) => write.indexed(keys::version_by_standing(standing, version.listing, version.id)),
        (None, Stage::Draft { upload: Some(_) } | Stage::Scanning { .. }) => {
            write.indexed(keys::version_to_be_scanned(version.listing, version.id))
        }
        (None, _) => write,
    })
}

/// Versions whose bytes are being scanned, or may have arrived. A page may hold some that no longer wait: the index lags.
pub async fn versions_to_be_scanned(
    store: &Store,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Version>, StoreError> {
    let page = store
        .query_keys(keys::versions_to_be_scanned().after(after).limit(limit))
        .await?;
    let items = store.get_many(&page.items).await?;
    Ok(Page { items, next: page.next })
}

/// Versions that have been published, as they stand: by listing. A page may hold fewer than asked for: the index lags.
pub async fn versions_by_standing(
    store: &Store,
    standing: Standing,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Version>, StoreError> {
    let found = store
        .query_keys(keys::versions_by_standing(standing).after(after).limit(limit))
        .await?;
    let items = if found.items.is_empty() {
        Vec::new()
    } else {
        store.get_many(&found.items).await?
    };
    Ok(Page {
        items,
        next: found.next,
    })
}

// ---- uploads and scans

pub async fn upload(
    store: &Store,
    version: VersionId,
    upload: UploadId,
) -> Result<Option<Versioned<Upload>>, StoreError> {
    store.get(&keys::upload(version, upload)).await
}

/// The upload and the version that waits for it; held bytes that came before it no longer wait for anybody.
pub async fn request_upload(store: &Store, requested: &Requested, version_revision: u64) -> Result<(), StoreError> {
    let (version, upload) = (&requested.version, &requested.upload);
    let mut writes = vec![
        replace_version(version, version_revision)?,
        Write::create(keys::upload(upload.version, upload.id), upload)?,
    ];
    let closed = requested.closes.map(|case| keys::case(version.partner, case));
    writes.extend(closed.map(|case| Write::delete(case, Condition::Present)));
    store.transact(writes).await
}

/// The version whose bytes have arrived and are being scanned.
pub async fn begin_scan(store: &Store, version: &Version, revision: u64) -> Result<(), StoreError> {
    store.write(replace_version(version, revision)?).await
}

/// An upload whose bytes do not count.
pub async fn supersede_upload(store: &Store, upload: &Upload, revision: u64) -> Result<(), StoreError> {
    store
        .write(Write::replace(
            keys::upload(upload.version, upload.id),
            upload,
            revision,
        )?)
        .await
}

/// The end of a scan: the version, the upload, one item per check and the case of what is held, all or nothing. Refused when version or
/// upload changed since they were read, so a second delivery writes nothing. What an earlier scan of the upload said is written over.
pub async fn record_scan(
    store: &Store,
    scanned: &Scanned,
    version_revision: u64,
    upload_revision: u64,
    checks: &[Check],
) -> Result<(), StoreError> {
    let (version, upload) = (&scanned.version, &scanned.upload);
    let mut writes = vec![
        replace_version(version, version_revision)?,
        Write::replace(keys::upload(upload.version, upload.id), upload, upload_revision)?,
    ];
    for check in checks {
        writes.push(Write::overwrite(
            keys::check(upload.version, upload.id, &check.check),
            check,
        )?);
    }
    if let Some(case) = &scanned.case {
        writes.push(cases::open(case)?);
    }
    store.transact(writes).await
}

/// What each check said of an upload.
pub async fn checks(store: &Store, version: VersionId, upload: UploadId) -> Result<Vec<Check>, StoreError> {
    Ok(store.query(keys::checks(version, upload)).await?.items)
}

// ---- submissions

pub async fn submission(
    store: &Store,
    partner: PartnerId,
    submission: SubmissionId,
) -> Result<Option<Versioned<Submission>>, StoreError> {
    store.get(&keys::submission(partner, submission)).await
}

/// A partner's submissions, newest first.
pub async fn submissions(
    store: &Store,
    partner: PartnerId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Submission>, StoreError> {
    store
        .query(keys::submissions(partner).descending().after(after).limit(limit))
        .await
}

/// What a submission was decided on: none of it may have changed.
#[derive(Debug, Clone, Copy)]
pub struct SubmissionBasis {
    pub version_revision: u64,
    /// The texts and the price are copied from the listing as it was then.
    pub listing_revision: u64,
    /// The partner may hand things in.
    pub partner_revision: u64,
}

impl SubmissionBasis {
    fn checks(self, submission: &Submission) -> [Write; 2] {
        let (partner, listing) = (submission.partner, submission.listing);
        [
            Write::check(
                keys::listing(partner, listing),
                Condition::Revision(self.listing_revision),
            ),
            Write::check(keys::partner(partner), Condition::Revision(self.partner_revision)),
        ]
    }
}

/// A version handed in, with its place in the moderators' queue.
pub async fn submit(store: &Store, handed_in: &HandedIn, basis: SubmissionBasis) -> Result<(), StoreError> {
    let (version, submission) = (&handed_in.version, &handed_in.submission);
    let partner = submission.partner;
    let mut writes = vec![
        replace_version(version, basis.version_revision)?,
        Write::create(keys::submission(partner, submission.id), submission)?,
        cases::open(&handed_in.case)?,
    ];
    writes.extend(basis.checks(submission));
    store.transact(writes).await
}

/// A patch handed in by a trusted partner, approved in the name of who trusts it: nobody of the partner's team.
pub async fn submit_approved(store: &Store, approved: &Reviewed, basis: SubmissionBasis) -> Result<(), StoreError> {
    let (version, submission) = (&approved.version, &approved.submission);
    let partner = submission.partner;
    let item = Write::create(keys::submission(partner, submission.id), submission)?;
    let mut writes = vec![
        replace_version(version, basis.version_revision)?,
        item.outbox(std::slice::from_ref(&approved.notice))?,
        audit::entry(Audited::Listing(submission.listing), &approved.audit)?,
        Write::check(keys::member(partner, approved.audit.actor), Condition::Absent),
    ];
    writes.extend(basis.checks(submission));
    store.transact(writes).await
}
