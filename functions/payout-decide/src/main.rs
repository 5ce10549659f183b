//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::sqs(payout_decide::Context::from_start, payout_decide::handle)
}
