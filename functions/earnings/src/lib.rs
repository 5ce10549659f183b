//! What a partner is owed, has earned and was paid, to the cent; and payouts on demand.
//!
//! Trigger: HTTP. Writes a payout that was asked for, as a payout run would, with the audit entry of who asked. Idempotency: the request's
//! `Idempotency-Key` makes the payout's id, and the balance's revision lets one of several deciders win. Members of the partner's team and
//! operators may read; to everybody else the partner does not exist.

mod api;
mod context;
mod handlers;
mod on_demand;

pub use context::Context;

use shared::http::Routes;
use shared::routes;

pub fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(handlers::balances))
        .routes(routes!(handlers::journal_entries))
        .routes(routes!(handlers::list_payouts, on_demand::pay))
        .routes(routes!(handlers::payout))
}
