//! Starts the function; see the library.

use std::process::ExitCode;

use onboarding::{Context, router};

fn main() -> ExitCode {
    shared::runtime::http(|start| router(Context::from_start(start)))
}
