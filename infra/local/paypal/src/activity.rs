//! The page of one payment: how it stands, and buttons for what buyers, banks and PayPal may do about it.

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::{Form, Path, State};
use axum::http::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use standin::page::{self as html, escaped};
use standin::{World as _, respond};

use crate::amount::Sum;
use crate::disputes::{self, Outcome};
use crate::error::ApiError;
use crate::payments;
use crate::world::{App, Kind, World};

/// What a button says, and what it does.
type Button = (&'static str, &'static str);

const OF_A_PAYMENT: [Button; 4] = [
    ("dispute", "The buyer disputes it"),
    ("chargeback", "The buyer's bank disputes it"),
    ("reverse", "PayPal reverses it"),
    ("refund", "Refund it by hand"),
];
const OF_AN_OPEN_DISPUTE: [Button; 6] = [
    ("review", "PayPal reviews it"),
    ("lost", "The buyer wins"),
    ("accepted", "The seller gives in"),
    ("won", "The seller wins"),
    ("payout", "PayPal pays the buyer"),
    ("cancelled", "The buyer withdraws it"),
];
const OF_A_RESOLVED_DISPUTE: [Button; 1] = [("overturn", "Decide it otherwise")];

#[derive(Deserialize)]
pub(crate) struct Pressed {
    action: String,
    #[serde(default)]
    dispute: String,
}

pub(crate) async fn show(State(app): State<App>, Path(capture): Path<String>) -> Response<Body> {
    let mut world = app.world();
    world.run_due();
    page(&world, &capture, None)
}

pub(crate) async fn submit(
    State(app): State<App>,
    Path(capture): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Response<Body> {
    let mut world = app.world();
    world.run_due();
    let done = press(&mut world, &capture, &pressed);
    app.wake();
    match done {
        Ok(_) => respond::see_other(&path(&capture)),
        Err(error) => page(&world, &capture, Some(&error)),
    }
}

pub(crate) fn path(capture: &str) -> String {
    format!("/activity/{capture}")
}

fn press(world: &mut World, capture: &str, Pressed { action, dispute }: &Pressed) -> Result<Value, ApiError> {
    let claim = |channel: &str| serde_json::from_value(json!({"channel": channel})).unwrap_or_default();
    match action.as_str() {
        "dispute" => disputes::open(world, capture, &claim("INTERNAL")),
        "chargeback" => disputes::open(world, capture, &claim("EXTERNAL")),
        "reverse" => disputes::reverse(world, capture, &Value::Null),
        "refund" => payments::refund_by_hand(world, capture, &Value::Null),
        "review" => disputes::update(world, dispute, "UNDER_REVIEW"),
        "overturn" => disputes::overturn(world, dispute),
        outcome => {
            let outcome: Outcome = serde_json::from_value(json!(outcome))
                .map_err(|error| ApiError::invalid("INVALID_PARAMETER_VALUE", "action", &error.to_string()))?;
            disputes::close(world, dispute, outcome)
        }
    }
}

fn page(world: &World, id: &str, refused: Option<&ApiError>) -> Response<Body> {
    let Some(capture) = world.get(Kind::Capture, id) else {
        let page = html::message(
            "PayPal",
            "No such payment",
            "There is no payment at this address.",
            None,
        );
        return respond::html(404, page);
    };
    let amount = escaped(&Sum::of(&capture["amount"]).words());
    let mut body = format!(
        "<p><a href=\"/\">Overview</a></p><h1>Payment of {amount}</h1><p class=\"number\">{}, {}</p>",
        escaped(id),
        text(capture, "status")
    );
    if let Some(error) = refused {
        let _ = write!(body, "<p class=\"alert\" role=\"alert\">{}</p>", escaped(error.code()));
    }
    let disputes = world
        .all(Kind::Dispute)
        .filter(|dispute| disputes::capture_of(dispute) == id);
    for dispute in disputes {
        body.push_str(&card(dispute));
    }
    let left = payments::left(world, capture).is_ok_and(|left| left.minor > 0);
    if left && !disputes::has_open(world, id) {
        body.push_str(&buttons(&OF_A_PAYMENT, ""));
    }
    respond::html(
        if refused.is_some() { 422 } else { 200 },
        html::page("PayPal", &format!("Payment of {amount}"), "narrow", &body),
    )
}

fn card(dispute: &Value) -> String {
    let id = text(dispute, "dispute_id");
    let mut rows = format!(
        "<div class=\"sum\"><span>{}</span><span>{}</span></div>",
        text(dispute, "reason"),
        escaped(&Sum::of(&dispute["dispute_amount"]).words())
    );
    for moved in dispute["money_movements"].as_array().into_iter().flatten() {
        let _ = write!(
            rows,
            "<div class=\"sum\"><span>{} {} {}</span><span>{}</span></div>",
            text(moved, "reason"),
            text(moved, "affected_party"),
            text(moved, "type"),
            escaped(&Sum::of(&moved["amount"]).words())
        );
    }
    let (offered, state) = match dispute["dispute_outcome"]["outcome_code"].as_str() {
        Some(outcome) => (OF_A_RESOLVED_DISPUTE.as_slice(), outcome),
        None => (
            OF_AN_OPEN_DISPUTE.as_slice(),
            dispute["status"].as_str().unwrap_or_default(),
        ),
    };
    format!(
        "<section class=\"card\" aria-label=\"Dispute {id}\"><h2>Dispute {id}</h2><p>{}</p>{rows}{}</section>",
        escaped(state),
        buttons(offered, &id)
    )
}

fn buttons(offered: &[Button], dispute: &str) -> String {
    let mut shown = String::new();
    for (action, label) in offered {
        let _ = write!(
            shown,
            "<button class=\"quiet\" name=\"action\" value=\"{action}\">{label}</button>"
        );
    }
    format!(
        "<form method=\"post\"><input type=\"hidden\" name=\"dispute\" value=\"{dispute}\">\
         <p>{shown}</p></form>"
    )
}

fn text(body: &Value, field: &str) -> String {
    escaped(body[field].as_str().unwrap_or_default())
}
