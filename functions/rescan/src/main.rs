//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::schedule(rescan::Context::from_start, rescan::run)
}
