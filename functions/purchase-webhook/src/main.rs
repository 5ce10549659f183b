//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::http(|start| {
        shared::http::router(purchase_webhook::routes(), purchase_webhook::Context::from_start(start))
    })
}
