//! Seats and uses: who belongs to a licence, and how often it was used.

use jiff::Timestamp;

use super::grant::{Grant, Group, Machine, OverLimit, Status};
use super::policy::{Basis, Policy, Resource};
use super::term::{serving, started};
use crate::ids::UserId;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeatError {
    #[error("the licence is {0}")]
    Unusable(Status),
    #[error("the user has a seat already")]
    Attached,
    #[error("the user has no seat")]
    NotAttached,
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UseError {
    #[error("the licence is {0}")]
    Unusable(Status),
    #[error("a use is counted in ones or more")]
    Nothing,
    #[error("only {used} uses were counted")]
    TooFew { used: u64 },
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
}

/// The licence without a seat, and without the machines that were leased to who had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub grant: Grant,
    pub gone: Vec<Machine>,
}

/// Gives somebody a seat.
pub fn attach(policy: &Policy, grant: &Grant, user: UserId, now: Timestamp) -> Result<Grant, SeatError> {
    serving(policy, grant, now).map_err(SeatError::Unusable)?;
    if grant.users.contains(&user) {
        return Err(SeatError::Attached);
    }
    grant.room(policy, (Resource::Users, 1), Group::Licence, now)?;
    let mut next = Grant {
        revision: grant.revision + 1,
        ..grant.clone()
    };
    next.users.insert(user);
    Ok(next)
}

/// Takes a seat back, and with it the machines of who had it; the owner keeps theirs. Always allowed.
pub fn detach(policy: &Policy, grant: &Grant, user: UserId, now: Timestamp) -> Result<Left, SeatError> {
    let (mut next, mut gone) = grant.next(policy, now);
    if !next.users.remove(&user) {
        return Err(SeatError::NotAttached);
    }
    if user != next.owner {
        let theirs = next
            .machines
            .extract_if(.., |_, machine| machine.user == Some(user))
            .map(|(_, machine)| machine);
        gone.extend(theirs);
        next.forget_processes(policy.heartbeat.as_ref(), now);
    }
    Ok(Left { grant: next, gone })
}

/// Counts uses. Not safe to repeat: who retries needs an idempotency key.
pub fn count_uses(policy: &Policy, grant: &Grant, uses: u64, now: Timestamp) -> Result<Grant, UseError> {
    serving(policy, grant, now).map_err(UseError::Unusable)?;
    if uses == 0 {
        return Err(UseError::Nothing);
    }
    grant.room(policy, (Resource::Uses, uses), Group::Licence, now)?;
    Ok(Grant {
        uses: grant.uses.saturating_add(uses),
        expires_at: grant
            .expires_at
            .or_else(|| started(policy, grant, Basis::FirstUse, now)),
        revision: grant.revision + 1,
        ..grant.clone()
    })
}

/// Takes uses back that were counted by mistake. Always allowed.
pub fn return_uses(grant: &Grant, uses: u64) -> Result<Grant, UseError> {
    if uses == 0 {
        return Err(UseError::Nothing);
    }
    let left = grant
        .uses
        .checked_sub(uses)
        .ok_or(UseError::TooFew { used: grant.uses })?;
    Ok(Grant {
        uses: left,
        revision: grant.revision + 1,
        ..grant.clone()
    })
}
