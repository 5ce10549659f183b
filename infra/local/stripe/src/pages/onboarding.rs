//! The page behind an account link: how a partner's account gets ready, or does not.

use std::fmt::Write as _;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::Response;
use serde_json::{Value, json};
use standin::page::escaped;
use standin::{World as _, respond};

use super::{message, page};
use crate::accounts::links::{Link, follow};
use crate::accounts::status::{Visit, visited};
use crate::wire::form;
use crate::world::{App, Kind, World, text};

const CHOICES: [(&str, &str, &str); 5] = [
    (
        "complete",
        "Complete",
        "Everything is in order: the account can be paid at once.",
    ),
    (
        "pending",
        "Complete, still being checked",
        "Stripe verifies the details; nothing is enabled yet.",
    ),
    (
        "document_due",
        "Complete, a document is missing",
        "The account works, but switches off after two weeks.",
    ),
    (
        "incomplete",
        "Leave before the end",
        "Bank account and terms stay open.",
    ),
    ("refused", "Be refused", "Stripe rejects the account."),
];

pub(super) async fn show(State(app): State<App>, Path((account, token)): Path<(String, String)>) -> Response<Body> {
    let mut world = app.world();
    world.run_due();
    match follow(&world, &account, &token) {
        Some(Ok(link)) => render(&world, &link),
        Some(Err(refresh)) => respond::see_other(&refresh),
        None => unknown(),
    }
}

pub(super) async fn submit(
    State(app): State<App>,
    Path((account, token)): Path<(String, String)>,
    body: Bytes,
) -> Response<Body> {
    let choice = match form::parse(&String::from_utf8_lossy(&body)) {
        Ok(form) => form.given("outcome").unwrap_or("complete").to_owned(),
        Err(error) => return respond::html(400, message("This form is broken", error.message(), None)),
    };
    let Ok(visit) = serde_json::from_value::<Visit>(json!(choice)) else {
        return respond::html(
            400,
            message("Unknown choice", "Go back and choose one of the outcomes.", None),
        );
    };
    let mut world = app.world();
    let link = match follow(&world, &account, &token) {
        Some(Ok(link)) => link,
        Some(Err(refresh)) => return respond::see_other(&refresh),
        None => return unknown(),
    };
    visited(&mut world, &account, visit);
    if let Some(used) = world.links.get_mut(&token) {
        used.used = true;
    }
    app.wake();
    respond::see_other(&link.return_url)
}

fn unknown() -> Response<Body> {
    respond::html(
        404,
        message(
            "No such link",
            "Ask the marketplace for a new link to set up your account.",
            None,
        ),
    )
}

fn render(world: &World, link: &Link) -> Response<Body> {
    let account = world
        .shelf
        .get(Kind::Account, &link.account)
        .cloned()
        .unwrap_or_default();
    let name = account["business_profile"]["name"]
        .as_str()
        .or(account["email"].as_str())
        .unwrap_or(&link.account);
    let due = account["requirements"]["currently_due"].as_array().map_or(0, Vec::len);
    let mut rows = String::new();
    for (value, label, explanation) in CHOICES {
        let checked = if value == "complete" { " checked" } else { "" };
        let _ = write!(
            rows,
            "<label class=\"choice\"><input type=\"radio\" name=\"outcome\" value=\"{value}\"{checked}><span>{label}<br>\
             <span class=\"soft\">{explanation}</span></span></label>"
        );
    }
    let body = format!(
        "<h1>Set up payouts for {}</h1><p class=\"soft\">Account <code>{}</code>, {}. {due} details are asked for.</p>\
         <form method=\"post\"><fieldset><legend>How does it end?</legend>{rows}</fieldset><div class=\"actions\">\
         <button class=\"primary\">Continue</button></div></form>",
        escaped(name),
        escaped(&link.account),
        escaped(&capabilities(&account)),
    );
    respond::html(200, page("Set up payouts", "narrow", &body))
}

fn capabilities(account: &Value) -> String {
    let all = account["capabilities"].as_object();
    let listed: Vec<String> = all
        .into_iter()
        .flatten()
        .map(|(name, state)| format!("{name} {}", state.as_str().unwrap_or_default()))
        .collect();
    let country = text(account, "country");
    if listed.is_empty() {
        country.to_owned()
    } else {
        format!("{country}, {}", listed.join(", "))
    }
}
