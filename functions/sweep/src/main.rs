//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::schedule(sweep::Context::from_start, sweep::run)
}
