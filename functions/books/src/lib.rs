//! What reconciliation found, for operators: every run with its report, and the differences that stand.
//!
//! Trigger: HTTP. Writes nothing.

mod api;
mod context;
mod handlers;

pub use context::Context;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(handlers::reconciliations))
        .routes(routes!(handlers::reconciliation))
        .routes(routes!(handlers::differences))
}
