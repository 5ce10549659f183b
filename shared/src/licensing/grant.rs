//! What the licence server knows of one licence: its standing and term, and who holds its leases.
//!
//! A [`Grant`] counts; it does not decide. Its `revision` grows by one with every change: what is stored is stored on the condition that the
//! stored revision is still the one that was read, so of two changes that were decided side by side only one is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::machine::Holding;
use super::policy::{
    DeadStrategy, Heartbeat, HeartbeatBasis, Limits, MAX_MACHINES, MAX_PROCESSES, MAX_USERS, MachineLeasing, Policy,
    ProcessLeasing, Resource, Resurrection, Uniqueness,
};
use crate::ids::{LicenceId, ListingId, MachineId, PartnerId, PolicyId, ProcessId, UserId};

/// Long enough for SHA-512 in hexadecimal.
const MAX_FINGERPRINT_CHARS: usize = 128;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub licence: LicenceId,
    pub policy: PolicyId,
    pub product: ListingId,
    pub partner: PartnerId,
    pub owner: UserId,
    pub standing: Standing,
    /// Whether nobody has paid yet.
    pub trial: bool,
    /// What was bought, where it differs from the policy: seats by quantity, for example.
    pub limits: Limits,
    /// Beside those of the policy.
    pub entitlements: BTreeSet<String>,
    pub created_at: Timestamp,
    /// The first moment at which it is expired. Nothing: never, or the clock has not been started.
    pub expires_at: Option<Timestamp>,
    pub checked_in_at: Option<Timestamp>,
    pub machines: BTreeMap<MachineId, Machine>,
    pub processes: BTreeMap<ProcessId, Process>,
    /// Who has a seat. The owner has one only if they took it.
    pub users: BTreeSet<UserId>,
    pub uses: u64,
    pub revision: u64,
}

/// What somebody decided about the licence; time alone changes nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Standing {
    Good,
    Suspended { since: Timestamp },
    Revoked { since: Timestamp },
    Banned { since: Timestamp },
}

impl Standing {
    /// Whether nobody is to pay for it any more: it is not only suspended.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self, Self::Revoked { .. } | Self::Banned { .. })
    }
}

/// The licence as its holder sees it: standing and term in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    Active,
    Trial,
    Expired,
    Suspended,
    Revoked,
    Banned,
}

/// What tells a machine, or a part of it, from others: made by the client, opaque here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 1 to {MAX_FINGERPRINT_CHARS} visible ASCII characters")]
pub struct InvalidFingerprint;

/// One activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub id: MachineId,
    pub fingerprint: Fingerprint,
    pub components: BTreeSet<Fingerprint>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who works on it, where that is known.
    pub user: Option<UserId>,
    pub cores: u64,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
    pub activated_at: Timestamp,
    /// The last one. Nothing: it has not sent any.
    pub heartbeat_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub id: ProcessId,
    pub machine: MachineId,
    /// What the machine calls it: its process number, for example.
    pub pid: String,
    pub started_at: Timestamp,
    pub heartbeat_at: Timestamp,
}

/// What heartbeats say of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    NotStarted,
    Alive,
    Dead { since: Timestamp },
}

/// Who shares a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    Licence,
    User(Option<UserId>),
    Machine(MachineId),
}

/// Within what a fingerprint is active only once. The store keeps one item for each realm and fingerprint, on the condition that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Realm {
    Licence(LicenceId),
    Policy(PolicyId),
    Product(ListingId),
    Account(PartnerId),
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the licence allows {allowed} {resource}, of which {used} are taken: {more} more are too many")]
pub struct OverLimit {
    pub resource: Resource,
    pub used: u64,
    pub more: u64,
    pub allowed: u64,
}

impl TryFrom<String> for Fingerprint {
    type Error = InvalidFingerprint;
    fn try_from(text: String) -> Result<Self, InvalidFingerprint> {
        let good = (1..=MAX_FINGERPRINT_CHARS).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
        if good { Ok(Self(text)) } else { Err(InvalidFingerprint) }
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Fingerprint {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `seconds` after `at`; the end of time where there is no such moment.
pub(super) fn after(at: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    at.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

impl Machine {
    pub fn pulse(&self, heartbeat: Option<&Heartbeat>, now: Timestamp) -> Pulse {
        let Some(heartbeat) = heartbeat else {
            return Pulse::Alive;
        };
        let last = match heartbeat.basis {
            HeartbeatBasis::Creation => Some(self.heartbeat_at.unwrap_or(self.activated_at)),
            HeartbeatBasis::FirstPing => self.heartbeat_at,
        };
        match last.map(|last| after(last, heartbeat.duration_seconds)) {
            None => Pulse::NotStarted,
            Some(dies_at) if now < dies_at => Pulse::Alive,
            Some(dies_at) => Pulse::Dead { since: dies_at },
        }
    }

    /// When it will be dead unless it is heard of; nothing where nobody waits for it.
    pub fn dies_at(&self, heartbeat: Option<&Heartbeat>) -> Option<Timestamp> {
        match self.pulse(heartbeat, Timestamp::MAX) {
            Pulse::Dead { since } => Some(since),
            Pulse::Alive | Pulse::NotStarted => None,
        }
    }

    /// Whether its lease is free: it is dead, is to be culled, and can no longer be revived. It may still be stored.
    pub fn is_gone(&self, heartbeat: Option<&Heartbeat>, now: Timestamp) -> bool {
        match (heartbeat, self.pulse(heartbeat, now)) {
            (Some(heartbeat), Pulse::Dead { since }) => {
                heartbeat.dead == DeadStrategy::Cull && !heartbeat.revives(since, now)
            }
            _ => false,
        }
    }
}

impl Heartbeat {
    /// Whether who died at `since` may come back.
    pub fn revives(&self, since: Timestamp, now: Timestamp) -> bool {
        match self.resurrection {
            Resurrection::Never => false,
            Resurrection::Within { seconds } => now < after(since, seconds),
            Resurrection::Always => true,
        }
    }
}

impl Process {
    /// When it will have ended unless it is heard of; nothing where nobody waits for it.
    pub fn ends_at(&self, heartbeat: Option<&Heartbeat>) -> Option<Timestamp> {
        heartbeat.map(|heartbeat| after(self.heartbeat_at, heartbeat.duration_seconds))
    }

    /// A process that is not heard of has ended: nothing revives it.
    pub fn is_gone(&self, heartbeat: Option<&Heartbeat>, now: Timestamp) -> bool {
        self.ends_at(heartbeat).is_some_and(|ends_at| now >= ends_at)
    }
}

impl Grant {
    pub fn status(&self, now: Timestamp) -> Status {
        match self.standing {
            Standing::Banned { .. } => Status::Banned,
            Standing::Revoked { .. } => Status::Revoked,
            Standing::Suspended { .. } => Status::Suspended,
            Standing::Good if self.is_expired(now) => Status::Expired,
            Standing::Good if self.trial => Status::Trial,
            Standing::Good => Status::Active,
        }
    }

    /// Whatever the policy makes of it.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// The limit without overage; nothing where there is none.
    pub fn limit(&self, policy: &Policy, resource: Resource) -> Option<u64> {
        if resource == Resource::Machines && !policy.floating {
            return Some(1);
        }
        self.limits.of(resource).or(policy.limits.of(resource))
    }

    /// The most there may be, overage included. What is read with the licence has an end even where the policy knows none.
    pub fn allowed(&self, policy: &Policy, resource: Resource) -> Option<u64> {
        let by_policy = self
            .limit(policy, resource)
            .and_then(|limit| policy.overage.allows(limit));
        let ceiling = match resource {
            Resource::Machines => Some(MAX_MACHINES),
            Resource::Processes => Some(MAX_PROCESSES),
            Resource::Users => Some(MAX_USERS),
            Resource::Cores | Resource::Memory | Resource::Disk | Resource::Uses => None,
        };
        match (by_policy, ceiling) {
            (Some(allowed), Some(ceiling)) => Some(allowed.min(ceiling)),
            (allowed, ceiling) => allowed.or(ceiling),
        }
    }

    /// How much of a resource each group has taken. Groups that have taken nothing may be missing.
    pub fn usage(&self, policy: &Policy, resource: Resource, now: Timestamp) -> BTreeMap<Group, u64> {
        let mut usage = BTreeMap::new();
        let mut count = |group, more: u64| {
            let used: &mut u64 = usage.entry(group).or_default();
            *used = used.saturating_add(more);
        };
        match resource {
            Resource::Users => count(Group::Licence, self.users.len() as u64),
            Resource::Uses => count(Group::Licence, self.uses),
            Resource::Processes => {
                for process in self.running(policy, now) {
                    count(self.process_group(policy, process.machine), 1);
                }
            }
            Resource::Machines | Resource::Cores | Resource::Memory | Resource::Disk => {
                for machine in self.holding(policy, now) {
                    count(machine_group(policy, machine.user), weight(machine, resource));
                }
            }
        }
        usage
    }

    /// Machines that hold a lease: not those that are gone.
    pub fn holding(&self, policy: &Policy, now: Timestamp) -> impl Iterator<Item = &Machine> {
        let heartbeat = policy.heartbeat;
        self.machines
            .values()
            .filter(move |machine| !machine.is_gone(heartbeat.as_ref(), now))
    }

    /// Processes that hold a lease: they are heard of, and so is their machine.
    pub fn running(&self, policy: &Policy, now: Timestamp) -> impl Iterator<Item = &Process> {
        let heartbeat = policy.heartbeat;
        self.processes.values().filter(move |process| {
            let machine = self.machines.get(&process.machine);
            machine.is_some_and(|machine| !machine.is_gone(heartbeat.as_ref(), now))
                && !process.is_gone(heartbeat.as_ref(), now)
        })
    }

    pub fn by_fingerprint(&self, fingerprint: &str) -> Option<&Machine> {
        self.machines
            .values()
            .find(|machine| machine.fingerprint.as_str() == fingerprint)
    }

    /// Where the fingerprints of its machines are claimed.
    pub fn realm(&self, uniqueness: Uniqueness) -> Realm {
        match uniqueness {
            Uniqueness::Licence => Realm::Licence(self.licence),
            Uniqueness::Policy => Realm::Policy(self.policy),
            Uniqueness::Product => Realm::Product(self.product),
            Uniqueness::Account => Realm::Account(self.partner),
        }
    }

    /// What a claim of its machines says of it.
    pub fn holding_of(&self) -> Holding {
        Holding {
            licence: self.licence,
            policy: self.policy,
            product: self.product,
            partner: self.partner,
        }
    }

    /// Whether somebody belongs to the licence.
    pub fn serves(&self, user: UserId) -> bool {
        self.owner == user || self.users.contains(&user)
    }

    pub(super) fn process_group(&self, policy: &Policy, machine: MachineId) -> Group {
        match policy.process_leasing {
            ProcessLeasing::Licence => Group::Licence,
            ProcessLeasing::Machine => Group::Machine(machine),
            ProcessLeasing::User => Group::User(self.machines.get(&machine).and_then(|machine| machine.user)),
        }
    }

    /// Whether `more` of a resource fit in.
    pub(super) fn room(
        &self,
        policy: &Policy,
        (resource, more): (Resource, u64),
        group: Group,
        now: Timestamp,
    ) -> Result<(), OverLimit> {
        let Some(allowed) = self.allowed(policy, resource) else {
            return Ok(());
        };
        let used = self.usage(policy, resource, now).get(&group).copied().unwrap_or(0);
        if more > 0 && used.saturating_add(more) > allowed {
            return Err(OverLimit {
                resource,
                used,
                more,
                allowed,
            });
        }
        Ok(())
    }

    /// The next revision, without what is gone by now; and the machines that left.
    pub(super) fn next(&self, policy: &Policy, now: Timestamp) -> (Self, Vec<Machine>) {
        let heartbeat = policy.heartbeat.as_ref();
        let mut next = self.clone();
        let gone = next
            .machines
            .extract_if(.., |_, machine| machine.is_gone(heartbeat, now))
            .map(|(_, machine)| machine)
            .collect();
        next.forget_processes(heartbeat, now);
        next.revision += 1;
        (next, gone)
    }

    /// Processes end with their machine.
    pub(super) fn forget_processes(&mut self, heartbeat: Option<&Heartbeat>, now: Timestamp) {
        let machines = &self.machines;
        self.processes
            .retain(|_, process| machines.contains_key(&process.machine) && !process.is_gone(heartbeat, now));
    }
}

pub(super) fn machine_group(policy: &Policy, user: Option<UserId>) -> Group {
    match policy.machine_leasing {
        MachineLeasing::Licence => Group::Licence,
        MachineLeasing::User => Group::User(user),
    }
}

/// What one machine takes of a resource.
pub(super) fn weight(machine: &Machine, resource: Resource) -> u64 {
    match resource {
        Resource::Machines => 1,
        Resource::Cores => machine.cores,
        Resource::Memory => machine.memory_bytes,
        Resource::Disk => machine.disk_bytes,
        Resource::Processes | Resource::Users | Resource::Uses => 0,
    }
}
