//! Invoice payments: which payment intent an invoice is paid by.

use serde_json::{Value, json};

use crate::charges::intents;
use crate::wire::call::{Answer, Call};
use crate::wire::list;
use crate::world::{Kind, World, text};

/// Ties an intent to an invoice.
pub(super) fn put(world: &mut World, invoice: &Value, intent: &str) {
    let id = world.id(Kind::InvoicePayment);
    let owner = world.owner_of(text(invoice, "id"));
    let body = json!({
        "id": id,
        "object": "invoice_payment",
        "amount_paid": null,
        "amount_requested": invoice["amount_remaining"],
        "created": world.now(),
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": true,
        "livemode": false,
        "payment": {"payment_intent": intent, "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": null, "paid_at": null},
    });
    world.shelf.put(Kind::InvoicePayment, owner.as_deref(), body);
}

/// The payment intent an invoice waits for, if it has one.
pub(crate) fn open_intent(world: &World, invoice: &str) -> Option<String> {
    let payment = of_invoice(world, invoice)
        .into_iter()
        .find(|payment| text(payment, "status") == "open")?;
    payment["payment"]["payment_intent"].as_str().map(str::to_owned)
}

/// The invoice whose open payment an intent is.
pub(super) fn waiting_for(world: &World, intent: &str) -> Option<String> {
    let owner = world.owner_of(intent);
    let waits = |body: &Value| text(body, "status") == "open" && text(&body["payment"], "payment_intent") == intent;
    let payment = *world.select(Kind::InvoicePayment, owner.as_deref(), waits).first()?;
    Some(text(payment, "invoice").to_owned())
}

/// The payments of an invoice, the newest first.
pub(crate) fn of_invoice<'a>(world: &'a World, invoice: &str) -> Vec<&'a Value> {
    let owner = world.owner_of(invoice);
    world.select(Kind::InvoicePayment, owner.as_deref(), |body| {
        text(body, "invoice") == invoice
    })
}

/// The open payment of an invoice has been made.
pub(super) fn paid(world: &mut World, invoice: &str, amount: i64) {
    let now = world.now();
    let open = of_invoice(world, invoice)
        .into_iter()
        .find(|payment| text(payment, "status") == "open")
        .map(|payment| text(payment, "id").to_owned());
    if let Some(id) = open {
        world.set(&id, |body| {
            body["status"] = json!("paid");
            body["amount_paid"] = json!(amount);
            body["status_transitions"]["paid_at"] = json!(now);
        });
        world.emit("invoice_payment.paid", &id);
    }
}

/// The payment an invoice still waits for will not be made, nor its intent.
pub(super) fn cancel(world: &mut World, invoice: &str) {
    let Some(intent) = open_intent(world, invoice) else {
        return;
    };
    let now = world.now();
    let ids: Vec<String> = of_invoice(world, invoice)
        .into_iter()
        .filter(|payment| text(payment, "status") == "open")
        .map(|payment| text(payment, "id").to_owned())
        .collect();
    for id in ids {
        world.set(&id, |body| {
            body["status"] = json!("canceled");
            body["status_transitions"]["canceled_at"] = json!(now);
        });
    }
    intents::cancel_as(world, &intent, "void_invoice");
}

pub(crate) fn retrieve(world: &World, call: &Call) -> Answer {
    world.find(Kind::InvoicePayment, call.id(), call.owner(), "invoice_payment")
}

pub(crate) fn list_all(world: &World, call: &Call) -> Answer {
    let intent = call.params.given("payment.payment_intent");
    let payments = world.select(Kind::InvoicePayment, call.owner(), |body| {
        call.keeps(body, "invoice")
            && call.keeps(body, "status")
            && intent.is_none_or(|intent| text(&body["payment"], "payment_intent") == intent)
    });
    list::page(call, Kind::InvoicePayment, "/v1/invoice_payments", payments)
}
