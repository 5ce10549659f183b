//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::schedule(reconcile::Context::from_start, reconcile::run)
}
