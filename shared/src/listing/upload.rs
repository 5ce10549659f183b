//! One upload of a version's bytes: asked for, arrived, scanned.
//!
//! An upload ends once: scanned with its verdict, or superseded by a newer one. Bytes that arrive later for the same form change nothing,
//! because the scan is bound to the first object's version id.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::case::{About, Case};
use super::content::Flaw;
use super::draft::Listing;
use super::held::HeldDecision;
use super::objects::{UploadKey, artifact_key};
use super::version::{Appealed, Artifact, Refusal, Stage, Status, Version};
use crate::ids::{AppealId, CaseId, ListingId, PartnerId, UploadId, UserId, VersionId};
use crate::messages::{Envelope, Message};
use crate::scan::{self, Verdict};
use crate::seed::Seed;

/// The scanner refuses anything larger, so the form does too.
pub const MAX_PACKAGE_BYTES: u64 = 256 << 20;
/// An empty zip archive: the end record alone.
const MIN_PACKAGE_BYTES: u64 = 22;
/// 256 MiB in this time is 2.4 Mbit/s.
const FORM_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    pub id: UploadId,
    pub partner: PartnerId,
    pub listing: ListingId,
    pub version: VersionId,
    /// Exactly this many, or the form refuses them.
    pub size_bytes: u64,
    /// What the partner says the bytes hash to, where they said it.
    pub sha256: Option<String>,
    pub requested_by: UserId,
    pub requested_at: Timestamp,
    pub form_expires_at: Timestamp,
    pub outcome: Option<UploadOutcome>,
    /// What moderators have decided about these bytes while their scan held them.
    pub held: Vec<HeldDecision>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum UploadOutcome {
    Scanned {
        object_version: String,
        summary: scan::Summary,
    },
    /// A newer upload was asked for before these bytes came, or others came first.
    Superseded { at: Timestamp },
}

impl Upload {
    pub fn key(&self) -> UploadKey {
        UploadKey {
            partner: self.partner,
            listing: self.listing,
            version: self.version,
            upload: self.id,
        }
    }

    /// Has the bytes scanned once more.
    pub(super) fn scan_again(&self, seed: &Seed) -> Envelope {
        let message = Message::ScanAgain {
            partner: self.partner,
            listing: self.listing,
            version: self.version,
            upload: self.id,
        };
        Envelope::new(seed.id("scan"), message)
    }

    /// The rules that a moderator lets pass for these bytes.
    pub fn waived(&self) -> impl Iterator<Item = &str> {
        self.held.iter().flat_map(|held| &held.waived).map(String::as_str)
    }
}

/// What a partner says of the bytes to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRequest {
    pub size_bytes: u64,
    pub sha256: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    #[error("what is said of the package cannot be")]
    Invalid(Vec<Flaw>),
    #[error("a version that is {0} takes no other bytes")]
    Closed(Status),
    #[error("an appeal about the version waits for its decision")]
    AppealOpen(AppealId),
}

/// A new upload and the version that waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    pub version: Version,
    pub upload: Upload,
    /// Held bytes that nobody needs to look at any more.
    pub closes: Option<CaseId>,
}

/// Asks for a version's bytes. An upload asked for before is superseded; what its scan found no longer counts.
pub fn request_upload(
    version: &Version,
    by: UserId,
    request: &UploadRequest,
    now: Timestamp,
    seed: &Seed,
) -> Result<Requested, UploadError> {
    let flaws = flaws(request);
    if !flaws.is_empty() {
        return Err(UploadError::Invalid(flaws));
    }
    match version.status() {
        Status::Draft | Status::Quarantined | Status::Rejected | Status::Errored | Status::ChangesRequested => {}
        closed => return Err(UploadError::Closed(closed)),
    }
    if let Some(Appealed::Open(appeal)) = version.refusal().map(|refusal| refusal.appeal) {
        return Err(UploadError::AppealOpen(appeal));
    }
    let upload = Upload {
        id: seed.id("upload"),
        partner: version.partner,
        listing: version.listing,
        version: version.id,
        size_bytes: request.size_bytes,
        sha256: request.sha256.clone(),
        requested_by: by,
        requested_at: now,
        form_expires_at: now.saturating_add(FORM_LIFETIME).unwrap_or(now),
        outcome: None,
        held: Vec::new(),
    };
    Ok(Requested {
        version: version.at(Stage::Draft {
            upload: Some(upload.id),
        }),
        upload,
        closes: version.held_case(),
    })
}

fn flaws(request: &UploadRequest) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    if !(MIN_PACKAGE_BYTES..=MAX_PACKAGE_BYTES).contains(&request.size_bytes) {
        let detail =
            format!("must be from {MIN_PACKAGE_BYTES} to {MAX_PACKAGE_BYTES} bytes (256 MiB); split a larger package");
        flaws.push(Flaw::new("/size_bytes", detail));
    }
    if request.sha256.as_deref().is_some_and(|hash| !is_sha256(hash)) {
        flaws.push(Flaw::new("/sha256", "must be 64 lower-case hexadecimal digits"));
    }
    flaws
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// What to do about an object that appeared under an upload's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// Store this version, then scan.
    Begin(Version),
    /// This very object is being scanned already: an earlier delivery did not get to its end.
    Resume,
    /// Store this upload; its bytes do not count.
    Supersede(Upload),
    /// Nothing is to be done or stored.
    Ignore(Ignored),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Ignored {
    /// The verdict stands, or it was superseded before.
    AlreadyEnded,
    /// Another object came first under the same key.
    AnotherObjectCameFirst,
}

pub fn arrive(version: &Version, upload: &Upload, object_version: &str, now: Timestamp) -> Arrival {
    if upload.outcome.is_some() {
        return Arrival::Ignore(Ignored::AlreadyEnded);
    }
    match &version.stage {
        Stage::Draft { upload: Some(current) } if *current == upload.id => {
            Arrival::Begin(version.at(Stage::Scanning {
                upload: upload.id,
                object_version: object_version.to_owned(),
            }))
        }
        Stage::Scanning {
            upload: current,
            object_version: first,
        } if *current == upload.id => {
            if first == object_version {
                Arrival::Resume
            } else {
                Arrival::Ignore(Ignored::AnotherObjectCameFirst)
            }
        }
        _ => Arrival::Supersede(Upload {
            outcome: Some(UploadOutcome::Superseded { at: now }),
            ..upload.clone()
        }),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    #[error("this object is not the one that is being scanned")]
    NotCurrent,
    #[error("a scan that did not pass has no artifact, one that passed has exactly the scanned bytes")]
    ArtifactMismatch,
}

/// The end of a scan: version and upload are stored together with the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    pub version: Version,
    pub upload: Upload,
    /// What waits for a moderator if the package is held.
    pub case: Option<Case>,
}

/// Records what the scan of `object_version` came to. `clean_object_version` is the copy in the clean bucket; it exists exactly if the
/// package passed.
pub fn conclude(
    listing: &Listing,
    version: &Version,
    upload: &Upload,
    object_version: &str,
    summary: scan::Summary,
    clean_object_version: Option<&str>,
    seed: &Seed,
) -> Result<Scanned, ScanError> {
    let current = Stage::Scanning {
        upload: upload.id,
        object_version: object_version.to_owned(),
    };
    if version.stage != current || upload.outcome.is_some() {
        return Err(ScanError::NotCurrent);
    }
    let codes: Vec<_> = summary
        .reason_codes
        .iter()
        .take(scan::MAX_REASON_CODES)
        .cloned()
        .collect();
    let mut case = None;
    let stage = match (summary.verdict, clean_object_version) {
        (Verdict::Passed, Some(clean)) if summary.size_bytes == upload.size_bytes && is_sha256(&summary.sha256) => {
            Stage::Passed {
                upload: upload.id,
                artifact: Artifact {
                    object_key: artifact_key(version.listing, version.id, &summary.sha256),
                    object_version: clean.to_owned(),
                    sha256: summary.sha256.clone(),
                    size_bytes: summary.size_bytes,
                },
            }
        }
        (Verdict::Quarantined, None) => {
            let about = About::HeldScan {
                upload: upload.id,
                reason_codes: codes.clone(),
            };
            Stage::Quarantined {
                upload: upload.id,
                case: case.insert(Case::open(listing, version, about, summary.at, seed)).id,
                reason_codes: codes,
            }
        }
        (Verdict::Rejected, None) => Stage::Rejected {
            upload: upload.id,
            submission: None,
            reason_codes: codes,
            refusal: Refusal::new(summary.at, None),
        },
        (Verdict::Errored, None) => Stage::Errored {
            upload: upload.id,
            reason_codes: codes,
        },
        _ => return Err(ScanError::ArtifactMismatch),
    };
    let outcome = UploadOutcome::Scanned {
        object_version: object_version.to_owned(),
        summary,
    };
    Ok(Scanned {
        version: version.at(stage),
        upload: Upload {
            outcome: Some(outcome),
            ..upload.clone()
        },
        case,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample;

    #[track_caller]
    fn check_request(size_bytes: u64, sha256: Option<&str>, pointers: &[&str]) {
        let request = UploadRequest {
            size_bytes,
            sha256: sha256.map(str::to_owned),
        };
        let found = match request_upload(
            &sample::version(),
            sample::author(),
            &request,
            sample::now(),
            &sample::seed(3),
        ) {
            Ok(_) => Vec::new(),
            Err(UploadError::Invalid(flaws)) => flaws,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(
            found.iter().map(|flaw| flaw.pointer.as_str()).collect::<Vec<_>>(),
            pointers
        );
    }

    #[test]
    fn size_and_hash_are_checked_before_a_form_is_signed() {
        check_request(1_000, None, &[]);
        check_request(MAX_PACKAGE_BYTES, Some(&"a".repeat(64)), &[]);
        check_request(MAX_PACKAGE_BYTES + 1, None, &["/size_bytes"]);
        check_request(0, Some("A"), &["/size_bytes", "/sha256"]);
        check_request(1_000, Some(&"A".repeat(64)), &["/sha256"]);
    }

    #[test]
    fn a_second_object_under_the_same_key_never_counts() {
        let (version, upload) = sample::requested();
        let Arrival::Begin(scanning) = arrive(&version, &upload, "v1", sample::now()) else {
            panic!("the first object is scanned")
        };
        assert_eq!(arrive(&scanning, &upload, "v1", sample::now()), Arrival::Resume);
        assert_eq!(
            arrive(&scanning, &upload, "v2", sample::now()),
            Arrival::Ignore(Ignored::AnotherObjectCameFirst)
        );

        let (listing, seed) = (sample::listing(), sample::seed(8));
        let conclude = |version, upload| {
            conclude(
                &listing,
                version,
                upload,
                "v1",
                sample::passed(),
                Some("clean-1"),
                &seed,
            )
        };
        let passed = conclude(&scanning, &upload).expect("a verdict");
        assert_eq!(
            arrive(&passed.version, &passed.upload, "v2", sample::now()),
            Arrival::Ignore(Ignored::AlreadyEnded)
        );
        let again = conclude(&passed.version, &passed.upload);
        assert_eq!(again, Err(ScanError::NotCurrent));
    }

    #[test]
    fn bytes_of_a_superseded_upload_do_not_count() {
        let (version, old) = sample::requested();
        let request = UploadRequest {
            size_bytes: 1_000,
            sha256: None,
        };
        let newer = request_upload(&version, sample::author(), &request, sample::now(), &sample::seed(7))
            .expect("another form");
        let arrival = arrive(&newer.version, &old, "v1", sample::now());
        assert!(matches!(
            arrival,
            Arrival::Supersede(Upload {
                outcome: Some(UploadOutcome::Superseded { .. }),
                ..
            })
        ));
    }

    #[test]
    fn another_package_ends_the_wait_of_one_that_is_held() {
        let held = sample::held();
        let request = UploadRequest {
            size_bytes: 1_000,
            sha256: None,
        };
        let newer = request_upload(
            &held.version,
            sample::author(),
            &request,
            sample::now(),
            &sample::seed(7),
        );
        let case = held.case.expect("held").id;
        assert_eq!(newer.expect("another form").closes, Some(case));
    }

    #[test]
    fn nothing_passes_without_its_bytes() {
        let (version, upload) = sample::requested();
        let Arrival::Begin(scanning) = arrive(&version, &upload, "v1", sample::now()) else {
            panic!("scanned")
        };
        let (listing, seed) = (sample::listing(), sample::seed(8));
        let conclude = |summary, clean| {
            conclude(&listing, &scanning, &upload, "v1", summary, clean, &seed).map(|scanned| scanned.version.status())
        };
        assert_eq!(conclude(sample::passed(), None), Err(ScanError::ArtifactMismatch));
        assert_eq!(
            conclude(
                scan::Summary {
                    size_bytes: 5,
                    ..sample::passed()
                },
                Some("c")
            ),
            Err(ScanError::ArtifactMismatch)
        );
        assert_eq!(
            conclude(
                scan::Summary {
                    sha256: String::new(),
                    ..sample::passed()
                },
                Some("c")
            ),
            Err(ScanError::ArtifactMismatch)
        );
        let errored = scan::Summary {
            verdict: Verdict::Errored,
            ..sample::passed()
        };
        assert_eq!(conclude(errored.clone(), Some("c")), Err(ScanError::ArtifactMismatch));
        assert_eq!(conclude(errored, None), Ok(Status::Errored));
    }
}
