//! What every Lambda of Souk stands on.
//!
//! Two halves. The **pure core** (ids, money, and one module per bounded context) holds types, rules and errors; it knows
//! neither AWS nor HTTP nor the time of day, and `cargo check -p shared --no-default-features` proves it. The **edges**
//! (feature `aws`) hold everything that talks to the outside: the store, the HTTP edge, sign-in, the payment processor, the runtime.
//!
//! Directions: contexts → ledger → money → ids; edges → contexts, never back.

pub mod audit;
pub mod clock;
pub mod ids;
pub mod invoice;
pub mod ledger;
pub mod licence;
pub mod licensing;
pub mod listing;
pub mod messages;
pub mod money;
pub mod page;
pub mod partner;
pub mod payout;
pub mod purchase;
pub mod reconciliation;
pub mod revenue;
pub mod scan;
pub mod seed;
pub mod statement;
pub mod subscription;

#[cfg(feature = "aws")]
pub mod auth;
#[cfg(feature = "aws")]
pub mod http;
#[cfg(feature = "aws")]
pub mod mail;
#[cfg(feature = "aws")]
pub mod objects;
#[cfg(feature = "aws")]
pub mod processor;
#[cfg(feature = "aws")]
pub mod queues;
#[cfg(feature = "aws")]
pub mod runtime;
#[cfg(feature = "aws")]
pub mod signing;
#[cfg(feature = "aws")]
pub mod store;
#[cfg(all(feature = "aws", feature = "test-util"))]
pub mod testing;
