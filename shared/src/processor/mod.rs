//! The payment processor: the calls Souk makes to Stripe, and the webhooks it gets from there.

pub mod account;
pub mod movement;
pub mod stripe;
pub mod webhook;
