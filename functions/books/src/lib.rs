//! What reconciliation found, for operators: every run with its report, and the differences that stand.
//!
//! Trigger: HTTP. Writes nothing.

mod api;
mod context;
mod handlers;

pub use context::Context;

use shared::http::Routes;
use shared::routes;

pub fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(handlers::reconciliations))
        .routes(routes!(handlers::reconciliation))
        .routes(routes!(handlers::differences))
}
