//! Processes, seats, uses, check-ins.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::{FieldError, Validate};
use shared::ids::{MachineId, ProcessId, UserId};
use shared::licensing::{Policy, Process};
use utoipa::ToSchema;

use super::note;

/// A copy of the software that starts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpawnProcess {
    /// What the machine calls it: its process number, for example.
    #[schema(min_length = 1, max_length = 64)]
    pub pid: String,
}

impl Validate for SpawnProcess {}

/// A copy of the software that runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProcessView {
    pub id: ProcessId,
    pub machine_id: MachineId,
    pub pid: String,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub heartbeat_at: Timestamp,
    /// It has ended unless it is heard of before; `null` where nobody waits for it.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub heartbeat_due_at: Option<Timestamp>,
}

impl ProcessView {
    pub(crate) fn of(process: &Process, policy: &Policy) -> Self {
        Self {
            id: process.id,
            machine_id: process.machine,
            pid: process.pid.clone(),
            started_at: process.started_at,
            heartbeat_at: process.heartbeat_at,
            heartbeat_due_at: process.ends_at(policy.heartbeat.as_ref()),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProcessesView {
    pub items: Vec<ProcessView>,
    /// How many there may be, for each machine, each user or the licence, as the policy says.
    #[schema(required)]
    pub allowed: Option<u64>,
}

/// Who has a seat.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsersView {
    pub items: Vec<UserId>,
    #[schema(required)]
    pub allowed: Option<u64>,
}

/// Uses to be counted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountUses {
    #[serde(default = "one")]
    #[schema(minimum = 1)]
    pub uses: u64,
}

fn one() -> u64 {
    1
}

impl Validate for CountUses {
    fn validate(&self) -> Vec<FieldError> {
        let nothing = (self.uses == 0).then(|| FieldError::new("/uses", "must be at least 1"));
        nothing.into_iter().collect()
    }
}

/// Uses that were counted by mistake.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CorrectUses {
    /// How many; all of them without a number.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub uses: Option<u64>,
    /// For the audit log.
    #[schema(min_length = 1, max_length = 2_000)]
    pub note: String,
}

impl Validate for CorrectUses {
    fn validate(&self) -> Vec<FieldError> {
        let nothing = (self.uses == Some(0)).then(|| FieldError::new("/uses", "must be at least 1"));
        nothing.into_iter().chain(note(&self.note)).collect()
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsesView {
    /// How many have been counted.
    pub uses: u64,
    #[schema(required)]
    pub allowed: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckInView {
    #[schema(value_type = String, format = DateTime)]
    pub checked_in_at: Timestamp,
    /// The first moment at which the next one is overdue.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
}
