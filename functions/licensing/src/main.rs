//! Starts the function; the library has what it does.

fn main() -> std::process::ExitCode {
    shared::runtime::http(|start| shared::http::router(licensing::routes(), licensing::Context::from_start(start)))
}
