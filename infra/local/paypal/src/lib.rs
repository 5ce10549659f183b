//! A stateful local stand-in for the part of PayPal's API that Souk calls.
//!
//! Speaks PayPal's wire format (JSON, decimal strings, its errors, request ids, webhooks signed with a certificate that it serves
//! itself), serves the page on which a buyer approves, and control endpoints with which a test makes trouble. Keeps everything in memory
//! and forgets it at the end. Refuses to be PayPal: no accounts, no other intent than `CAPTURE`, and nothing of it belongs in a Lambda.

mod activity;
mod amount;
mod api;
mod config;
mod control;
mod disputes;
mod error;
mod events;
mod in_process;
mod lists;
mod movements;
mod orders;
mod pages;
mod payments;
mod payouts;
mod request_ids;
mod signer;
mod world;

pub use config::{Config, Settings};
pub use in_process::InProcess;
pub use standin::Server;
pub use world::Kind;

/// Starts a stand-in and returns once it listens.
pub async fn serve(config: Config) -> std::io::Result<Server> {
    let (bind, port, public_url) = (config.bind.clone(), config.port, config.public_url.clone());
    let world = |origin| world::World::new(config, origin);
    standin::serve((&bind, port), public_url.as_deref(), world, pages::router).await
}
