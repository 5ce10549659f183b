//! The page of an invoice, to which its `hosted_invoice_url` leads: what it is for, and a way to pay what is still open.

use std::fmt::Write as _;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::Response;
use serde_json::{Value, json};
use standin::page::escaped;
use standin::{World as _, respond};

use super::payment::choices;
use super::{message, money, page};
use crate::billing::invoices::{self, collect, intent_of};
use crate::charges::authentication;
use crate::charges::intents::{self, Payer};
use crate::checkout::cards::find;
use crate::wire::form;
use crate::world::{App, Kind, World, int, text};

pub(super) async fn show(State(app): State<App>, Path(invoice): Path<String>) -> Response<Body> {
    let mut world = app.world();
    world.run_due();
    render(&world, &invoice, None)
}

pub(super) async fn submit(State(app): State<App>, Path(invoice): Path<String>, body: Bytes) -> Response<Body> {
    let form = match form::parse(&String::from_utf8_lossy(&body)) {
        Ok(form) => form,
        Err(error) => return respond::html(400, message("This form is broken", error.message(), None)),
    };
    let mut world = app.world();
    world.run_due();
    let open = world.shelf.get(Kind::Invoice, &invoice);
    if open.is_none_or(|body| text(body, "status") != "open") {
        return render(&world, &invoice, None);
    }
    let intent = intent_of(&mut world, &invoice);
    if let Some(answer @ ("confirm" | "refuse")) = form.given("action") {
        // An answer to what nobody asks any more changes nothing.
        let _answered = authentication::answer(&mut world, &intent, answer == "confirm");
        app.wake();
        let problem = (answer == "refuse")
            .then_some("You have not confirmed it. Confirm it another time, or pay with another card.");
        return render(&world, &invoice, problem);
    }
    let Some(card) = find(form.given("card").unwrap_or("success")).filter(|card| !card.is_debit()) else {
        return render(&world, &invoice, Some("This is not one of the test cards below."));
    };
    let paid = intents::attempt(&mut world, &intent, card, &Payer::default());
    if paid.is_ok() {
        collect::intent_paid(&mut world, &intent);
    }
    app.wake();
    render(&world, &invoice, paid.err().as_ref().map(|error| error.message()))
}

fn render(world: &World, id: &str, problem: Option<&str>) -> Response<Body> {
    let Some(invoice) = world.shelf.get(Kind::Invoice, id) else {
        let text = "There is no invoice at this address.";
        return respond::html(404, message("No such invoice", text, None));
    };
    let currency = text(invoice, "currency");
    let title = format!("Invoice {}", invoice["number"].as_str().unwrap_or("(draft)"));
    let alert = problem.map_or(String::new(), |text| {
        let text = escaped(text);
        format!("<p class=\"alert\" role=\"alert\"><strong>Not paid.</strong> {text}</p>")
    });
    let open = text(invoice, "status") == "open";
    let due = money(int(invoice, "amount_remaining"), currency);
    let form = if open {
        format!(
            "{}<form method=\"post\">{}<div class=\"actions\"><button class=\"primary\">Pay {due}</button></div></form>",
            question(world, id),
            choices(&json!({}))
        )
    } else {
        String::new()
    };
    let body = format!("<h1>{}</h1>{alert}{}{form}", escaped(&title), summary(invoice));
    let status = if problem.is_some() { 402 } else { 200 };
    respond::html(status, page(&title, "narrow", &body))
}

/// What the bank asks about the payment that was tried, and the two answers.
fn question(world: &World, invoice: &str) -> String {
    let asked = invoices::payments::open_intent(world, invoice)
        .and_then(|intent| world.shelf.get(Kind::PaymentIntent, &intent))
        .is_some_and(authentication::is_asked);
    if !asked {
        return String::new();
    }
    "<form method=\"post\" class=\"card\"><p>Your bank asks you to confirm this payment.</p><div class=\"actions\"><button \
     class=\"primary\" name=\"action\" value=\"confirm\">Confirm</button><button class=\"quiet\" name=\"action\" \
     value=\"refuse\">Fail</button></div></form>"
        .to_owned()
}

fn summary(invoice: &Value) -> String {
    let currency = text(invoice, "currency");
    let mut rows = String::new();
    for line in invoice["lines"]["data"].as_array().into_iter().flatten() {
        row(
            &mut rows,
            text(line, "description"),
            &money(int(line, "amount"), currency),
        );
    }
    let off = int(invoice, "subtotal") - int(invoice, "total");
    if off != 0 {
        row(&mut rows, "Discount", &money(-off, currency));
    }
    row(&mut rows, "Total", &money(int(invoice, "total"), currency));
    row(
        &mut rows,
        "To be paid",
        &money(int(invoice, "amount_remaining"), currency),
    );
    row(&mut rows, "Status", text(invoice, "status"));
    format!("<section class=\"card\" aria-label=\"Invoice\">{rows}</section>")
}

pub(super) fn row(rows: &mut String, label: &str, value: &str) {
    let (label, value) = (escaped(label), escaped(value));
    let _ = write!(
        rows,
        "<div class=\"sum\"><span>{label}</span><span>{value}</span></div>"
    );
}
