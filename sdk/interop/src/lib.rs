//! What the client crate is tested with that Souk's own workspace must not be built with.

/// What the client's README shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../../client/README.md")]
struct Readme;
