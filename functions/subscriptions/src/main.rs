//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::http(|start| {
        shared::http::router(subscriptions::routes(), subscriptions::Context::from_start(start))
    })
}
