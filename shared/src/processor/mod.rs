//! The payment processors, Stripe and PayPal: the calls Souk makes to them, and the webhooks it gets from there.
//!
//! One client each, typed in its processor's own words. What they share is how a call can end ([`ProcessorError`]) and how a webhook
//! can fail to be one ([`WebhookError`]), since a caller acts on these alike.

pub mod account;
mod error;
mod http;
mod intake;
pub mod movement;
pub mod paypal;
#[cfg(feature = "test-util")]
pub mod peer;
pub mod stripe;
mod webhook;

use serde::{Deserialize, Serialize};

pub use error::ProcessorError;
pub use webhook::WebhookError;

/// Who takes a customer's money, and gives it back.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Processor {
    #[default]
    Stripe,
    PayPal,
}
