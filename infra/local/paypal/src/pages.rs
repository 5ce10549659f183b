//! Everything the server answers by path: the API, the controls, the certificate, the buyer's page and the overview.

use std::fmt::Write as _;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{Method, Response, Uri};
use axum::routing::{any, get};
use serde::Deserialize;
use serde_json::{Value, json};
use standin::page::{self as html, amount_cell, cell, escaped, id_cell, table};
use standin::{HangUp, World as _, respond};

use crate::activity;
use crate::amount::Sum;
use crate::api::{self, ENDPOINTS, Incoming};
use crate::control::{self, CONTROLS};
use crate::disputes;
use crate::orders::{self, Outcome, with_token};
use crate::signer::FOLDER;
use crate::world::{App, Kind, World};

/// Larger bodies are refused; PayPal's own limit is of the same order.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How many of each kind the overview shows.
const SHOWN: usize = 10;
/// What a buyer may choose to become of the money, the usual way first.
const OUTCOMES: [(&str, &str); 4] = [
    ("success", "Pays at once"),
    ("declined", "The bank declines; the buyer may approve again"),
    ("pending", "Stays pending, then pays"),
    ("denied", "Stays pending, then does not pay"),
];

#[derive(Deserialize)]
struct Token {
    token: String,
}

#[derive(Deserialize)]
struct Decision {
    action: String,
    #[serde(default)]
    outcome: Outcome,
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(overview))
        .route("/checkoutnow", get(show).post(submit))
        .route("/activity/{capture}", get(activity::show).post(activity::submit))
        .route("/shop/{*page}", get(shop))
        .route(&format!("{FOLDER}{{name}}"), get(certificate))
        .route("/_control", any(control_root))
        .route("/_control/", any(control_root))
        .route("/_control/{*path}", any(control_path))
        .fallback(any(api_request))
        .with_state(app)
}

async fn api_request(State(app): State<App>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return respond::json(
            413,
            &json!({"name": "REQUEST_TOO_LARGE", "message": "Request too large"}),
        );
    };
    let incoming = Incoming {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
    };
    // A task of its own: a caller that goes away does not stop what it asked for, as with PayPal.
    let answered = tokio::spawn(async move { api::answer(&app, incoming).await });
    answered.await.unwrap_or_else(|_| HangUp::response())
}

async fn certificate(State(app): State<App>, Path(name): Path<String>) -> Response<Body> {
    let world = app.world();
    match world.certificate(&name) {
        Some(pem) => respond::text(200, "application/x-pem-file", pem.to_owned()),
        None => respond::json(
            404,
            &json!({"name": "RESOURCE_NOT_FOUND", "message": "There is no such certificate."}),
        ),
    }
}

/// Where the buyer returns to on a machine that has no web shop.
async fn shop(Path(page): Path<String>) -> Response<Body> {
    let text = format!("The shop's own page would be here ({page}). Ask the API how the order stands now.");
    respond::html(
        200,
        message("Back at the shop", &text, Some(("Go to the overview", "/"))),
    )
}

async fn control_root(state: State<App>, method: Method, uri: Uri, body: Bytes) -> Response<Body> {
    control_path(state, Path(String::new()), method, uri, body).await
}

async fn control_path(
    State(app): State<App>,
    Path(path): Path<String>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response<Body> {
    let path = path.trim_end_matches('/');
    let (status, body) = control::answer(&mut app.world(), &method, path, uri.query().unwrap_or_default(), &body);
    app.wake();
    respond::json(status, &body)
}

fn message(title: &str, text: &str, link: Option<(&str, &str)>) -> String {
    html::message("PayPal", title, text, link)
}

async fn show(State(app): State<App>, Query(Token { token: id }): Query<Token>) -> Response<Body> {
    let mut world = app.world();
    world.run_due();
    render(&world, &id)
}

async fn submit(
    State(app): State<App>,
    Query(Token { token: id }): Query<Token>,
    Form(decision): Form<Decision>,
) -> Response<Body> {
    let mut world = app.world();
    world.run_due();
    let Some(visit) = world.visits.get(&id).cloned() else {
        return unknown();
    };
    if decision.action == "cancel" {
        // Leaving does not end an order: it may still be approved.
        return respond::see_other(&with_token(&visit.cancel_url, &id));
    }
    let approved = orders::approve(&mut world, &id, decision.outcome);
    app.wake();
    match approved {
        Ok(return_url) => respond::see_other(&return_url),
        Err(_) => render(&world, &id),
    }
}

fn unknown() -> Response<Body> {
    respond::html(
        404,
        message("No such payment", "There is no order at this address.", None),
    )
}

/// The page on which a buyer approves an order.
fn render(world: &World, id: &str) -> Response<Body> {
    let (Some(order), Some(visit)) = (world.get(Kind::Order, id), world.visits.get(id)) else {
        return unknown();
    };
    if order["status"] != "PAYER_ACTION_REQUIRED" {
        let on = with_token(&visit.return_url, id);
        let text = "This order was approved already; it cannot be paid twice.";
        return respond::html(200, message("Already approved", text, Some(("Go on", &on))));
    }
    let unit = &order["purchase_units"][0];
    let total = escaped(&Sum::of(&unit["amount"]).words());
    let body = format!(
        "<h1>Pay {total} with PayPal</h1>{}<form method=\"post\">{}<div class=\"actions\"><button class=\"primary\" \
         name=\"action\" value=\"approve\">Approve {total}</button><button class=\"quiet\" name=\"action\" \
         value=\"cancel\">Cancel</button></div></form>",
        items(unit, &total),
        choices(),
    );
    respond::html(200, html::page("PayPal", &format!("Pay {total}"), "narrow", &body))
}

fn items(unit: &Value, total: &str) -> String {
    let mut rows = String::new();
    for item in unit["items"].as_array().into_iter().flatten() {
        let count = match item["quantity"].as_str() {
            None | Some("1") => String::new(),
            Some(quantity) => format!(" × {}", escaped(quantity)),
        };
        let _ = write!(
            rows,
            "<div class=\"sum\"><span>{}{count}</span><span>{}</span></div>",
            escaped(item["name"].as_str().unwrap_or_default()),
            escaped(&Sum::of(&item["unit_amount"]).words())
        );
    }
    format!(
        "<section class=\"card\" aria-label=\"Order\">{rows}<div class=\"sum total\"><span>Total</span><span>{total}</span>\
         </div></section>"
    )
}

/// What is to become of the money: closed, for trouble is looked for on purpose.
fn choices() -> String {
    let mut rows = String::new();
    for (index, (key, label)) in OUTCOMES.iter().enumerate() {
        let checked = if index == 0 { " checked" } else { "" };
        let _ = write!(
            rows,
            "<label class=\"choice\"><input type=\"radio\" name=\"outcome\" value=\"{key}\"{checked}><span>{}</span></label>",
            escaped(label)
        );
    }
    format!(
        "<details class=\"card\"><summary>What becomes of the money</summary><div role=\"radiogroup\" \
         aria-label=\"What becomes of the money\">{rows}</div></details>"
    )
}

/// What happened lately, where to click, and which controls and endpoints there are.
async fn overview(State(app): State<App>) -> Response<Body> {
    let mut world = app.world();
    world.run_due();
    let served: Vec<String> = ENDPOINTS
        .iter()
        .map(|name| format!("<li><code>{}</code></li>", escaped(name)))
        .collect();
    let body = format!(
        "<h1>PayPal stand-in</h1><p class=\"soft\">API base <code>{}</code>, client <code>{}</code>. State as JSON: \
         <a href=\"/_control\">/_control</a>, requests: <a href=\"/_control/requests\">/_control/requests</a>.</p>\
         {}{}{}{}{}{}{}<h2>Served endpoints</h2><ul>{}</ul>",
        escaped(&world.origin),
        escaped(&world.config.client_id),
        tiles(&world),
        order_table(&world),
        capture_table(&world),
        dispute_table(&world),
        payout_table(&world),
        delivery_table(&world),
        html::controls(&CONTROLS),
        served.join("")
    );
    respond::html(200, html::page("PayPal", "PayPal stand-in", "wide", &body))
}

fn tiles(world: &World) -> String {
    let balance = world
        .balance
        .iter()
        .map(|(currency, minor)| ("Balance".to_owned(), Sum::new(*minor, currency).words()));
    let counts = [
        ("Requests".to_owned(), world.log.total().to_string()),
        ("Events".to_owned(), world.all(Kind::Event).count().to_string()),
        ("Deliveries open".to_owned(), world.webhooks.open().to_string()),
        ("Outages".to_owned(), world.faults.outages.len().to_string()),
    ];
    html::tiles(&balance.chain(counts).collect::<Vec<_>>())
}

fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_default()
}

fn rows(world: &World, kind: Kind, row: impl Fn(&Value) -> Vec<String>) -> Vec<Vec<String>> {
    world.all(kind).rev().take(SHOWN).map(row).collect()
}

fn order_table(world: &World) -> String {
    let rows = rows(world, Kind::Order, |order| {
        let page = match text(order, "status") {
            "PAYER_ACTION_REQUIRED" => format!("<td><a href=\"/checkoutnow?token={}\">Pay</a></td>", text(order, "id")),
            _ => cell(""),
        };
        let unit = &order["purchase_units"][0];
        vec![
            page,
            amount_cell(&Sum::of(&unit["amount"]).words()),
            cell(text(order, "status")),
            id_cell(text(order, "id")),
            cell(text(unit, "custom_id")),
        ]
    });
    table(
        "Orders",
        &["Page", "Amount.", "State", "Order", "Reference"],
        &rows,
        "None yet.",
    )
}

fn capture_table(world: &World) -> String {
    let rows = rows(world, Kind::Capture, |capture| {
        let fee = &capture["seller_receivable_breakdown"]["paypal_fee"];
        vec![
            opens(text(capture, "id")),
            id_cell(text(capture, "id")),
            amount_cell(&Sum::of(&capture["amount"]).words()),
            amount_cell(&if fee.is_null() {
                String::new()
            } else {
                Sum::of(fee).words()
            }),
            cell(text(capture, "status")),
            cell(text(capture, "custom_id")),
        ]
    });
    table(
        "Captures",
        &["Page", "Capture", "Amount.", "Fee.", "State", "Reference"],
        &rows,
        "None yet.",
    )
}

/// The way to the page of a payment, where it is disputed, reversed and refunded.
fn opens(capture: &str) -> String {
    format!("<td><a href=\"{}\">Open</a></td>", escaped(&activity::path(capture)))
}

fn dispute_table(world: &World) -> String {
    let rows = rows(world, Kind::Dispute, |dispute| {
        let outcome = dispute["dispute_outcome"]["outcome_code"].as_str();
        vec![
            opens(disputes::capture_of(dispute)),
            id_cell(text(dispute, "dispute_id")),
            amount_cell(&Sum::of(&dispute["dispute_amount"]).words()),
            cell(text(dispute, "dispute_channel")),
            cell(outcome.unwrap_or_else(|| text(dispute, "status"))),
        ]
    });
    table(
        "Disputes",
        &["Page", "Dispute", "Amount.", "Decided by", "State"],
        &rows,
        "None yet. A payment's page opens one.",
    )
}

fn payout_table(world: &World) -> String {
    let rows = rows(world, Kind::Item, |item| {
        vec![
            id_cell(text(item, "payout_item_id")),
            amount_cell(&Sum::of(&item["payout_item"]["amount"]).words()),
            cell(text(&item["payout_item"], "receiver")),
            cell(text(item, "transaction_status")),
            cell(text(&item["payout_item"], "sender_item_id")),
        ]
    });
    table(
        "Payout items",
        &["Item", "Amount.", "To", "State", "Reference"],
        &rows,
        "None yet.",
    )
}

fn delivery_table(world: &World) -> String {
    let newest = world.webhooks.list.iter().rev().take(2 * SHOWN);
    let rows: Vec<Vec<String>> = newest
        .map(|each| {
            let answer = each
                .status
                .map_or_else(|| each.error.clone().unwrap_or_default(), |status| status.to_string());
            vec![
                cell(&each.kind),
                id_cell(&each.event),
                cell(json!(each.state).as_str().unwrap_or_default()),
                cell(&each.attempts.to_string()),
                cell(&answer),
            ]
        })
        .collect();
    let heads = ["Type", "Event", "State", "Attempts", "Answer"];
    table(
        "Webhook deliveries",
        &heads,
        &rows,
        "None yet. Start with --webhook-url.",
    )
}
