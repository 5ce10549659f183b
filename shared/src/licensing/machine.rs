//! Machines: activation, heartbeats and culling.
//!
//! A lease is the right to be one of the machines that the licence allows. Activation takes it; deactivation gives it back, and so does
//! death where the policy culls the dead: the lease is free from the moment the dead can no longer be revived, whether or not anybody has
//! removed them from the store by then. Every change removes those that it finds.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use super::grant::{Fingerprint, Grant, Machine, OverLimit, Pulse, Status, machine_group, weight};
use super::policy::{Basis, HeartbeatBasis, Policy, Resource, Uniqueness};
use super::term::{serving, started};
use super::trial::{Device, TrialRecord, TrialUsed};
use crate::ids::{LicenceId, ListingId, MachineId, PartnerId, PolicyId, UserId};
use crate::seed::Seed;

/// Parts by which a machine is known again.
pub const MAX_COMPONENTS: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    pub fingerprint: Fingerprint,
    pub components: BTreeSet<Fingerprint>,
    pub name: Option<String>,
    pub user: Option<UserId>,
    pub cores: u64,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
}

/// Where else a fingerprint is active, as its claims tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    pub licence: LicenceId,
    pub policy: PolicyId,
    pub product: ListingId,
    pub partner: PartnerId,
}

/// What is known of a fingerprint outside this licence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Elsewhere<'a> {
    pub holdings: &'a [Holding],
    /// Earlier trials of the product on the same machine or by the same owner.
    pub trials: &'a [TrialRecord],
}

/// The licence with a machine that is now alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    pub grant: Grant,
    pub machine: Machine,
    /// Whether it was activated just now; otherwise it was active, and was heard of once more.
    pub is_new: bool,
    /// Machines that left: their claims on fingerprints end.
    pub gone: Vec<Machine>,
    /// What a trial leaves behind, so that there is no second one on this machine.
    pub trial: Option<TrialRecord>,
}

/// The licence without machines that left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freed {
    pub grant: Grant,
    pub gone: Vec<Machine>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    #[error("the licence is {0}")]
    Unusable(Status),
    #[error("the user neither owns the licence nor has a seat")]
    NoSeat,
    #[error("a machine has at most {MAX_COMPONENTS} components")]
    TooManyComponents,
    /// By this licence for another user, or by another licence where the policy says that there is only one.
    #[error("the fingerprint is active already")]
    FingerprintTaken { by: LicenceId },
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    #[error(transparent)]
    TrialUsed(#[from] TrialUsed),
    #[error("the licence is not active on this machine")]
    NotActive,
    /// It cannot be revived: it must be deactivated and activated again.
    #[error("the machine has been dead since {since}")]
    Dead { since: Timestamp },
}

impl Uniqueness {
    fn forbids(self, mine: &Grant, other: &Holding) -> bool {
        other.licence != mine.licence
            && match self {
                Self::Licence => false,
                Self::Policy => other.policy == mine.policy,
                Self::Product => other.product == mine.product,
                Self::Account => other.partner == mine.partner,
            }
    }
}

/// Takes a lease. Safe to repeat: a machine that is active stays the same machine, with the parts and the name that it has now, and counts as
/// heard of.
pub fn activate(
    policy: &Policy,
    grant: &Grant,
    activation: &Activation,
    elsewhere: Elsewhere<'_>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Activated, MachineError> {
    serving(policy, grant, now).map_err(MachineError::Unusable)?;
    if activation.components.len() > MAX_COMPONENTS {
        return Err(MachineError::TooManyComponents);
    }
    if activation.user.is_some_and(|user| !grant.serves(user)) {
        return Err(MachineError::NoSeat);
    }
    let (mut next, gone) = grant.next(policy, now);
    if let Some(machine) = next.by_fingerprint(activation.fingerprint.as_str()) {
        if machine.user != activation.user {
            return Err(MachineError::FingerprintTaken { by: grant.licence });
        }
        let machine = heard_of(
            policy,
            machine,
            policy.heartbeat.is_none_or(|h| h.basis == HeartbeatBasis::Creation),
            now,
        )?;
        let machine = known_again(machine, activation);
        next.machines.insert(machine.id, machine.clone());
        return Ok(Activated {
            grant: next,
            machine,
            is_new: false,
            gone,
            trial: None,
        });
    }
    let machine = admit(policy, &next, activation, elsewhere, now, seed)?;
    next.expires_at = next
        .expires_at
        .or_else(|| started(policy, grant, Basis::FirstActivation, now));
    next.machines.insert(machine.id, machine.clone());
    let trial = grant.trial.then(|| TrialRecord::of(grant, &machine, now));
    Ok(Activated {
        grant: next,
        machine,
        is_new: true,
        gone,
        trial,
    })
}

/// The machine with what an activation says of it anew. What is counted against limits stays as it was admitted.
fn known_again(machine: Machine, activation: &Activation) -> Machine {
    Machine {
        components: match &activation.components {
            none if none.is_empty() => machine.components,
            components => components.clone(),
        },
        name: activation.name.clone().or(machine.name),
        ..machine
    }
}

/// A new machine, if nothing stands against it.
fn admit(
    policy: &Policy,
    grant: &Grant,
    activation: &Activation,
    elsewhere: Elsewhere<'_>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Machine, MachineError> {
    let forbidden = |holding: &&Holding| policy.uniqueness.forbids(grant, holding);
    if let Some(holding) = elsewhere.holdings.iter().find(forbidden) {
        return Err(MachineError::FingerprintTaken { by: holding.licence });
    }
    if grant.trial {
        let device = Device {
            fingerprint: &activation.fingerprint,
            components: &activation.components,
        };
        TrialUsed::check(policy, grant, device, elsewhere.trials)?;
    }
    let machine = Machine {
        id: seed.id("machine"),
        fingerprint: activation.fingerprint.clone(),
        components: activation.components.clone(),
        name: activation.name.clone(),
        user: activation.user,
        cores: activation.cores,
        memory_bytes: activation.memory_bytes,
        disk_bytes: activation.disk_bytes,
        activated_at: now,
        heartbeat_at: None,
    };
    let group = machine_group(policy, machine.user);
    for resource in Resource::iter() {
        grant.room(policy, (resource, weight(&machine, resource)), group, now)?;
    }
    // The ceiling on what is read together counts what the leasing strategy does not.
    let stored = grant.machines.len() as u64;
    if stored >= super::policy::MAX_MACHINES {
        return Err(MachineError::OverLimit(OverLimit {
            resource: Resource::Machines,
            used: stored,
            more: 1,
            allowed: super::policy::MAX_MACHINES,
        }));
    }
    Ok(machine)
}

/// The machine after a heartbeat, which revives it if the policy lets it. `beats`: whether this sign of life counts as a heartbeat.
fn heard_of(policy: &Policy, machine: &Machine, beats: bool, now: Timestamp) -> Result<Machine, MachineError> {
    if let (Some(heartbeat), Pulse::Dead { since }) = (&policy.heartbeat, machine.pulse(policy.heartbeat.as_ref(), now))
        && !heartbeat.revives(since, now)
    {
        return Err(MachineError::Dead { since });
    }
    let beats = beats || machine.heartbeat_at.is_some();
    Ok(Machine {
        // A heartbeat that was overtaken by a later one takes nothing back.
        heartbeat_at: beats.then(|| machine.heartbeat_at.map_or(now, |last| last.max(now))),
        ..machine.clone()
    })
}

/// A heartbeat. A dead machine that may be revived still holds its lease, so that reviving it never takes one from somebody else.
pub fn heartbeat(
    policy: &Policy,
    grant: &Grant,
    machine: MachineId,
    now: Timestamp,
) -> Result<Activated, MachineError> {
    serving(policy, grant, now).map_err(MachineError::Unusable)?;
    let machine = grant.machines.get(&machine).ok_or(MachineError::NotActive)?;
    let machine = heard_of(policy, machine, true, now)?;
    let (mut next, gone) = grant.next(policy, now);
    next.machines.insert(machine.id, machine.clone());
    Ok(Activated {
        grant: next,
        machine,
        is_new: false,
        gone,
        trial: None,
    })
}

/// Gives a lease back. Always allowed: also a licence that is suspended or expired can be taken off a machine.
pub fn deactivate(policy: &Policy, grant: &Grant, machine: MachineId, now: Timestamp) -> Result<Freed, MachineError> {
    let leaving = grant.machines.get(&machine).ok_or(MachineError::NotActive)?;
    let (mut next, mut gone) = grant.next(policy, now);
    if next.machines.remove(&machine).is_some() {
        gone.push(leaving.clone());
    }
    next.forget_processes(policy.heartbeat.as_ref(), now);
    Ok(Freed { grant: next, gone })
}

/// Removes everything that is dead and gone; nothing where there is nothing to remove. Its leases are free with or without this.
pub fn cull(policy: &Policy, grant: &Grant, now: Timestamp) -> Option<Freed> {
    let (next, gone) = grant.next(policy, now);
    let changed = !gone.is_empty() || next.processes.len() < grant.processes.len();
    changed.then_some(Freed { grant: next, gone })
}
