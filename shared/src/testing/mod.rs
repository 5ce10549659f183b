//! What lets a test run handlers in-process: backends in memory, a clock that stands still, an issuer of tokens, a scripted processor.
//!
//! [`TestApp`] serves a function's router; [`TestWorld`] alone is enough for queue and schedule handlers. Keys, conditions and
//! transactions are the real ones, only DynamoDB, S3, SQS and SES are not there.

mod app;
mod crowd;
mod issuer;
pub mod market;
mod paypal;
mod scripted;
pub mod table_contract;
mod world;

pub use app::{Answer, TestApp, TestRequest};
pub use crowd::{Crowd, Unanimous};
pub use issuer::{TestIssuer, TokenBuilder};
pub use paypal::PayPalSigner;
pub use scripted::{Recorded, ScriptedServer};
pub use world::TestWorld;
