//! Situations in few words.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::ids::{Id, MachineId};
use crate::licensing::grant::{Grant, Machine, Process, Standing};
use crate::licensing::policy::{
    CheckIn, DAY, DeadStrategy, Heartbeat, HeartbeatBasis, Interval, Limits, MachineLeasing, Matching, Overage, Policy,
    ProcessLeasing, RequiredScope, Resurrection,
};
use crate::licensing::validate::{Release, Scope};
use crate::licensing::{policy::ExpiryStrategy, sample};

#[derive(Clone)]
pub(super) struct Setup {
    pub(super) policy: Policy,
    pub(super) grant: Grant,
    pub(super) scope: Scope,
    pub(super) now: Timestamp,
}

/// Somebody or something else than what the licence is about.
pub(super) fn other<I: Id>() -> I {
    sample::seed(99).id("other")
}

pub(super) fn machine_id(name: &str) -> MachineId {
    sample::seed(50).id(name)
}

pub(super) fn user<I: Id>(number: usize) -> I {
    sample::seed(51).id(&number.to_string())
}

fn scope_named(name: &str) -> RequiredScope {
    serde_json::from_value(name.into()).expect("a scope")
}

impl Setup {
    pub(super) fn new() -> Self {
        Self {
            policy: sample::policy(),
            grant: sample::grant(),
            scope: Scope::default(),
            now: sample::now(),
        }
    }

    pub(super) fn policy(mut self, change: impl Fn(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    pub(super) fn grant(mut self, change: impl Fn(&mut Grant)) -> Self {
        change(&mut self.grant);
        self
    }

    pub(super) fn scope(mut self, change: impl Fn(&mut Scope)) -> Self {
        change(&mut self.scope);
        self
    }

    pub(super) fn limit(self, change: impl Fn(&mut Limits)) -> Self {
        self.policy(|policy| change(&mut policy.limits))
    }

    pub(super) fn overage(self, overage: Overage) -> Self {
        self.policy(|policy| policy.overage = overage)
    }

    /// Seconds since the licence was issued.
    pub(super) fn at(self, seconds: i64) -> Self {
        Self {
            now: sample::seconds(seconds),
            ..self
        }
    }

    // Standing and term

    pub(super) fn suspended(self) -> Self {
        self.grant(|grant| grant.standing = Standing::Suspended { since: sample::now() })
    }

    pub(super) fn revoked(self) -> Self {
        self.grant(|grant| grant.standing = Standing::Revoked { since: sample::now() })
    }

    pub(super) fn banned(self) -> Self {
        self.grant(|grant| grant.standing = Standing::Banned { since: sample::now() })
    }

    pub(super) fn trial(self) -> Self {
        self.grant(|grant| grant.trial = true)
    }

    /// So many seconds after it was issued.
    pub(super) fn expires(self, seconds: i64) -> Self {
        self.grant(|grant| grant.expires_at = Some(sample::seconds(seconds)))
    }

    pub(super) fn strategy(self, strategy: ExpiryStrategy) -> Self {
        self.policy(|policy| policy.expiry.strategy = strategy)
    }

    /// Days.
    pub(super) fn grace(self, days: u64) -> Self {
        self.policy(|policy| policy.expiry.grace_seconds = days * DAY)
    }

    pub(super) fn check_in(self, interval: Interval, every: u16, last_days: i64) -> Self {
        self.policy(|policy| policy.check_in = Some(CheckIn { interval, every }))
            .grant(|grant| grant.checked_in_at = Some(sample::days(last_days)))
    }

    pub(super) fn daily_check_in(self, last_days: i64) -> Self {
        self.check_in(Interval::Day, 1, last_days)
    }

    // Scopes

    pub(super) fn requires(self, scope: &str) -> Self {
        self.policy(|policy| _ = policy.required.insert(scope_named(scope)))
    }

    /// The request comes from the machine with this fingerprint.
    pub(super) fn asking(self, machine: &str) -> Self {
        self.scope(|scope| scope.fingerprint = Some(machine.into()))
    }

    pub(super) fn showing(self, components: &[&str]) -> Self {
        self.scope(|scope| scope.components = Some(components.iter().map(|one| (*one).into()).collect()))
    }

    pub(super) fn matching(self, matching: Matching) -> Self {
        self.policy(|policy| policy.matching = matching)
    }

    /// Released so many seconds after the licence was issued; nothing: not at all.
    pub(super) fn version(self, released: Option<i64>) -> Self {
        self.scope(|scope| scope.version = Some(release(released)))
    }

    pub(super) fn checksum(self, released: Option<i64>) -> Self {
        self.scope(|scope| scope.checksum = Some(release(released)))
    }

    pub(super) fn wants(self, entitlements: &[&str]) -> Self {
        let codes: BTreeSet<_> = entitlements.iter().map(|code| (*code).to_owned()).collect();
        self.scope(|scope| scope.entitlements = Some(codes.clone()))
    }

    pub(super) fn unlocks(self, code: &str) -> Self {
        self.policy(|policy| _ = policy.entitlements.insert(code.into()))
    }

    // Leases

    /// Active since the licence was issued, with the components `x`, `y` and `z`.
    pub(super) fn active(self, name: &str) -> Self {
        let activation = sample::activation(name);
        let machine = Machine {
            id: machine_id(name),
            fingerprint: activation.fingerprint,
            name: None,
            components: ["x", "y", "z"].map(sample::fingerprint).into(),
            user: None,
            cores: activation.cores,
            memory_bytes: activation.memory_bytes,
            disk_bytes: activation.disk_bytes,
            activated_at: sample::now(),
            heartbeat_at: None,
        };
        self.grant(|grant| _ = grant.machines.insert(machine.id, machine.clone()))
    }

    pub(super) fn machines(self, number: usize) -> Self {
        (0..number).fold(self, |setup, n| setup.active(&format!("m{n}")))
    }

    /// Leases the machine to the user of this number.
    pub(super) fn leased(self, machine: &str, number: usize) -> Self {
        self.active(machine).grant(|grant| {
            let leased = grant.machines.get_mut(&machine_id(machine)).expect("active");
            leased.user = Some(user(number));
            grant.users.insert(user(number));
        })
    }

    pub(super) fn beats(self, machine: &str, seconds: i64) -> Self {
        self.grant(|grant| {
            let beating = grant.machines.get_mut(&machine_id(machine)).expect("active");
            beating.heartbeat_at = Some(sample::seconds(seconds));
        })
    }

    pub(super) fn heartbeat(self, change: impl Fn(&mut Heartbeat)) -> Self {
        self.policy(|policy| change(policy.heartbeat.get_or_insert_with(sample::heartbeat)))
    }

    /// A minute, and the dead are kept.
    pub(super) fn kept_heartbeat(self) -> Self {
        self.heartbeat(|heartbeat| heartbeat.dead = DeadStrategy::Keep)
    }

    pub(super) fn waits_for_ping(self) -> Self {
        self.heartbeat(|heartbeat| heartbeat.basis = HeartbeatBasis::FirstPing)
    }

    pub(super) fn resurrection(self, resurrection: Resurrection) -> Self {
        self.heartbeat(|heartbeat| heartbeat.resurrection = resurrection)
    }

    pub(super) fn runs(self, machine: &str, processes: usize) -> Self {
        self.grant(|grant| {
            for n in 0..processes {
                let process = Process {
                    id: sample::seed(52).id(&format!("{machine}{n}")),
                    machine: machine_id(machine),
                    pid: n.to_string(),
                    started_at: sample::now(),
                    heartbeat_at: sample::now(),
                };
                grant.processes.insert(process.id, process);
            }
        })
    }

    pub(super) fn users(self, number: usize) -> Self {
        self.grant(|grant| grant.users.extend((0..number).map(user::<crate::ids::UserId>)))
    }

    pub(super) fn uses(self, number: u64) -> Self {
        self.grant(|grant| grant.uses = number)
    }

    pub(super) fn per_user(self) -> Self {
        self.policy(|policy| policy.machine_leasing = MachineLeasing::User)
    }

    pub(super) fn processes_per(self, leasing: ProcessLeasing) -> Self {
        self.policy(|policy| policy.process_leasing = leasing)
    }

    pub(super) fn node_locked(self) -> Self {
        self.policy(|policy| (policy.floating, policy.limits.machines) = (false, None))
    }

    pub(super) fn lenient(self) -> Self {
        self.policy(|policy| policy.strict = false)
    }
}

fn release(released: Option<i64>) -> Release {
    released.map_or(Release::Unknown, |seconds| Release::Known {
        released_at: sample::seconds(seconds),
    })
}
