//! What the local stand-ins of the payment processors are made of: a listening server, a clock, faults, deliveries of webhooks, pages.
//!
//! Owns what every stand-in does alike, and nothing that one processor says in its own way: forms or JSON, keys, errors, signatures and
//! objects are the stand-ins' own. A stand-in is a [`World`] behind one mutex; every request, page and control works on it while holding
//! the lock and never awaits meanwhile, so each of them is atomic, as a call to the processor is.

mod clock;
pub mod control;
mod deliveries;
mod faults;
mod ids;
mod log;
pub mod page;
mod plan;
pub mod respond;
mod sender;
mod server;

pub use clock::Clock;
pub use deliveries::{Deliveries, Delivery, Message, State, Tampering, matches_type};
pub use faults::{Faults, How, Outage, When};
pub use ids::Ids;
pub use log::{Logged, RequestLog};
pub use plan::Plan;
pub use server::{App, HangUp, Server, interrupted, serve};

/// The one state of a running stand-in.
pub trait World: Send + 'static {
    /// The ways in which a test may want a delivery broken.
    type Tampering: Tampering;

    /// Runs planned work that is due.
    fn run_due(&mut self);

    fn deliveries(&mut self) -> &mut Deliveries<Self::Tampering>;

    /// What goes over the wire for a delivery now; `None` when its event or its endpoint is gone.
    fn message(&self, delivery: &Delivery<Self::Tampering>) -> Option<Message>;

    /// Pauses between the attempts of one delivery; after the last one it has failed.
    fn retry_delays_ms(&self) -> Vec<i64>;

    /// A receiver has taken the event.
    fn delivered(&mut self, _event: &str) {}
}
