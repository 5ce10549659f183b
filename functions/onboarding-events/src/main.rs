//! Starts the function; see the library.

use std::process::ExitCode;

use onboarding_events::{Context, handle};

fn main() -> ExitCode {
    shared::runtime::sqs(Context::from_start, handle)
}
