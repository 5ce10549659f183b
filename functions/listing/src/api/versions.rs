//! Versions, their uploads, and taking them off.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::Validate;
use shared::ids::{AppealId, ListingId, PartnerId, SubmissionId, UploadId, VersionId};
use shared::listing::{
    Appealed, Artifact, HeldAct, HeldDecision, ListedAct, NewVersion, Status, Upload, UploadRequest, Version,
    YankReason, YankRequest,
};
use shared::objects::PresignedPost;
use shared::scan::Check;
use utoipa::ToSchema;

use super::{CheckView, DecisionView};

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
    /// Why it is suspended or taken down.
    #[schema(required)]
    pub stop: Option<StopView>,
    /// The appeal against its refusal, open or dismissed.
    #[schema(required)]
    pub appeal_id: Option<AppealId>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StopView {
    #[serde(flatten)]
    pub decision: DecisionView<ListedAct>,
    /// The rules of the scan that led to it; empty where it was not them.
    pub rules: Vec<String>,
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
        let stop = version.stop().map(|stop| StopView {
            decision: DecisionView::from(&stop.decision),
            rules: stop.rules.clone(),
        });
        let appeal_id = match version.refusal().map(|refusal| refusal.appeal) {
            Some(Appealed::Open(appeal) | Appealed::Dismissed(appeal)) => Some(appeal),
            Some(Appealed::Not) | None => None,
        };
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
            stop,
            appeal_id,
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
    /// What moderators decided about the package while its scan held it, oldest first.
    pub held_decisions: Vec<DecisionView<HeldAct>>,
}

impl VersionDetail {
    pub(crate) fn of(version: Version, held: &[HeldDecision], checks: Vec<Check>) -> Self {
        Self {
            version: version.into(),
            held_decisions: held.iter().map(|held| DecisionView::from(&held.decision)).collect(),
            checks: checks.into_iter().map(CheckView::from).collect(),
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
    pub(crate) fn of(upload: &Upload, form: PresignedPost) -> Self {
        Self {
            id: upload.id,
            version_id: upload.version,
            size_bytes: upload.size_bytes,
            form,
            expires_at: upload.form_expires_at,
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
