//! A moderator's decision about what was handed in.
//!
//! Nobody decides about their own work: neither who handed it in nor anybody of the partner's team.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::case::{Case, CaseError, Reviewer};
use super::content::{Flaw, check_text};
use super::delayed::{delay, waits_for_changes};
use super::submission::{Review, Submission};
use super::version::{Refusal, Stage, Version};
use crate::audit::AuditEvent;
use crate::ids::{DecisionId, PartnerId, UserId};
use crate::messages::{Envelope, Message, Notice, Verdict};
use crate::seed::Seed;

const MAX_NOTE_CHARS: usize = 5_000;

/// What a moderator did about something, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision<A> {
    pub id: DecisionId,
    pub act: A,
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
/// What becomes of a submission.
pub enum Act {
    Approve,
    /// The same version may come again with other bytes or texts.
    RequestChanges,
    /// The same, and it is rejected when some days have gone by without another package.
    DelayRejection,
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
    /// The finding is wrong. For releases, as the next.
    FalsePositive,
    /// The finding is right, and does no harm here.
    HarmlessHere,
    /// What was said of it is not so.
    Unfounded,
    /// For suspensions, as the next.
    UnderInvestigation,
    FoundByRescan,
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

/// What a reason can be a reason for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Approval,
    Release,
    /// Enough to stop something until more is known.
    Suspicion,
    /// What can be mended may still be refused for good.
    Mendable,
    Refusal,
}

impl ReasonCode {
    /// A sentence for whoever reads the list.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::MeetsGuidelines => "It is what its texts say, works, and breaks no rule.",
            Self::FalsePositive => "The scan is wrong about it.",
            Self::HarmlessHere => "The scan is right about it, and it does no harm in this package.",
            Self::Unfounded => "What was said of it is not so.",
            Self::UnderInvestigation => "Something was said of it that must be looked into first.",
            Self::FoundByRescan => "Newer rules of the scan have found something in it.",
            Self::IncompleteDescription => "The texts do not say what the package is, does or needs.",
            Self::MisleadingDescription => "The texts promise something else than the package brings.",
            Self::WrongCategory => "It stands where nobody would look for it.",
            Self::DoesNotWork => "It does not load, or does not do what it should.",
            Self::LowQuality => "It is not made well enough to be sold: clipping, wrong notes, broken files.",
            Self::LicenceUnclear => "It is not clear that the partner may sell it, or under which terms.",
            Self::Malicious => "It harms whoever uses it.",
            Self::Deceptive => "It pretends to be something or somebody else.",
            Self::InfringesRights => "It holds what belongs to others.",
            Self::ProhibitedContent => "The agreement does not allow what it holds.",
            Self::Duplicate => "It is offered here already.",
            Self::Spam => "It is there to be seen, not to be used.",
        }
    }

    pub fn ground(self) -> Ground {
        match self {
            Self::MeetsGuidelines => Ground::Approval,
            Self::FalsePositive | Self::HarmlessHere | Self::Unfounded => Ground::Release,
            Self::UnderInvestigation | Self::FoundByRescan => Ground::Suspicion,
            Self::IncompleteDescription
            | Self::MisleadingDescription
            | Self::WrongCategory
            | Self::DoesNotWork
            | Self::LowQuality
            | Self::LicenceUnclear => Ground::Mendable,
            Self::Malicious
            | Self::Deceptive
            | Self::InfringesRights
            | Self::ProhibitedContent
            | Self::Duplicate
            | Self::Spam => Ground::Refusal,
        }
    }
}

/// What a moderator can do about one kind of thing.
pub trait Ruling: Copy + std::fmt::Display {
    fn rests_on(self, ground: Ground) -> bool;

    /// What it needs no other reason and no words for.
    fn usual_reason(self) -> Option<ReasonCode>;
}

impl Ruling for Act {
    fn rests_on(self, ground: Ground) -> bool {
        match self {
            Self::Approve => ground == Ground::Approval,
            Self::RequestChanges => ground == Ground::Mendable,
            Self::DelayRejection | Self::Reject => matches!(ground, Ground::Mendable | Ground::Refusal),
        }
    }

    fn usual_reason(self) -> Option<ReasonCode> {
        (self == Self::Approve).then_some(ReasonCode::MeetsGuidelines)
    }
}

/// A moderator who decides.
#[derive(Debug, Clone, Copy)]
pub struct Sitting<'a> {
    pub reviewer: Reviewer,
    /// Who the partner's mail goes to.
    pub owner: UserId,
    pub now: Timestamp,
    pub seed: &'a Seed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRequest<A> {
    pub act: A,
    /// May be `None` where the act has a usual reason.
    pub reason_code: Option<ReasonCode>,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    #[error("the decision is not complete")]
    Invalid(Vec<Flaw>),
    #[error(transparent)]
    Case(#[from] CaseError),
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

impl Sitting<'_> {
    /// The decision about what `author` did, if it could serve them; it ends the case, where there is one.
    pub(super) fn decision<A: Ruling>(
        &self,
        author: impl Into<Option<UserId>>,
        case: Option<&Case>,
        request: &DecisionRequest<A>,
    ) -> Result<Decision<A>, ReviewError> {
        let reason_code = check_decision(request)?;
        if author.into() == Some(self.reviewer.user) || self.reviewer.of_the_team {
            return Err(CaseError::OwnWork.into());
        }
        case.map_or(Ok(()), |case| case.is_open_to(self.reviewer, self.now))?;
        Ok(Decision {
            id: self.seed.id("decision"),
            act: request.act,
            reason_code,
            note: request.note.clone(),
            by: self.reviewer.user,
            at: self.now,
        })
    }

    /// The entry for a decision about what is called `kind` and has this id; `seen` is what it was made on.
    pub(super) fn audit<A: Ruling>(
        &self,
        decision: &Decision<A>,
        (kind, id): (&str, String),
        seen: &str,
    ) -> AuditEvent {
        let note = if decision.note.is_empty() {
            String::new()
        } else {
            format!("\n{}", decision.note)
        };
        AuditEvent {
            id: self.seed.id("audit"),
            at: decision.at,
            actor: decision.by,
            action: format!("{kind}.{}", decision.act),
            subject: id,
            reason_code: Some(decision.reason_code.to_string()),
            evidence: Some(format!("{seen}{note}")),
        }
    }

    /// The mail for the partner's owner.
    pub(super) fn notice(&self, partner: PartnerId, notice: Notice) -> Envelope {
        let message = Message::PartnerNotice {
            partner,
            user: self.owner,
            notice,
        };
        Envelope::new(self.seed.id("notice"), message)
    }
}

/// Decides about a submission, whose case it ends where it still has one; `after_days` are those that a delayed rejection gives.
pub fn decide(
    submission: &Submission,
    version: &Version,
    case: Option<&Case>,
    (request, after_days): (&DecisionRequest<Act>, Option<u32>),
    sitting: &Sitting<'_>,
) -> Result<Reviewed, ReviewError> {
    let is_open = match (&submission.review, case) {
        (Review::InReview, case) => version.stage == in_review(submission) && case.is_some(),
        (Review::Decided { .. }, None) if waits_for_changes(submission, version) => true,
        (Review::Decided { decision, .. }, _) => return Err(ReviewError::AlreadyDecided(decision.act)),
    };
    if version.id != submission.version || !is_open {
        return Err(ReviewError::NotCurrent);
    }
    let rejects_at = delay(request.act, after_days, sitting.now)?;
    let decision = sitting.decision(submission.submitted_by, case, request)?;
    let seen = match rejects_at {
        Some(day) => format!("{}, to be rejected at {day}", seen(submission)),
        None => seen(submission),
    };
    let audit = sitting.audit(&decision, ("submission", submission.id.to_string()), &seen);
    let notice = sitting.notice(submission.partner, notice(submission, &decision, rejects_at));
    Ok(reviewed(submission, version, (decision, rejects_at), audit, notice))
}

fn in_review(submission: &Submission) -> Stage {
    Stage::Submitted {
        upload: submission.upload,
        artifact: submission.artifact.clone(),
        submission: submission.id,
    }
}

pub(super) fn seen(submission: &Submission) -> String {
    let sha256 = &submission.artifact.sha256;
    format!("version {} with SHA-256 {sha256}", submission.number)
}

pub(super) fn reviewed(
    submission: &Submission,
    version: &Version,
    (decision, rejects_at): (Decision<Act>, Option<Timestamp>),
    audit: AuditEvent,
    notice: Envelope,
) -> Reviewed {
    Reviewed {
        version: version.at(stage_after(submission, &decision)),
        submission: Submission {
            review: Review::Decided { decision, rejects_at },
            ..submission.clone()
        },
        audit,
        notice,
    }
}

fn check_decision<A: Ruling>(request: &DecisionRequest<A>) -> Result<ReasonCode, ReviewError> {
    let mut flaws = Vec::new();
    let (act, usual) = (request.act, request.act.usual_reason());
    let fits = |code: &ReasonCode| act.rests_on(code.ground());
    match request.reason_code {
        Some(code) if !fits(&code) => {
            let detail = format!("\"{code}\" is no reason to {}", act.to_string().replace('_', " "));
            flaws.push(Flaw::new("/reason_code", detail));
        }
        None if usual.is_none() => flaws.push(Flaw::new("/reason_code", format!("is needed for \"{act}\""))),
        _ => {}
    }
    check_text(
        &mut flaws,
        "/note",
        &request.note,
        usize::from(usual.is_none()),
        MAX_NOTE_CHARS,
    );
    request
        .reason_code
        .or(usual)
        .filter(|_| flaws.is_empty())
        .ok_or(ReviewError::Invalid(flaws))
}

fn stage_after(submission: &Submission, decision: &Decision<Act>) -> Stage {
    let (upload, id) = (submission.upload, submission.id);
    let reason_codes = vec![decision.reason_code.to_string()];
    match decision.act {
        Act::Approve => Stage::Approved {
            upload,
            artifact: submission.artifact.clone(),
            submission: id,
        },
        Act::RequestChanges | Act::DelayRejection => Stage::ChangesRequested {
            upload,
            submission: id,
            reason_codes,
        },
        Act::Reject => Stage::Rejected {
            upload,
            submission: Some(id),
            reason_codes,
            refusal: Refusal::new(decision.at, decision.by),
        },
    }
}

pub(super) fn notice(submission: &Submission, decision: &Decision<Act>, rejects_at: Option<Timestamp>) -> Notice {
    Notice::Submission {
        listing_title: submission.content.title.clone(),
        version: submission.number.to_string(),
        decision: match decision.act {
            Act::Approve => Verdict::Approved,
            Act::RequestChanges | Act::DelayRejection => Verdict::ChangesRequested,
            Act::Reject => Verdict::Rejected,
        },
        reason_code: decision.reason_code.to_string(),
        rejects_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{HandedIn, HeldAct, ListedAct, Status, SubmissionStatus, sample};
    use strum::IntoEnumIterator;

    fn request(act: Act, reason_code: Option<ReasonCode>, note: &str) -> DecisionRequest<Act> {
        DecisionRequest {
            act,
            reason_code,
            note: note.into(),
        }
    }

    fn decided(
        HandedIn {
            version,
            submission,
            case,
        }: &HandedIn,
        reviewer: Reviewer,
        request: &DecisionRequest<Act>,
    ) -> Result<Reviewed, ReviewError> {
        let seed = sample::seed(5);
        decide(
            submission,
            version,
            Some(case),
            (request, None),
            &sample::sitting(reviewer, &seed),
        )
    }

    #[track_caller]
    fn check_flaws(request: &DecisionRequest<Act>, pointers: &[&str]) {
        let handed_in = sample::submitted();
        let flaws = match decided(&handed_in, sample::reviewer(), request) {
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
    fn every_reason_is_one_for_something() {
        let fits = |code: ReasonCode| {
            let ground = code.ground();
            Act::iter().any(|act| act.rests_on(ground))
                || HeldAct::iter().any(|act| act.rests_on(ground))
                || ListedAct::iter().any(|act| act.rests_on(ground))
        };
        assert!(ReasonCode::iter().all(fits));
    }

    #[test]
    fn nobody_decides_about_their_own_work() {
        let handed_in = sample::submitted();
        let approve = |reviewer| decided(&handed_in, reviewer, &request(Act::Approve, None, "")).map(drop);
        let author = Reviewer {
            user: sample::author(),
            of_the_team: false,
        };
        let colleague = Reviewer {
            of_the_team: true,
            ..sample::reviewer()
        };
        for own in [author, colleague] {
            assert_eq!(approve(own), Err(CaseError::OwnWork.into()));
        }
        assert_eq!(approve(sample::reviewer()), Ok(()));
    }

    #[test]
    fn a_decision_is_made_once_and_tells_the_owner() {
        let handed_in = sample::submitted();
        let reject = request(Act::Reject, Some(ReasonCode::Duplicate), "Same as another.");
        let again = |handed_in: &HandedIn| decided(handed_in, sample::reviewer(), &reject);
        let first = again(&handed_in).expect("a first decision");
        assert_eq!(first.submission.status(), SubmissionStatus::Rejected);
        assert_eq!(
            (first.version.status(), first.version.artifact()),
            (Status::Rejected, None)
        );
        assert_eq!(first.audit.action, "submission.reject");
        assert!(matches!(&first.notice.message, Message::PartnerNotice { user, .. } if *user == sample::author()));
        let after = HandedIn {
            version: first.version,
            ..handed_in
        };
        assert_eq!(again(&after), Err(ReviewError::NotCurrent));
        let after = HandedIn {
            submission: first.submission,
            ..after
        };
        assert_eq!(again(&after), Err(ReviewError::AlreadyDecided(Act::Reject)));
    }
}
