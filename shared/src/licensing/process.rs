//! Processes: how many copies run at once, on machines that are active.

use jiff::Timestamp;

use super::grant::{Grant, Machine, OverLimit, Process, Pulse, Status};
use super::policy::{MAX_PROCESSES, Policy, Resource};
use super::term::serving;
use crate::ids::{MachineId, ProcessId};
use crate::seed::Seed;

/// What a machine may call a process.
const MAX_PID_CHARS: usize = 64;

/// The licence with a process that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawned {
    pub grant: Grant,
    pub process: Process,
    pub gone: Vec<Machine>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    #[error("the licence is {0}")]
    Unusable(Status),
    #[error("a process is named by 1 to {MAX_PID_CHARS} visible ASCII characters")]
    InvalidPid,
    #[error("the licence is not active on this machine")]
    NotActive,
    #[error("the machine has been dead since {since}")]
    Dead { since: Timestamp },
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// It ended, or was not heard of for too long.
    #[error("no such process runs")]
    NotRunning,
}

/// Starts a process. Safe to repeat: what runs under this name on this machine stays the same process, and counts as heard of.
pub fn spawn(
    policy: &Policy,
    grant: &Grant,
    (machine, pid): (MachineId, &str),
    now: Timestamp,
    seed: &Seed,
) -> Result<Spawned, ProcessError> {
    serving(policy, grant, now).map_err(ProcessError::Unusable)?;
    if !(1..=MAX_PID_CHARS).contains(&pid.len()) || !pid.chars().all(|c| c.is_ascii_graphic()) {
        return Err(ProcessError::InvalidPid);
    }
    let found = grant.machines.get(&machine).ok_or(ProcessError::NotActive)?;
    if let Pulse::Dead { since } = found.pulse(policy.heartbeat.as_ref(), now) {
        return Err(ProcessError::Dead { since });
    }
    let (next, gone) = grant.next(policy, now);
    let running = next
        .processes
        .values()
        .find(|process| process.machine == machine && process.pid == pid);
    let process = match running {
        Some(process) => heard_of(process, now),
        None => {
            let group = next.process_group(policy, machine);
            next.room(policy, (Resource::Processes, 1), group, now)?;
            let stored = next.processes.len() as u64;
            if stored >= MAX_PROCESSES {
                return Err(ProcessError::OverLimit(OverLimit {
                    resource: Resource::Processes,
                    used: stored,
                    more: 1,
                    allowed: MAX_PROCESSES,
                }));
            }
            Process {
                id: seed.id("process"),
                machine,
                pid: pid.to_owned(),
                started_at: now,
                heartbeat_at: now,
            }
        }
    };
    Ok(kept(next, process, gone))
}

/// A process is still there. One that died is not revived: it asks for its place again.
pub fn heartbeat(policy: &Policy, grant: &Grant, process: ProcessId, now: Timestamp) -> Result<Spawned, ProcessError> {
    serving(policy, grant, now).map_err(ProcessError::Unusable)?;
    let (next, gone) = grant.next(policy, now);
    let process = next.processes.get(&process).ok_or(ProcessError::NotRunning)?;
    let process = heard_of(process, now);
    Ok(kept(next, process, gone))
}

/// Ends a process. Always allowed.
pub fn end(policy: &Policy, grant: &Grant, process: ProcessId, now: Timestamp) -> Result<Grant, ProcessError> {
    let mut next = Grant {
        revision: grant.revision + 1,
        ..grant.clone()
    };
    let ended = next.processes.remove(&process).ok_or(ProcessError::NotRunning)?;
    if ended.is_gone(policy.heartbeat.as_ref(), now) {
        return Err(ProcessError::NotRunning);
    }
    Ok(next)
}

fn heard_of(process: &Process, now: Timestamp) -> Process {
    Process {
        heartbeat_at: process.heartbeat_at.max(now),
        ..process.clone()
    }
}

fn kept(mut grant: Grant, process: Process, gone: Vec<Machine>) -> Spawned {
    grant.processes.insert(process.id, process.clone());
    Spawned { grant, process, gone }
}
