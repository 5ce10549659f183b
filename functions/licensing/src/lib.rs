//! Licences in use: whether one is valid, the machines that hold its leases, files for when there is no connection, and what operators decide.
//!
//! Trigger: HTTP. Writes the leases and the standing of a licence, with the audit entry of an operator's decision, and counts wrong keys.
//! Idempotency: a fingerprint is activated once, a heartbeat and a deactivation can be repeated; every write is on the condition that the
//! licence is as it was read, and is decided again where it is not.
//!
//! Software says which licence it means by its key: `Authorization: License` and the key. A validation reads one item and writes nothing, unless
//! it starts the licence's clock. A key that opens nothing is answered as a licence that does not exist is, and counted; from where too many
//! come, no more are looked at.

mod api;
mod context;
mod file;
mod handlers;
mod holder;
mod problems;

#[cfg(test)]
mod tests;

pub use context::Context;

use shared::http::Routes;
use shared::routes;

pub fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(handlers::codes))
        .routes(routes!(handlers::validate))
        .routes(routes!(handlers::machines::activate, handlers::machines::list))
        .routes(routes!(handlers::machines::heartbeat))
        .routes(routes!(handlers::machines::deactivate))
        .routes(routes!(handlers::files::create))
        .routes(routes!(handlers::standing::decide))
}
