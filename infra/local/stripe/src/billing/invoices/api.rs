//! The calls about invoices.

use serde_json::Value;

use super::lines::subscription_of;
use super::{collect, finalize, give_up};
use crate::billing::{methods, subscriptions};
use crate::wire::call::{Answer, Call};
use crate::wire::{error::ApiError, list};
use crate::world::{Kind, World, text};

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::Invoice, call.id(), call.owner(), "invoice")
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let subscription = call.params.given("subscription");
    let invoices = world.select(Kind::Invoice, call.owner(), |body| {
        ["customer", "status", "collection_method"]
            .iter()
            .all(|field| call.keeps(body, field))
            && subscription.is_none_or(|subscription| subscription_of(body) == subscription)
    });
    list::page(call, Kind::Invoice, "/v1/invoices", invoices)
}

pub(crate) fn list_lines(world: &World, call: &Call) -> Answer {
    let invoice = retrieve(world, call)?;
    let lines = invoice["lines"]["data"].as_array().into_iter().flatten().collect();
    let url = format!("/v1/invoices/{}/lines", call.id());
    list::page(call, Kind::Invoice, &url, lines)
}

pub(crate) fn finalize_draft(world: &mut World, call: &Call) -> Answer {
    expect_status(&retrieve(world, call)?, &["draft"])?;
    finalize(world, call.id());
    super::await_payment(world, call.id());
    retrieve(world, call)
}

/// Pays an invoice now, with another payment method if one is named. A draft is finalised first, as with Stripe.
pub(crate) fn pay(world: &mut World, call: &Call) -> Answer {
    let invoice = retrieve(world, call)?;
    if text(&invoice, "status") == "paid" {
        return Err(ApiError::refused("invoice_already_paid", "Invoice is already paid").param("invoice"));
    }
    expect_status(&invoice, &["draft", "open", "uncollectible"])?;
    let method = methods::belonging(world, call, text(&invoice, "customer"), "payment_method")?;
    finalize(world, call.id());
    if call.params.flag("paid_out_of_band") {
        collect::paid_elsewhere(world, call.id());
    } else {
        collect::attempt(world, call.id(), method, collect::Asked::ByRequest)?;
    }
    retrieve(world, call)
}

pub(crate) fn void(world: &mut World, call: &Call) -> Answer {
    expect_status(&retrieve(world, call)?, &["open", "uncollectible"])?;
    let body = give_up(world, call.id(), "void");
    subscriptions::states::invoice_voided(world, subscription_of(&body), call.id());
    Ok(body)
}

pub(crate) fn mark_uncollectible(world: &mut World, call: &Call) -> Answer {
    expect_status(&retrieve(world, call)?, &["open", "draft"])?;
    Ok(give_up(world, call.id(), "uncollectible"))
}

fn expect_status(invoice: &Value, allowed: &[&str]) -> Result<(), ApiError> {
    let status = text(invoice, "status");
    if allowed.contains(&status) {
        return Ok(());
    }
    let message = format!(
        "You can only do this to an invoice that is {}; this one is {status}.",
        allowed.join(" or ")
    );
    Err(ApiError::refused("invoice_not_editable", message))
}
