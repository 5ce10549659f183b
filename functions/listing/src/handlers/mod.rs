//! The routes, a file per resource, and how their things are found: always through the partner in the path.

pub(crate) mod appeals;
pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod listings;
pub(crate) mod releases;
pub(crate) mod replies;
pub(crate) mod reports;
pub(crate) mod rescans;
pub(crate) mod review;
pub(crate) mod submissions;
pub(crate) mod uploads;
pub(crate) mod versions;

use serde::Deserialize;
use shared::http::Problem;
use shared::ids::{AppealId, CaseId, ListingId, PartnerId, SubmissionId, UploadId, VersionId};
use shared::listing::{Appeal, Case, Listing, Submission, Upload, Version};
use shared::store::{Store, Versioned, catalogue};

#[derive(Deserialize)]
pub(crate) struct ListingPath {
    pub listing_id: ListingId,
}

#[derive(Deserialize)]
pub(crate) struct VersionPath {
    pub listing_id: ListingId,
    pub version_id: VersionId,
}

#[derive(Deserialize)]
pub(crate) struct SubmissionPath {
    pub submission_id: SubmissionId,
}

#[derive(Deserialize)]
pub(crate) struct AppealPath {
    pub appeal_id: AppealId,
}

#[derive(Deserialize)]
pub(crate) struct CasePath {
    pub case_id: CaseId,
}

async fn listing(store: &Store, partner: PartnerId, listing: ListingId) -> Result<Versioned<Listing>, Problem> {
    catalogue::listing(store, partner, listing)
        .await?
        .ok_or_else(Problem::not_found)
}

/// A version and its listing; the listing's key has the partner in it, so nobody reaches another one's version.
async fn version(
    store: &Store,
    partner: PartnerId,
    path: &VersionPath,
) -> Result<(Versioned<Listing>, Versioned<Version>), Problem> {
    let listing = listing(store, partner, path.listing_id).await?;
    let version = catalogue::version(store, path.listing_id, path.version_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok((listing, version))
}

async fn submission(
    store: &Store,
    partner: PartnerId,
    submission: SubmissionId,
) -> Result<Versioned<Submission>, Problem> {
    catalogue::submission(store, partner, submission)
        .await?
        .ok_or_else(Problem::not_found)
}

async fn case(store: &Store, partner: PartnerId, case: CaseId) -> Result<Versioned<Case>, Problem> {
    catalogue::case(store, partner, case)
        .await?
        .ok_or_else(Problem::not_found)
}

async fn upload(store: &Store, version: VersionId, upload: UploadId) -> Result<Versioned<Upload>, Problem> {
    catalogue::upload(store, version, upload)
        .await?
        .ok_or_else(Problem::not_found)
}

async fn appeal(store: &Store, partner: PartnerId, appeal: AppealId) -> Result<Versioned<Appeal>, Problem> {
    catalogue::appeal(store, partner, appeal)
        .await?
        .ok_or_else(Problem::not_found)
}
