//! Becoming and being a partner: applications, the agreement, operators' decisions, the account at Stripe, the team; and the API
//! tokens of anybody who has signed in.
//!
//! * **Trigger:** HTTP API.
//! * **Writes:** the table `accounts` (partners, members, API tokens, their audit entries and notices); makes accounts and links at Stripe.
//! * **Idempotency:** every POST by its `Idempotency-Key`; all ids of a request come from its seed, and the audit entry with the
//!   request's id, written with the change, is how a request that was cut off recognises what it has done. Stripe's account of a
//!   partner is made under a key that is the partner's id, so a partner gets one.

mod api;
mod context;
mod handlers;

pub use context::Context;
use handlers::{
    agreement, audit, decisions, groups, holds, links, me, members, partners, payout_account, payout_terms, tokens,
    trust,
};
use shared::http::Routes;
use shared::routes;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(title = "Souk: onboarding", description = "Partners, their agreement, their team, API tokens."),
    tags(
        (name = "partners", description = "Applying, being decided about, being paid."),
        (name = "people", description = "The caller and the caller's API tokens."),
    )
)]
struct Description;

fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(agreement::show))
        .routes(routes!(me::show))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(partners::apply, partners::list))
        .routes(routes!(partners::show))
        .routes(routes!(agreement::accept))
        .routes(routes!(links::create))
        .routes(routes!(decisions::create))
        .routes(routes!(groups::assign))
        .routes(routes!(holds::release))
        .routes(routes!(trust::set))
        .routes(routes!(payout_account::set))
        .routes(routes!(payout_terms::set))
        .routes(routes!(audit::list))
        .routes(routes!(members::add, members::list))
        .routes(routes!(members::remove))
}

/// The function's whole interface.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().describe(Description::openapi())
}

pub fn router(context: Context) -> axum::Router {
    shared::http::router(routes(), context)
}

#[cfg(test)]
mod tests;
