//! The codes with which validation answers, in the order in which it looks.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use super::policy::Resource;

/// The names are Keygen's public ones, so that its clients understand them; `REVOKED` is Souk's own (there a revoked licence is deleted).
/// Codes for what Souk does not have, environments among them, are left out.
///
/// The order of the variants is the order of precedence: of all that is wrong, validation names what comes first here.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ValidationCode {
    NotFound,
    Banned,
    Revoked,
    Suspended,
    Expired,
    Overdue,
    ProductScopeRequired,
    ProductScopeMismatch,
    PolicyScopeRequired,
    PolicyScopeMismatch,
    UserScopeRequired,
    UserScopeMismatch,
    MachineScopeRequired,
    MachineScopeMismatch,
    FingerprintScopeRequired,
    FingerprintScopeEmpty,
    FingerprintScopeMismatch,
    ComponentsScopeRequired,
    ComponentsScopeEmpty,
    ComponentsScopeMismatch,
    VersionScopeRequired,
    VersionScopeMismatch,
    ChecksumScopeRequired,
    ChecksumScopeMismatch,
    EntitlementsScopeRequired,
    EntitlementsScopeEmpty,
    EntitlementsMissing,
    HeartbeatDead,
    HeartbeatNotStarted,
    NoMachine,
    NoMachines,
    TooManyMachines,
    TooManyCores,
    TooMuchMemory,
    TooMuchDisk,
    TooManyProcesses,
    TooManyUsers,
    TooManyUses,
    Valid,
}

impl ValidationCode {
    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn too_many(resource: Resource) -> Self {
        match resource {
            Resource::Machines => Self::TooManyMachines,
            Resource::Cores => Self::TooManyCores,
            Resource::Memory => Self::TooMuchMemory,
            Resource::Disk => Self::TooMuchDisk,
            Resource::Processes => Self::TooManyProcesses,
            Resource::Users => Self::TooManyUsers,
            Resource::Uses => Self::TooManyUses,
        }
    }

    /// Whether a licence can be valid with this code: it is noted, and the policy lets it pass.
    pub fn may_be_valid(self) -> bool {
        matches!(
            self,
            Self::Valid
                | Self::Expired
                | Self::TooManyMachines
                | Self::TooManyCores
                | Self::TooMuchMemory
                | Self::TooMuchDisk
                | Self::TooManyProcesses
                | Self::TooManyUsers
                | Self::TooManyUses
        )
    }

    /// What it means and what to do, for the API reference.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::NotFound => {
                "No licence has this key, or it is not yours to ask about. Check the key for typing mistakes."
            }
            Self::Banned => "The licence was banned for abuse. Its holder may contact the operator.",
            Self::Revoked => {
                "The licence was withdrawn for good, by a refund or a lost dispute for example. A new one must be bought."
            }
            Self::Suspended => "The licence is suspended. It comes back when what led to it is settled.",
            Self::Expired => {
                "The term is over. With `valid: true` the policy lets it pass, for a grace period, for versions released \
                 in time, or altogether. Renew it."
            }
            Self::Overdue => {
                "The policy asks for regular check-ins and the last one is too long ago. Check in, then validate again."
            }
            Self::ProductScopeRequired => "The policy requires `scope.product`: say which product asks.",
            Self::ProductScopeMismatch => "The licence is for another product than `scope.product`.",
            Self::PolicyScopeRequired => "The policy requires `scope.policy`.",
            Self::PolicyScopeMismatch => "The licence has another policy than `scope.policy`.",
            Self::UserScopeRequired => "The policy requires `scope.user`: say who asks.",
            Self::UserScopeMismatch => {
                "`scope.user` is neither the owner of the licence nor has a seat. Attach the user first."
            }
            Self::MachineScopeRequired => "The policy requires `scope.machine`: the id that activation answered with.",
            Self::MachineScopeMismatch => "The licence is not active on `scope.machine`. Activate it there first.",
            Self::FingerprintScopeRequired => "The policy, or `scope.components`, requires `scope.fingerprint`.",
            Self::FingerprintScopeEmpty => "`scope.fingerprint` is there but empty.",
            Self::FingerprintScopeMismatch => {
                "The licence is not active on the machine with `scope.fingerprint`. Activate it there first."
            }
            Self::ComponentsScopeRequired => {
                "The policy requires `scope.components`: the fingerprints of the machine's parts."
            }
            Self::ComponentsScopeEmpty => "`scope.components` is there but names none.",
            Self::ComponentsScopeMismatch => {
                "Too few of `scope.components` are those that the machine was activated with: the machine was changed too \
                 much, or is another one."
            }
            Self::VersionScopeRequired => {
                "The policy requires `scope.version`, or the licence has expired and is valid only for versions that were \
                 released in time."
            }
            Self::VersionScopeMismatch => "The product has no release `scope.version`.",
            Self::ChecksumScopeRequired => {
                "The policy requires `scope.checksum`: the SHA-256 of the artifact that asks."
            }
            Self::ChecksumScopeMismatch => {
                "No released artifact of the product has `scope.checksum`: it was changed, or never released."
            }
            Self::EntitlementsScopeRequired => "The policy requires `scope.entitlements`: name what is to be unlocked.",
            Self::EntitlementsScopeEmpty => "`scope.entitlements` is there but names none.",
            Self::EntitlementsMissing => "The licence lacks at least one of `scope.entitlements`.",
            Self::HeartbeatDead => {
                "The machine was not heard of for longer than the policy allows. Send a heartbeat, or activate it again."
            }
            Self::HeartbeatNotStarted => "The policy requires heartbeats and the machine has not sent any. Send one.",
            Self::NoMachine => "The licence must be active on its one machine and is active on none. Activate it.",
            Self::NoMachines => {
                "The licence must be active on at least one machine and is active on none. Activate it."
            }
            Self::TooManyMachines => {
                "The licence is active on more machines than it allows. With `valid: true` within the overage."
            }
            Self::TooManyCores => {
                "The machines have more cores together than the licence allows. With `valid: true` within the overage."
            }
            Self::TooMuchMemory => {
                "The machines have more memory together than the licence allows. With `valid: true` within the overage."
            }
            Self::TooMuchDisk => {
                "The machines have more disk space together than the licence allows. With `valid: true` within the overage."
            }
            Self::TooManyProcesses => {
                "More processes run than the licence allows. With `valid: true` within the overage."
            }
            Self::TooManyUsers => {
                "More users are attached than the licence has seats. With `valid: true` within the overage."
            }
            Self::TooManyUses => {
                "The licence was used more often than it allows. With `valid: true` within the overage."
            }
            Self::Valid => "Everything that was asked holds.",
        }
    }
}
