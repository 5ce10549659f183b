//! Whom an operator trusts to mend what has been approved: clean patches of a trusted partner are approved without anybody looking at them.
//!
//! Trust is given to approved partners and taken at any time; a suspension takes it as well.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Act, Change, Partner, Status};
use crate::ids::UserId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// In whose name patches are approved.
    pub by: UserId,
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    #[error("only an approved partner can be trusted, not one who is {0}")]
    NotApproved(Status),
}

/// Gives trust, or takes it; `reason` goes to the audit log. `None` where nothing changes.
pub fn set(partner: &Partner, trusted: bool, reason: &str, act: Act) -> Result<Option<Change>, TrustError> {
    if partner.trust.is_some() == trusted {
        return Ok(None);
    }
    if trusted && partner.status != Status::Approved {
        return Err(TrustError::NotApproved(partner.status));
    }
    let action = if trusted { "partner.trust" } else { "partner.distrust" };
    let mut audit = act.audit(action, &partner.id);
    audit.evidence = Some(reason.to_owned());
    Ok(Some(Change {
        partner: Partner {
            trust: trusted.then_some(Trust {
                by: act.actor,
                since: act.now,
            }),
            ..partner.clone()
        },
        audit: Some(audit),
        messages: Vec::new(),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{act, approved};
    use super::*;
    use crate::partner::decide::{Decision, decide};
    use crate::partner::hold::HoldReason;

    #[test]
    fn trust_is_given_once_and_taken() {
        let change = set(&approved(), true, "Two years without a fault.", act(5));
        let change = change.expect("approved").expect("new");
        let trust = change.partner.trust.expect("given");
        assert_eq!((trust.by, trust.since), (act(5).actor, act(5).now));
        let audit = change.audit.expect("written down");
        assert_eq!(
            (audit.action.as_str(), audit.evidence.as_deref()),
            ("partner.trust", Some("Two years without a fault."))
        );
        assert_eq!(set(&change.partner, true, "Again.", act(6)), Ok(None));
        let taken = set(&change.partner, false, "A bad patch.", act(7))
            .expect("taken")
            .expect("new");
        assert_eq!(taken.partner.trust, None);
    }

    #[test]
    fn a_suspension_takes_trust() {
        let trusted = set(&approved(), true, "Good.", act(5))
            .expect("approved")
            .expect("new")
            .partner;
        let suspended = Decision::Suspend {
            reason: HoldReason::FraudSuspected,
            evidence: "Chargebacks.".into(),
        };
        let suspended = decide(&trusted, &suspended, act(6)).expect("suspended").partner;
        assert_eq!(suspended.trust, None);
        let refused = Err(TrustError::NotApproved(Status::Suspended));
        assert_eq!(set(&suspended, true, "Again.", act(7)), refused);
    }
}
