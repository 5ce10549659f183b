//! What a policy says, as partners write it and clients read it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::Validate;
use shared::ids::{ListingId, PolicyId};
use shared::licensing::policy::{
    self, Basis, DeadStrategy, ExpiryStrategy, HeartbeatBasis, Interval, MachineLeasing, Matching, Overage, Policy,
    ProcessLeasing, RequiredScope, Uniqueness,
};
use utoipa::ToSchema;

/// The terms of a policy. What is left out is as it would be for one person who bought for ever: as many machines as limits do not forbid,
/// no overage, no end, no heartbeats.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyTerms {
    #[schema(min_length = 1, max_length = 80, example = "Campus")]
    pub name: String,
    /// Whether a licence without a machine, or beyond its limits, fails validation.
    #[serde(default = "yes")]
    pub strict: bool,
    /// Whether machines take turns; without it the licence is locked to one machine.
    #[serde(default = "yes")]
    pub floating: bool,
    #[serde(default)]
    pub limits: LimitTerms,
    #[serde(default = "no_overage")]
    pub overage: Overage,
    #[serde(default)]
    pub expiry: ExpiryTerms,
    #[serde(default)]
    pub heartbeat: Option<HeartbeatTerms>,
    #[serde(default)]
    pub check_in: Option<CheckInTerms>,
    #[serde(default)]
    pub trial: Option<TrialTerms>,
    /// Within what a fingerprint may be active only once.
    #[serde(default = "in_licence")]
    pub uniqueness: Uniqueness,
    /// How many components must be those that a machine was activated with.
    #[serde(default = "most")]
    pub matching: Matching,
    #[serde(default = "by_licence")]
    pub machine_leasing: MachineLeasing,
    #[serde(default = "by_machine")]
    pub process_leasing: ProcessLeasing,
    /// What a validation must say of itself.
    #[serde(default)]
    pub required: BTreeSet<RequiredScope>,
    /// What every licence unlocks.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub entitlements: BTreeSet<String>,
}

/// How many of each there may be; `null` for no limit of the policy's own.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitTerms {
    pub machines: Option<u64>,
    pub cores: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub disk_bytes: Option<u64>,
    pub processes: Option<u64>,
    pub users: Option<u64>,
    pub uses: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExpiryTerms {
    /// `null`: for ever.
    pub duration_seconds: Option<u64>,
    /// What starts the clock.
    pub basis: Basis,
    /// What is left of an expired licence.
    pub strategy: ExpiryStrategy,
    pub grace_seconds: u64,
}

impl Default for ExpiryTerms {
    fn default() -> Self {
        Self {
            duration_seconds: None,
            basis: Basis::Creation,
            strategy: ExpiryStrategy::Restrict,
            grace_seconds: 0,
        }
    }
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeartbeatTerms {
    /// Who is not heard of for so long is dead.
    #[schema(minimum = 60)]
    pub duration_seconds: u64,
    #[serde(default = "from_creation")]
    pub basis: HeartbeatBasis,
    /// Whether a machine must have begun to send heartbeats to validate.
    #[serde(default = "yes")]
    pub required: bool,
    #[serde(default = "cull")]
    pub dead: DeadStrategy,
    #[serde(default = "never")]
    pub resurrection: Resurrection,
}

/// How long a heartbeat brings a dead machine back.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Resurrection {
    Never,
    /// Counted from its death.
    Within {
        seconds: u64,
    },
    Always,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckInTerms {
    pub interval: Interval,
    /// 2 with `week`: every second week.
    pub every: u16,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrialTerms {
    pub duration_seconds: u64,
}

fn yes() -> bool {
    true
}

fn no_overage() -> Overage {
    Overage::None
}

fn in_licence() -> Uniqueness {
    Uniqueness::Licence
}

fn most() -> Matching {
    Matching::Most
}

fn by_licence() -> MachineLeasing {
    MachineLeasing::Licence
}

fn by_machine() -> ProcessLeasing {
    ProcessLeasing::Machine
}

fn from_creation() -> HeartbeatBasis {
    HeartbeatBasis::Creation
}

fn cull() -> DeadStrategy {
    DeadStrategy::Cull
}

fn never() -> Resurrection {
    Resurrection::Never
}

/// The rules judge it, once it is a policy.
impl Validate for PolicyTerms {}

impl PolicyTerms {
    pub(crate) fn policy(self, id: PolicyId) -> Policy {
        let heartbeat = |terms: HeartbeatTerms| policy::Heartbeat {
            duration_seconds: terms.duration_seconds,
            basis: terms.basis,
            required: terms.required,
            dead: terms.dead,
            resurrection: match terms.resurrection {
                Resurrection::Never => policy::Resurrection::Never,
                Resurrection::Within { seconds } => policy::Resurrection::Within { seconds },
                Resurrection::Always => policy::Resurrection::Always,
            },
        };
        let check_in = |CheckInTerms { interval, every }| policy::CheckIn { interval, every };
        let trial = |TrialTerms { duration_seconds }| policy::TrialTerms { duration_seconds };
        Policy {
            id,
            name: self.name,
            strict: self.strict,
            floating: self.floating,
            limits: policy::Limits {
                machines: self.limits.machines,
                cores: self.limits.cores,
                memory_bytes: self.limits.memory_bytes,
                disk_bytes: self.limits.disk_bytes,
                processes: self.limits.processes,
                users: self.limits.users,
                uses: self.limits.uses,
            },
            overage: self.overage,
            expiry: policy::Expiry {
                duration_seconds: self.expiry.duration_seconds,
                basis: self.expiry.basis,
                strategy: self.expiry.strategy,
                grace_seconds: self.expiry.grace_seconds,
            },
            heartbeat: self.heartbeat.map(heartbeat),
            check_in: self.check_in.map(check_in),
            trial: self.trial.map(trial),
            uniqueness: self.uniqueness,
            matching: self.matching,
            machine_leasing: self.machine_leasing,
            process_leasing: self.process_leasing,
            required: self.required,
            entitlements: self.entitlements,
        }
    }
}

impl From<Policy> for PolicyTerms {
    fn from(policy: Policy) -> Self {
        let heartbeat = |terms: policy::Heartbeat| HeartbeatTerms {
            duration_seconds: terms.duration_seconds,
            basis: terms.basis,
            required: terms.required,
            dead: terms.dead,
            resurrection: match terms.resurrection {
                policy::Resurrection::Never => Resurrection::Never,
                policy::Resurrection::Within { seconds } => Resurrection::Within { seconds },
                policy::Resurrection::Always => Resurrection::Always,
            },
        };
        let check_in = |policy::CheckIn { interval, every }| CheckInTerms { interval, every };
        let trial = |policy::TrialTerms { duration_seconds }| TrialTerms { duration_seconds };
        Self {
            name: policy.name,
            strict: policy.strict,
            floating: policy.floating,
            limits: LimitTerms {
                machines: policy.limits.machines,
                cores: policy.limits.cores,
                memory_bytes: policy.limits.memory_bytes,
                disk_bytes: policy.limits.disk_bytes,
                processes: policy.limits.processes,
                users: policy.limits.users,
                uses: policy.limits.uses,
            },
            overage: policy.overage,
            expiry: ExpiryTerms {
                duration_seconds: policy.expiry.duration_seconds,
                basis: policy.expiry.basis,
                strategy: policy.expiry.strategy,
                grace_seconds: policy.expiry.grace_seconds,
            },
            heartbeat: policy.heartbeat.map(heartbeat),
            check_in: policy.check_in.map(check_in),
            trial: policy.trial.map(trial),
            uniqueness: policy.uniqueness,
            matching: policy.matching,
            machine_leasing: policy.machine_leasing,
            process_leasing: policy.process_leasing,
            required: policy.required,
            entitlements: policy.entitlements,
        }
    }
}

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyView {
    pub id: PolicyId,
    pub terms: PolicyTerms,
    /// `null` for what the marketplace ships.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
}

impl PolicyView {
    pub(crate) fn of(policy: Policy, created_at: Option<Timestamp>) -> Self {
        Self {
            id: policy.id,
            terms: policy.into(),
            created_at,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PresetsView {
    pub items: Vec<PolicyView>,
}

/// Under which policy a listing may be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfferTrial {
    /// One with trial terms; without one nobody may try it any more.
    #[serde(default)]
    pub policy_id: Option<PolicyId>,
}

impl Validate for OfferTrial {}

/// Under which policy sales of a listing issue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SalePolicyView {
    pub listing_id: ListingId,
    pub policy_id: PolicyId,
    /// Its name.
    #[schema(example = "Studio")]
    pub policy: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrialOfferView {
    pub listing_id: ListingId,
    #[schema(required)]
    pub policy_id: Option<PolicyId>,
}

/// The policy that a licence is to be under.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamePolicy {
    /// A preset or one of the partner's own.
    pub policy_id: PolicyId,
}

impl Validate for NamePolicy {}
