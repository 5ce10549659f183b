//! What clients send and get.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::Validate;
use shared::ids::{DecisionId, ListingId, PartnerId, SubmissionId, UploadId, UserId, VersionId};
use shared::listing::{
    Act, Artifact, Category, Content, ContentType, Decision, DecisionRequest, Listing, ListingStatus, NewVersion,
    ReasonCode, Status, Submission, SubmissionStatus, Upload, UploadRequest, Version, YankReason, YankRequest,
};
use shared::money::Money;
use shared::objects::PresignedPost;
use shared::scan::{Check, CheckOutcome, Finding, Severity};
use utoipa::ToSchema;

/// What a listing says about itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateListing {
    #[schema(min_length = 3, max_length = 80, example = "Warm Tape Pads")]
    pub title: String,
    /// One line, for cards and search results.
    #[schema(min_length = 1, max_length = 200)]
    pub summary: String,
    /// Markdown.
    #[schema(min_length = 1, max_length = 20_000)]
    pub description: String,
    pub category: Category,
    /// What the packages contain; cannot change later.
    pub content_type: ContentType,
    /// In the marketplace's currency: 0, or from 50 minor units.
    pub price: Money,
    /// Lower-case letters, digits and hyphens.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub tags: Vec<String>,
}

// The rules of the content are the context's; the handler reports them with the same pointers.
impl Validate for CreateListing {}

impl From<CreateListing> for Content {
    fn from(request: CreateListing) -> Self {
        let CreateListing {
            title,
            summary,
            description,
            category,
            content_type,
            price,
            tags,
        } = request;
        Self {
            title,
            summary,
            description,
            category,
            content_type,
            price,
            tags,
        }
    }
}

/// What is to change; what is missing stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeListing {
    pub title: Option<String>,
    pub summary: Option<String>,
    pub description: Option<String>,
    pub category: Option<Category>,
    /// Only as it is: it cannot change.
    pub content_type: Option<ContentType>,
    pub price: Option<Money>,
    pub tags: Option<Vec<String>>,
}

impl Validate for ChangeListing {}

impl ChangeListing {
    pub(crate) fn applied_to(self, before: &Content) -> Content {
        let before = before.clone();
        Content {
            title: self.title.unwrap_or(before.title),
            summary: self.summary.unwrap_or(before.summary),
            description: self.description.unwrap_or(before.description),
            category: self.category.unwrap_or(before.category),
            content_type: self.content_type.unwrap_or(before.content_type),
            price: self.price.unwrap_or(before.price),
            tags: self.tags.unwrap_or(before.tags),
        }
    }
}

/// A listing as its team sees it: the draft, and whether something of it is public.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListingView {
    pub id: ListingId,
    pub partner_id: PartnerId,
    pub status: ListingStatus,
    pub title: String,
    pub summary: String,
    pub description: String,
    pub category: Category,
    pub content_type: ContentType,
    pub price: Money,
    pub tags: Vec<String>,
    /// The version that the public sees.
    #[schema(required)]
    pub live_version_id: Option<VersionId>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<Listing> for ListingView {
    fn from(listing: Listing) -> Self {
        let content = listing.content;
        Self {
            id: listing.id,
            partner_id: listing.partner,
            status: listing.status,
            title: content.title,
            summary: content.summary,
            description: content.description,
            category: content.category,
            content_type: content.content_type,
            price: content.price,
            tags: content.tags,
            live_version_id: listing.live,
            created_at: listing.created_at,
            updated_at: listing.updated_at,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateVersion {
    /// Semantic version without build metadata; the package's manifest must say the same.
    #[schema(max_length = 40, example = "1.2.0")]
    pub number: String,
    /// What is new, in Markdown.
    #[serde(default)]
    #[schema(max_length = 10_000)]
    pub notes: String,
}

impl Validate for CreateVersion {}

impl From<CreateVersion> for NewVersion {
    fn from(request: CreateVersion) -> Self {
        Self {
            number: request.number,
            notes: request.notes,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionView {
    pub id: VersionId,
    pub partner_id: PartnerId,
    pub listing_id: ListingId,
    #[schema(example = "1.2.0")]
    pub number: String,
    pub notes: String,
    pub status: Status,
    /// Why it is quarantined, rejected or errored, or which changes are asked for.
    pub reason_codes: Vec<String>,
    /// The upload whose package counts.
    #[schema(required)]
    pub upload_id: Option<UploadId>,
    /// The package, once it has passed.
    #[schema(required)]
    pub artifact: Option<ArtifactView>,
    /// The submission it was last handed in as.
    #[schema(required)]
    pub submission_id: Option<SubmissionId>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub published_at: Option<Timestamp>,
    #[schema(required)]
    pub yank: Option<YankView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArtifactView {
    /// In hexadecimal.
    pub sha256: String,
    pub size_bytes: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct YankView {
    pub reason_code: YankReason,
    pub note: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl From<&Artifact> for ArtifactView {
    fn from(artifact: &Artifact) -> Self {
        Self {
            sha256: artifact.sha256.clone(),
            size_bytes: artifact.size_bytes,
        }
    }
}

impl From<Version> for VersionView {
    fn from(version: Version) -> Self {
        let yank = version.yank().map(|yank| YankView {
            reason_code: yank.reason,
            note: yank.note.clone(),
            at: yank.at,
        });
        Self {
            id: version.id,
            partner_id: version.partner,
            listing_id: version.listing,
            number: version.number.to_string(),
            status: version.status(),
            reason_codes: version.reason_codes().to_vec(),
            upload_id: version.upload(),
            artifact: version.artifact().map(ArtifactView::from),
            submission_id: version.submission(),
            created_at: version.created_at,
            published_at: version.published_at(),
            yank,
            notes: version.notes,
        }
    }
}

/// A version with what every check said of its package.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionDetail {
    #[serde(flatten)]
    pub version: VersionView,
    /// One for each check, passes included; empty before the scan has ended.
    pub checks: Vec<CheckView>,
}

impl VersionDetail {
    pub(crate) fn of(version: Version, checks: Vec<Check>) -> Self {
        Self {
            version: version.into(),
            checks: checks.into_iter().map(CheckView::from).collect(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckView {
    #[schema(example = "archive")]
    pub check: String,
    pub outcome: CheckOutcome,
    /// Its findings count; otherwise they are only written down.
    pub enforced: bool,
    /// The package is held when this check could not be carried out.
    pub required: bool,
    /// The gravest first. Of very many only some are kept.
    pub findings: Vec<FindingView>,
    pub findings_total: usize,
    /// Hash of the rules that took part.
    pub ruleset: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingView {
    #[schema(example = "archive.trailing_bytes")]
    pub rule: String,
    pub severity: Severity,
    /// The file inside the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Bytes from the beginning of that file, or of the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// What was seen.
    pub evidence: String,
    /// What to do about it.
    pub remedy: String,
}

impl From<Check> for CheckView {
    fn from(check: Check) -> Self {
        Self {
            check: check.check,
            outcome: check.outcome,
            enforced: check.enforced,
            required: check.required,
            findings: check.findings.into_iter().map(FindingView::from).collect(),
            findings_total: check.findings_total,
            ruleset: check.ruleset,
            at: check.at,
        }
    }
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        let Finding {
            rule,
            severity,
            path,
            offset,
            evidence,
            remedy,
        } = finding;
        Self {
            rule,
            severity,
            path,
            offset,
            evidence,
            remedy,
        }
    }
}

/// What is going to be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUpload {
    /// Exactly this many; the form refuses any other.
    #[schema(minimum = 22, maximum = 268_435_456)]
    pub size_bytes: u64,
    /// Of the package, in lower-case hexadecimal. With it the form refuses any other package.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: Option<String>,
}

impl Validate for CreateUpload {}

impl From<CreateUpload> for UploadRequest {
    fn from(request: CreateUpload) -> Self {
        Self {
            size_bytes: request.size_bytes,
            sha256: request.sha256,
        }
    }
}

/// Send `fields` and then the file, named `file`, as `multipart/form-data` to `url`. The scan begins by itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadView {
    pub id: UploadId,
    pub version_id: VersionId,
    pub size_bytes: u64,
    #[serde(flatten)]
    pub form: PresignedPost,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl UploadView {
    pub(crate) fn of(upload: Upload, form: PresignedPost) -> Self {
        Self {
            id: upload.id,
            version_id: upload.version,
            size_bytes: upload.size_bytes,
            form,
            expires_at: upload.form_expires_at,
        }
    }
}

/// What was handed in, frozen: texts, price and package are what is decided on and what gets published.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionView {
    pub id: SubmissionId,
    pub partner_id: PartnerId,
    pub listing_id: ListingId,
    pub version_id: VersionId,
    pub number: String,
    pub notes: String,
    pub status: SubmissionStatus,
    pub content: ContentView,
    pub artifact: ArtifactView,
    pub submitted_by: UserId,
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// When a decision is due.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    #[schema(required)]
    pub decision: Option<DecisionView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContentView {
    pub title: String,
    pub summary: String,
    pub description: String,
    pub category: Category,
    pub content_type: ContentType,
    pub price: Money,
    pub tags: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionView {
    pub id: DecisionId,
    pub decision: Act,
    pub reason_code: ReasonCode,
    pub note: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl From<Content> for ContentView {
    fn from(content: Content) -> Self {
        let Content {
            title,
            summary,
            description,
            category,
            content_type,
            price,
            tags,
        } = content;
        Self {
            title,
            summary,
            description,
            category,
            content_type,
            price,
            tags,
        }
    }
}

/// Who decided is in the audit entry, not in what the partner sees.
impl From<&Decision> for DecisionView {
    fn from(decision: &Decision) -> Self {
        Self {
            id: decision.id,
            decision: decision.act,
            reason_code: decision.reason_code,
            note: decision.note.clone(),
            at: decision.at,
        }
    }
}

impl From<Submission> for SubmissionView {
    fn from(submission: Submission) -> Self {
        Self {
            id: submission.id,
            partner_id: submission.partner,
            listing_id: submission.listing,
            version_id: submission.version,
            number: submission.number.to_string(),
            status: submission.status(),
            decision: submission.decision().map(DecisionView::from),
            artifact: ArtifactView::from(&submission.artifact),
            content: submission.content.into(),
            notes: submission.notes,
            submitted_by: submission.submitted_by,
            submitted_at: submission.submitted_at,
            due_at: submission.due_at,
        }
    }
}

/// A submission with its evidence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionDetail {
    #[serde(flatten)]
    pub submission: SubmissionView,
    /// What every check said of the package.
    pub checks: Vec<CheckView>,
}

impl SubmissionDetail {
    pub(crate) fn of(submission: Submission, checks: Vec<Check>) -> Self {
        Self {
            submission: submission.into(),
            checks: checks.into_iter().map(CheckView::from).collect(),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    pub decision: Act,
    /// `meets_guidelines` unless given for an approval; the other decisions need one that fits.
    pub reason_code: Option<ReasonCode>,
    /// For the partner; needed unless it is an approval.
    #[serde(default)]
    #[schema(max_length = 5_000)]
    pub note: String,
}

impl Validate for Decide {}

impl From<Decide> for DecisionRequest {
    fn from(request: Decide) -> Self {
        Self {
            act: request.decision,
            reason_code: request.reason_code,
            note: request.note,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Yank {
    pub reason_code: YankReason,
    /// Needed where the reason is `other`.
    #[serde(default)]
    #[schema(max_length = 2_000)]
    pub note: String,
}

impl Validate for Yank {}

impl From<Yank> for YankRequest {
    fn from(request: Yank) -> Self {
        Self {
            reason: request.reason_code,
            note: request.note,
        }
    }
}
