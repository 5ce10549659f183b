//! Which function answers which endpoint.

use super::call::{Answer, Call};
use super::error::ApiError;
use crate::charges::{self, disputes, intents, refunds};
use crate::checkout::session;
use crate::events::{self, endpoints};
use crate::transfers::{self, payouts, reversals};
use crate::world::World;
use crate::{accounts, balance, customers};

pub(super) fn dispatch(world: &mut World, call: &Call) -> Answer {
    match call.endpoint {
        "GET /v1/account" => accounts::retrieve_own(world, call),
        "GET /v1/accounts" => accounts::list_all(world, call),
        "POST /v1/accounts" => accounts::create(world, call),
        "GET /v1/accounts/{account}" => accounts::retrieve(world, call),
        "POST /v1/accounts/{account}" => accounts::update(world, call),
        "DELETE /v1/accounts/{account}" => accounts::delete(world, call),
        "POST /v1/accounts/{account}/reject" => accounts::reject(world, call),
        "POST /v1/account_links" => accounts::links::create(world, call),

        "GET /v1/checkout/sessions" => session::list_all(world, call),
        "POST /v1/checkout/sessions" => session::create(world, call),
        "GET /v1/checkout/sessions/{session}" => session::retrieve(world, call),
        "POST /v1/checkout/sessions/{session}" => session::update(world, call),
        "GET /v1/checkout/sessions/{session}/line_items" => session::line_items(world, call),
        "POST /v1/checkout/sessions/{session}/expire" => session::expire(world, call),

        "GET /v1/payment_intents" => intents::list_all(world, call),
        "POST /v1/payment_intents" => intents::create(world, call),
        "GET /v1/payment_intents/{intent}" => intents::retrieve(world, call),
        "POST /v1/payment_intents/{intent}" => intents::update(world, call),
        "POST /v1/payment_intents/{intent}/confirm" => intents::confirm(world, call),
        "POST /v1/payment_intents/{intent}/cancel" => intents::cancel(world, call),
        "GET /v1/payment_methods/{payment_method}" => intents::retrieve_method(world, call),

        "GET /v1/charges" => charges::list_all(world, call),
        "GET /v1/charges/{charge}" => charges::retrieve(world, call),
        "POST /v1/charges/{charge}" => charges::update(world, call),
        "GET /v1/refunds" => refunds::list_all(world, call),
        "POST /v1/refunds" => refunds::create(world, call),
        "GET /v1/refunds/{refund}" => refunds::retrieve(world, call),
        "POST /v1/refunds/{refund}" => refunds::update(world, call),
        "GET /v1/disputes" => disputes::list_all(world, call),
        "GET /v1/disputes/{dispute}" => disputes::retrieve(world, call),
        "POST /v1/disputes/{dispute}" => disputes::update(world, call),
        "POST /v1/disputes/{dispute}/close" => disputes::close(world, call),

        "GET /v1/transfers" => transfers::list_all(world, call),
        "POST /v1/transfers" => transfers::create(world, call),
        "GET /v1/transfers/{transfer}" => transfers::retrieve(world, call),
        "POST /v1/transfers/{transfer}" => transfers::update(world, call),
        "GET /v1/transfers/{id}/reversals" => reversals::list_all(world, call),
        "POST /v1/transfers/{id}/reversals" => reversals::create(world, call),
        "GET /v1/transfers/{transfer}/reversals/{id}" => reversals::retrieve(world, call),
        "GET /v1/payouts" => payouts::list_all(world, call),
        "POST /v1/payouts" => payouts::create(world, call),
        "GET /v1/payouts/{payout}" => payouts::retrieve(world, call),
        "POST /v1/payouts/{payout}/cancel" => payouts::cancel(world, call),

        "GET /v1/balance" => balance::retrieve(world, call),
        "GET /v1/balance_transactions" => balance::list_transactions(world, call),
        "GET /v1/balance_transactions/{id}" => balance::retrieve_transaction(world, call),

        "GET /v1/events" => events::list_all(world, call),
        "GET /v1/events/{id}" => events::retrieve(world, call),
        "GET /v1/webhook_endpoints" => endpoints::list_all(world, call),
        "POST /v1/webhook_endpoints" => endpoints::create(world, call),
        "GET /v1/webhook_endpoints/{webhook_endpoint}" => endpoints::retrieve(world, call),
        "POST /v1/webhook_endpoints/{webhook_endpoint}" => endpoints::update(world, call),
        "DELETE /v1/webhook_endpoints/{webhook_endpoint}" => endpoints::delete(world, call),

        "GET /v1/customers" => customers::list_all(world, call),
        "POST /v1/customers" => customers::create(world, call),
        "GET /v1/customers/{customer}" => customers::retrieve(world, call),
        "POST /v1/customers/{customer}" => customers::update(world, call),
        "DELETE /v1/customers/{customer}" => customers::delete(world, call),

        unserved => {
            let (method, path) = unserved.split_once(' ').unwrap_or((unserved, ""));
            Err(ApiError::unknown_url(method, path))
        }
    }
}
