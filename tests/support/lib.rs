//! What the journeys share: the deployed stack and a client for each thing in it, a way to wait, and the scenes that stories begin with.
//!
//! Nothing here knows how Souk works inside. People sign in at the issuer, call the API, upload with the form they were given and pay at
//! the processor; queues, tables and logs are looked at only where a test is about what must not show.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]

pub mod api;
pub mod aws;
pub mod package;
pub mod paypal;
pub mod people;
pub mod routes;
pub mod scenes;
pub mod stack;
pub mod stripe;
pub mod template;
pub mod wait;
pub mod webhook;

pub use api::{Answer, Api};
pub use aws::Aws;
pub use paypal::PayPal;
pub use people::Person;
pub use scenes::{Listing, Order, Partner};
pub use stack::Stack;
pub use stripe::Stripe;
pub use wait::{eventually, eventually_within};

/// Short and different each time: names and ids of what one test makes, so that tests run side by side.
pub fn unique() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// The time at which a request is signed.
pub fn now() -> jiff::Timestamp {
    shared::clock::Clock::System.now()
}
