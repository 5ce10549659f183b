//! What operations answer, limit by limit and strategy by strategy.

use strum::IntoEnumIterator;

use super::Change;
use super::setup::{Setup, machine_id, other, user};
use crate::ids::{ProcessId, UserId};
use crate::licensing::grant::{Grant, OverLimit, Pulse, Standing, Status};
use crate::licensing::machine::{
    Activated, Activation, Elsewhere, Holding, MachineError, activate, cull, deactivate, heartbeat,
};
use crate::licensing::policy::{
    Basis, DAY, ExpiryStrategy, Overage, ProcessLeasing, Resource, Resurrection, Uniqueness,
};
use crate::licensing::process::{self, ProcessError, spawn};
use crate::licensing::sample;
use crate::licensing::seat::{SeatError, UseError, attach, count_uses, detach, return_uses};
use crate::seed::Seed;

fn seed(text: &str) -> Seed {
    Seed::named(sample::now(), text)
}

impl Setup {
    fn activation(&self, machine: &str, elsewhere: Elsewhere<'_>) -> Result<Activated, MachineError> {
        let activation = sample::activation(machine);
        activate(
            &self.policy,
            &self.grant,
            &activation,
            elsewhere,
            self.now,
            &seed(machine),
        )
    }

    fn activate(&self, machine: &str) -> Result<Activated, MachineError> {
        self.activation(machine, Elsewhere::default())
    }

    fn for_user(&self, machine: &str, number: usize) -> Result<Activated, MachineError> {
        let activation = Activation {
            user: Some(user(number)),
            ..sample::activation(machine)
        };
        let nowhere = Elsewhere::default();
        activate(
            &self.policy,
            &self.grant,
            &activation,
            nowhere,
            self.now,
            &seed(machine),
        )
    }

    fn beat(&self, machine: &str) -> Result<Activated, MachineError> {
        heartbeat(&self.policy, &self.grant, machine_id(machine), self.now)
    }

    fn spawn(&self, machine: &str, pid: &str) -> Result<process::Spawned, ProcessError> {
        spawn(
            &self.policy,
            &self.grant,
            (machine_id(machine), pid),
            self.now,
            &seed(pid),
        )
    }

    /// How many of `take` succeed, one after the other.
    fn fill(mut self, take: impl Fn(&Self, usize) -> Option<Grant>) -> u64 {
        let mut taken = 0;
        while let Some(grant) = take(&self, taken).filter(|_| taken < 100) {
            self.grant = grant;
            taken += 1;
        }
        taken as u64
    }
}

/// How many of a resource a licence that allows `limit` gives away under an overage strategy.
fn given(resource: Resource, limit: u64, overage: Overage) -> u64 {
    let setup = Setup::new().active("a").overage(overage).limit(|limits| {
        limits.machines = None;
        match resource {
            Resource::Machines => limits.machines = Some(limit),
            Resource::Cores => limits.cores = Some(4 * limit),
            Resource::Memory => limits.memory_bytes = Some(8 * limit),
            Resource::Disk => limits.disk_bytes = Some(16 * limit),
            Resource::Processes => limits.processes = Some(limit),
            Resource::Users => limits.users = Some(limit),
            Resource::Uses => limits.uses = Some(limit),
        }
    });
    match resource {
        Resource::Users => setup.fill(|s, n| attach(&s.policy, &s.grant, user(n), s.now).ok()),
        Resource::Uses => setup.fill(|s, _| count_uses(&s.policy, &s.grant, 1, s.now).ok()),
        Resource::Processes => setup.fill(|s, n| s.spawn("a", &n.to_string()).ok().map(|done| done.grant)),
        _ => {
            let setup = setup.grant(|grant| grant.machines.clear());
            setup.fill(|s, n| s.activate(&format!("m{n}")).ok().map(|done| done.grant))
        }
    }
}

#[test]
fn every_limit_keeps_to_its_overage() {
    for resource in Resource::iter() {
        for (overage, of_4, of_5) in [
            (Overage::None, 4, 5),
            (Overage::OneAndAQuarter, 5, 6),
            (Overage::OneAndAHalf, 6, 7),
            (Overage::Double, 8, 10),
            (Overage::Always, 100, 100),
        ] {
            assert_eq!(given(resource, 4, overage), of_4, "{resource} {overage}");
            assert_eq!(given(resource, 5, overage), of_5, "{resource} {overage}");
        }
    }
}

#[test]
fn a_limit_that_is_reached_says_what_it_is() {
    let full = Setup::new().machines(10);
    let over = OverLimit {
        resource: Resource::Machines,
        used: 10,
        more: 1,
        allowed: 10,
    };
    let refused = full.activate("b").expect_err("full");
    assert_eq!(refused, over.into());
    assert_eq!(
        refused.to_string(),
        "the licence allows 10 machines, of which 10 are taken: 1 more are too many"
    );
    assert!(Setup::new().node_locked().active("a").activate("b").is_err());
    let always = Setup::new().overage(Overage::Always).machines(1_000);
    assert!(always.activate("b").is_err(), "what is read at once has an end");
}

#[test]
fn leases_are_shared_by_those_who_share_them() {
    let per_user = Setup::new()
        .per_user()
        .limit(|l| l.machines = Some(1))
        .leased("a", 0)
        .users(2);
    assert!(per_user.for_user("b", 0).is_err());
    assert!(per_user.for_user("b", 1).is_ok());
    assert_eq!(per_user.for_user("b", 2), Err(MachineError::NoSeat));
    let shared = Setup::new().limit(|l| l.machines = Some(1)).leased("a", 0).users(2);
    assert!(shared.for_user("b", 1).is_err());

    let spawned = |leasing, machine: &str| {
        let setup = Setup::new().processes_per(leasing).limit(|l| l.processes = Some(1));
        let setup = setup.leased("a", 0).leased("b", 0).leased("c", 1).runs("a", 1);
        setup.spawn(machine, "9").is_ok()
    };
    assert!(!spawned(ProcessLeasing::Licence, "c"));
    assert_eq!(
        ["a", "b", "c"].map(|m| spawned(ProcessLeasing::Machine, m)),
        [false, true, true]
    );
    assert_eq!(
        ["a", "b", "c"].map(|m| spawned(ProcessLeasing::User, m)),
        [false, false, true]
    );
}

#[test]
fn an_activation_that_is_repeated_changes_nothing_but_its_pulse() {
    let setup = Setup::new().heartbeat(|_| {}).limit(|l| l.machines = Some(1));
    let first = setup.activate("a").expect("a free lease");
    let again = setup.grant(|grant| *grant = first.grant.clone()).at(40);
    let again = again.activate("a").expect("active");
    assert!(first.is_new && !again.is_new);
    assert_eq!((again.machine.id, again.grant.machines.len()), (first.machine.id, 1));
    assert_eq!(again.machine.heartbeat_at, Some(sample::seconds(40)));
    let quiet = Setup::new().waits_for_ping().active("a").activate("a").expect("active");
    assert_eq!(
        quiet.machine.heartbeat_at, None,
        "to activate is not to send a heartbeat"
    );
    let theirs = Setup::new().leased("a", 0).users(2).for_user("a", 1);
    let taken = MachineError::FingerprintTaken {
        by: sample::order().licence,
    };
    assert_eq!(theirs.map(drop), Err(taken));
}

#[test]
fn a_fingerprint_is_unique_within_its_realm() {
    let order = sample::order();
    let same = Holding {
        licence: other(),
        policy: sample::policy().id,
        product: order.product,
        partner: order.partner,
    };
    let other_policy = Holding {
        policy: other(),
        ..same
    };
    let other_product = Holding {
        product: other(),
        ..other_policy
    };
    let other_partner = Holding {
        partner: other(),
        ..other_product
    };
    let mine = Holding {
        licence: order.licence,
        ..same
    };
    let free = |uniqueness| {
        [same, other_policy, other_product, other_partner, mine].map(|holding| {
            let setup = Setup::new().policy(|policy| policy.uniqueness = uniqueness);
            let elsewhere = Elsewhere {
                holdings: &[holding],
                ..Elsewhere::default()
            };
            setup.activation("a", elsewhere).is_ok()
        })
    };
    assert_eq!(free(Uniqueness::Licence), [true; 5]);
    assert_eq!(free(Uniqueness::Policy), [false, true, true, true, true]);
    assert_eq!(free(Uniqueness::Product), [false, false, true, true, true]);
    assert_eq!(free(Uniqueness::Account), [false, false, false, true, true]);
}

#[test]
fn the_dead_come_back_only_within_their_window() {
    use Resurrection::{Always, Never, Within};
    let revived = |setup: Setup, resurrection| {
        let setup = setup.resurrection(resurrection);
        [59, 60, 89, 90, 9_000].map(|second| setup.clone().at(second).beat("a").is_ok())
    };
    let culled = || Setup::new().active("a").heartbeat(|_| {});
    let kept = || Setup::new().active("a").kept_heartbeat();
    assert_eq!(revived(culled(), Never), [true, false, false, false, false]);
    assert_eq!(
        revived(culled(), Within { seconds: 30 }),
        [true, true, true, false, false]
    );
    assert_eq!(revived(kept(), Never), [true, false, false, false, false]);
    assert_eq!(
        revived(kept(), Within { seconds: 30 }),
        [true, true, true, false, false]
    );
    assert_eq!(revived(kept(), Always), [true; 5]);
}

#[test]
fn the_culled_free_their_lease_and_the_kept_do_not() {
    let full = || Setup::new().machines(10).runs("m3", 2);
    let dead = full().heartbeat(|_| {}).at(89);
    assert!(dead.activate("b").is_err(), "they may still come back");
    let gone = full().heartbeat(|_| {}).at(90);
    let done = gone.activate("b").expect("their leases are free");
    assert_eq!(
        (done.gone.len(), done.grant.machines.len(), done.grant.processes.len()),
        (10, 1, 0)
    );
    let swept = cull(&gone.policy, &gone.grant, gone.now).expect("ten");
    assert_eq!((swept.gone.len(), swept.grant.machines.len()), (10, 0));
    assert_eq!(cull(&gone.policy, &swept.grant, gone.now), None);
    let back = gone.activate("m3").expect("as a new machine");
    assert!(back.is_new && back.machine.id != machine_id("m3"));
    assert_eq!(
        gone.beat("m3"),
        Err(MachineError::Dead {
            since: sample::seconds(60)
        })
    );

    let kept = full().kept_heartbeat().at(9_000);
    assert!(kept.activate("b").is_err());
    assert_eq!(
        cull(&kept.policy, &kept.grant, kept.now).map(|freed| freed.gone),
        Some(vec![]),
        "its processes"
    );
    assert!(kept.activate("m3").is_err(), "it cannot be revived");
    let freed = deactivate(&kept.policy, &kept.grant, machine_id("m3"), kept.now).expect("active");
    assert_eq!(freed.gone.len(), 1);
    assert!(kept.grant(|grant| *grant = freed.grant.clone()).activate("m3").is_ok());
}

#[test]
fn a_machine_is_known_with_the_parts_that_it_has_now() {
    let setup = Setup::new();
    let with = |parts: &[&str]| Activation {
        components: parts.iter().map(|part| sample::fingerprint(part)).collect(),
        ..sample::activation("a")
    };
    let known = |setup: &Setup, activation: &Activation| {
        activate(
            &setup.policy,
            &setup.grant,
            activation,
            Elsewhere::default(),
            setup.now,
            &seed("a"),
        )
    };
    let first = known(&setup, &with(&["board", "disk"])).expect("a free lease");
    let setup = setup.grant(|grant| *grant = first.grant.clone());
    let mended = known(&setup, &with(&["board", "new-disk"])).expect("the same machine");
    assert!(!mended.is_new && mended.machine.id == first.machine.id);
    assert_eq!(mended.machine.components, with(&["board", "new-disk"]).components);
    let silent = known(&setup, &with(&[])).expect("the same machine");
    assert_eq!(
        silent.machine.components, first.machine.components,
        "nothing was said of them"
    );
}

#[test]
fn a_heartbeat_that_was_overtaken_takes_nothing_back() {
    let setup = Setup::new().active("a").heartbeat(|_| {}).beats("a", 50).at(40);
    let done = setup.beat("a").expect("alive");
    assert_eq!(done.machine.heartbeat_at, Some(sample::seconds(50)));
    let policy = setup.policy.heartbeat.as_ref();
    assert_eq!(done.machine.dies_at(policy), Some(sample::seconds(110)));
    assert_eq!(done.machine.pulse(policy, sample::seconds(109)), Pulse::Alive);
    assert_eq!(setup.beat("b"), Err(MachineError::NotActive));
}

#[test]
fn what_is_not_in_good_standing_takes_no_leases_and_gives_them_back() {
    let standings: [(Change, Status); 4] = [
        (Setup::suspended, Status::Suspended),
        (Setup::revoked, Status::Revoked),
        (Setup::banned, Status::Banned),
        (|s| s.expires(0), Status::Expired),
    ];
    for (change, status) in standings {
        let setup = change(Setup::new().active("a").users(1).uses(3).runs("a", 1));
        let (policy, grant, now) = (&setup.policy, &setup.grant, setup.now);
        let unusable = MachineError::Unusable(status);
        assert_eq!(setup.activate("b"), Err(unusable.clone()));
        assert_eq!(setup.beat("a"), Err(unusable));
        assert_eq!(setup.spawn("a", "7"), Err(ProcessError::Unusable(status)));
        assert_eq!(attach(policy, grant, user(5), now), Err(SeatError::Unusable(status)));
        assert_eq!(count_uses(policy, grant, 1, now), Err(UseError::Unusable(status)));
        assert!(deactivate(policy, grant, machine_id("a"), now).is_ok());
        assert!(detach(policy, grant, user(0), now).is_ok());
        assert!(return_uses(grant, 1).is_ok());
        let running = *grant.processes.keys().next().expect("one");
        assert!(process::end(policy, grant, running, now).is_ok());
    }
}

#[test]
fn what_the_policy_tolerates_goes_on() {
    let expired = || Setup::new().active("a").expires(0).at(10);
    assert!(expired().grace(1).activate("b").is_ok());
    assert!(expired().strategy(ExpiryStrategy::Allow).activate("b").is_ok());
    assert!(expired().strategy(ExpiryStrategy::Maintain).activate("b").is_ok());
    assert!(expired().strategy(ExpiryStrategy::Revoke).activate("b").is_err());
    assert!(expired().strategy(ExpiryStrategy::Allow).trial().activate("b").is_err());
}

#[test]
fn the_first_activation_or_use_starts_the_clock() {
    let waiting = |basis| {
        Setup::new()
            .policy(|policy| (policy.expiry.basis, policy.expiry.duration_seconds) = (basis, Some(30 * DAY)))
            .at(100)
    };
    let until = Some(sample::seconds(100) + jiff::SignedDuration::from_hours(30 * 24));
    let by_machine = waiting(Basis::FirstActivation)
        .activate("a")
        .expect("a free lease")
        .grant;
    assert_eq!(by_machine.expires_at, until);
    let setup = waiting(Basis::FirstUse);
    assert_eq!(setup.activate("a").expect("a free lease").grant.expires_at, None);
    let by_use = count_uses(&setup.policy, &setup.grant, 1, setup.now).expect("unlimited");
    assert_eq!(by_use.expires_at, until);
}

#[test]
fn processes_are_named_by_their_machine_and_end_with_it() {
    let setup = Setup::new()
        .active("a")
        .heartbeat(|_| {})
        .limit(|l| l.processes = Some(1))
        .at(30);
    let first = setup.spawn("a", "123").expect("a free place");
    let setup = setup.grant(|grant| *grant = first.grant.clone());
    assert_eq!(setup.spawn("a", "123").expect("runs").process.id, first.process.id);
    assert!(matches!(setup.spawn("a", "124"), Err(ProcessError::OverLimit(_))));
    assert_eq!(setup.spawn("b", "1"), Err(ProcessError::NotActive));
    assert_eq!(setup.spawn("a", "no spaces"), Err(ProcessError::InvalidPid));
    let (policy, id) = (setup.policy.clone(), first.process.id);
    let beat = |second| process::heartbeat(&policy, &first.grant, id, sample::seconds(second)).is_ok();
    assert_eq!([50, 89, 90].map(beat), [true, true, false], "it is silent from 30 on");
    let dead = setup.at(60);
    assert_eq!(
        dead.spawn("a", "9"),
        Err(ProcessError::Dead {
            since: sample::seconds(60)
        })
    );
    let unknown: ProcessId = other();
    assert_eq!(
        process::end(&policy, &dead.grant, unknown, dead.now),
        Err(ProcessError::NotRunning)
    );
    let left = deactivate(&policy, &dead.grant, machine_id("a"), dead.now)
        .expect("active")
        .grant;
    assert!(left.processes.is_empty());
}

#[test]
fn who_loses_a_seat_loses_their_machines() {
    let setup = Setup::new().leased("a", 0).leased("b", 1).active("c").runs("a", 1);
    let (policy, grant, now) = (&setup.policy, &setup.grant, setup.now);
    assert_eq!(attach(policy, grant, user(0), now), Err(SeatError::Attached));
    let left = detach(policy, grant, user(0), now).expect("a seat");
    assert_eq!(
        (left.gone.len(), left.grant.machines.len(), left.grant.processes.len()),
        (1, 2, 0)
    );
    let nobody: UserId = user(7);
    assert_eq!(detach(policy, grant, nobody, now), Err(SeatError::NotAttached));
}

#[test]
fn uses_are_counted_whole_or_not_at_all() {
    let setup = Setup::new().limit(|l| l.uses = Some(10)).uses(8);
    let count = |uses| count_uses(&setup.policy, &setup.grant, uses, setup.now).map(|grant| grant.uses);
    assert_eq!(count(2), Ok(10));
    assert!(matches!(
        count(3),
        Err(UseError::OverLimit(OverLimit { used: 8, more: 3, .. }))
    ));
    assert!(matches!(count(u64::MAX), Err(UseError::OverLimit(_))));
    assert_eq!(count(0), Err(UseError::Nothing));
    let back = |uses| return_uses(&setup.grant, uses).map(|grant| grant.uses);
    assert_eq!(
        (back(8), back(9), back(0)),
        (Ok(0), Err(UseError::TooFew { used: 8 }), Err(UseError::Nothing))
    );
}

#[test]
fn what_the_server_knows_survives_its_own_text() {
    let setup = Setup::new()
        .leased("a", 0)
        .beats("a", 5)
        .runs("a", 2)
        .expires(9)
        .suspended();
    let text = serde_json::to_string(&setup.grant).expect("plain data");
    let read: Grant = serde_json::from_str(&text).expect("its own text");
    assert_eq!(read, setup.grant);
    assert!(matches!(read.standing, Standing::Suspended { .. }));
    assert!(serde_json::from_str::<Grant>(&text.replace("\"a\"", "\"two words\"")).is_err());
}
