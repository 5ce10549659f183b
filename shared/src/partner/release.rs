//! An operator's end of a hold that has not got what it waits for.

use super::hold::{EndedBy, HoldReason, Release};
use super::{Act, Change, Partner};
use crate::ids::HoldId;
use crate::messages::PartnerNews;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    #[error("the partner has no such hold")]
    NoSuchHold,
    #[error("the hold has ended")]
    Ended,
    #[error("{reason} does not end by a release")]
    EndsOtherwise { reason: HoldReason },
}

/// Ends one hold. What Stripe found stays known: the same finding does not hold the partner again while it is paid elsewhere, and does
/// as soon as Stripe is to pay it.
pub fn release(partner: &Partner, hold: HoldId, evidence: &str, act: Act) -> Result<Change, ReleaseError> {
    let found = partner.holds.iter().find(|known| known.id == hold);
    let found = found.ok_or(ReleaseError::NoSuchHold)?;
    let reason = found.reason_code;
    if !found.is_open(act.now) {
        return Err(ReleaseError::Ended);
    }
    if !reason.may_be_released() {
        return Err(ReleaseError::EndsOtherwise { reason });
    }
    let mut partner = partner.clone();
    let released = partner.holds.iter_mut().find(|known| known.id == hold);
    if let Some(released) = released {
        released.release = Some(Release {
            by: act.actor,
            evidence: evidence.to_owned(),
        });
    }
    partner.resolve(act.now, |known| known.id == hold);
    let mut audit = act.audit("partner.release_hold", &hold);
    audit.reason_code = Some(reason.to_string());
    audit.evidence = Some(evidence.to_owned());
    let messages = partner.notices([], act.seed, PartnerNews::HoldReleased);
    Ok(Change {
        partner,
        audit: Some(audit),
        messages,
    })
}

impl Partner {
    /// Whether an operator has released what Stripe says in these words.
    pub(super) fn is_released(&self, reason: HoldReason, evidence: &str) -> bool {
        self.holds.iter().any(|hold| {
            hold.release.is_some()
                && hold.reason_code.ended_by() == EndedBy::StripeReport
                && hold.reason_code == reason
                && hold.evidence == evidence
        })
    }
}
