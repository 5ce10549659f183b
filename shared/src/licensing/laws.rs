//! The laws of leases, under any sequence of operations by any number of servers: never more than allowed, nothing for who is not in good
//! standing, and a lease is free when its machine is gone.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use strum::IntoEnumIterator;

use super::grant::{Grant, Standing, Status};
use super::lifecycle::{StandingAct, renew, stand, transfer};
use super::machine::{Activation, Elsewhere, MachineError, activate, cull, deactivate, heartbeat};
use super::policy::{
    DeadStrategy, ExpiryStrategy, Heartbeat, HeartbeatBasis, Limits, MachineLeasing, Overage, Policy, ProcessLeasing,
    Resource, Resurrection,
};
use super::process;
use super::sample;
use super::seat::{attach, count_uses, detach, return_uses};
use super::term::begin;
use super::validate::{Scope, validate};
use crate::ids::UserId;

#[derive(Debug, Clone)]
enum Step {
    Activate { machine: u8, user: Option<u8> },
    Deactivate(usize),
    Beat(usize),
    Spawn { machine: usize, pid: u8 },
    BeatProcess(usize),
    End(usize),
    Attach(u8),
    Detach(u8),
    Use(u64),
    Return(u64),
    Stand(StandingAct),
    Renew,
    Transfer(u8),
    Begin,
    Cull,
}

/// What a server does: it decides on what it reads, and writes later, when others may have written.
#[derive(Debug, Clone)]
enum Move {
    Decide(Step),
    /// The decision that has waited for so many others is written, if nothing was written since it was read.
    Write(usize),
    /// Both at once.
    Do(Step),
    Wait(i64),
}

struct World {
    policy: Policy,
    grant: Grant,
    now: Timestamp,
    seeds: u64,
    pending: Vec<(u64, Step, Grant)>,
    /// Revoked once, revoked for ever.
    was_revoked: bool,
}

fn user(number: u8) -> UserId {
    sample::seed(700 + u64::from(number)).id("user")
}

fn nth<K: Copy, V>(map: &std::collections::BTreeMap<K, V>, place: usize) -> Option<K> {
    map.keys().nth(place.checked_rem(map.len())?).copied()
}

impl World {
    /// The licence after a step, if it is allowed.
    fn decide(&mut self, step: &Step) -> Option<Grant> {
        self.seeds += 1;
        let (policy, grant, now, seed) = (&self.policy, &self.grant, self.now, sample::seed(self.seeds));
        match *step {
            Step::Activate { machine, user: by } => {
                let activation = Activation {
                    user: by.map(user),
                    ..sample::activation(&format!("m{machine}"))
                };
                let done = activate(policy, grant, &activation, Elsewhere::default(), now, &seed);
                if let Err(MachineError::OverLimit(over)) = &done {
                    assert!(over.used + over.more > over.allowed, "{over}");
                }
                done.ok().map(|done| done.grant)
            }
            Step::Deactivate(place) => {
                let freed = deactivate(policy, grant, nth(&grant.machines, place)?, now);
                Some(freed.expect("giving back is always allowed").grant)
            }
            Step::Beat(place) => {
                let done = heartbeat(policy, grant, nth(&grant.machines, place)?, now);
                done.ok().map(|done| done.grant)
            }
            Step::Spawn { machine, pid } => {
                let at = (nth(&grant.machines, machine)?, &*pid.to_string());
                process::spawn(policy, grant, at, now, &seed)
                    .ok()
                    .map(|done| done.grant)
            }
            Step::BeatProcess(place) => {
                let done = process::heartbeat(policy, grant, nth(&grant.processes, place)?, now);
                done.ok().map(|done| done.grant)
            }
            Step::End(place) => process::end(policy, grant, nth(&grant.processes, place)?, now).ok(),
            Step::Attach(number) => attach(policy, grant, user(number), now).ok(),
            Step::Detach(number) => detach(policy, grant, user(number), now).ok().map(|left| left.grant),
            Step::Use(uses) => count_uses(policy, grant, uses, now).ok(),
            Step::Return(uses) => return_uses(grant, uses).ok(),
            Step::Stand(act) => stand(grant, act, now).ok().map(|changed| changed.grant),
            Step::Renew => renew(policy, grant, now).ok(),
            Step::Transfer(number) => transfer(grant, user(number), now).ok().map(|changed| changed.grant),
            Step::Begin => begin(policy, grant, policy.expiry.basis, now),
            Step::Cull => cull(policy, grant, now).map(|freed| freed.grant),
        }
    }

    fn make(&mut self, step: &Move) {
        match step {
            Move::Decide(step) => {
                if let Some(next) = self.decide(step) {
                    self.pending.push((self.grant.revision, step.clone(), next));
                }
            }
            Move::Write(place) => {
                if !self.pending.is_empty() {
                    let (read, step, next) = self.pending.remove(place % self.pending.len());
                    if read == self.grant.revision {
                        self.write(&step, next);
                    }
                }
            }
            Move::Do(step) => {
                if let Some(next) = self.decide(step) {
                    self.write(step, next);
                }
            }
            Move::Wait(seconds) => self.now += SignedDuration::from_secs(*seconds),
        }
    }

    fn write(&mut self, step: &Step, next: Grant) {
        assert_eq!(next.revision, self.grant.revision + 1, "{step:?}");
        assert_eq!((next.licence, next.policy), (self.grant.licence, self.grant.policy));
        // What is full takes nothing more, and what somebody gives back is free again.
        if let Step::Deactivate(_) | Step::Cull = step {
            let held = |grant: &Grant| grant.holding(&self.policy, self.now).count();
            assert!(held(&next) <= held(&self.grant));
        }
        self.was_revoked |= next.status(self.now) == Status::Revoked;
        self.grant = next;
    }

    fn check(&self) {
        let (policy, grant, now) = (&self.policy, &self.grant, self.now);
        for resource in Resource::iter() {
            let Some(allowed) = grant.allowed(policy, resource) else {
                continue;
            };
            for (group, used) in grant.usage(policy, resource, now) {
                assert!(used <= allowed, "{used} {resource} of {allowed} for {group:?}");
            }
        }
        let fingerprints: BTreeSet<_> = grant.machines.values().map(|machine| &machine.fingerprint).collect();
        assert_eq!(
            fingerprints.len(),
            grant.machines.len(),
            "one machine for each fingerprint"
        );
        for process in grant.processes.values() {
            assert!(
                grant.machines.contains_key(&process.machine),
                "a process without a machine"
            );
        }
        if self.was_revoked {
            assert!(matches!(grant.standing, Standing::Revoked { .. }), "revoked for good");
            assert!(grant.machines.is_empty());
        }
        let asked = std::iter::once(Scope::default()).chain(grant.machines.values().map(|machine| Scope {
            fingerprint: Some(machine.fingerprint.as_str().into()),
            machine: Some(machine.id),
            ..Scope::default()
        }));
        for scope in asked {
            let outcome = validate(policy, grant, &scope, now);
            let in_good_standing = grant.standing == Standing::Good;
            assert!(
                in_good_standing || !outcome.valid,
                "{outcome:?} though {}",
                grant.status(now)
            );
            assert!(!outcome.valid || outcome.code.may_be_valid(), "{outcome:?}");
            let gone = scope.machine.and_then(|id| grant.machines.get(&id));
            let gone = gone.is_some_and(|machine| machine.is_gone(policy.heartbeat.as_ref(), now));
            assert!(!(gone && outcome.valid), "{outcome:?} on a machine that is gone");
        }
    }

    /// Machines that are gone free their leases, and as many as are free can be taken.
    fn check_free(&self) {
        let (policy, now) = (&self.policy, self.now);
        if self.grant.standing != Standing::Good
            || super::term::lapse(policy, &self.grant, now) == super::term::Lapse::Over
        {
            return;
        }
        let mut grant = self.grant.clone();
        let allowed = grant.allowed(policy, Resource::Machines).expect("an end");
        let group = super::grant::machine_group(policy, None);
        let held = grant
            .usage(policy, Resource::Machines, now)
            .get(&group)
            .copied()
            .unwrap_or(0);
        let free = allowed.saturating_sub(held);
        for number in 0..=free {
            let activation = sample::activation(&format!("free{number}"));
            let seed = sample::seed(1_000_000 + number);
            let done = activate(policy, &grant, &activation, Elsewhere::default(), now, &seed);
            assert_eq!(done.is_ok(), number < free, "{held} of {allowed} are taken");
            grant = done.map_or(grant, |done| done.grant);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..9_u8, prop::option::of(0..3_u8)).prop_map(|(machine, user)| Step::Activate { machine, user }),
        3 => any::<usize>().prop_map(Step::Deactivate),
        5 => any::<usize>().prop_map(Step::Beat),
        4 => (any::<usize>(), 0..6_u8).prop_map(|(machine, pid)| Step::Spawn { machine, pid }),
        2 => any::<usize>().prop_map(Step::BeatProcess),
        2 => any::<usize>().prop_map(Step::End),
        3 => (0..4_u8).prop_map(Step::Attach),
        1 => (0..4_u8).prop_map(Step::Detach),
        2 => (0..5_u64).prop_map(Step::Use),
        1 => (0..5_u64).prop_map(Step::Return),
        1 => prop_oneof![
            2 => Just(StandingAct::Suspend),
            4 => Just(StandingAct::Reinstate),
            1 => Just(StandingAct::Ban),
            1 => Just(StandingAct::Revoke),
        ].prop_map(Step::Stand),
        1 => Just(Step::Renew),
        1 => (0..4_u8).prop_map(Step::Transfer),
        1 => Just(Step::Begin),
        2 => Just(Step::Cull),
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => step().prop_map(Move::Decide),
        4 => any::<usize>().prop_map(Move::Write),
        6 => step().prop_map(Move::Do),
        3 => prop_oneof![0..20_i64, 20..120_i64].prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 1..80)
}

fn heartbeats() -> impl Strategy<Value = Option<Heartbeat>> {
    let window = prop_oneof![Just(Resurrection::Never), Just(Resurrection::Within { seconds: 45 })];
    let kinds = (any::<bool>(), any::<bool>(), any::<bool>(), window);
    let heartbeat = kinds.prop_map(|(from_ping, required, keep, resurrection)| Heartbeat {
        duration_seconds: 60,
        basis: if from_ping {
            HeartbeatBasis::FirstPing
        } else {
            HeartbeatBasis::Creation
        },
        required,
        dead: if keep { DeadStrategy::Keep } else { DeadStrategy::Cull },
        resurrection,
    });
    prop::option::weighted(0.8, heartbeat)
}

fn one_of<T: IntoEnumIterator + Clone + std::fmt::Debug + 'static>() -> impl Strategy<Value = T> {
    prop::sample::select(T::iter().collect::<Vec<_>>())
}

fn limits() -> impl Strategy<Value = Limits> {
    let few = || prop::option::weighted(0.7, 1..5_u64);
    (1..5_u64, few(), few(), few(), few()).prop_map(|(machines, cores, processes, users, uses)| Limits {
        machines: Some(machines),
        cores: cores.map(|machines| 4 * machines),
        processes,
        users,
        uses,
        ..Limits::default()
    })
}

fn policies() -> impl Strategy<Value = Policy> {
    let overage = prop::sample::select(vec![
        Overage::None,
        Overage::OneAndAQuarter,
        Overage::OneAndAHalf,
        Overage::Double,
    ]);
    let leasing = (
        any::<bool>(),
        prop::sample::select(vec![
            ProcessLeasing::Machine,
            ProcessLeasing::Licence,
            ProcessLeasing::User,
        ]),
    );
    let term = (
        prop::option::of(60..600_u64),
        one_of::<ExpiryStrategy>(),
        one_of::<super::policy::Basis>(),
    );
    (limits(), overage, leasing, term, heartbeats(), any::<bool>()).prop_map(
        |(limits, overage, (per_user, process_leasing), (duration_seconds, strategy, basis), heartbeat, strict)| {
            let mut policy = sample::policy();
            (
                policy.expiry.duration_seconds,
                policy.expiry.strategy,
                policy.expiry.basis,
            ) = (duration_seconds, strategy, basis);
            Policy {
                strict,
                limits,
                overage,
                heartbeat,
                machine_leasing: if per_user {
                    MachineLeasing::User
                } else {
                    MachineLeasing::Licence
                },
                process_leasing,
                ..policy
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn leases_keep_to_their_laws(policy in policies(), moves in moves()) {
        prop_assert_eq!(policy.flaws(), vec![]);
        let grant = super::lifecycle::issue(&policy, &sample::order(), sample::now());
        let mut world = World {
            policy,
            grant,
            now: sample::now(),
            seeds: 10_000,
            pending: Vec::new(),
            was_revoked: false,
        };
        for one in &moves {
            world.make(one);
            world.check();
        }
        if world.grant.allowed(&world.policy, Resource::Cores).is_none() {
            world.check_free();
        }
    }

    #[test]
    fn no_text_makes_the_reader_of_fingerprints_panic(text: String) {
        if let Ok(fingerprint) = super::Fingerprint::try_from(text.clone()) {
            prop_assert_eq!(fingerprint.as_str(), text);
        }
    }
}
