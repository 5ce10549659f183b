//! What software calls to check a Souk licence.
//!
//! | module | answers | needs |
//! |---|---|---|
//! | [`licence_file`] | is this file genuine, in time, and for this machine? | `alloc` |
//! | [`clock`] | has the clock been put back? | nothing |
//! | [`fingerprint`] | which machine is this? | `std` |
//! | [`online`] | what does the marketplace say, and what holds while it cannot be reached? | `std` |
//! | `issue` | (the server's half) a licence file | `alloc` |
//!
//! Time comes in as an argument, except where [`online::SystemHost`] is told to read the clock. With `default-features = false` the crate is
//! `no_std`. Offline, from the file to what it allows:
#![doc = "```rust"]
#![doc = include_str!("../examples/offline.rs")]
#![doc = "```"]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod certificate;
pub mod clock;
#[cfg(feature = "fingerprint")]
pub mod fingerprint;
#[cfg(feature = "issue")]
pub mod issue;
mod key;
mod keys;
pub mod licence_file;
#[cfg(feature = "online")]
pub mod online;

pub use jiff::{SignedDuration, Timestamp};
pub use keys::{InvalidPublicKey, KeySet, PublicKey};
pub use licence_file::{LicenceFile, MachineFile, Verifier, VerifyError};
