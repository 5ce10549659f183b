//! The HTTP edge: everything between a Lambda's trigger and a handler's four moves.
//!
//! [`router()`] wraps a context's routes with limits, time-outs, idempotency and problem documents; the extractors
//! ([`Json`], [`Path`], [`Query`], [`Paging`], [`Call`]) refuse in the same language. Who the caller is, is in [`crate::auth`].

mod contention;
pub mod edge;
pub mod idempotency;
pub mod json;
pub mod openapi;
pub mod paging;
pub mod path;
pub mod problem;
pub mod return_address;
pub mod router;
pub mod routes;

pub use edge::{Call, Edge};
pub use idempotency::ShownOnce;
pub use json::{Json, Validate};
pub use paging::{Page, Paging, PagingParams};
pub use path::{Path, Query};
pub use problem::{FieldError, Problem, ProblemDocument};
pub use return_address::check_return_address;
pub use router::router;
pub use routes::Routes;

#[cfg(test)]
mod tests;
