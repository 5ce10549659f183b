//! The agreement between the marketplace and its partners: versions, and who accepted which.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::hold::{HoldReason, Origin};
use super::{Act, Change, Partner, Status};
use crate::ids::UserId;
use crate::messages::PartnerNews;

/// The version that binds. A new one is a new file, a new date here, and the old file stays: what was accepted must stay readable.
pub const CURRENT_VERSION: &str = "2026-11-01";
/// Its text, in Markdown.
pub const CURRENT_TEXT: &str = include_str!("agreement-2026-11-01.md");

/// An owner's acceptance of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    pub version: String,
    pub accepted_by: UserId,
    pub accepted_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    #[error("this is not the current version of the agreement")]
    NotCurrent,
    #[error("the current version has been accepted already")]
    AlreadyAccepted,
    #[error("the partner was rejected")]
    Rejected,
}

/// An owner accepts the current version; what waited for it may go on.
pub fn accept(partner: &Partner, version: &str, act: Act) -> Result<Change, AcceptError> {
    if version != CURRENT_VERSION {
        return Err(AcceptError::NotCurrent);
    }
    if partner.status == Status::Rejected {
        return Err(AcceptError::Rejected);
    }
    if partner
        .agreement
        .as_ref()
        .is_some_and(|accepted| accepted.version == version)
    {
        return Err(AcceptError::AlreadyAccepted);
    }
    let mut partner = partner.clone();
    partner.agreement = Some(Acceptance {
        version: version.to_owned(),
        accepted_by: act.actor,
        accepted_at: act.now,
    });
    partner.resolve(act.now, |hold| hold.reason_code.origin() == Origin::Agreement);
    let mut audit = act.audit("partner.accept_agreement", &partner.id);
    audit.reason_code = Some(HoldReason::AgreementNotAccepted.to_string());
    audit.evidence = Some(version.to_owned());
    let messages = partner.notices([], act.seed, PartnerNews::AgreementAccepted);
    Ok(Change {
        partner,
        audit: Some(audit),
        messages,
    })
}
