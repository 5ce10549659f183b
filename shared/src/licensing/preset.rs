//! The policies that Souk ships.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString};

use super::policy::{
    Basis, CheckIn, DAY, DeadStrategy, Expiry, ExpiryStrategy, Heartbeat, HeartbeatBasis, Interval, Limits,
    MachineLeasing, Matching, Overage, Policy, ProcessLeasing, RequiredScope, Resurrection, TrialTerms, Uniqueness,
};
use crate::ids::PolicyId;
use crate::seed::Seed;

#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Preset {
    /// One person on three machines of their own, for ever.
    #[default]
    Individual,
    /// A team that shares ten machines at a time; after its year it keeps what was released in it.
    Studio,
    /// An organisation with a lease for each of five machines of every user; it may grow by a quarter before it pays, and has a month's grace.
    Enterprise,
}

impl Preset {
    /// Always the same one.
    pub fn id(self) -> PolicyId {
        Seed::named(Timestamp::UNIX_EPOCH, "licensing.preset").id(&self.to_string())
    }

    pub fn policy(self) -> Policy {
        match self {
            Self::Individual => individual(self.id()),
            Self::Studio => studio(self.id()),
            Self::Enterprise => enterprise(self.id()),
        }
    }
}

fn individual(id: PolicyId) -> Policy {
    Policy {
        id,
        name: "Individual".into(),
        strict: true,
        floating: true,
        limits: Limits {
            machines: Some(3),
            users: Some(1),
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
        trial: Some(TrialTerms {
            duration_seconds: 14 * DAY,
        }),
        uniqueness: Uniqueness::Licence,
        matching: Matching::Most,
        machine_leasing: MachineLeasing::Licence,
        process_leasing: ProcessLeasing::Machine,
        required: [RequiredScope::Fingerprint].into(),
        entitlements: ["individual".to_owned()].into(),
    }
}

fn studio(id: PolicyId) -> Policy {
    Policy {
        name: "Studio".into(),
        limits: Limits {
            machines: Some(10),
            users: Some(10),
            ..Limits::default()
        },
        expiry: Expiry {
            duration_seconds: Some(365 * DAY),
            basis: Basis::Creation,
            strategy: ExpiryStrategy::Maintain,
            grace_seconds: 7 * DAY,
        },
        heartbeat: Some(Heartbeat {
            duration_seconds: 600,
            basis: HeartbeatBasis::Creation,
            required: true,
            dead: DeadStrategy::Cull,
            resurrection: Resurrection::Within { seconds: 300 },
        }),
        entitlements: ["individual".to_owned(), "studio".to_owned()].into(),
        ..individual(id)
    }
}

fn enterprise(id: PolicyId) -> Policy {
    Policy {
        name: "Enterprise".into(),
        limits: Limits {
            machines: Some(5),
            users: Some(100),
            ..Limits::default()
        },
        overage: Overage::OneAndAQuarter,
        expiry: Expiry {
            duration_seconds: Some(365 * DAY),
            basis: Basis::Creation,
            strategy: ExpiryStrategy::Maintain,
            grace_seconds: 30 * DAY,
        },
        check_in: Some(CheckIn {
            interval: Interval::Month,
            every: 1,
        }),
        trial: Some(TrialTerms {
            duration_seconds: 30 * DAY,
        }),
        machine_leasing: MachineLeasing::User,
        process_leasing: ProcessLeasing::User,
        entitlements: ["individual", "studio", "enterprise"].map(str::to_owned).into(),
        ..studio(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use strum::IntoEnumIterator;

    #[test]
    fn what_is_shipped_is_without_flaws() {
        for preset in Preset::iter() {
            assert_eq!(preset.policy().flaws(), Vec::new(), "{preset}");
            assert_eq!(preset.policy().id, preset.id());
        }
        let ids: BTreeSet<_> = Preset::iter().map(Preset::id).collect();
        assert_eq!(ids.len(), Preset::iter().count());
        // Licences are stored with it.
        assert_eq!(Preset::Individual.id().to_string(), "pol_0000000000e7e9p7k120vevcrn");
    }

    #[test]
    fn each_preset_unlocks_what_the_smaller_one_does() {
        let codes = |preset: Preset| preset.policy().entitlements;
        assert!(codes(Preset::Individual).is_subset(&codes(Preset::Studio)));
        assert!(codes(Preset::Studio).is_subset(&codes(Preset::Enterprise)));
    }
}
