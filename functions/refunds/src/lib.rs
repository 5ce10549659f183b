//! Refunds: asked for by customers, made by partners and operators, followed by all three; and the disputes of orders, those that operators make by
//! hand among them.
//!
//! Trigger: HTTP. Writes refunds, what partners' balances promise for them, what they set aside on their orders, and the audit entry of whoever decided, with the message that sends them, in one
//! transaction; the settlement asks the processor and posts what becomes of it. Idempotency: the `Idempotency-Key` of each POST, whose seed gives the
//! refund its id; the order's revision, so that two refunds together never promise more than was paid.

mod api;
mod context;
mod handlers;

pub use context::Context;

use shared::http::Routes;
use shared::routes;

use handlers::{customer, disputes, operator, partner};

pub fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(customer::request))
        .routes(routes!(customer::list, operator::create))
        .routes(routes!(operator::decide))
        .routes(routes!(disputes::of_order, disputes::open))
        .routes(routes!(disputes::close))
        .routes(routes!(operator::audit_events))
        .routes(routes!(operator::requested))
        .routes(routes!(disputes::list))
        .routes(routes!(partner::order))
        .routes(routes!(partner::list, partner::create))
        .routes(routes!(partner::decide))
}
