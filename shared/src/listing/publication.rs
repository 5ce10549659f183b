//! What the public sees, and how a version gets there and away again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::case::Case;
use super::content::{Category, Content, ContentType, Flaw, check_text};
use super::draft::{Listing, ListingStatus};
use super::submission::{Submission, SubmissionStatus};
use super::version::{Artifact, Stage, Status, Version, Yank};
use crate::audit::AuditEvent;
use crate::ids::{ListingId, PartnerId, UserId, VersionId};
use crate::messages::Envelope;
use crate::money::Money;
use crate::seed::Seed;

const MAX_NOTE_CHARS: usize = 2_000;

/// A listing as the public sees it and an order freezes it: the reviewed texts and price of the highest live version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    pub listing: ListingId,
    pub partner: PartnerId,
    pub partner_name: String,
    pub content: Content,
    pub latest: Release,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub version: VersionId,
    pub number: semver::Version,
    pub artifact: Artifact,
    pub published_at: Timestamp,
}

/// What a shelf shows of a published listing: everything but the long texts and the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub listing: ListingId,
    pub partner: PartnerId,
    pub partner_name: String,
    pub title: String,
    pub summary: String,
    pub category: Category,
    pub content_type: ContentType,
    pub price: Money,
    pub tags: Vec<String>,
    pub number: semver::Version,
    pub published_at: Timestamp,
}

impl Published {
    pub fn card(&self) -> Card {
        let content = &self.content;
        Card {
            listing: self.listing,
            partner: self.partner,
            partner_name: self.partner_name.clone(),
            title: content.title.clone(),
            summary: content.summary.clone(),
            category: content.category,
            content_type: content.content_type,
            price: content.price,
            tags: content.tags.clone(),
            number: self.latest.number.clone(),
            published_at: self.latest.published_at,
        }
    }
}

/// Whose name stands on what is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller {
    pub partner: PartnerId,
    pub name: String,
}

/// Who changes something, when, and where the ids come from.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    pub by: UserId,
    pub now: Timestamp,
    pub seed: &'a Seed,
}

/// A change of what the public sees, with all that follows from it; stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    pub listing: Listing,
    pub version: Version,
    /// `None`: nothing of the listing is live any more.
    pub published: Option<Published>,
    pub audit: AuditEvent,
    /// What begins to wait for a moderator with it.
    pub opens: Option<Case>,
    /// Tells the partner, and those who have bought the version.
    pub messages: Vec<Envelope>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("a version that is {0} cannot be published; only an approved one can")]
    NotApproved(Status),
    #[error("the submission is not an approval of exactly this version's bytes")]
    NotThisApproval,
}

/// Publishes an approved version with the texts and the price it was approved with. A version below the highest live one becomes live
/// beside it and leaves what the public sees as it is.
pub fn publish(
    listing: &Listing,
    version: &Version,
    submission: &Submission,
    current: Option<&Published>,
    seller: &Seller,
    Occasion { by, now, seed }: Occasion<'_>,
) -> Result<Publication, PublishError> {
    let Stage::Approved {
        upload,
        artifact,
        submission: id,
    } = &version.stage
    else {
        return Err(PublishError::NotApproved(version.status()));
    };
    let approved = submission.id == *id && submission.status() == SubmissionStatus::Approved;
    let same_bytes =
        submission.version == version.id && submission.upload == *upload && submission.artifact == *artifact;
    if !approved || !same_bytes || listing.id != version.listing || seller.partner != version.partner {
        return Err(PublishError::NotThisApproval);
    }
    let published = seen_with(version, submission, artifact, current, seller, now);
    let stage = Stage::Published {
        upload: *upload,
        artifact: artifact.clone(),
        submission: *id,
        at: now,
    };
    let audit = AuditEvent {
        id: seed.id("audit"),
        at: now,
        actor: by,
        action: "version.publish".into(),
        subject: version.id.to_string(),
        reason_code: None,
        evidence: Some(format!(
            "version {} with SHA-256 {}, approved as {id}",
            version.number, artifact.sha256
        )),
    };
    Ok(Publication::of(listing, version.at(stage), Some(published), audit))
}

impl Publication {
    /// The change of one version, which leaves this to be seen.
    pub(super) fn of(listing: &Listing, version: Version, published: Option<Published>, audit: AuditEvent) -> Self {
        let status = if published.is_some() {
            ListingStatus::Published
        } else {
            ListingStatus::Unlisted
        };
        Self {
            listing: Listing {
                status,
                live: published.as_ref().map(|published| published.latest.version),
                updated_at: audit.at,
                ..listing.clone()
            },
            version,
            published,
            audit,
            opens: None,
            messages: Vec::new(),
        }
    }
}

/// What the public sees once this version is live.
pub(super) fn seen_with(
    version: &Version,
    submission: &Submission,
    artifact: &Artifact,
    current: Option<&Published>,
    seller: &Seller,
    at: Timestamp,
) -> Published {
    match current {
        Some(current) if current.latest.number > version.number => current.clone(),
        _ => release(version, submission, artifact, seller, at),
    }
}

fn release(
    version: &Version,
    submission: &Submission,
    artifact: &Artifact,
    seller: &Seller,
    at: Timestamp,
) -> Published {
    Published {
        listing: version.listing,
        partner: version.partner,
        partner_name: seller.name.clone(),
        content: submission.content.clone(),
        latest: Release {
            version: version.id,
            number: version.number.clone(),
            artifact: artifact.clone(),
            published_at: at,
        },
    }
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = YankReasonCode)]
pub enum YankReason {
    Security,
    DoesNotWork,
    Legal,
    /// The partner no longer wants to offer it.
    Withdrawn,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YankRequest {
    pub reason: YankReason,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YankError {
    #[error("the reason is not complete")]
    Invalid(Vec<Flaw>),
    #[error("a version that is {0} is not offered, so it cannot be taken off")]
    NotPublished(Status),
    #[error("what would remain is not a live version of this listing")]
    NotLive,
}

/// Takes a version off. `next` is the highest version that stays live, with its submission; without one the listing is no longer listed.
pub fn yank(
    listing: &Listing,
    version: &Version,
    current: &Published,
    next: Option<(&Version, &Submission)>,
    request: &YankRequest,
    Occasion { by, now, seed }: Occasion<'_>,
) -> Result<Publication, YankError> {
    let mut flaws = Vec::new();
    check_text(
        &mut flaws,
        "/note",
        &request.note,
        usize::from(request.reason == YankReason::Other),
        MAX_NOTE_CHARS,
    );
    if !flaws.is_empty() {
        return Err(YankError::Invalid(flaws));
    }
    let Stage::Published {
        upload,
        artifact,
        submission,
        at,
    } = &version.stage
    else {
        return Err(YankError::NotPublished(version.status()));
    };
    let published = seen_without(version, Some(current), next).map_err(|NotLive| YankError::NotLive)?;
    let yank = Yank {
        reason: request.reason,
        note: request.note.clone(),
        by,
        at: now,
    };
    let stage = Stage::Yanked {
        upload: *upload,
        artifact: artifact.clone(),
        submission: *submission,
        published_at: *at,
        yank,
    };
    let audit = AuditEvent {
        id: seed.id("audit"),
        at: now,
        actor: by,
        action: "version.yank".into(),
        subject: version.id.to_string(),
        reason_code: Some(request.reason.to_string()),
        evidence: (!request.note.is_empty()).then(|| request.note.clone()),
    };
    Ok(Publication::of(listing, version.at(stage), published, audit))
}

/// What was said to remain does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotLive;

/// What the public sees once `gone` is off: `next`, as it was approved, unless it sees another version anyway.
pub(super) fn seen_without(
    gone: &Version,
    current: Option<&Published>,
    next: Option<(&Version, &Submission)>,
) -> Result<Option<Published>, NotLive> {
    let (current, next) = match (current, next) {
        (Some(current), Some(next)) if current.latest.version == gone.id => (current, next),
        (Some(current), None) if current.latest.version == gone.id => return Ok(None),
        (current, _) => return Ok(current.cloned()),
    };
    let (next, submission) = next;
    let Stage::Published {
        artifact,
        submission: id,
        at,
        ..
    } = &next.stage
    else {
        return Err(NotLive);
    };
    if next.listing != gone.listing || next.id == gone.id || *id != submission.id || *artifact != submission.artifact {
        return Err(NotLive);
    }
    let seller = Seller {
        partner: current.partner,
        name: current.partner_name.clone(),
    };
    Ok(Some(release(next, submission, artifact, &seller, *at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample::{self, Shop};

    #[test]
    fn what_was_approved_is_what_gets_published() {
        let mut shop = Shop::new();
        let version = shop.approved("1.0.0");
        shop.listing.content.price = Money::zero(shop.listing.content.price.currency());
        shop.listing.content.title = "Edited after the review".into();
        shop.publish(version).expect("approved");
        let published = shop.published.as_ref().expect("live");
        assert_eq!(published.content, sample::content());
        assert_eq!(published.latest.artifact.sha256, sample::passed().sha256);
        assert_eq!(shop.listing.status, ListingStatus::Published);
    }

    #[test]
    fn the_highest_live_version_is_what_the_public_sees() {
        let mut shop = Shop::new();
        for number in ["1.0.0", "2.0.0", "1.0.1", "2.0.0-rc.1"] {
            let version = shop.approved(number);
            shop.publish(version).expect("approved");
        }
        assert_eq!(shop.seen(), Some("2.0.0".to_owned()));
        for (gone, then) in [
            ("2.0.0", Some("2.0.0-rc.1")),
            ("1.0.0", Some("2.0.0-rc.1")),
            ("2.0.0-rc.1", Some("1.0.1")),
            ("1.0.1", None),
        ] {
            shop.yank(gone).expect("live");
            assert_eq!(shop.seen().as_deref(), then, "after {gone}");
        }
        assert_eq!(shop.listing.status, ListingStatus::Unlisted);
        assert_eq!(shop.yank("1.0.0"), Err(YankError::NotPublished(Status::Yanked)));
    }

    #[test]
    fn another_version_s_approval_is_no_approval() {
        let mut shop = Shop::new();
        let first = shop.approved("1.0.0");
        let second = shop.approved("2.0.0");
        let (version, other) = (&shop.versions[first], &shop.submissions[&shop.versions[second].id]);
        let seller = sample::seller();
        let refused = publish(
            &shop.listing,
            version,
            other,
            None,
            &seller,
            sample::occasion(&sample::seed(1)),
        )
        .map(|_| ());
        assert_eq!(refused, Err(PublishError::NotThisApproval));
    }
}
