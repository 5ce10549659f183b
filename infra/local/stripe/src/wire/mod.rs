//! The API as it is spoken: forms in, JSON out, keys, errors, lists, expansion.

pub(crate) mod api;
pub(crate) mod auth;
pub(crate) mod call;
pub(crate) mod embedded;
pub(crate) mod error;
pub(crate) mod expand;
pub(crate) mod form;
pub(crate) mod list;
mod routes;
pub(crate) mod schema;
