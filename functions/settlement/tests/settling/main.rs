//! Settling in-process, there and back.

mod arrivals;
mod conversion;
mod crowd;
mod disputes;
mod payments;
mod paypal;
mod refunds;
mod rejected;
mod shares;
mod subscriptions;
mod till;
mod withdrawn;
