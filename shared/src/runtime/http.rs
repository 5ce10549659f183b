//! Lambdas behind the HTTP API.

use std::process::ExitCode;

use super::start::{Start, run};

/// Serves a router made by [`crate::http::router`].
pub fn http(make: impl FnOnce(&Start<'_>) -> axum::Router) -> ExitCode {
    run(make, async |router: axum::Router, _| lambda_http::run(router).await)
}
