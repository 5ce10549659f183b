//! A stateful local stand-in for the part of Stripe's API that Souk calls.
//!
//! Speaks Stripe's wire format (forms in, JSON out, its errors, ids, lists, idempotency, signed webhooks), serves pages on
//! which a person pays or completes an account, and control endpoints with which a test makes trouble: outages, lost
//! answers, webhooks twice, late, in disorder or never. Keeps everything in memory and forgets it at the end. Refuses to
//! be Stripe: only test cards are known, no fraud is detected, and nothing of it belongs in a Lambda.

// `json!` recurses once per token, and Stripe's largest documents have more than the default 128.
#![recursion_limit = "512"]

mod accounts;
mod balance;
mod billing;
mod charges;
mod checkout;
mod config;
mod control;
mod customers;
mod events;
mod idempotency;
mod in_process;
mod pages;
mod transfers;
mod wire;
mod world;

pub use config::{API_VERSION, AfterRetries, Config, Settings};
pub use in_process::InProcess;
pub use standin::Server;
pub use world::Kind;

/// Starts a stand-in and returns once it listens.
pub async fn serve(config: Config) -> std::io::Result<Server> {
    let (bind, port, public_url) = (config.bind.clone(), config.port, config.public_url.clone());
    let world = |origin| world::World::new(config, origin);
    standin::serve((&bind, port), public_url.as_deref(), world, pages::router).await
}
