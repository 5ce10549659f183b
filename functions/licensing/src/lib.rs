//! Licences in use: whether one is valid, who holds its leases, files for when there is no connection; and licences as a whole: policies, those
//! that are given or tried, whose they are, and what operators decide.
//!
//! Trigger: HTTP. Writes licences and their leases with what must be found elsewhere (claims on fingerprints, records of trials, batches), with
//! the audit entry of what somebody decided, and counts wrong keys.
//! Idempotency: a fingerprint is activated once, a heartbeat and a deactivation can be repeated, uses are counted once for an
//! `Idempotency-Key`; every write is on the condition that the licence is as it was read, and is decided again where it is not. What is made has
//! ids from the request's seed, so that the same request finds what it has made.
//!
//! Software says which licence it means by its key: `Authorization: License` and the key. A validation reads one item and writes nothing, unless
//! it starts the licence's clock; a release that the function has not met is looked up ([`releases`]). A key that opens nothing is answered as a
//! licence that does not exist is, and counted; from where too many come, no more are looked at, right or wrong ([`guesses`]).

mod api;
mod context;
mod file;
pub mod guesses;
mod handlers;
mod holder;
mod problems;
pub mod releases;

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
        .routes(routes!(handlers::processes::spawn))
        .routes(routes!(handlers::processes::list))
        .routes(routes!(handlers::processes::heartbeat))
        .routes(routes!(handlers::processes::end))
        .routes(routes!(handlers::users::list))
        .routes(routes!(handlers::users::attach, handlers::users::detach))
        .routes(routes!(handlers::uses::count))
        .routes(routes!(handlers::uses::correct))
        .routes(routes!(handlers::check_ins::check_in))
        .routes(routes!(handlers::standing::decide))
        .routes(routes!(handlers::standing::audit_events))
        .routes(routes!(handlers::owners::offer, handlers::owners::withdraw))
        .routes(routes!(handlers::owners::accept))
        .routes(routes!(handlers::owners::rotate))
        .routes(routes!(handlers::owners::rotate_for_owner))
        .routes(routes!(handlers::policies::presets))
        .routes(routes!(handlers::policies::create, handlers::policies::list))
        .routes(routes!(handlers::policies::show))
        .routes(routes!(handlers::policies::offer_trial))
        .routes(routes!(handlers::policies::sell_under))
        .routes(routes!(handlers::policies::assign))
        .routes(routes!(handlers::batches::issue, handlers::batches::list))
        .routes(routes!(handlers::batches::licences))
        .routes(routes!(handlers::trials::begin))
}
