//! What operators decide about a partner.

use super::hold::{Block, Hold, HoldReason, Origin};
use super::{Act, Change, Partner, Status};
use crate::messages::{Envelope, Message, PartnerNews};

/// A decision with what it rests on. The evidence is shown to the partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Approve {
        evidence: Option<String>,
    },
    Reject {
        reason: HoldReason,
        evidence: String,
    },
    Suspend {
        reason: HoldReason,
        evidence: String,
    },
    Reinstate {
        evidence: String,
    },
    /// Lets a rejected application be reviewed again.
    Reopen {
        evidence: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    #[error("a partner who is {status} cannot be {decision}")]
    WrongStatus { status: Status, decision: PartnerNews },
    /// The reason belongs to another kind of decision.
    #[error("{reason} is no reason for this decision")]
    WrongReason { reason: HoldReason },
}

impl Decision {
    /// From which status to which.
    pub fn transition(&self) -> (Status, Status) {
        match self {
            Self::Approve { .. } => (Status::Applied, Status::Approved),
            Self::Reject { .. } => (Status::Applied, Status::Rejected),
            Self::Suspend { .. } => (Status::Approved, Status::Suspended),
            Self::Reinstate { .. } => (Status::Suspended, Status::Approved),
            Self::Reopen { .. } => (Status::Rejected, Status::Applied),
        }
    }

    /// What the partner then has been; the word in notices.
    pub fn past(&self) -> PartnerNews {
        match self {
            Self::Approve { .. } => PartnerNews::Approved,
            Self::Reject { .. } => PartnerNews::Rejected,
            Self::Suspend { .. } => PartnerNews::Suspended,
            Self::Reinstate { .. } => PartnerNews::Reinstated,
            Self::Reopen { .. } => PartnerNews::Reopened,
        }
    }

    fn action(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "partner.approve",
            Self::Reject { .. } => "partner.reject",
            Self::Suspend { .. } => "partner.suspend",
            Self::Reinstate { .. } => "partner.reinstate",
            Self::Reopen { .. } => "partner.reopen",
        }
    }

    fn evidence(&self) -> Option<&str> {
        match self {
            Self::Approve { evidence } => evidence.as_deref(),
            Self::Reject { evidence, .. }
            | Self::Suspend { evidence, .. }
            | Self::Reinstate { evidence }
            | Self::Reopen { evidence } => Some(evidence),
        }
    }

    /// The hold that the decision opens.
    fn opens(&self) -> Result<Option<HoldReason>, DecideError> {
        let (reason, origin) = match self {
            Self::Approve { .. } | Self::Reinstate { .. } => return Ok(None),
            Self::Reopen { .. } => return Ok(Some(HoldReason::ApplicationReview)),
            Self::Reject { reason, .. } => (*reason, Origin::Rejection),
            Self::Suspend { reason, .. } => (*reason, Origin::Suspension),
        };
        if reason.origin() == origin {
            Ok(Some(reason))
        } else {
            Err(DecideError::WrongReason { reason })
        }
    }

    /// The kind of hold that the decision ends.
    fn ends(&self) -> Option<Origin> {
        match self {
            Self::Approve { .. } | Self::Reject { .. } => Some(Origin::Review),
            Self::Suspend { .. } => None,
            Self::Reinstate { .. } => Some(Origin::Suspension),
            Self::Reopen { .. } => Some(Origin::Rejection),
        }
    }
}

pub fn decide(partner: &Partner, decision: &Decision, act: Act) -> Result<Change, DecideError> {
    let (from, to) = decision.transition();
    if partner.status != from {
        return Err(DecideError::WrongStatus {
            status: partner.status,
            decision: decision.past(),
        });
    }
    let opens = decision.opens()?;
    let ended = decision.ends().and_then(|origin| {
        partner
            .open_holds(act.now)
            .find(|hold| hold.reason_code.origin() == origin)
    });
    let told = opens
        .or(ended.map(|hold| hold.reason_code))
        .unwrap_or(HoldReason::ApplicationReview);

    let mut partner = partner.clone();
    partner.status = to;
    if let Some(origin) = decision.ends() {
        partner.resolve(act.now, |hold| hold.reason_code.origin() == origin);
    }
    if to == Status::Suspended {
        partner.trust = None;
    }
    if let Some(reason) = opens {
        partner.open(Hold::opened(
            reason,
            decision.evidence().unwrap_or_default(),
            act.now,
            act.seed,
        ));
    }
    debug_assert!(
        to == Status::Approved || partner.hold_on(Block::Sell).is_some(),
        "a partner who is not approved is held"
    );

    let mut audit = act.audit(decision.action(), &partner.id);
    audit.reason_code = Some(told.to_string());
    audit.evidence = decision.evidence().map(str::to_owned);
    let mut messages = vec![partner.notice(act.seed, decision.past())];
    if to == Status::Suspended {
        let withdrawn = Message::PartnerWithdrawn {
            partner: partner.id,
            after: None,
        };
        messages.push(Envelope::new(act.seed.id("withdrawn"), withdrawn));
    }
    Ok(Change {
        partner,
        audit: Some(audit),
        messages,
    })
}
