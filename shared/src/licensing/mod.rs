//! The licence server's decisions: what a licence allows, who holds its leases, and whether a copy of the software may run.
//!
//! Owns policies, the state of every licence under one ([`Grant`]) and the one decision about it ([`validate`]). It refuses to look anything
//! up: what other licences and earlier trials have to do with a decision is handed in. The key and the entitlement that a sale creates are
//! [`crate::licence`]'s.
//!
//! ```text
//! standing   good ◀──reinstate── suspended          good ──suspend──▶ suspended
//!            good ◀──reinstate── banned             good, suspended ──ban──▶ banned
//!            good, suspended, banned ──revoke──▶ revoked (for good; its machines leave)
//!
//! status     banned, revoked, suspended: the standing, whatever else there is
//!            expired: the term is over;  trial: nobody has paid yet;  active
//!
//! term       waiting ──the event that the policy names──▶ running ──time──▶ expired ──renew──▶ running
//!            trial ──convert, also when it has run out──▶ waiting or running
//!            expired: grace ──time──▶ over, or maintained for what was released in time, or allowed
//!
//! machine    ──activate──▶ not started ──heartbeat──▶ alive ◀──heartbeat── dead ──window──▶ culled (free), or kept
//!                 └──where the activation counts as a heartbeat──▶ alive ──silence──▶ dead
//!            any ──deactivate──▶ gone
//!
//! process    ──spawn, on a machine that is not dead──▶ running ──end, silence, or its machine leaves──▶ gone
//! ```
//!
//! # The order of precedence
//!
//! Validation names one code, and of all that is wrong the one that comes first in [`ValidationCode`]: that there is no such licence; its
//! standing (banned, revoked, suspended); its term; its check-in; what the request says of itself (product, policy, user, machine,
//! fingerprint, components, version, checksum, entitlements); heartbeats (dead, then not started); and if the policy is strict, that there
//! is no machine, and what is counted (machines, cores, memory, disk, processes, users, uses). What the policy tolerates, an expiry or an
//! overage, is named only if nothing fails, and the answer is then `valid: true` with that code.
//!
//! # Leases
//!
//! Every operation is a pure function of the state, the input, the time and the seed; what it returns is stored whole or not at all, on the
//! condition that the stored [`Grant::revision`] is the one that was read. Two activations that were decided side by side therefore never
//! take the same lease: one is decided again. A lease is free as soon as its machine is gone by the clock; removing it from the store is
//! housekeeping.

pub mod code;
#[cfg(test)]
mod contention;
pub mod grant;
#[cfg(test)]
mod laws;
pub mod lifecycle;
pub mod machine;
pub mod policy;
pub mod preset;
pub mod process;
#[cfg(any(test, feature = "test-util"))]
pub mod sample;
pub mod seat;
#[cfg(test)]
mod table;
pub mod term;
pub mod trial;
pub mod validate;

pub use code::ValidationCode;
pub use grant::{Fingerprint, Grant, Group, Machine, OverLimit, Process, Pulse, Realm, Standing, Status};
pub use lifecycle::{Issue, StandingAct, StandingReason};
pub use machine::{Activation, Elsewhere, Holding, MachineError};
pub use policy::{Flaw, Limits, Policy, Resource};
pub use preset::Preset;
pub use trial::{Device, TrialRecord, TrialUsed};
pub use validate::{Outcome, Release, Scope, validate};
