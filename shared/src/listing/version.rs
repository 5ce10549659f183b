//! One version of a listing, and how far it has come.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::listed::Stop;
use super::publication::YankReason;
use crate::ids::{AppealId, CaseId, ListingId, PartnerId, SubmissionId, UploadId, UserId, VersionId};

/// Scanned bytes in the clean bucket, pinned three ways: by key, by the object's version, by hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    pub object_key: String,
    /// S3 version id: the key may be written again, this object cannot change.
    pub object_version: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub size_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub id: VersionId,
    pub partner: PartnerId,
    pub listing: ListingId,
    /// Unique within the listing; no build metadata, so two numbers never have the same precedence.
    pub number: semver::Version,
    /// What is new, in Markdown.
    pub notes: String,
    pub stage: Stage,
    pub created_by: UserId,
    pub created_at: Timestamp,
}

/// How far a version has come, with what each stage stands on. From `Passed` on the scanned artifact is handed from stage to stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Stage {
    /// Waits for bytes; `upload` is the one whose bytes count.
    Draft {
        upload: Option<UploadId>,
    },
    /// The first object that arrived for the upload is being scanned; whatever is posted later with the same form does not count.
    Scanning {
        upload: UploadId,
        object_version: String,
    },
    Passed {
        upload: UploadId,
        artifact: Artifact,
    },
    /// Something suspicious: a person has to look.
    Quarantined {
        upload: UploadId,
        case: CaseId,
        reason_codes: Vec<String>,
    },
    /// Refused by the scan, or by a person; with the submission if it had been handed in.
    Rejected {
        upload: UploadId,
        submission: Option<SubmissionId>,
        reason_codes: Vec<String>,
        refusal: Refusal,
    },
    /// The scan could not be carried out. Never as good as passed.
    Errored {
        upload: UploadId,
        reason_codes: Vec<String>,
    },
    Submitted {
        upload: UploadId,
        artifact: Artifact,
        submission: SubmissionId,
    },
    Approved {
        upload: UploadId,
        artifact: Artifact,
        submission: SubmissionId,
    },
    /// For good, or until the submission's rejection takes effect.
    ChangesRequested {
        upload: UploadId,
        submission: SubmissionId,
        reason_codes: Vec<String>,
    },
    Published {
        upload: UploadId,
        artifact: Artifact,
        submission: SubmissionId,
        at: Timestamp,
    },
    /// No longer offered. Who has bought it keeps it.
    Yanked {
        upload: UploadId,
        artifact: Artifact,
        submission: SubmissionId,
        published_at: Timestamp,
        yank: Yank,
    },
    /// Neither offered nor downloaded until a moderator has decided.
    Suspended {
        /// Published or yanked.
        was: Box<Stage>,
        stop: Stop,
        case: CaseId,
    },
    /// Neither offered nor downloaded any more.
    TakenDown {
        /// Published or yanked.
        was: Box<Stage>,
        stop: Stop,
        refusal: Refusal,
    },
}

/// What a partner can appeal against, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub at: Timestamp,
    /// Nobody, where the scan refused by itself.
    pub by: Option<UserId>,
    pub appeal: Appealed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "appeal", rename_all = "snake_case")]
pub enum Appealed {
    Not,
    /// Waits for a moderator.
    Open(AppealId),
    Dismissed(AppealId),
}

impl Refusal {
    pub(super) fn new(at: Timestamp, by: impl Into<Option<UserId>>) -> Self {
        Self {
            at,
            by: by.into(),
            appeal: Appealed::Not,
        }
    }
}

/// Why and when a version was taken off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yank {
    pub reason: YankReason,
    pub note: String,
    pub by: UserId,
    pub at: Timestamp,
}

/// The name of a [`Stage`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = VersionStatus)]
pub enum Status {
    Draft,
    Scanning,
    Passed,
    Quarantined,
    Rejected,
    Errored,
    Submitted,
    Approved,
    ChangesRequested,
    Published,
    Yanked,
    Suspended,
    TakenDown,
}

/// Where a version that has been published stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Standing {
    /// Published or yanked.
    Listed,
    /// Suspended or taken down.
    Stopped,
}

impl Stage {
    /// What a stopped version was, or else the stage itself.
    fn listed(&self) -> &Self {
        match self {
            Self::Suspended { was, .. } | Self::TakenDown { was, .. } => was.listed(),
            other => other,
        }
    }
}

impl Version {
    pub fn status(&self) -> Status {
        match self.stage {
            Stage::Draft { .. } => Status::Draft,
            Stage::Scanning { .. } => Status::Scanning,
            Stage::Passed { .. } => Status::Passed,
            Stage::Quarantined { .. } => Status::Quarantined,
            Stage::Rejected { .. } => Status::Rejected,
            Stage::Errored { .. } => Status::Errored,
            Stage::Submitted { .. } => Status::Submitted,
            Stage::Approved { .. } => Status::Approved,
            Stage::ChangesRequested { .. } => Status::ChangesRequested,
            Stage::Published { .. } => Status::Published,
            Stage::Yanked { .. } => Status::Yanked,
            Stage::Suspended { .. } => Status::Suspended,
            Stage::TakenDown { .. } => Status::TakenDown,
        }
    }

    /// The bytes of this version, once their scan has passed.
    pub fn artifact(&self) -> Option<&Artifact> {
        match self.stage.listed() {
            Stage::Passed { artifact, .. }
            | Stage::Submitted { artifact, .. }
            | Stage::Approved { artifact, .. }
            | Stage::Published { artifact, .. }
            | Stage::Yanked { artifact, .. } => Some(artifact),
            _ => None,
        }
    }

    /// The upload whose bytes count.
    pub fn upload(&self) -> Option<UploadId> {
        match self.stage.listed() {
            Stage::Draft { upload } => *upload,
            Stage::Scanning { upload, .. }
            | Stage::Passed { upload, .. }
            | Stage::Quarantined { upload, .. }
            | Stage::Rejected { upload, .. }
            | Stage::Errored { upload, .. }
            | Stage::Submitted { upload, .. }
            | Stage::Approved { upload, .. }
            | Stage::ChangesRequested { upload, .. }
            | Stage::Published { upload, .. }
            | Stage::Yanked { upload, .. } => Some(*upload),
            Stage::Suspended { .. } | Stage::TakenDown { .. } => None,
        }
    }

    pub fn submission(&self) -> Option<SubmissionId> {
        match self.stage.listed() {
            Stage::Rejected { submission, .. } => *submission,
            Stage::Submitted { submission, .. }
            | Stage::Approved { submission, .. }
            | Stage::ChangesRequested { submission, .. }
            | Stage::Published { submission, .. }
            | Stage::Yanked { submission, .. } => Some(*submission),
            _ => None,
        }
    }

    /// What waits for a moderator because a scan holds the version.
    pub fn held_case(&self) -> Option<CaseId> {
        match &self.stage {
            Stage::Quarantined { case, .. } => Some(*case),
            _ => None,
        }
    }

    /// Why the version is neither offered nor downloaded.
    pub fn stop(&self) -> Option<&Stop> {
        match &self.stage {
            Stage::Suspended { stop, .. } | Stage::TakenDown { stop, .. } => Some(stop),
            _ => None,
        }
    }

    /// What waits for a moderator because the version is suspended.
    pub fn suspension_case(&self) -> Option<CaseId> {
        match &self.stage {
            Stage::Suspended { case, .. } => Some(*case),
            _ => None,
        }
    }

    /// What the partner can appeal against.
    pub fn refusal(&self) -> Option<Refusal> {
        match &self.stage {
            Stage::Rejected { refusal, .. } | Stage::TakenDown { refusal, .. } => Some(*refusal),
            _ => None,
        }
    }

    /// Why the version is where it is, where that is not good news.
    pub fn reason_codes(&self) -> &[String] {
        match &self.stage {
            Stage::Quarantined { reason_codes, .. }
            | Stage::Rejected { reason_codes, .. }
            | Stage::Errored { reason_codes, .. }
            | Stage::ChangesRequested { reason_codes, .. } => reason_codes,
            _ => &[],
        }
    }

    pub fn published_at(&self) -> Option<Timestamp> {
        match self.stage.listed() {
            Stage::Published { at, .. } => Some(*at),
            Stage::Yanked { published_at, .. } => Some(*published_at),
            _ => None,
        }
    }

    pub fn yank(&self) -> Option<&Yank> {
        match self.stage.listed() {
            Stage::Yanked { yank, .. } => Some(yank),
            _ => None,
        }
    }

    /// Where it stands, once it has been published.
    pub fn standing(&self) -> Option<Standing> {
        match self.stage {
            Stage::Published { .. } | Stage::Yanked { .. } => Some(Standing::Listed),
            Stage::Suspended { .. } | Stage::TakenDown { .. } => Some(Standing::Stopped),
            _ => None,
        }
    }

    /// Whether those who have bought it can download it.
    pub fn is_downloadable(&self) -> bool {
        self.standing() == Some(Standing::Listed)
    }

    pub fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Published { .. })
    }

    /// The same stage, where something has become of an appeal against it.
    pub(super) fn appealed(&self, appeal: Appealed) -> Self {
        let mut version = self.clone();
        if let Stage::Rejected { refusal, .. } | Stage::TakenDown { refusal, .. } = &mut version.stage {
            refusal.appeal = appeal;
        }
        version
    }

    pub(super) fn at(&self, stage: Stage) -> Self {
        Self { stage, ..self.clone() }
    }
}
