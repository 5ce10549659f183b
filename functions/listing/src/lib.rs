//! A partner's listings from the draft to the public, and the review between.
//!
//! Trigger: HTTP. Writes listings, versions, uploads, submissions, replies, appeals, the cases that wait for a moderator, what is published with its
//! index, and the audit entries of claims, decisions, publications and yanks; a decision carries the messages that tell the partner and the
//! customers, and have what is released scanned again. Idempotency: the `Idempotency-Key` of each POST, whose seed gives everything it makes
//! its id; publishing what is published and yanking what is yanked change nothing.
//!
//! To everybody outside a partner's team its drafts do not exist; operators look, and decide about what was handed in, but not about
//! their own team's work.

mod api;
mod context;
mod handlers;
mod problems;
mod standing;

#[cfg(test)]
mod tests;

pub use context::Context;

use handlers::{
    appeals, audit, changes, listings, releases, replies, reports, rescans, review, submissions, uploads, versions,
};
use shared::http::Routes;
use shared::routes;

pub fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(listings::create, listings::list))
        .routes(routes!(listings::show, listings::change))
        .routes(routes!(audit::list))
        .routes(routes!(versions::create, versions::list))
        .routes(routes!(versions::show))
        .routes(routes!(uploads::create))
        .routes(routes!(submissions::create))
        .routes(routes!(releases::publish))
        .routes(routes!(releases::yank))
        .routes(routes!(submissions::list))
        .routes(routes!(submissions::show))
        .routes(routes!(changes::show))
        .routes(routes!(replies::answer, replies::list))
        .routes(routes!(replies::ask))
        .routes(routes!(review::queue))
        .routes(routes!(review::reasons))
        .routes(routes!(review::show))
        .routes(routes!(review::claim))
        .routes(routes!(review::release))
        .routes(routes!(review::decide))
        .routes(routes!(review::judge))
        .routes(routes!(appeals::create))
        .routes(routes!(appeals::list))
        .routes(routes!(appeals::show))
        .routes(routes!(appeals::decide))
        .routes(routes!(reports::create))
        .routes(routes!(reports::close))
        .routes(routes!(reports::turnaround))
        .routes(routes!(rescans::create, rescans::list))
        .routes(routes!(rescans::show))
        .routes(routes!(rescans::findings))
        .routes(routes!(rescans::enforce))
}
