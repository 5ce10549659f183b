//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::schedule(payout::Context::from_start, payout::run)
}
