//! Starts the function; the library has what it does.

// What a run waits for lies deeper than the compiler looks by default.
#![recursion_limit = "256"]

fn main() -> std::process::ExitCode {
    shared::runtime::schedule(reconcile::Context::from_start, reconcile::run)
}
