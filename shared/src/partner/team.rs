//! Who works for a partner, as far as the partner itself must know: its owners and how many they are.
//!
//! The partner is written with every change of its team, so that two changes at once cannot remove the last two owners.

use super::{Act, Change, Partner};
use crate::ids::UserId;

/// A team is listed in one page and checked on every request; larger ones will be organisations.
pub const MAX_TEAM: u32 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TeamError {
    #[error("the team has {MAX_TEAM} members already")]
    Full,
    #[error("the only owner cannot be removed")]
    LastOwner,
}

/// The partner with one more in its team. That the user is not in it yet is a condition of the store.
pub fn add(partner: &Partner, user: UserId, as_owner: bool, act: Act) -> Result<Change, TeamError> {
    if partner.team_size >= MAX_TEAM {
        return Err(TeamError::Full);
    }
    let mut partner = partner.clone();
    partner.team_size += 1;
    if as_owner && !partner.is_owner(user) {
        partner.co_owners.push(user);
    }
    let mut audit = act.audit("member.add", &user);
    audit.evidence = Some(if as_owner { "owner" } else { "member" }.to_owned());
    Ok(Change {
        partner,
        audit: Some(audit),
        messages: Vec::new(),
    })
}

/// The partner without one of its team. That the user is in it is a condition of the store.
pub fn remove(partner: &Partner, user: UserId, act: Act) -> Result<Change, TeamError> {
    let mut partner = partner.clone();
    if partner.owner == user {
        if partner.co_owners.is_empty() {
            return Err(TeamError::LastOwner);
        }
        partner.owner = partner.co_owners.remove(0);
    }
    partner.co_owners.retain(|owner| *owner != user);
    partner.team_size = partner.team_size.saturating_sub(1);
    let audit = act.audit("member.remove", &user);
    Ok(Change {
        partner,
        audit: Some(audit),
        messages: Vec::new(),
    })
}
