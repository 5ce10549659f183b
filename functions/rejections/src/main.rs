//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::schedule(rejections::Context::from_start, rejections::run)
}
