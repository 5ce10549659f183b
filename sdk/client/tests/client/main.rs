//! The crate as applications and the server meet it.

#![expect(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod damage;
mod files;
mod fingerprint;
mod grace;
mod marketplace;
mod online;
mod rotation;
mod support;
