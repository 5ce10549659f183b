//! Journeys through the deployed stack: real Lambdas, real queues, a processor that can be told what to do.
//!
//! One binary, a file per journey, each opening with its story. Tests run side by side, each in a process of its own, with people, partners
//! and listings of its own; what concerns the whole stack (a payout run, the processor's temper) is done under a lock.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod bad_input;
mod bola;
mod contract;
mod documents;
mod forgery;
mod licences;
mod money;
mod payouts;
mod paypal;
mod poison;
mod privacy;
mod reconciliation;
mod refunds;
mod refused;
mod rescans;
mod revenue;
mod sale;
mod samples;
mod scanning;
mod standing;
mod start;
mod subscriptions;
mod twice;
mod updates;
