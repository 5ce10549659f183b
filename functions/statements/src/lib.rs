//! Documents about money: a partner's statements, a customer's invoices and credit notes, the operator's tax report.
//!
//! Trigger: HTTP. Writes invoices and credit notes with the counters of their numbers, when somebody asks for one first; everything else is
//! drawn up anew from journal, orders and accounts; what the entries of a finished month come to is kept. Idempotency: the order's id (with the
//! refund's), which is the key of the document; partner and month.
//! The one function that makes PDF files.

mod api;
mod context;
mod csv;
mod document;
mod format;
mod handlers;
mod invoice;
mod statement;
mod tax;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use context::Context;

use shared::http::Routes;
use shared::routes;

pub fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(handlers::statements::list))
        .routes(routes!(handlers::statements::show))
        .routes(routes!(handlers::tax::report))
        .routes(routes!(handlers::invoices::invoice))
        .routes(routes!(handlers::invoices::credit_note))
}
