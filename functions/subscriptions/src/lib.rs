//! Subscriptions: the plans that partners sell, what customers do with their subscriptions, and who counts as studying or teaching.
//!
//! Trigger: HTTP. Writes plans and proofs with the audit entry of whoever decided; subscriptions, and their licences where Stripe's answer to
//! a change says that they follow. Idempotency: ids come from the request's seed, Stripe's idempotency keys from the subscription's id or
//! that seed; what a subscription becomes is written on the condition that it is as it was read.
//!
//! Stripe keeps the calendar and the money. What happens without a request (a renewal, a card that is declined, the end of a trial) is heard
//! by the webhook and followed by the settlement.

mod api;
mod checkout;
pub mod context;
mod handlers;

pub use context::Context;

use shared::http::Routes;
use shared::routes;

pub fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(handlers::plans::create, handlers::plans::list))
        .routes(routes!(handlers::plans::retire))
        .routes(routes!(handlers::plans::on_sale))
        .routes(routes!(handlers::create, handlers::list))
        .routes(routes!(handlers::show))
        .routes(routes!(handlers::changes::change))
        .routes(routes!(handlers::changes::preview))
        .routes(routes!(handlers::standing::pause, handlers::standing::resume))
        .routes(routes!(handlers::standing::cancel, handlers::standing::keep))
        .routes(routes!(handlers::standing::mend_payment))
        .routes(routes!(handlers::proofs::create, handlers::proofs::list))
        .routes(routes!(handlers::proofs::pending))
        .routes(routes!(handlers::proofs::decide))
        .routes(routes!(handlers::proofs::audit_events))
}
