//! The two undocumented calls by which Stripe's own page pays a session, as the official command line plays them.

use serde_json::json;

use super::cards;
use super::pay::pay;
use crate::charges::intents::Payer;
use crate::wire::call::{Answer, Call};
use crate::wire::error::ApiError;
use crate::world::{Kind, World, int, text};

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    let session = world.find(Kind::Session, call.id(), call.owner(), "session")?;
    Ok(json!({
        "id": session["id"],
        "object": "checkout.session",
        "line_item_group": {"currency": session["currency"], "total": session["amount_total"]},
        "mode": session["mode"],
        "payment_method_types": session["payment_method_types"],
        "status": session["status"],
    }))
}

pub(crate) fn confirm(world: &mut World, call: &Call) -> Answer {
    let session = world.find(Kind::Session, call.id(), call.owner(), "session")?;
    let total = int(&session, "amount_total");
    if call
        .params
        .int("expected_amount")?
        .is_some_and(|amount| amount != total)
    {
        let message = format!("The expected amount differs from the total of the session, {total}.");
        return Err(ApiError::refused("checkout_amount_mismatch", message).param("expected_amount"));
    }
    let name = call.params.required("payment_method")?;
    let method = world.find(Kind::PaymentMethod, name, call.owner(), "payment_method")?;
    let card = world.notes.get(name).and_then(|note| cards::find(text(note, "card")));
    let details = &method["billing_details"];
    let field = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let payer = Payer {
        email: field(&details["email"]),
        name: field(&details["name"]),
        country: field(&details["address"]["country"]),
    };
    pay(world, call.id(), card, &payer)?;
    retrieve(world, call)
}
