//! What the rules refuse, as problem documents: the one place of this function that names codes and says what to do.

use shared::http::{FieldError, Problem};
use shared::licensing::lifecycle::LifecycleError;
use shared::licensing::{MachineError, Outcome, OverLimit, Status};

pub(crate) fn machine(error: MachineError) -> Problem {
    match error {
        MachineError::Unusable(status) => unusable(status),
        MachineError::NoSeat => {
            let detail = "The user neither owns the licence nor has a seat. Give the user a seat first.";
            Problem::forbidden("no_seat", detail)
        }
        MachineError::TooManyComponents => Problem::invalid(vec![FieldError::new("/components", error.to_string())]),
        MachineError::FingerprintTaken { .. } => Problem::conflict(
            "fingerprint_taken",
            "The machine is active already, under another user or another licence. Deactivate it there first.",
        ),
        MachineError::OverLimit(OverLimit {
            resource,
            used,
            allowed,
            ..
        }) => {
            let detail = format!(
                "The licence allows {allowed} {resource}, and {used} are taken. Deactivate a machine, or wait until one is."
            );
            Problem::conflict("too_many", detail)
        }
        MachineError::TrialUsed(error) => Problem::conflict("trial_used", format!("{error}. Buy a licence to go on.")),
        MachineError::NotActive => Problem::not_found(),
        MachineError::Dead { since } => {
            let detail =
                format!("The machine was not heard of since {since}, and its lease is free. Activate it again.");
            Problem::conflict("machine_dead", detail)
        }
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
