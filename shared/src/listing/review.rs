//! A person's decision about what was handed in.
//!
//! Nobody decides about their own work: neither who handed it in nor anybody of the partner's team.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content::{Flaw, check_text};
use super::submission::{Review, Submission};
use super::version::{Stage, Version};
use crate::audit::AuditEvent;
use crate::ids::{DecisionId, UserId};
use crate::messages::{Envelope, Message, Notice, Verdict};
use crate::seed::Seed;

const MAX_NOTE_CHARS: usize = 5_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub id: DecisionId,
    pub act: Act,
    pub reason_code: ReasonCode,
    /// For the partner.
    pub note: String,
    pub by: UserId,
    pub at: Timestamp,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = ReviewAct)]
pub enum Act {
    Approve,
    /// The same version may come again with other bytes or texts.
    RequestChanges,
    Reject,
}

/// The published list of reasons.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = ReviewReasonCode)]
pub enum ReasonCode {
    /// For approvals.
    MeetsGuidelines,
    /// The texts do not say what the package is or does. Changes are requested, as for the next five.
    IncompleteDescription,
    MisleadingDescription,
    WrongCategory,
    DoesNotWork,
    LowQuality,
    LicenceUnclear,
    /// Grounds for a rejection, as the next five.
    Malicious,
    Deceptive,
    InfringesRights,
    ProhibitedContent,
    Duplicate,
    Spam,
}

impl ReasonCode {
    /// The acts that this can be the reason for. What can be mended may still be refused for good.
    pub fn fits(self, act: Act) -> bool {
        match self {
            Self::MeetsGuidelines => act == Act::Approve,
            Self::IncompleteDescription
            | Self::MisleadingDescription
            | Self::WrongCategory
            | Self::DoesNotWork
            | Self::LowQuality
            | Self::LicenceUnclear => act != Act::Approve,
            Self::Malicious
            | Self::Deceptive
            | Self::InfringesRights
            | Self::ProhibitedContent
            | Self::Duplicate
            | Self::Spam => act == Act::Reject,
        }
    }
}

/// Who decides, and what is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reviewer {
    pub user: UserId,
    /// Whether they are of the partner's team.
    pub of_the_team: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRequest {
    pub act: Act,
    /// `None` only for an approval.
    pub reason_code: Option<ReasonCode>,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    #[error("the decision is not complete")]
    Invalid(Vec<Flaw>),
    #[error("nobody decides about their own work")]
    OwnWork,
    #[error("it has been decided already")]
    AlreadyDecided(Act),
    #[error("the version is not in review under this submission")]
    NotCurrent,
}

/// A decision with all that follows from it; stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    pub submission: Submission,
    pub version: Version,
    pub audit: AuditEvent,
    /// Tells the partner's owner.
    pub notice: Envelope,
}

/// Decides about a submission. `owner` is who the partner's mail goes to.
pub fn decide(
    submission: &Submission,
    version: &Version,
    reviewer: Reviewer,
    owner: UserId,
    request: &DecisionRequest,
    now: Timestamp,
    seed: &Seed,
) -> Result<Reviewed, ReviewError> {
    let reason_code = check_decision(request)?;
    if reviewer.of_the_team || reviewer.user == submission.submitted_by {
        return Err(ReviewError::OwnWork);
    }
    if let Some(decision) = submission.decision() {
        return Err(ReviewError::AlreadyDecided(decision.act));
    }
    let in_review = Stage::Submitted {
        upload: submission.upload,
        artifact: submission.artifact.clone(),
        submission: submission.id,
    };
    if version.id != submission.version || version.stage != in_review {
        return Err(ReviewError::NotCurrent);
    }
    let decision = Decision {
        id: seed.id("decision"),
        act: request.act,
        reason_code,
        note: request.note.clone(),
        by: reviewer.user,
        at: now,
    };
    let audit = audit(submission, &decision, seed);
    let notice = notice(submission, &decision, owner, seed);
    let version = version.at(stage_after(submission, &decision));
    let submission = Submission {
        review: Review::Decided { decision },
        ..submission.clone()
    };
    Ok(Reviewed {
        submission,
        version,
        audit,
        notice,
    })
}

fn check_decision(request: &DecisionRequest) -> Result<ReasonCode, ReviewError> {
    let mut flaws = Vec::new();
    let reason_code = match (request.reason_code, request.act) {
        (Some(code), act) if code.fits(act) => Some(code),
        (Some(code), act) => {
            flaws.push(Flaw::new(
                "/reason_code",
                format!("\"{code}\" is no reason to {}", act.to_string().replace('_', " ")),
            ));
            None
        }
        (None, Act::Approve) => Some(ReasonCode::MeetsGuidelines),
        (None, _) => {
            flaws.push(Flaw::new(
                "/reason_code",
                "is needed unless the decision is \"approve\"",
            ));
            None
        }
    };
    let least = usize::from(request.act != Act::Approve);
    check_text(&mut flaws, "/note", &request.note, least, MAX_NOTE_CHARS);
    reason_code
        .filter(|_| flaws.is_empty())
        .ok_or(ReviewError::Invalid(flaws))
}

fn stage_after(submission: &Submission, decision: &Decision) -> Stage {
    let (upload, id) = (submission.upload, submission.id);
    let reason_codes = vec![decision.reason_code.to_string()];
    match decision.act {
        Act::Approve => Stage::Approved {
            upload,
            artifact: submission.artifact.clone(),
            submission: id,
        },
        Act::RequestChanges => Stage::ChangesRequested {
            upload,
            submission: id,
            reason_codes,
        },
        Act::Reject => Stage::Rejected {
            upload,
            submission: Some(id),
            reason_codes,
        },
    }
}

fn audit(submission: &Submission, decision: &Decision, seed: &Seed) -> AuditEvent {
    let note = if decision.note.is_empty() {
        String::new()
    } else {
        format!("\n{}", decision.note)
    };
    AuditEvent {
        id: seed.id("audit"),
        at: decision.at,
        actor: decision.by,
        action: format!("submission.{}", decision.act),
        subject: submission.id.to_string(),
        reason_code: Some(decision.reason_code.to_string()),
        evidence: Some(format!(
            "version {} with SHA-256 {}{note}",
            submission.number, submission.artifact.sha256
        )),
    }
}

fn notice(submission: &Submission, decision: &Decision, owner: UserId, seed: &Seed) -> Envelope {
    let notice = Notice::Submission {
        listing_title: submission.content.title.clone(),
        version: submission.number.to_string(),
        decision: match decision.act {
            Act::Approve => Verdict::Approved,
            Act::RequestChanges => Verdict::ChangesRequested,
            Act::Reject => Verdict::Rejected,
        },
        reason_code: decision.reason_code.to_string(),
    };
    Envelope::new(
        seed.id("notice"),
        Message::PartnerNotice {
            partner: submission.partner,
            user: owner,
            notice,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{Status, SubmissionStatus, sample};
    use strum::IntoEnumIterator;

    fn request(act: Act, reason_code: Option<ReasonCode>, note: &str) -> DecisionRequest {
        DecisionRequest {
            act,
            reason_code,
            note: note.into(),
        }
    }

    #[track_caller]
    fn check_flaws(request: &DecisionRequest, pointers: &[&str]) {
        let (version, submission) = sample::submitted();
        let decided = decide(
            &submission,
            &version,
            sample::reviewer(),
            sample::author(),
            request,
            sample::now(),
            &sample::seed(5),
        );
        let flaws = match decided {
            Ok(_) => Vec::new(),
            Err(ReviewError::Invalid(flaws)) => flaws,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(
            flaws.iter().map(|flaw| flaw.pointer.as_str()).collect::<Vec<_>>(),
            pointers
        );
    }

    #[test]
    fn a_refusal_needs_a_reason_and_a_note() {
        check_flaws(&request(Act::Approve, None, ""), &[]);
        check_flaws(&request(Act::Approve, Some(ReasonCode::Spam), ""), &["/reason_code"]);
        check_flaws(&request(Act::Reject, None, ""), &["/reason_code", "/note"]);
        check_flaws(
            &request(Act::Reject, Some(ReasonCode::Malicious), "It reads the keychain."),
            &[],
        );
        check_flaws(
            &request(Act::RequestChanges, Some(ReasonCode::Malicious), "x"),
            &["/reason_code"],
        );
        check_flaws(
            &request(Act::RequestChanges, Some(ReasonCode::DoesNotWork), "Crashes on load."),
            &[],
        );
    }

    #[test]
    fn every_reason_fits_some_act() {
        assert!(ReasonCode::iter().all(|code| Act::iter().any(|act| code.fits(act))));
    }

    #[test]
    fn nobody_decides_about_their_own_work() {
        let (version, submission) = sample::submitted();
        let decide = |reviewer| {
            let request = request(Act::Approve, None, "");
            decide(
                &submission,
                &version,
                reviewer,
                sample::author(),
                &request,
                sample::now(),
                &sample::seed(5),
            )
            .map(|_| ())
        };
        assert_eq!(
            decide(Reviewer {
                user: sample::author(),
                of_the_team: false
            }),
            Err(ReviewError::OwnWork)
        );
        assert_eq!(
            decide(Reviewer {
                of_the_team: true,
                ..sample::reviewer()
            }),
            Err(ReviewError::OwnWork)
        );
        assert_eq!(decide(sample::reviewer()), Ok(()));
    }

    #[test]
    fn a_decision_is_made_once_and_tells_the_owner() {
        let (version, submission) = sample::submitted();
        let again = |submission: &Submission, version: &Version| {
            let request = request(Act::Reject, Some(ReasonCode::Duplicate), "Same as another.");
            decide(
                submission,
                version,
                sample::reviewer(),
                sample::author(),
                &request,
                sample::now(),
                &sample::seed(5),
            )
        };
        let first = again(&submission, &version).expect("a first decision");
        assert_eq!(first.submission.status(), SubmissionStatus::Rejected);
        assert_eq!(
            (first.version.status(), first.version.artifact()),
            (Status::Rejected, None)
        );
        assert_eq!(first.audit.action, "submission.reject");
        assert!(matches!(&first.notice.message, Message::PartnerNotice { user, .. } if *user == sample::author()));
        assert_eq!(
            again(&first.submission, &first.version),
            Err(ReviewError::AlreadyDecided(Act::Reject))
        );
        assert_eq!(again(&submission, &first.version), Err(ReviewError::NotCurrent));
    }
}
