//! The page of a billing portal session: what the subscriptions are paid with, and a way to change it.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::Response;
use serde_json::{Value, json};
use standin::page::escaped;
use standin::{World as _, respond};

use super::invoice::row;
use super::payment::choices;
use super::{message, page};
use crate::billing::{catalogue, methods, portal};
use crate::checkout::cards::find;
use crate::wire::form;
use crate::world::{App, Kind, World, text};

pub(super) async fn show(State(app): State<App>, Path(session): Path<String>) -> Response<Body> {
    let mut world = app.world();
    world.run_due();
    render(&world, &session, None)
}

pub(super) async fn submit(State(app): State<App>, Path(session): Path<String>, body: Bytes) -> Response<Body> {
    let form = match form::parse(&String::from_utf8_lossy(&body)) {
        Ok(form) => form,
        Err(error) => return respond::html(400, message("This form is broken", error.message(), None)),
    };
    let mut world = app.world();
    world.run_due();
    let Some(known) = world.shelf.get(Kind::PortalSession, &session).cloned() else {
        return unknown();
    };
    let Some(card) = find(form.given("card").unwrap_or("success")) else {
        return render(&world, &session, Some("This is not one of the test cards below."));
    };
    let changed = portal::change_card(&mut world, &session, card);
    app.wake();
    match (changed, portal::way_back(&known)) {
        (Err(error), _) => render(&world, &session, Some(error.message())),
        (Ok(_), Some(url)) => respond::see_other(url),
        (Ok(_), None) => {
            let text = "Your subscriptions are paid with the new card from now on. You can close this page.";
            respond::html(200, message("Card changed", text, None))
        }
    }
}

fn unknown() -> Response<Body> {
    let text = "There is no billing portal session at this address, or its customer is gone.";
    respond::html(404, message("No such session", text, None))
}

fn render(world: &World, id: &str, problem: Option<&str>) -> Response<Body> {
    let Some((customer, subscriptions)) = portal::look(world, id) else {
        return unknown();
    };
    let alert = problem.map_or(String::new(), |text| {
        let text = escaped(text);
        format!("<p class=\"alert\" role=\"alert\"><strong>Not changed.</strong> {text}</p>")
    });
    let session = world.shelf.get(Kind::PortalSession, id);
    let back = session
        .and_then(|session| session["return_url"].as_str())
        .map_or(String::new(), |url| {
            format!("<p><a href=\"{}\">Go back without a change</a></p>", escaped(url))
        });
    let title = "What you pay with";
    let body = format!(
        "<h1>{title}</h1>{alert}{}<form method=\"post\">{}<div class=\"actions\"><button class=\"primary\">Pay with this \
         card</button></div></form>{back}",
        summary(world, &customer, &subscriptions),
        choices(&json!({})),
    );
    let status = if problem.is_some() { 402 } else { 200 };
    respond::html(status, page(title, "narrow", &body))
}

fn summary(world: &World, customer: &Value, subscriptions: &[Value]) -> String {
    let mut rows = String::new();
    for subscription in subscriptions {
        let price = &subscription["items"]["data"][0]["price"];
        let label = format!(
            "{} ({})",
            catalogue::product_name(world, price),
            text(subscription, "status")
        );
        let method = methods::of_subscription(world, subscription);
        row(&mut rows, &label, &card_name(world, method.as_deref()));
    }
    if subscriptions.is_empty() {
        let method = methods::of_customer(world, text(customer, "id"));
        row(&mut rows, "No subscription", &card_name(world, method.as_deref()));
    }
    format!("<section class=\"card\" aria-label=\"Paid with now\">{rows}</section>")
}

/// As a customer knows a card: its brand and its last four digits.
fn card_name(world: &World, method: Option<&str>) -> String {
    let card = method
        .and_then(|method| world.shelf.get(Kind::PaymentMethod, method))
        .map(|body| &body["card"]);
    card.map_or_else(
        || "No card".to_owned(),
        |card| format!("{} ending in {}", text(card, "brand"), text(card, "last4")),
    )
}
