//! What tests begin with: a policy that allows much, and a licence of it that nobody uses yet.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::grant::{Fingerprint, Grant};
use super::lifecycle::{Issue, issue};
use super::machine::Activation;
use super::policy::{
    Basis, DeadStrategy, Expiry, ExpiryStrategy, Heartbeat, HeartbeatBasis, Limits, MachineLeasing, Matching, Overage,
    Policy, ProcessLeasing, Resurrection, Uniqueness,
};
use crate::seed::Seed;

pub fn now() -> Timestamp {
    Timestamp::from_second(1_795_339_200).expect("a time in 2026")
}

pub fn seconds(after: i64) -> Timestamp {
    now() + SignedDuration::from_secs(after)
}

pub fn days(after: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * after)
}

pub fn seed(number: u64) -> Seed {
    Seed::named(now(), &number.to_string())
}

pub fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint::try_from(text.to_owned()).expect("a fingerprint")
}

/// Floating over ten machines, lenient in everything else.
pub fn policy() -> Policy {
    Policy {
        id: seed(1).id("policy"),
        name: "Sample".into(),
        strict: true,
        floating: true,
        limits: Limits {
            machines: Some(10),
            ..Limits::default()
        },
        overage: Overage::None,
        expiry: Expiry {
            duration_seconds: None,
            basis: Basis::Creation,
            strategy: ExpiryStrategy::Restrict,
            grace_seconds: 0,
        },
        heartbeat: None,
        check_in: None,
        trial: None,
        uniqueness: Uniqueness::Licence,
        matching: Matching::Any,
        machine_leasing: MachineLeasing::Licence,
        process_leasing: ProcessLeasing::Licence,
        required: BTreeSet::new(),
        entitlements: BTreeSet::new(),
    }
}

/// Dead after a minute, culled half a minute later.
pub fn heartbeat() -> Heartbeat {
    Heartbeat {
        duration_seconds: 60,
        basis: HeartbeatBasis::Creation,
        required: true,
        dead: DeadStrategy::Cull,
        resurrection: Resurrection::Within { seconds: 30 },
    }
}

pub fn order() -> Issue {
    Issue {
        licence: seed(2).id("licence"),
        product: seed(2).id("product"),
        partner: seed(2).id("partner"),
        owner: seed(2).id("owner"),
        limits: Limits::default(),
        entitlements: BTreeSet::new(),
    }
}

pub fn grant() -> Grant {
    issue(&policy(), &order(), now())
}

pub fn activation(text: &str) -> Activation {
    Activation {
        fingerprint: fingerprint(text),
        name: None,
        components: BTreeSet::new(),
        user: None,
        cores: 4,
        memory_bytes: 8,
        disk_bytes: 16,
    }
}
