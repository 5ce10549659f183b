//! Starts the function; see the library.

use std::process::ExitCode;

use outbox::{Context, handle};

fn main() -> ExitCode {
    shared::runtime::stream(Context::from_start, handle)
}
