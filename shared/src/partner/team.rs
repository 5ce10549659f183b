//! Who works for a partner, as far as the partner itself must know: its owners and how many they are.
//!
//! The partner is written with every change of its team, so that two changes at once cannot remove the last two owners.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Act, Change, FormerOwner, Partner};
use crate::ids::UserId;
use crate::messages::PartnerNews;

/// A team is listed in one page and checked on every request; larger ones will be organisations.
pub const MAX_TEAM: u32 = 100;

/// Customers may dispute a payment for 120 days, and the dispute takes its time: who sold must not leave the loss behind by leaving.
pub const ANSWERS_FOR: SignedDuration = SignedDuration::from_hours(180 * 24);

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
    if as_owner {
        partner.former_owners.retain(|former| former.user != user);
        if !partner.is_owner(user) {
            partner.co_owners.push(user);
        }
    }
    let mut audit = act.audit("member.add", &user);
    audit.evidence = Some(if as_owner { "owner" } else { "member" }.to_owned());
    let messages = partner.notices([], act.seed, PartnerNews::TeamChanged);
    Ok(Change {
        partner,
        audit: Some(audit),
        messages,
    })
}

/// The partner without one of its team. That the user is in it is a condition of the store. Whoever was an owner answers for what the
/// partner owes for a while longer ([`ANSWERS_FOR`]).
pub fn remove(partner: &Partner, user: UserId, act: Act) -> Result<Change, TeamError> {
    let before: Vec<UserId> = partner.owners().collect();
    let mut partner = partner.clone();
    if partner.owner == user {
        if partner.co_owners.is_empty() {
            return Err(TeamError::LastOwner);
        }
        partner.owner = partner.co_owners.remove(0);
    }
    partner.co_owners.retain(|owner| *owner != user);
    partner.team_size = partner.team_size.saturating_sub(1);
    partner
        .former_owners
        .retain(|former| former.answers(act.now) && former.user != user);
    if before.contains(&user) {
        partner.former_owners.push(FormerOwner { user, left_at: act.now });
    }
    let audit = act.audit("member.remove", &user);
    let messages = partner.notices(before, act.seed, PartnerNews::TeamChanged);
    Ok(Change {
        partner,
        audit: Some(audit),
        messages,
    })
}

impl FormerOwner {
    /// Whether they still answer for what the partner owes.
    pub fn answers(&self, now: Timestamp) -> bool {
        now.duration_since(self.left_at) < ANSWERS_FOR
    }
}

impl Partner {
    /// Who answers for what the partner owes: its owners, and those who have not been gone for long.
    pub fn answering(&self, now: Timestamp) -> BTreeSet<UserId> {
        let former = self.former_owners.iter().filter(|former| former.answers(now));
        self.owners().chain(former.map(|former| former.user)).collect()
    }
}
