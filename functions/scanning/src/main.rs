//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::sqs(scanning::Context::from_start, scanning::handle)
}
