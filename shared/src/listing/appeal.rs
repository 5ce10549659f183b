//! A partner's objection to a refusal: of a package by its scan, of a version by a moderator, or of what was taken down.
//!
//! ```text
//! open ──upheld──▶ what was refused goes on: it is scanned again without the rules, approved, or listed as it was
//!      └─dismissed──▶ the refusal stands
//! ```
//!
//! An appeal is lodged once against each refusal, within 184 days, and decided by somebody else than who refused. While it waits, the
//! version takes no other package. Rules of the scan that were found wrong count for nothing about this listing from then on.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::case::{About, Case, CaseError};
use super::content::{Flaw, check_text};
use super::draft::Listing;
use super::listed::{Scene, news, restored};
use super::publication::Publication;
use super::review::{Act, Decision, DecisionRequest, Ground, ReasonCode, ReviewError, Ruling, Sitting};
use super::submission::{Review, Submission};
use super::upload::{Upload, UploadOutcome};
use super::version::{Appealed, Refusal, Stage, Status, Version};
use crate::audit::AuditEvent;
use crate::ids::{AppealId, CaseId, ListingId, PartnerId, UploadId, UserId, VersionId};
use crate::messages::{AppealVerdict, Envelope, ListedVerdict, Notice};
use crate::seed::Seed;

const MAX_TEXT_CHARS: usize = 5_000;
const LODGED_WITHIN: SignedDuration = SignedDuration::from_hours(184 * 24);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appeal {
    pub id: AppealId,
    pub partner: PartnerId,
    pub listing: ListingId,
    pub version: VersionId,
    pub title: String,
    pub number: semver::Version,
    pub upload: UploadId,
    /// What was refused, when and by whom.
    pub refused: Status,
    pub refusal: Refusal,
    pub reason_codes: Vec<String>,
    /// Why the partner thinks that it is wrong.
    pub text: String,
    pub by: UserId,
    pub at: Timestamp,
    pub due_at: Timestamp,
    /// In the moderators' queue, as long as it is open.
    pub case: CaseId,
    pub review: AppealReview,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AppealReview {
    Open,
    Decided { decision: Decision<AppealAct> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AppealStatus {
    Open,
    Upheld,
    Dismissed,
}

/// What becomes of an appeal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AppealAct {
    /// The partner is right.
    Uphold,
    Dismiss,
}

impl Ruling for AppealAct {
    fn rests_on(self, ground: Ground) -> bool {
        match self {
            Self::Uphold => matches!(ground, Ground::Release | Ground::Approval),
            Self::Dismiss => matches!(ground, Ground::Mendable | Ground::Refusal),
        }
    }

    fn usual_reason(self) -> Option<ReasonCode> {
        None
    }
}

impl Appeal {
    pub fn status(&self) -> AppealStatus {
        match self.decision().map(|decision| decision.act) {
            None => AppealStatus::Open,
            Some(AppealAct::Uphold) => AppealStatus::Upheld,
            Some(AppealAct::Dismiss) => AppealStatus::Dismissed,
        }
    }

    pub fn decision(&self) -> Option<&Decision<AppealAct>> {
        match &self.review {
            AppealReview::Open => None,
            AppealReview::Decided { decision } => Some(decision),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppealError {
    #[error("the appeal is not complete")]
    Invalid(Vec<Flaw>),
    #[error("a version that is {0} has not been refused")]
    NotRefused(Status),
    #[error("there is nothing to judge about a package that is not what it was uploaded as")]
    NothingToJudge,
    #[error("an appeal has been lodged against this refusal")]
    Already(AppealId),
    #[error("an appeal is lodged within {} days", LODGED_WITHIN.as_hours() / 24)]
    TooLate,
    #[error(transparent)]
    Review(#[from] ReviewError),
    #[error("the appeal has been decided already")]
    AlreadyDecided(AppealAct),
    #[error("what the decision needs to know of the version does not belong to it")]
    NotThisVersion,
}

impl From<CaseError> for AppealError {
    fn from(error: CaseError) -> Self {
        Self::Review(error.into())
    }
}

/// An appeal with what follows from it; stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lodged {
    pub appeal: Appeal,
    pub version: Version,
    pub case: Case,
}

pub fn lodge(
    listing: &Listing,
    version: &Version,
    text: &str,
    by: UserId,
    now: Timestamp,
    seed: &Seed,
) -> Result<Lodged, AppealError> {
    let (Some(refusal), Some(upload)) = (version.refusal(), version.upload()) else {
        return Err(AppealError::NotRefused(version.status()));
    };
    if let Appealed::Open(appeal) | Appealed::Dismissed(appeal) = refusal.appeal {
        return Err(AppealError::Already(appeal));
    }
    if now.duration_since(refusal.at) > LODGED_WITHIN {
        return Err(AppealError::TooLate);
    }
    let mut flaws = Vec::new();
    check_text(&mut flaws, "/text", text, 1, MAX_TEXT_CHARS);
    if !flaws.is_empty() {
        return Err(AppealError::Invalid(flaws));
    }
    let id = seed.id("appeal");
    let reason_codes = refused_for(version);
    if reason_codes.iter().all(|code| is_mix_up(code)) {
        return Err(AppealError::NothingToJudge);
    }
    let about = About::Appeal {
        appeal: id,
        upload,
        reason_codes: reason_codes.clone(),
    };
    let case = Case::open(listing, version, about, now, seed);
    let appeal = Appeal {
        id,
        partner: version.partner,
        listing: version.listing,
        version: version.id,
        title: listing.content.title.clone(),
        number: version.number.clone(),
        upload,
        refused: version.status(),
        refusal,
        reason_codes,
        text: text.to_owned(),
        by,
        at: now,
        due_at: case.due_at,
        case: case.id,
        review: AppealReview::Open,
    };
    Ok(Lodged {
        appeal,
        version: version.appealed(Appealed::Open(id)),
        case,
    })
}

/// Not what the package was uploaded as: its size, its hash, its version. No rule that could be wrong.
fn is_mix_up(code: &str) -> bool {
    code.starts_with("upload.") || code.starts_with("declaration.")
}

fn refused_for(version: &Version) -> Vec<String> {
    match version.stop() {
        Some(stop) => {
            let mut codes = vec![stop.decision.reason_code.to_string()];
            codes.extend_from_slice(&stop.rules);
            codes
        }
        None => version.reason_codes().to_vec(),
    }
}

/// What was refused, as it is now.
#[derive(Debug, Clone, Copy)]
pub enum Grounds<'a> {
    /// The package that its scan, or a moderator after it, has refused.
    Scan(&'a Upload),
    Submission(&'a Submission),
    TakenDown(Scene<'a>),
}

/// A decision with all that follows from it; stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub appeal: Appeal,
    pub audit: AuditEvent,
    pub messages: Vec<Envelope>,
    pub effect: Effect,
}

/// What becomes of what was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Dismissed {
        version: Version,
    },
    /// Scanned again, without the rules that refused it.
    ScannedAgain {
        listing: Listing,
        version: Version,
        upload: Upload,
    },
    Approved {
        version: Version,
        submission: Submission,
    },
    Restored(Box<Publication>),
}

/// Decides about an appeal.
pub fn settle(
    appeal: &Appeal,
    (listing, version): (&Listing, &Version),
    grounds: Grounds<'_>,
    case: &Case,
    request: &DecisionRequest<AppealAct>,
    sitting: &Sitting<'_>,
) -> Result<Settled, AppealError> {
    if let Some(decision) = appeal.decision() {
        return Err(AppealError::AlreadyDecided(decision.act));
    }
    let current = version.id == appeal.version
        && version.refusal().map(|refusal| refusal.appeal) == Some(Appealed::Open(appeal.id));
    if !current || case.id != appeal.case {
        return Err(ReviewError::NotCurrent.into());
    }
    if appeal.refusal.by == Some(sitting.reviewer.user) {
        return Err(CaseError::OwnDecision.into());
    }
    let decision = sitting.decision(appeal.by, Some(case), request)?;
    let seen = format!(
        "version {}, refused for {}",
        appeal.number,
        appeal.reason_codes.join(", ")
    );
    let audit = sitting.audit(&decision, ("appeal", appeal.id.to_string()), &seen);
    let notice = Notice::Appeal {
        listing_title: appeal.title.clone(),
        version: appeal.number.to_string(),
        decision: match decision.act {
            AppealAct::Uphold => AppealVerdict::Upheld,
            AppealAct::Dismiss => AppealVerdict::Dismissed,
        },
        reason_code: decision.reason_code.to_string(),
    };
    let mut messages = vec![sitting.notice(appeal.partner, notice)];
    let effect = match (decision.act, grounds) {
        (AppealAct::Dismiss, _) => Effect::Dismissed {
            version: version.appealed(Appealed::Dismissed(appeal.id)),
        },
        (AppealAct::Uphold, Grounds::Scan(upload)) => {
            messages.push(upload.scan_again(sitting.seed));
            scanned_again(listing, version, upload)?
        }
        (AppealAct::Uphold, Grounds::Submission(submission)) => approved(version, submission, &decision)?,
        (AppealAct::Uphold, Grounds::TakenDown(scene)) => {
            let Stage::TakenDown { was, stop, .. } = &version.stage else {
                return Err(AppealError::NotThisVersion);
            };
            let change = restored(listing, version, was, scene, audit.clone());
            let mut change = change.map_err(|_| AppealError::NotThisVersion)?;
            change.listing.waive(&stop.rules);
            let verdict = ListedVerdict::Reinstated;
            let [_, to_buyers] = news(&change, scene.submission, verdict, decision.reason_code, sitting);
            messages.push(to_buyers);
            Effect::Restored(Box::new(change))
        }
    };
    Ok(Settled {
        appeal: Appeal {
            review: AppealReview::Decided { decision },
            ..appeal.clone()
        },
        audit,
        messages,
        effect,
    })
}

/// The rules that refused or held the package count for nothing about this listing any more.
fn scanned_again(listing: &Listing, version: &Version, upload: &Upload) -> Result<Effect, AppealError> {
    let Stage::Rejected {
        upload: refused,
        submission: None,
        ..
    } = &version.stage
    else {
        return Err(AppealError::NotThisVersion);
    };
    let Some(UploadOutcome::Scanned {
        object_version,
        summary,
    }) = upload.outcome.as_ref().filter(|_| upload.id == *refused)
    else {
        return Err(AppealError::NotThisVersion);
    };
    let mut listing = listing.clone();
    listing.waive(&summary.reason_codes);
    let stage = Stage::Scanning {
        upload: upload.id,
        object_version: object_version.clone(),
    };
    Ok(Effect::ScannedAgain {
        listing,
        version: version.at(stage),
        upload: Upload {
            outcome: None,
            ..upload.clone()
        },
    })
}

/// As if it had been approved in the first place.
fn approved(version: &Version, submission: &Submission, decision: &Decision<AppealAct>) -> Result<Effect, AppealError> {
    if version.submission() != Some(submission.id) || submission.version != version.id {
        return Err(AppealError::NotThisVersion);
    }
    let decision = Decision {
        id: decision.id,
        act: Act::Approve,
        reason_code: decision.reason_code,
        note: decision.note.clone(),
        by: decision.by,
        at: decision.at,
    };
    let stage = Stage::Approved {
        upload: submission.upload,
        artifact: submission.artifact.clone(),
        submission: submission.id,
    };
    Ok(Effect::Approved {
        version: version.at(stage),
        submission: Submission {
            review: Review::Decided {
                decision,
                rejects_at: None,
            },
            ..submission.clone()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample::{self, Shop};
    use crate::listing::{HeldAct, ListedAct, Reviewer, SubmissionStatus, UploadError, UploadRequest, judge};
    use crate::listing::{decide, request_upload};

    fn lodged_at(version: &Version, now: Timestamp) -> Result<Lodged, AppealError> {
        let text = "It is a demo of a macro, not a macro.";
        lodge(
            &sample::listing(),
            version,
            text,
            sample::author(),
            now,
            &sample::seed(20),
        )
    }

    fn other() -> Reviewer {
        Reviewer {
            user: sample::seed(77).id("another"),
            of_the_team: false,
        }
    }

    fn settled(
        lodged: &Lodged,
        grounds: Grounds<'_>,
        reviewer: Reviewer,
        act: AppealAct,
    ) -> Result<Settled, AppealError> {
        let request = DecisionRequest {
            act,
            reason_code: Some(match act {
                AppealAct::Uphold => ReasonCode::FalsePositive,
                AppealAct::Dismiss => ReasonCode::Malicious,
            }),
            note: "We looked again.".into(),
        };
        let seed = sample::seed(21);
        settle(
            &lodged.appeal,
            (&sample::listing(), &lodged.version),
            grounds,
            &lodged.case,
            &request,
            &sample::sitting(reviewer, &seed),
        )
    }

    /// A held package that a moderator has refused.
    fn refused() -> (Version, Upload) {
        let (held, seed) = (sample::held(), sample::seed(6));
        let request = DecisionRequest {
            act: HeldAct::Reject,
            reason_code: Some(ReasonCode::Malicious),
            note: "It runs a script.".into(),
        };
        let case = held.case.expect("held");
        let judged = judge(
            &held.version,
            &held.upload,
            &case,
            &request,
            &sample::sitting(sample::reviewer(), &seed),
        )
        .expect("a decision");
        (judged.version, judged.upload)
    }

    #[test]
    fn an_upheld_appeal_has_the_package_scanned_without_the_rules() {
        let (version, upload) = refused();
        let lodged = lodged_at(&version, sample::now()).expect("in time");
        let upheld = settled(&lodged, Grounds::Scan(&upload), other(), AppealAct::Uphold).expect("a decision");
        let Effect::ScannedAgain {
            listing,
            version,
            upload,
        } = upheld.effect
        else {
            panic!("{:?}", upheld.effect)
        };
        assert!(listing.waived.contains("pdf.script"), "for this listing from now on");
        assert_eq!((version.status(), upload.outcome), (Status::Scanning, None));
        assert_eq!(upheld.messages.len(), 2);
        assert_eq!(upheld.appeal.status(), AppealStatus::Upheld);
    }

    #[test]
    fn who_refused_does_not_decide_about_the_appeal() {
        let (version, upload) = refused();
        let lodged = lodged_at(&version, sample::now()).expect("in time");
        let decided = |reviewer| {
            settled(&lodged, Grounds::Scan(&upload), reviewer, AppealAct::Dismiss)
                .map(|settled| settled.appeal.status())
        };
        assert_eq!(decided(sample::reviewer()), Err(CaseError::OwnDecision.into()));
        let colleague = Reviewer {
            of_the_team: true,
            ..other()
        };
        assert_eq!(decided(colleague), Err(CaseError::OwnWork.into()));
        assert_eq!(decided(other()), Ok(AppealStatus::Dismissed));
    }

    #[test]
    fn an_appeal_is_lodged_once_and_in_time() {
        let (version, upload) = refused();
        let late = sample::now() + LODGED_WITHIN + SignedDuration::from_secs(1);
        assert_eq!(lodged_at(&version, late).map(drop), Err(AppealError::TooLate));
        let last = sample::now() + LODGED_WITHIN;
        let lodged = lodged_at(&version, last).expect("in time");
        let already = Err(AppealError::Already(lodged.appeal.id));
        assert_eq!(lodged_at(&lodged.version, last).map(drop), already);
        let dismissed = settled(&lodged, Grounds::Scan(&upload), other(), AppealAct::Dismiss).expect("a decision");
        let Effect::Dismissed { version } = dismissed.effect else {
            panic!("{:?}", dismissed.effect)
        };
        assert_eq!(lodged_at(&version, last).map(drop), already, "what stands stands");
        let draft = lodged_at(&sample::version(), last);
        assert_eq!(draft.map(drop), Err(AppealError::NotRefused(Status::Draft)));
    }

    #[test]
    fn no_other_package_comes_while_an_appeal_waits() {
        let (version, upload) = refused();
        let lodged = lodged_at(&version, sample::now()).expect("in time");
        let request = UploadRequest {
            size_bytes: 1_000,
            sha256: None,
        };
        let ask = |version: &Version| {
            request_upload(version, sample::author(), &request, sample::now(), &sample::seed(9)).map(drop)
        };
        assert_eq!(ask(&lodged.version), Err(UploadError::AppealOpen(lodged.appeal.id)));
        let dismissed = settled(&lodged, Grounds::Scan(&upload), other(), AppealAct::Dismiss).expect("a decision");
        let Effect::Dismissed { version } = dismissed.effect else {
            panic!("{:?}", dismissed.effect)
        };
        assert_eq!(ask(&version), Ok(()));
    }

    #[test]
    fn an_upheld_appeal_against_a_review_approves() {
        let handed_in = sample::submitted();
        let seed = sample::seed(5);
        let request = DecisionRequest {
            act: Act::Reject,
            reason_code: Some(ReasonCode::Duplicate),
            note: "Same as another.".into(),
        };
        let sitting = sample::sitting(sample::reviewer(), &seed);
        let rejected = decide(
            &handed_in.submission,
            &handed_in.version,
            Some(&handed_in.case),
            (&request, None),
            &sitting,
        )
        .expect("a decision");
        let lodged = lodged_at(&rejected.version, sample::now()).expect("in time");
        let upheld = settled(
            &lodged,
            Grounds::Submission(&rejected.submission),
            other(),
            AppealAct::Uphold,
        )
        .expect("a decision");
        let Effect::Approved { version, submission } = upheld.effect else {
            panic!("{:?}", upheld.effect)
        };
        assert_eq!(version.artifact(), Some(&submission.artifact));
        assert_eq!(
            (version.status(), submission.status()),
            (Status::Approved, SubmissionStatus::Approved)
        );
    }

    #[test]
    fn what_was_taken_down_comes_back() {
        let mut shop = Shop::new();
        let version = shop.approved("1.0.0");
        shop.publish(version).expect("approved");
        let rules = ["yara.new".to_owned()];
        shop.rule_on("1.0.0", ListedAct::TakeDown, ReasonCode::Malicious, &rules)
            .expect("listed");
        let lodged = lodged_at(&shop.versions[0], sample::now()).expect("in time");
        assert_eq!(lodged.appeal.reason_codes, ["malicious", "yara.new"]);
        let seller = sample::seller();
        let scene = Scene {
            current: None,
            submission: &shop.submissions[&shop.versions[0].id],
            next: None,
            seller: &seller,
        };
        let upheld = settled(&lodged, Grounds::TakenDown(scene), other(), AppealAct::Uphold).expect("a decision");
        let Effect::Restored(change) = upheld.effect else {
            panic!("{:?}", upheld.effect)
        };
        assert_eq!(change.version.status(), Status::Published);
        assert!(change.published.is_some() && change.listing.waived.contains("yara.new"));
        assert_eq!(upheld.messages.len(), 2, "the partner, and who has bought it");
    }
}
