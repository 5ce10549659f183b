//! Handing a scanned version in.
//!
//! A submission holds its own copy of everything that is decided on.
//!
//! ```text
//! in review ──▶ approved | changes requested | rejected
//!           └─▶ changes requested, with a delayed rejection ─┬─ on its day ──▶ rejected
//!                                  │                         └─ another package comes before ──▶ changes requested
//!                                  └─ a moderator decides otherwise before ──▶ as in review
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::case::{About, Case};
use super::content::{Content, Flaw};
use super::draft::Listing;
use super::lookalike::{NamedTitle, resembling};
use super::moderation;
use super::publication::Occasion;
use super::review::{Act, Decision};
use super::version::{Artifact, Stage, Status, Version};
use crate::ids::{CaseId, ListingId, PartnerId, SubmissionId, UploadId, UserId, VersionId};
use crate::money::Currency;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    pub id: SubmissionId,
    pub partner: PartnerId,
    pub listing: ListingId,
    pub version: VersionId,
    pub number: semver::Version,
    pub notes: String,
    /// As it was when handed in; published as it is here.
    pub content: Content,
    /// The scanned bytes that are decided on.
    pub artifact: Artifact,
    /// Names the checks that are the decision's evidence.
    pub upload: UploadId,
    pub submitted_by: UserId,
    pub submitted_at: Timestamp,
    /// When a decision is due.
    pub due_at: Timestamp,
    /// In the moderators' queue, as long as it is in review.
    pub case: CaseId,
    pub review: Review,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Review {
    InReview,
    Decided {
        decision: Decision<Act>,
        /// When a delayed rejection takes effect, if nothing is mended before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rejects_at: Option<Timestamp>,
    },
}

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumIter,
    strum::EnumString,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SubmissionStatus {
    InReview,
    Approved,
    ChangesRequested,
    Rejected,
}

impl Submission {
    pub fn status(&self) -> SubmissionStatus {
        match &self.review {
            Review::InReview => SubmissionStatus::InReview,
            Review::Decided { decision, .. } => match decision.act {
                Act::Approve => SubmissionStatus::Approved,
                Act::RequestChanges | Act::DelayRejection => SubmissionStatus::ChangesRequested,
                Act::Reject => SubmissionStatus::Rejected,
            },
        }
    }

    pub fn decision(&self) -> Option<&Decision<Act>> {
        match &self.review {
            Review::InReview => None,
            Review::Decided { decision, .. } => Some(decision),
        }
    }

    /// When it is rejected if nothing is mended before.
    pub fn rejects_at(&self) -> Option<Timestamp> {
        match &self.review {
            Review::InReview => None,
            Review::Decided { rejects_at, .. } => *rejects_at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    #[error("a version that is {0} cannot be handed in; only one that passed its scan can")]
    NotPassed(Status),
    #[error("the listing's content is not acceptable")]
    Content(Vec<Flaw>),
}

/// A version that was handed in, and what waits for a moderator since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedIn {
    pub version: Version,
    pub submission: Submission,
    pub case: Case,
}

/// Hands a version in that passed its scan, with the listing's texts and price as they are now. `alike`: what is published under the names
/// that its title can be taken for.
pub fn submit(
    listing: &Listing,
    version: &Version,
    alike: &[NamedTitle],
    currency: Currency,
    Occasion { by, now, seed }: Occasion<'_>,
) -> Result<HandedIn, SubmitError> {
    let Stage::Passed { upload, artifact } = &version.stage else {
        return Err(SubmitError::NotPassed(version.status()));
    };
    let flaws = listing.content.flaws(currency);
    if !flaws.is_empty() {
        return Err(SubmitError::Content(flaws));
    }
    let id = seed.id("submission");
    let mut remarks = moderation::remarks(&listing.content);
    remarks.extend(resembling(listing.partner, alike));
    let about = About::Submission {
        submission: id,
        upload: *upload,
        remarks,
    };
    let case = Case::open(listing, version, about, now, seed);
    let submission = Submission {
        id,
        partner: version.partner,
        listing: version.listing,
        version: version.id,
        number: version.number.clone(),
        notes: version.notes.clone(),
        content: listing.content.clone(),
        artifact: artifact.clone(),
        upload: *upload,
        submitted_by: by,
        submitted_at: now,
        due_at: case.due_at,
        case: case.id,
        review: Review::InReview,
    };
    let stage = Stage::Submitted {
        upload: *upload,
        artifact: artifact.clone(),
        submission: submission.id,
    };
    Ok(HandedIn {
        version: version.at(stage),
        submission,
        case,
    })
}
