//! The shop: browse, cart, orders and their checkout, licences and downloads, and what must no longer be used.
//!
//! Trigger: HTTP. Writes carts and orders (with the message that settles a free one); reads what is published. Idempotency: the
//! `Idempotency-Key` of each POST, whose seed gives the order its id; the order's id is the key of its checkout session.

mod api;
mod block_list;
mod browse;
mod cart;
mod checkout;
pub mod context;
mod licences;
mod orders;

pub use block_list::KeptPages;
pub use context::Context;

use shared::http::Routes;
use shared::routes;

pub fn routes() -> Routes<Context> {
    Routes::new()
        .routes(routes!(block_list::show))
        .routes(routes!(block_list::keys))
        .routes(routes!(browse::list))
        .routes(routes!(browse::show))
        .routes(routes!(cart::show))
        .routes(routes!(cart::put_line, cart::delete_line))
        .routes(routes!(orders::create, orders::list))
        .routes(routes!(orders::show))
        .routes(routes!(orders::cancel))
        .routes(routes!(licences::list))
        .routes(routes!(licences::show))
        .routes(routes!(licences::download))
        // The other spelling of the same word.
        .route("/v1/licenses", axum::routing::get(licences::list))
        .route("/v1/licenses/{licence_id}", axum::routing::get(licences::show))
        .route(
            "/v1/licenses/{licence_id}/downloads",
            axum::routing::post(licences::download),
        )
}
