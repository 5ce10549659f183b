//! Delayed rejections: changes are asked for, and a day is given until which another package may bring them.
//!
//! Until then moderators can decide otherwise. On that day, if no other package has come, the submission is rejected; if one has come, what was
//! said of the one before no longer counts.

use jiff::{SignedDuration, Timestamp};

use super::case::Reviewer;
use super::content::Flaw;
use super::review::{Act, Decision, ReviewError, Reviewed, Sitting, notice, reviewed, seen};
use super::submission::{Review, Submission};
use super::version::{Stage, Version};
use crate::ids::UserId;
use crate::seed::Seed;

/// How many days a delayed rejection may give.
const DELAYS: std::ops::RangeInclusive<u32> = 1..=90;
/// Where the moderator does not say.
const USUAL_DELAY: u32 = 14;

/// The end of a delayed rejection whose day has come: `None` where another package has come, or somebody has decided otherwise.
pub fn reject_overdue(
    submission: &Submission,
    version: &Version,
    owner: UserId,
    now: Timestamp,
    seed: &Seed,
) -> Option<Reviewed> {
    let Review::Decided {
        decision: delayed,
        rejects_at: Some(day),
    } = &submission.review
    else {
        return None;
    };
    if *day > now || !waits_for_changes(submission, version) {
        return None;
    }
    let sitting = Sitting {
        reviewer: Reviewer {
            user: delayed.by,
            of_the_team: false,
        },
        owner,
        now,
        seed,
    };
    let decision = Decision {
        act: Act::Reject,
        at: now,
        ..delayed.clone()
    };
    let seen = format!(
        "{}, which nothing has come to mend since {}",
        seen(submission),
        delayed.at
    );
    let audit = sitting.audit(&decision, ("submission", submission.id.to_string()), &seen);
    let notice = sitting.notice(submission.partner, notice(submission, &decision, None));
    Some(reviewed(submission, version, (decision, None), audit, notice))
}

/// Whether a rejection of it is delayed, and no other package has come.
pub(super) fn waits_for_changes(submission: &Submission, version: &Version) -> bool {
    let waits = matches!(&version.stage, Stage::ChangesRequested { submission: of, .. } if *of == submission.id);
    waits && submission.rejects_at().is_some()
}

/// The day of a delayed rejection that is decided on now.
pub(super) fn delay(act: Act, after_days: Option<u32>, now: Timestamp) -> Result<Option<Timestamp>, ReviewError> {
    let flaw = |detail: String| Err(ReviewError::Invalid(vec![Flaw::new("/after_days", detail)]));
    match (act, after_days) {
        (Act::DelayRejection, days) => {
            let days = days.unwrap_or(USUAL_DELAY);
            if !DELAYS.contains(&days) {
                return flaw(format!("must be from {} to {} days", DELAYS.start(), DELAYS.end()));
            }
            let day = now.saturating_add(SignedDuration::from_hours(24 * i64::from(days)));
            Ok(Some(day.unwrap_or(Timestamp::MAX)))
        }
        (_, Some(_)) => flaw(format!("is for \"{}\" alone", Act::DelayRejection)),
        (_, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{
        CaseError, DecisionRequest, HandedIn, ReasonCode, Status, SubmissionStatus, UploadRequest, decide,
        request_upload, sample,
    };
    use crate::messages::{Message, Notice};

    fn later(days: i64) -> Timestamp {
        sample::now() + SignedDuration::from_hours(24 * days)
    }

    fn request(act: Act) -> DecisionRequest<Act> {
        DecisionRequest {
            act,
            reason_code: (act != Act::Approve).then_some(ReasonCode::LicenceUnclear),
            note: "Whose samples are these?".into(),
        }
    }

    fn delayed(after_days: Option<u32>) -> Result<Reviewed, ReviewError> {
        let HandedIn {
            version,
            submission,
            case,
        } = sample::submitted();
        let seed = sample::seed(5);
        let sitting = sample::sitting(sample::reviewer(), &seed);
        decide(
            &submission,
            &version,
            Some(&case),
            (&request(Act::DelayRejection), after_days),
            &sitting,
        )
    }

    fn overdue(delayed: &Reviewed, days: i64) -> Option<Reviewed> {
        reject_overdue(
            &delayed.submission,
            &delayed.version,
            sample::author(),
            later(days),
            &sample::seed(6),
        )
    }

    #[test]
    fn it_takes_effect_on_its_day_and_can_be_appealed_against() {
        let delayed = delayed(Some(7)).expect("in review");
        assert_eq!(delayed.submission.status(), SubmissionStatus::ChangesRequested);
        assert_eq!(delayed.submission.rejects_at(), Some(later(7)));
        assert_eq!(overdue(&delayed, 6), None);
        let rejected = overdue(&delayed, 7).expect("its day has come");
        assert_eq!(rejected.submission.status(), SubmissionStatus::Rejected);
        assert_eq!(rejected.version.status(), Status::Rejected);
        let refusal = rejected.version.refusal().expect("to appeal against");
        assert_eq!((refusal.at, refusal.by), (later(7), Some(sample::reviewer().user)));
        assert_eq!(rejected.audit.action, "submission.reject");
        assert_eq!(overdue(&rejected, 8), None, "once");
    }

    #[test]
    fn another_package_ends_it() {
        let delayed = delayed(None).expect("in review");
        let upload = UploadRequest {
            size_bytes: 1_000,
            sha256: None,
        };
        let mended = request_upload(&delayed.version, sample::author(), &upload, later(1), &sample::seed(7));
        let mended = Reviewed {
            version: mended.expect("changes are asked for").version,
            ..delayed
        };
        assert_eq!(overdue(&mended, 14), None);
    }

    #[test]
    fn moderators_can_decide_otherwise_until_then() {
        let delayed = delayed(None).expect("in review");
        assert_eq!(delayed.submission.rejects_at(), Some(later(14)));
        let seed = sample::seed(6);
        let again = |reviewer, act| {
            let sitting = sample::sitting(reviewer, &seed);
            decide(
                &delayed.submission,
                &delayed.version,
                None,
                (&request(act), None),
                &sitting,
            )
        };
        let approved = again(sample::reviewer(), Act::Approve).expect("not rejected yet");
        assert_eq!(approved.version.status(), Status::Approved);
        assert_eq!(approved.version.artifact(), Some(&delayed.submission.artifact));
        assert_eq!(overdue(&approved, 14), None);
        let own = Reviewer {
            of_the_team: true,
            ..sample::reviewer()
        };
        assert_eq!(again(own, Act::Approve), Err(CaseError::OwnWork.into()));
        let rejected = again(sample::reviewer(), Act::Reject).expect("not rejected yet");
        let sitting = sample::sitting(sample::reviewer(), &seed);
        let late = decide(
            &rejected.submission,
            &rejected.version,
            None,
            (&request(Act::Approve), None),
            &sitting,
        );
        assert_eq!(late, Err(ReviewError::AlreadyDecided(Act::Reject)));
    }

    #[test]
    fn its_days_are_days_and_its_own() {
        for days in [0, 91] {
            assert!(
                matches!(delayed(Some(days)), Err(ReviewError::Invalid(flaws)) if flaws[0].pointer == "/after_days")
            );
        }
        let HandedIn {
            version,
            submission,
            case,
        } = sample::submitted();
        let seed = sample::seed(5);
        let sitting = sample::sitting(sample::reviewer(), &seed);
        let refused = decide(
            &submission,
            &version,
            Some(&case),
            (&request(Act::Reject), Some(7)),
            &sitting,
        );
        assert!(matches!(refused, Err(ReviewError::Invalid(flaws)) if flaws[0].pointer == "/after_days"));
    }

    #[test]
    fn the_partner_is_told_the_day() {
        let delayed = delayed(Some(7)).expect("in review");
        let Message::PartnerNotice {
            notice: Notice::Submission { rejects_at, .. },
            ..
        } = delayed.notice.message
        else {
            panic!("a mail about the submission")
        };
        assert_eq!(rejects_at, Some(later(7)));
    }
}
