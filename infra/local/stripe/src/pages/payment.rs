//! The payment page of a checkout session: what is bought, how to pay, and the way back.

use std::fmt::Write as _;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::Response;
use serde_json::Value;
use standin::page::escaped;
use standin::{World as _, respond};

use super::{message, money, page};
use crate::charges::intents::Payer;
use crate::checkout::cards::{Aftermath, CARDS, Card, Effect, find};
use crate::checkout::pay::pay;
use crate::checkout::subscribe::needs_no_card;
use crate::wire::form;
use crate::world::{App, Kind, World, int, text};

/// What the form says for a trial that begins without a card.
const NO_CARD: &str = "no_card";

const GROUPS: [&str; 4] = [
    "Card that pays",
    "Card that is declined",
    "Bank debit, decided later",
    "Card that makes trouble later",
];

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
    let Some(known) = world.shelf.get(Kind::Session, &session).cloned() else {
        return unknown();
    };
    if form.text("action") == Some("cancel") {
        // Leaving does not end a session: it stays open until it expires.
        return match known["cancel_url"].as_str() {
            Some(url) => respond::see_other(url),
            None => render(&world, &session, None),
        };
    }
    let chosen = form.given("card").unwrap_or("success");
    let card = find(chosen);
    if card.is_none() && chosen != NO_CARD {
        return render(&world, &session, Some("This is not one of the test cards below."));
    }
    let payer = Payer {
        email: form
            .given("email")
            .map(str::to_owned)
            .or_else(|| known["customer_email"].as_str().map(str::to_owned)),
        name: form.given("name").map(str::to_owned),
        country: Some("DE".to_owned()),
    };
    let outcome = pay(&mut world, &session, card, &payer);
    app.wake();
    match outcome {
        Ok(_) => respond::see_other(&success_url(&known)),
        Err(error) => render(&world, &session, Some(error.message())),
    }
}

pub(super) async fn receipt(State(app): State<App>, Path(charge): Path<String>) -> Response<Body> {
    let world = app.world();
    match world.shelf.get(Kind::Charge, &charge) {
        Some(body) => {
            let amount = money(int(body, "amount"), text(body, "currency"));
            respond::html(
                200,
                message("Receipt", &format!("{amount} paid, charge {charge}."), None),
            )
        }
        None => respond::html(404, message("No such receipt", "There is no such charge.", None)),
    }
}

fn success_url(session: &Value) -> String {
    text(session, "success_url").replace("{CHECKOUT_SESSION_ID}", text(session, "id"))
}

fn unknown() -> Response<Body> {
    respond::html(
        404,
        message("No such payment", "There is no checkout session at this address.", None),
    )
}

fn render(world: &World, id: &str, problem: Option<&str>) -> Response<Body> {
    let Some(session) = world.shelf.get(Kind::Session, id) else {
        return unknown();
    };
    match text(session, "status") {
        "complete" => {
            let on = success_url(session);
            let paid = "This checkout session is complete and cannot be paid twice.";
            return respond::html(200, message("Already paid", paid, Some(("Go on", &on))));
        }
        "expired" => {
            let back = session["cancel_url"].as_str().map(|url| ("Go back", url));
            let expired = "This checkout session has expired. Go back and start again.";
            return respond::html(200, message("Too late", expired, back));
        }
        _ => {}
    }
    let alert = problem.map_or(String::new(), |text| {
        format!(
            "<p class=\"alert\" role=\"alert\"><strong>Not paid.</strong> {}</p>",
            escaped(text)
        )
    });
    let total = money(int(session, "amount_total"), text(session, "currency"));
    let body = format!(
        "<h1>Pay {total}</h1>{alert}{}<form method=\"post\">{}{}<div class=\"actions\">\
         <button class=\"primary\" name=\"action\" value=\"pay\">Pay {total}</button>{}</div></form>",
        summary(world, session, &total),
        fields(session),
        choices(session),
        if session["cancel_url"].is_string() {
            "<button class=\"quiet\" name=\"action\" value=\"cancel\" formnovalidate>Cancel</button>"
        } else {
            ""
        },
    );
    let status = if problem.is_some() { 402 } else { 200 };
    respond::html(status, page(&format!("Pay {total}"), "narrow", &body))
}

fn summary(world: &World, session: &Value, total: &str) -> String {
    let mut rows = String::new();
    for item in world.line_items.get(text(session, "id")).into_iter().flatten() {
        let quantity = int(item, "quantity");
        let count = if quantity == 1 {
            String::new()
        } else {
            format!(" × {quantity}")
        };
        let amount = money(int(item, "amount_total"), text(item, "currency"));
        let _ = write!(
            rows,
            "<div class=\"sum\"><span>{}{count}</span><span>{amount}</span></div>",
            escaped(text(item, "description"))
        );
    }
    format!(
        "<section class=\"card\" aria-label=\"Order\">{rows}<div class=\"sum total\"><span>Total</span><span>{total}</span>\
         </div></section>"
    )
}

fn fields(session: &Value) -> String {
    let email = session["customer_email"].as_str().unwrap_or("customer@example.com");
    format!(
        "<fieldset><legend>You</legend><label class=\"field\">Email<input type=\"email\" name=\"email\" required \
         autocomplete=\"email\" value=\"{}\"></label><label class=\"field\">Name<input name=\"name\" autocomplete=\"name\" \
         value=\"Jenny Rosen\"></label></fieldset>",
        escaped(email)
    )
}

/// The test cards that fit the session, in groups of what becomes of them.
pub(super) fn choices(session: &Value) -> String {
    let debits = session["payment_method_types"]
        .as_array()
        .is_some_and(|all| all.iter().any(|each| each == "sepa_debit"));
    let group_of = |card: &Card| match (card.effect, card.aftermath) {
        (Effect::Pays | Effect::Authenticates, Aftermath::Nothing) => GROUPS[0],
        (Effect::Declines { .. }, _) => GROUPS[1],
        (Effect::Debits { .. }, _) => GROUPS[2],
        (Effect::Pays | Effect::Authenticates, _) => GROUPS[3],
    };
    let mut html = String::new();
    if needs_no_card(session) {
        let _ = write!(
            html,
            "<div class=\"card\"><label class=\"choice\"><input type=\"radio\" name=\"card\" value=\"{NO_CARD}\">\
             <span>No card</span></label></div>"
        );
    }
    for group in GROUPS {
        let mut rows = String::new();
        for card in CARDS
            .iter()
            .filter(|card| group_of(card) == group && (debits || !card.is_debit()))
        {
            let checked = if card.key == "success" { " checked" } else { "" };
            let _ = write!(
                rows,
                "<label class=\"choice\"><input type=\"radio\" name=\"card\" value=\"{}\"{checked}><span>{}<span \
                 class=\"number\">{}</span></span></label>",
                card.key,
                escaped(card.label),
                spaced(card.number)
            );
        }
        if !rows.is_empty() {
            // Only the usual way is open: the button stays near, and trouble is looked for on purpose.
            let open = if group == GROUPS[0] { " open" } else { "" };
            let _ = write!(
                html,
                "<details class=\"card\"{open}><summary>{group}</summary><div role=\"radiogroup\" \
                 aria-label=\"{group}\">{rows}</div></details>"
            );
        }
    }
    html
}

/// In groups of four, as on a card.
fn spaced(number: &str) -> String {
    let chars: Vec<char> = number.chars().collect();
    chars
        .chunks(4)
        .map(|chunk| chunk.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}
