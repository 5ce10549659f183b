//! The rules by which sales are divided, and how a line was divided.
//!
//! Trigger: HTTP. Writes rules, their schedules and the audit entries of both, in one transaction. Idempotency: the `Idempotency-Key` of
//! each POST, whose seed gives the rule and the audit entry their ids: a request that was cut off after its write finds what it wrote.
//!
//! Only operators make and see rules. A line is explained to them and to the partner whose line it is.

mod api;
mod context;
mod handlers;

pub use context::Context;
use handlers::{explanations, presets, rules};

use shared::http::Routes;
use shared::routes;

pub fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(rules::create, rules::list))
        .routes(routes!(rules::show))
        .routes(routes!(rules::revise))
        .routes(routes!(rules::end))
        .routes(routes!(rules::audit_events))
        .routes(routes!(presets::list))
        .routes(routes!(explanations::show))
}
