//! From issue to revocation: what happens to a licence as a whole.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter};

use super::grant::{Grant, Machine, Standing, Status, after};
use super::policy::{Basis, Limits, Policy};
use super::term::started;
use crate::audit::AuditEvent;
use crate::ids::{LicenceId, ListingId, PartnerId, UserId};
use crate::seed::Seed;

/// What a licence is issued for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    pub licence: LicenceId,
    pub product: ListingId,
    pub partner: PartnerId,
    pub owner: UserId,
    pub limits: Limits,
    pub entitlements: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum StandingAct {
    /// For as long as something is unsettled.
    Suspend,
    /// Ends a suspension or a ban.
    Reinstate,
    /// For good.
    Revoke,
    /// For abuse.
    Ban,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum StandingReason {
    Refund,
    Dispute,
    PaymentOverdue,
    KeyLeaked,
    TrialAbuse,
    TermsViolated,
    HoldersRequest,
    /// What led to the act is settled, or was not so.
    Settled,
}

/// The licence after somebody's act, with its audit entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruled {
    pub grant: Grant,
    pub gone: Vec<Machine>,
    pub audit: AuditEvent,
}

/// The licence after what follows from an event, a refund for example; and the machines that left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub grant: Grant,
    pub gone: Vec<Machine>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifecycleError {
    #[error("the licence is {0}")]
    Unusable(Status),
    /// A second delivery of the same event ends here; nothing is to be done.
    #[error("the licence is {0} already")]
    Already(Status),
    #[error("a trial is bought, not renewed or handed on")]
    Trial,
    #[error("the licence has no term that could be renewed")]
    NoTerm,
    #[error("the licence belongs to this user already")]
    SameOwner,
}

/// A new licence that somebody paid for, or that is given away.
pub fn issue(policy: &Policy, order: &Issue, now: Timestamp) -> Grant {
    let grant = Grant {
        licence: order.licence,
        policy: policy.id,
        product: order.product,
        partner: order.partner,
        owner: order.owner,
        standing: Standing::Good,
        trial: false,
        limits: order.limits,
        entitlements: order.entitlements.clone(),
        created_at: now,
        expires_at: None,
        checked_in_at: None,
        machines: BTreeMap::new(),
        processes: BTreeMap::new(),
        users: BTreeSet::new(),
        uses: 0,
        revision: 0,
    };
    let expires_at = started(policy, &grant, Basis::Creation, now);
    Grant { expires_at, ..grant }
}

/// Changes the standing, for an event that explains itself: a refund, a lost dispute, a subscription that is not paid.
pub fn stand(grant: &Grant, act: StandingAct, now: Timestamp) -> Result<Changed, LifecycleError> {
    let standing = match (act, &grant.standing) {
        (StandingAct::Suspend, Standing::Good) => Standing::Suspended { since: now },
        (StandingAct::Reinstate, Standing::Suspended { .. } | Standing::Banned { .. }) => Standing::Good,
        (StandingAct::Ban, Standing::Good | Standing::Suspended { .. }) => Standing::Banned { since: now },
        (StandingAct::Revoke, Standing::Good | Standing::Suspended { .. } | Standing::Banned { .. }) => {
            Standing::Revoked { since: now }
        }
        (StandingAct::Suspend, Standing::Suspended { .. })
        | (StandingAct::Reinstate, Standing::Good)
        | (StandingAct::Ban, Standing::Banned { .. })
        | (StandingAct::Revoke, Standing::Revoked { .. }) => return Err(LifecycleError::Already(grant.status(now))),
        (StandingAct::Suspend, Standing::Banned { .. } | Standing::Revoked { .. })
        | (StandingAct::Reinstate | StandingAct::Ban, Standing::Revoked { .. }) => {
            return Err(LifecycleError::Unusable(grant.status(now)));
        }
    };
    let next = Grant {
        standing,
        revision: grant.revision + 1,
        ..grant.clone()
    };
    Ok(if act == StandingAct::Revoke {
        empty(next)
    } else {
        Changed {
            grant: next,
            gone: Vec::new(),
        }
    })
}

/// Changes the standing because somebody decided it.
pub fn rule(
    grant: &Grant,
    act: StandingAct,
    (reason, note): (StandingReason, &str),
    by: UserId,
    now: Timestamp,
    seed: &Seed,
) -> Result<Ruled, LifecycleError> {
    let Changed { grant, gone } = stand(grant, act, now)?;
    let audit = AuditEvent {
        id: seed.id("audit"),
        at: now,
        actor: by,
        action: format!("licence.{act}"),
        subject: grant.licence.to_string(),
        reason_code: Some(reason.to_string()),
        evidence: Some(note.to_owned()),
    };
    Ok(Ruled { grant, gone, audit })
}

/// One more term, paid for. It follows on the present one; where the licence has been of no use since that ended, it begins now.
pub fn renew(policy: &Policy, grant: &Grant, now: Timestamp) -> Result<Grant, LifecycleError> {
    let duration_seconds = policy.expiry.duration_seconds.ok_or(LifecycleError::NoTerm)?;
    let expires_at = grant.expires_at.ok_or(LifecycleError::NoTerm)?;
    let served_until = after(expires_at, policy.expiry.grace_seconds);
    let from = if now < served_until { expires_at } else { now };
    extend(grant, after(from, duration_seconds), now)
}

/// The licence lasts at least until `until`, as a subscription's paid period says. An event that comes late shortens nothing.
pub fn extend(grant: &Grant, until: Timestamp, now: Timestamp) -> Result<Grant, LifecycleError> {
    if grant.trial {
        return Err(LifecycleError::Trial);
    }
    if matches!(grant.standing, Standing::Revoked { .. } | Standing::Banned { .. }) {
        return Err(LifecycleError::Unusable(grant.status(now)));
    }
    Ok(Grant {
        expires_at: Some(grant.expires_at.map_or(until, |expires_at| expires_at.max(until))),
        revision: grant.revision + 1,
        ..grant.clone()
    })
}

/// Hands the licence on, also when it has expired. It leaves all machines and users behind; term and uses go with it.
pub fn transfer(grant: &Grant, to: UserId, now: Timestamp) -> Result<Changed, LifecycleError> {
    if grant.standing != Standing::Good {
        return Err(LifecycleError::Unusable(grant.status(now)));
    }
    if grant.trial {
        return Err(LifecycleError::Trial);
    }
    if grant.owner == to {
        return Err(LifecycleError::SameOwner);
    }
    Ok(empty(Grant {
        owner: to,
        users: BTreeSet::new(),
        revision: grant.revision + 1,
        ..grant.clone()
    }))
}

fn empty(mut grant: Grant) -> Changed {
    grant.processes.clear();
    let gone = std::mem::take(&mut grant.machines).into_values().collect();
    Changed { grant, gone }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licensing::machine::{Elsewhere, activate};
    use crate::licensing::policy::DAY;
    use crate::licensing::sample;
    use strum::IntoEnumIterator;

    fn in_use() -> Grant {
        let (policy, seed) = (sample::policy(), sample::seed(5));
        let used = activate(
            &policy,
            &sample::grant(),
            &sample::activation("a"),
            Elsewhere::default(),
            sample::now(),
            &seed,
        );
        used.expect("a free lease").grant
    }

    #[test]
    fn standing_follows_its_diagram() {
        use StandingAct::{Ban, Reinstate, Revoke, Suspend};
        let path = |acts: &[StandingAct]| {
            acts.iter().try_fold(in_use(), |grant, act| {
                stand(&grant, *act, sample::now()).map(|changed| changed.grant)
            })
        };
        let status = |acts: &[StandingAct]| path(acts).map(|grant| grant.status(sample::now()));
        assert_eq!(status(&[Suspend]), Ok(Status::Suspended));
        assert_eq!(status(&[Suspend, Reinstate]), Ok(Status::Active));
        assert_eq!(status(&[Ban, Reinstate]), Ok(Status::Active));
        assert_eq!(status(&[Suspend, Ban, Revoke]), Ok(Status::Revoked));
        for act in StandingAct::iter() {
            assert!(status(&[Revoke, act]).is_err(), "{act}: revoked is for good");
        }
        assert_eq!(status(&[Revoke, Revoke]), Err(LifecycleError::Already(Status::Revoked)));
        assert_eq!(status(&[Ban, Suspend]), Err(LifecycleError::Unusable(Status::Banned)));
        assert_eq!(status(&[Reinstate]), Err(LifecycleError::Already(Status::Active)));
    }

    #[test]
    fn a_revoked_licence_lets_go_of_its_machines() {
        let used = in_use();
        let kept = stand(&used, StandingAct::Suspend, sample::now()).expect("in good standing");
        assert_eq!((kept.grant.machines.len(), kept.gone.len()), (1, 0));
        let ruled = rule(
            &used,
            StandingAct::Revoke,
            (StandingReason::Refund, "Asked for by phone."),
            sample::seed(3).id("operator"),
            sample::now(),
            &sample::seed(4),
        );
        let ruled = ruled.expect("in good standing");
        assert_eq!((ruled.grant.machines.len(), ruled.gone.len()), (0, 1));
        assert_eq!(ruled.audit.action, "licence.revoke");
        assert_eq!(ruled.audit.reason_code.as_deref(), Some("refund"));
    }

    #[track_caller]
    fn check_renewal(now: i64, grace: u64, until: i64) {
        let mut policy = sample::policy();
        policy.expiry.duration_seconds = Some(10 * DAY);
        policy.expiry.grace_seconds = grace * DAY;
        let grant = issue(&policy, &sample::order(), sample::now());
        let renewed = renew(&policy, &grant, sample::days(now)).expect("it has a term");
        assert_eq!(renewed.expires_at, Some(sample::days(until)));
    }

    #[test]
    fn a_renewal_pays_for_what_was_served_and_not_for_what_was_not() {
        check_renewal(3, 0, 20);
        check_renewal(9, 5, 20);
        check_renewal(12, 5, 20);
        check_renewal(15, 5, 25);
        check_renewal(30, 0, 40);
    }

    #[test]
    fn what_has_no_term_is_not_renewed() {
        let (policy, now) = (sample::policy(), sample::now());
        assert_eq!(renew(&policy, &sample::grant(), now), Err(LifecycleError::NoTerm));
        let until = sample::days(30);
        let extended = extend(&sample::grant(), until, now).expect("in good standing");
        let late = extend(&extended, sample::days(10), now).expect("in good standing");
        assert_eq!(late.expires_at, Some(until), "webhooks in any order");
        let revoked = stand(&extended, StandingAct::Revoke, now)
            .expect("in good standing")
            .grant;
        assert_eq!(
            extend(&revoked, until, now),
            Err(LifecycleError::Unusable(Status::Revoked))
        );
        let mut trial = extended;
        trial.trial = true;
        assert_eq!(extend(&trial, until, now), Err(LifecycleError::Trial));
        assert_eq!(
            transfer(&trial, sample::seed(9).id("heir"), now).map(drop),
            Err(LifecycleError::Trial)
        );
    }

    #[test]
    fn who_gets_a_licence_gets_it_empty() {
        let used = in_use();
        let heir = sample::seed(9).id("heir");
        let moved = transfer(&used, heir, sample::now()).expect("in good standing");
        assert_eq!(
            (moved.grant.owner, moved.grant.machines.len(), moved.gone.len()),
            (heir, 0, 1)
        );
        assert_eq!(
            transfer(&used, used.owner, sample::now()),
            Err(LifecycleError::SameOwner)
        );
    }
}
