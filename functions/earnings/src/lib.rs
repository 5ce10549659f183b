//! What a partner is owed, has earned and was paid, to the cent.
//!
//! Trigger: HTTP. Writes nothing. Members of the partner's team and operators may read; to everybody else the partner does not exist.

mod api;
mod context;
mod handlers;

pub use context::Context;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(handlers::balances))
        .routes(routes!(handlers::journal_entries))
        .routes(routes!(handlers::payouts))
        .routes(routes!(handlers::payout))
}
