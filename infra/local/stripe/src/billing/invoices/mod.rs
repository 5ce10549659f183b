//! Invoices: made as drafts, finalised, paid or not.
//!
//! Owns their documents and what a customer's balance gives or takes; when one is due, the cycle decides.

pub(crate) mod api;
pub(crate) mod collect;
pub(crate) mod items;
pub(crate) mod lines;
pub(crate) mod manual;
pub(crate) mod payments;
pub(crate) mod preview;

use serde_json::{Value, json};

use super::amounts::{Reduction, least, settle};
use super::calendar::Period;
use super::customer_balance;
use crate::charges::intents::{self, Details};
use crate::world::{Kind, World, int, text};
use lines::{Line, subscription_of, sum};

/// What a new invoice is made of.
#[derive(Debug)]
pub(crate) struct Bill {
    pub customer: String,
    /// The subscription as it is when the invoice is made; null for none.
    pub subscription: Value,
    pub reason: &'static str,
    /// The time the invoice looks back on, which is not the time its lines are for.
    pub period: Period,
    pub lines: Vec<Line>,
    pub discounts: Vec<(String, Reduction)>,
    pub currency: String,
}

/// The draft as it would be now; nothing is put down.
pub(crate) fn draft(world: &mut World, bill: &Bill) -> Value {
    let id = world.id(Kind::Invoice);
    let now = world.now();
    let customer = world
        .shelf
        .get(Kind::Customer, &bill.customer)
        .cloned()
        .unwrap_or_default();
    let balance = int(&customer, "balance");
    let sum = sum(world, &bill.lines, &bill.currency, &bill.discounts);
    let settled = settle(sum.total, balance, least(&bill.currency));
    let mut lines = sum.lines;
    for line in &mut lines {
        line["invoice"] = json!(id);
    }
    let parent = match bill.subscription["id"].as_str() {
        Some(subscription) => json!({
            "quote_details": null,
            "subscription_details": {"metadata": bill.subscription["metadata"], "subscription": subscription},
            "type": "subscription_details",
        }),
        None => Value::Null,
    };
    let mut body = blank();
    crate::checkout::session::merge(
        &mut body,
        json!({
            "id": id,
            "amount_due": settled.due,
            "amount_remaining": settled.due,
            "billing_reason": bill.reason,
            "created": now,
            "currency": bill.currency,
            "customer": bill.customer,
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "default_payment_method": null,
            "discounts": bill.discounts.iter().map(|(id, _)| id).collect::<Vec<_>>(),
            "effective_at": null,
            "ending_balance": null,
            "lines": {"object": "list", "data": lines, "has_more": false,
                "url": format!("/v1/invoices/{id}/lines")},
            "parent": parent,
            "period_end": bill.period.end,
            "period_start": bill.period.start,
            "starting_balance": balance,
            "subtotal": sum.subtotal,
            "subtotal_excluding_tax": sum.subtotal,
            "total": sum.total,
            "total_discount_amounts": sum.discounts,
            "total_excluding_tax": sum.total,
        }),
    );
    body
}

/// Puts a draft down, takes the invoice items it used, and tells of it.
pub(crate) fn put(world: &mut World, bill: &Bill) -> String {
    put_with(world, bill, json!({}))
}

/// Like [`put`], with fields that a request has given.
fn put_with(world: &mut World, bill: &Bill, given: Value) -> String {
    let mut body = draft(world, bill);
    crate::checkout::session::merge(&mut body, given);
    let id = text(&body, "id").to_owned();
    let owner = world.owner_of(&bill.customer);
    for item in lines::used_items(&body) {
        world.set(&item, |item| item["invoice"] = json!(id));
    }
    world.shelf.put(Kind::Invoice, owner.as_deref(), body);
    world.emit("invoice.created", &id);
    if let Some(subscription) = bill.subscription["id"].as_str() {
        world.set(subscription, |body| body["latest_invoice"] = json!(id));
        super::coupons::spend(world, subscription);
    }
    id
}

/// Makes a draft final: its number, what the customer's balance settles, and the payment of what is left. An invoice
/// that comes to nothing is paid with that.
pub(crate) fn finalize(world: &mut World, invoice: &str) {
    let Some(body) = world.shelf.get(Kind::Invoice, invoice).cloned() else {
        return;
    };
    if text(&body, "status") != "draft" {
        return;
    }
    let customer = text(&body, "customer").to_owned();
    // The balance may have moved since the draft was made.
    let holder = world.shelf.get(Kind::Customer, &customer).cloned().unwrap_or_default();
    let starting = int(&holder, "balance");
    let total = int(&body, "total");
    let settled = settle(total, starting, least(text(&body, "currency")));
    let sequence = int(&holder, "next_invoice_sequence").max(1);
    let number = format!("{}-{sequence:04}", text(&holder, "invoice_prefix"));
    world.set(&customer, |body| body["next_invoice_sequence"] = json!(sequence + 1));
    customer_balance::applied(world, &customer, &body, settled.balance);
    let now = world.now();
    let page = format!("{}/invoices/{invoice}", world.origin);
    world.set(invoice, |body| {
        body["status"] = json!("open");
        body["number"] = json!(number);
        body["effective_at"] = json!(now);
        body["status_transitions"]["finalized_at"] = json!(now);
        body["starting_balance"] = json!(starting);
        body["ending_balance"] = json!(settled.balance);
        body["amount_due"] = json!(settled.due);
        body["amount_remaining"] = json!(settled.due);
        body["hosted_invoice_url"] = json!(page);
    });
    world.emit("invoice.finalized", invoice);
    if settled.due == 0 {
        world.set(invoice, |body| body["attempted"] = json!(true));
        collect::paid(world, invoice);
    }
}

/// The payment intent of an open invoice; made if it has none yet.
pub(crate) fn intent_of(world: &mut World, invoice: &str) -> String {
    if let Some(intent) = payments::open_intent(world, invoice) {
        return intent;
    }
    let body = world.shelf.get(Kind::Invoice, invoice).cloned().unwrap_or_default();
    let first = text(&body, "billing_reason") == "subscription_create";
    let description = match text(&body, "billing_reason") {
        "subscription_create" => "Subscription creation",
        "manual" => "Payment for Invoice",
        _ => "Subscription update",
    };
    let details = Details {
        amount: int(&body, "amount_remaining"),
        currency: text(&body, "currency").to_owned(),
        customer: body["customer"].clone(),
        methods: json!(["card"]),
        given: json!({"description": description, "setup_future_usage": first.then_some("off_session")}),
    };
    let owner = world.owner_of(invoice);
    let intent = intents::make(world, owner.as_deref(), &details);
    payments::put(world, &body, &intent);
    intent
}

/// An open invoice waits for somebody to confirm its payment intent.
pub(crate) fn await_payment(world: &mut World, invoice: &str) {
    if world
        .shelf
        .get(Kind::Invoice, invoice)
        .is_some_and(|body| text(body, "status") == "open")
    {
        intent_of(world, invoice);
    }
}

/// Ends an invoice that will not be paid: `void` or `uncollectible`.
pub(crate) fn give_up(world: &mut World, invoice: &str, status: &str) -> Value {
    let now = world.now();
    let (event, transition) = if status == "void" {
        ("invoice.voided", "voided_at")
    } else {
        ("invoice.marked_uncollectible", "marked_uncollectible_at")
    };
    let body = world.set(invoice, |body| {
        body["status"] = json!(status);
        body["status_transitions"][transition] = json!(now);
        body["next_payment_attempt"] = Value::Null;
        body["auto_advance"] = json!(false);
    });
    if status == "void" {
        payments::cancel(world, invoice);
        customer_balance::unapplied(world, &body);
    }
    world.emit(event, invoice);
    body
}

/// The last word about a subscription's open invoices: they are not tried any more, as after a cancellation.
pub(crate) fn stop_trying(world: &mut World, subscription: &str) {
    let owner = world.owner_of(subscription);
    let left: Vec<String> = world
        .select(Kind::Invoice, owner.as_deref(), |body| {
            matches!(text(body, "status"), "open" | "draft") && subscription_of(body) == subscription
        })
        .into_iter()
        .map(|body| text(body, "id").to_owned())
        .collect();
    for invoice in left {
        world.update(&invoice, "invoice.updated", |body| {
            body["auto_advance"] = json!(false);
            body["next_payment_attempt"] = Value::Null;
        });
    }
}

fn blank() -> Value {
    json!({
        "object": "invoice",
        "account_country": "DE",
        "account_name": "Souk",
        "account_tax_ids": null,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_shipping": 0,
        "application": null,
        "attempt_count": 0,
        "attempted": false,
        "auto_advance": true,
        "automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null, "provider": null,
            "status": null},
        "automatically_finalizes_at": null,
        "collection_method": "charge_automatically",
        "custom_fields": null,
        "customer_address": null,
        "customer_phone": null,
        "customer_shipping": null,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_source": null,
        "default_tax_rates": [],
        "description": null,
        "due_date": null,
        "footer": null,
        "from_invoice": null,
        "hosted_invoice_url": null,
        "invoice_pdf": null,
        "issuer": {"type": "self"},
        "last_finalization_error": null,
        "latest_revision": null,
        "livemode": false,
        "metadata": {},
        "next_payment_attempt": null,
        "number": null,
        "on_behalf_of": null,
        "payment_settings": {"default_mandate": null, "payment_method_options": null, "payment_method_types": null},
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": null,
        "rendering": null,
        "shipping_cost": null,
        "shipping_details": null,
        "statement_descriptor": null,
        "status": "draft",
        "status_transitions": {"finalized_at": null, "marked_uncollectible_at": null, "paid_at": null,
            "voided_at": null},
        "test_clock": null,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": null,
    })
}
