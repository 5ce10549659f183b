//! What the rules refuse, as problem documents: the one place of this function that names codes and says what to do.

use axum::http::StatusCode;
use jiff::Timestamp;
use shared::http::{FieldError, Problem};
use shared::licence::handover::HandoverError;
use shared::licensing::lifecycle::LifecycleError;
use shared::licensing::process::ProcessError;
use shared::licensing::seat::{SeatError, UseError};
use shared::licensing::term::CheckInError;
use shared::licensing::trial::TrialError;
use shared::licensing::{Fingerprint, MachineError, Outcome, OverLimit, Status};
use shared::store::StoreError;
use shared::store::leases::MAX_MOVED;

pub(crate) fn process(error: &ProcessError) -> Problem {
    match error {
        ProcessError::Unusable(status) => unusable(*status),
        ProcessError::InvalidPid => Problem::invalid(vec![FieldError::new("/pid", error.to_string())]),
        ProcessError::NotActive => Problem::not_found(),
        ProcessError::Dead { since } => dead(*since),
        ProcessError::OverLimit(over) => full(*over, "End a process, or wait until one has."),
        ProcessError::NotRunning => {
            let detail = "No such process runs: it has ended, or was not heard of for too long. Start it again.";
            Problem::conflict("not_running", detail)
        }
    }
}

pub(crate) fn seat(error: &SeatError) -> Problem {
    match error {
        SeatError::Unusable(status) => unusable(*status),
        SeatError::Attached => Problem::conflict("already_attached", "The user has a seat already."),
        SeatError::NotAttached => Problem::not_found(),
        SeatError::OverLimit(over) => full(*over, "Take a seat back from somebody first."),
    }
}

pub(crate) fn uses(error: &UseError) -> Problem {
    match error {
        UseError::Unusable(status) => unusable(*status),
        UseError::Nothing => Problem::conflict("no_uses", "No uses were counted, so none can be taken back."),
        UseError::TooFew { used } => {
            let detail = format!("Only {used} uses were counted. Take back as many or fewer.");
            Problem::conflict("too_few_uses", detail)
        }
        UseError::OverLimit(over) => full(*over, "Get a licence that allows more."),
    }
}

/// What the store refuses to keep of a licence.
pub(crate) fn unkept(error: StoreError) -> Problem {
    match error {
        StoreError::TooLarge => {
            let detail = "So many machines, processes and users, with names and components so long, are more than one licence can keep. \
                Deactivate some, or use another licence for the rest.";
            Problem::conflict("licence_full", detail).caused_by(error)
        }
        error => error.into(),
    }
}

/// An `Idempotency-Key` that came with another number of uses.
pub(crate) fn other_uses() -> Problem {
    let detail = "This Idempotency-Key came with another number of uses before. Use a new key for a new request.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
}

pub(crate) fn check_in(error: &CheckInError) -> Problem {
    match error {
        CheckInError::NotAsked => {
            let detail = "The licence's policy does not ask for check-ins. There is nothing to do.";
            Problem::conflict("no_check_in", detail)
        }
        CheckInError::Unusable(status) => unusable(*status),
    }
}

pub(crate) fn trial(error: TrialError) -> Problem {
    match error {
        TrialError::NotOffered => Problem::not_found(),
        TrialError::Used(used) => Problem::conflict("trial_used", format!("{used}. Buy a licence to go on.")),
        error @ (TrialError::NotATrial | TrialError::Unusable(_)) => {
            Problem::conflict("not_now", format!("This cannot be done: {error}."))
        }
    }
}

pub(crate) fn handover(error: HandoverError) -> Problem {
    match error {
        HandoverError::NotOffered => Problem::not_found(),
        HandoverError::Refused(error) => standing(error),
    }
}

pub(crate) fn taken_elsewhere(fingerprint: &Fingerprint) -> Problem {
    let detail = format!(
        "The machine {fingerprint} is active under another licence too, which the new policy does not allow. Deactivate it under one of them."
    );
    Problem::conflict("fingerprint_taken", detail)
}

pub(crate) fn too_many_to_move() -> Problem {
    let detail = format!(
        "The policies tell fingerprints apart differently, and only {MAX_MOVED} machines can change together. Deactivate some first."
    );
    Problem::conflict("too_many_machines", detail)
}

fn dead(since: Timestamp) -> Problem {
    let detail = format!("The machine was not heard of since {since}. Deactivate it, then activate it again.");
    Problem::conflict("machine_dead", detail)
}

fn full(over: OverLimit, what_to_do: &str) -> Problem {
    let OverLimit {
        resource,
        used,
        allowed,
        ..
    } = over;
    let detail = format!("The licence allows {allowed} {resource}, and {used} are taken. {what_to_do}");
    Problem::conflict("too_many", detail)
}

pub(crate) fn machine(error: &MachineError) -> Problem {
    match error {
        MachineError::Unusable(status) => unusable(*status),
        MachineError::NoSeat => {
            let detail = "The user neither owns the licence nor has a seat. Give the user a seat first.";
            Problem::forbidden("no_seat", detail)
        }
        MachineError::TooManyComponents => Problem::invalid(vec![FieldError::new("/components", error.to_string())]),
        MachineError::FingerprintTaken { .. } => Problem::conflict(
            "fingerprint_taken",
            "The machine is active already, under another user or another licence. Deactivate it there first.",
        ),
        MachineError::OverLimit(over) => full(*over, "Deactivate a machine, or wait until one is."),
        MachineError::TrialUsed(error) => Problem::conflict("trial_used", format!("{error}. Buy a licence to go on.")),
        MachineError::NotActive => Problem::not_found(),
        MachineError::Dead { since } => dead(*since),
    }
}

pub(crate) fn not_valid(outcome: &Outcome) -> Problem {
    let detail = format!(
        "The licence {} ({}), so there is no file of it.",
        outcome.detail, outcome.code
    );
    Problem::conflict("not_valid", detail)
}

pub(crate) fn standing(error: LifecycleError) -> Problem {
    match error {
        LifecycleError::Already(status) => {
            let detail = format!("The licence is {status} already.");
            Problem::conflict("already_so", detail)
        }
        error => Problem::conflict("not_now", format!("This cannot be done: {error}.")),
    }
}

fn unusable(status: Status) -> Problem {
    let what_to_do = match status {
        Status::Expired => "Renew it.",
        Status::Suspended => "It comes back when what led to it is settled.",
        Status::Active | Status::Trial | Status::Revoked | Status::Banned => "Get another licence.",
    };
    let detail = format!("The licence is {status}. {what_to_do}");
    Problem::forbidden("licence_unusable", detail)
}
