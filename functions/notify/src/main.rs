//! Starts the function; see the library.

use std::process::ExitCode;

use notify::{Context, handle};

fn main() -> ExitCode {
    shared::runtime::sqs(Context::from_start, handle)
}
