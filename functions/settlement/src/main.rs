//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::sqs(settlement::Context::from_start, settlement::handle)
}
