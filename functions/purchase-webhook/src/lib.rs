//! Takes in the payment processors' events: verify, store, answer.
//!
//! Trigger: HTTP. Writes one inbox item for each event that is ours, with the message that follows from it. Idempotency: the event's id is the item's key,
//! so a second delivery finds it there and is answered like the first. Nothing is decided here: an event is a hint that something changed,
//! and whoever acts on it fetches the object itself.

mod context;
mod handler;

pub use context::Context;

use shared::http::Routes;
use shared::routes;

pub fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(handler::from_stripe))
        .routes(routes!(handler::from_stripe_connect))
        .routes(routes!(handler::from_paypal))
}
