//! Starts a Lambda: environment, log, clients, and the loop around a handler.
//!
//! A function's `main` names its trigger and hands over two things: how its context is made, and its handler. The context is made
//! once, before the first event, and not at all unless the environment is whole. Only this module reads the clock and the environment.

pub mod clients;
pub mod env;
mod http;
mod jitter;
mod log;
mod queue;
mod rejection;
mod schedule;
pub mod secrets;
mod start;
mod stream;

pub use clients::Clients;
pub use env::Env;
pub use http::http;
pub use jitter::FullJitter;
pub use queue::{Delivery, Failure, Payload, sqs};
pub use rejection::accounted;
pub use schedule::{Tick, schedule};
pub use start::Start;
pub use stream::{Change, stream};

/// What a handler leaves of the function's time for answering.
pub(crate) const RESERVE: jiff::SignedDuration = jiff::SignedDuration::from_millis(500);
