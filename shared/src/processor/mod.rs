//! The payment processors, Stripe and PayPal: the calls Souk makes to them, and the webhooks it gets from there.
//!
//! One client each, typed in its processor's own words. What they share is how a call can end ([`ProcessorError`]) and how a webhook
//! can fail to be one ([`WebhookError`]), since a caller acts on these alike.

pub mod account;
pub mod deployment;
mod error;
mod http;
pub mod intake;
mod listed;
pub mod movement;
pub mod paypal;
#[cfg(feature = "test-util")]
pub mod peer;
pub mod stripe;
pub mod subscription;
mod webhook;

pub use crate::ledger::Processor;
pub use deployment::Deployment;
pub use error::ProcessorError;
pub use listed::Listed;
pub use webhook::WebhookError;
