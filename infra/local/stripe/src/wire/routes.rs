//! Which function answers which endpoint.

use super::call::{Answer, Call};
use super::error::ApiError;
use crate::billing::{catalogue, coupons, customer_balance, invoices, methods, portal, subscriptions};
use crate::charges::{self, capture, disputes, intents, refunds};
use crate::checkout::{payment_pages, session};
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
        "GET /v1/payment_pages/{session}" => payment_pages::retrieve(world, call),
        "POST /v1/payment_pages/{session}/confirm" => payment_pages::confirm(world, call),

        "GET /v1/payment_intents" => intents::list_all(world, call),
        "POST /v1/payment_intents" => intents::create(world, call),
        "GET /v1/payment_intents/{intent}" => intents::retrieve(world, call),
        "POST /v1/payment_intents/{intent}" => intents::update(world, call),
        "POST /v1/payment_intents/{intent}/confirm" => intents::confirm(world, call),
        "POST /v1/payment_intents/{intent}/cancel" => intents::cancel(world, call),
        "POST /v1/payment_intents/{intent}/capture" => capture::capture(world, call),
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
        "POST /v1/payouts/{payout}" => payouts::update(world, call),
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

        "GET /v1/customers/{customer}/payment_methods" => methods::list_of_customer(world, call),
        "GET /v1/customers/{customer}/balance_transactions" => customer_balance::list_all(world, call),
        "POST /v1/customers/{customer}/balance_transactions" => customer_balance::create(world, call),
        "GET /v1/payment_methods" => methods::list_all(world, call),
        "POST /v1/payment_methods" => methods::create(world, call),
        "POST /v1/payment_methods/{payment_method}" => methods::update(world, call),
        "POST /v1/payment_methods/{payment_method}/attach" => methods::attach(world, call),
        "POST /v1/payment_methods/{payment_method}/detach" => methods::detach(world, call),

        _ => billed(world, call),
    }
}

/// What Stripe calls Billing.
fn billed(world: &mut World, call: &Call) -> Answer {
    match call.endpoint {
        "GET /v1/products" => catalogue::list_products(world, call),
        "POST /v1/products" => catalogue::create_product(world, call),
        "GET /v1/products/{id}" => catalogue::retrieve_product(world, call),
        "POST /v1/products/{id}" => catalogue::update_product(world, call),
        "DELETE /v1/products/{id}" => catalogue::delete_product(world, call),
        "GET /v1/prices" => catalogue::list_prices(world, call),
        "POST /v1/prices" => catalogue::create_price(world, call),
        "GET /v1/prices/{price}" => catalogue::retrieve_price(world, call),
        "POST /v1/prices/{price}" => catalogue::update_price(world, call),
        "GET /v1/coupons" => coupons::list_all(world, call),
        "POST /v1/coupons" => coupons::create(world, call),
        "GET /v1/coupons/{coupon}" => coupons::retrieve(world, call),
        "POST /v1/coupons/{coupon}" => coupons::update(world, call),
        "DELETE /v1/coupons/{coupon}" => coupons::delete(world, call),

        "GET /v1/subscriptions" => subscriptions::api::list_all(world, call),
        "POST /v1/subscriptions" => subscriptions::api::create(world, call),
        "GET /v1/subscriptions/{subscription_exposed_id}" => subscriptions::api::retrieve(world, call),
        "POST /v1/subscriptions/{subscription_exposed_id}" => subscriptions::api::update(world, call),
        "DELETE /v1/subscriptions/{subscription_exposed_id}" => subscriptions::api::cancel(world, call),
        "POST /v1/subscriptions/{subscription}/resume" => subscriptions::api::resume(world, call),

        "GET /v1/invoices" => invoices::api::list_all(world, call),
        "POST /v1/invoices" => invoices::manual::create(world, call),
        "POST /v1/invoices/{invoice}" => invoices::manual::update(world, call),
        "DELETE /v1/invoices/{invoice}" => invoices::manual::delete(world, call),
        "POST /v1/invoices/{invoice}/send" => invoices::manual::send(world, call),
        "GET /v1/invoices/{invoice}" => invoices::api::retrieve(world, call),
        "GET /v1/invoices/{invoice}/lines" => invoices::api::list_lines(world, call),
        "POST /v1/invoices/create_preview" => invoices::preview::create(world, call),
        "POST /v1/invoices/{invoice}/finalize" => invoices::api::finalize_draft(world, call),
        "POST /v1/invoices/{invoice}/pay" => invoices::api::pay(world, call),
        "POST /v1/invoices/{invoice}/void" => invoices::api::void(world, call),
        "POST /v1/invoices/{invoice}/mark_uncollectible" => invoices::api::mark_uncollectible(world, call),
        "GET /v1/invoice_payments" => invoices::payments::list_all(world, call),
        "GET /v1/invoice_payments/{invoice_payment}" => invoices::payments::retrieve(world, call),
        "GET /v1/invoiceitems" => invoices::items::list_all(world, call),
        "POST /v1/invoiceitems" => invoices::items::create(world, call),
        "GET /v1/invoiceitems/{invoiceitem}" => invoices::items::retrieve(world, call),
        "DELETE /v1/invoiceitems/{invoiceitem}" => invoices::items::delete(world, call),

        "POST /v1/billing_portal/sessions" => portal::create(world, call),

        unserved => {
            let (method, path) = unserved.split_once(' ').unwrap_or((unserved, ""));
            Err(ApiError::unknown_url(method, path))
        }
    }
}
