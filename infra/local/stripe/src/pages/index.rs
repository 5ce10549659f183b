//! The index page: what happened lately, where to click, and which controls and endpoints there are.

use std::fmt::Write as _;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;
use serde_json::{Value, json};
use standin::page::{self as html, amount_cell, cell, escaped, id_cell, table};
use standin::{Delivery, World as _, respond};

use super::{money, page};
use crate::balance;
use crate::control::CONTROLS;
use crate::events::signature::Tampering;
use crate::wire::schema;
use crate::world::{App, Kind, World, int, text};

/// How many of each kind are shown.
const SHOWN: usize = 10;

pub(super) async fn show(State(app): State<App>, _body: Bytes) -> Response<Body> {
    let mut world = app.world();
    world.run_due();
    respond::html(200, page("Stripe stand-in", "wide", &body(&world)))
}

fn body(world: &World) -> String {
    let mut html = String::from("<h1>Stripe stand-in</h1>");
    let _ = write!(
        html,
        "<p class=\"soft\">API base <code>{}</code>, key <code>{}</code>. State as JSON: <a href=\"/_control\">/_control</a>, \
         requests: <a href=\"/_control/requests\">/_control/requests</a>.</p>{}",
        escaped(&world.origin),
        escaped(&world.config.secret_key),
        tiles(world)
    );
    let _ = write!(
        html,
        "{}{}{}{}",
        sessions(world),
        subscriptions(world),
        portals(world),
        accounts(world)
    );
    html.push_str(&payments(world));
    let _ = write!(
        html,
        "{}{}{}{}",
        transfers(world),
        deliveries(world),
        requests(world),
        controls()
    );
    html
}

fn tiles(world: &World) -> String {
    let mut tiles = Vec::new();
    let mut tile = |label: &str, value: String| tiles.push((label.to_owned(), value));
    for (currency, (available, pending)) in balance::sums(world, None) {
        tile("Platform, available", money(available, &currency));
        if pending != 0 {
            tile("Platform, pending", money(pending, &currency));
        }
    }
    tile("Requests", world.log.total().to_string());
    tile("Events", world.shelf.count(Kind::Event).to_string());
    tile("Deliveries open", world.webhooks.open().to_string());
    tile("Outages", world.faults.outages.len().to_string());
    html::tiles(&tiles)
}

fn amount(body: &Value, field: &str) -> String {
    amount_cell(&money(int(body, field), text(body, "currency")))
}

fn newest(world: &World, kind: Kind) -> impl Iterator<Item = &Value> {
    world.shelf.newest_first(kind).take(SHOWN).map(|entry| &entry.body)
}

fn sessions(world: &World) -> String {
    let rows: Vec<Vec<String>> = newest(world, Kind::Session)
        .map(|body| {
            let page = match body["url"].as_str() {
                Some(url) => format!("<td><a href=\"{}\">Pay</a></td>", escaped(url)),
                None => cell(""),
            };
            let state = format!("{}, {}", text(body, "status"), text(body, "payment_status"));
            let reference = cell(text(body, "client_reference_id"));
            vec![
                page,
                amount(body, "amount_total"),
                cell(&state),
                id_cell(text(body, "id")),
                reference,
            ]
        })
        .collect();
    table(
        "Checkout sessions",
        &["Page", "Amount.", "State", "Session", "Reference"],
        &rows,
        "None yet.",
    )
}

fn subscriptions(world: &World) -> String {
    let rows: Vec<Vec<String>> = newest(world, Kind::Subscription)
        .map(|body| {
            let page = world
                .shelf
                .get(Kind::Invoice, text(body, "latest_invoice"))
                .and_then(|invoice| invoice["hosted_invoice_url"].as_str())
                .map_or_else(
                    || cell(""),
                    |url| format!("<td><a href=\"{}\">Invoice</a></td>", escaped(url)),
                );
            vec![
                page,
                cell(text(body, "status")),
                id_cell(text(body, "id")),
                id_cell(text(body, "customer")),
            ]
        })
        .collect();
    table(
        "Subscriptions",
        &["Latest", "State", "Subscription", "Customer"],
        &rows,
        "None yet.",
    )
}

fn portals(world: &World) -> String {
    let rows: Vec<Vec<String>> = newest(world, Kind::PortalSession)
        .map(|body| {
            let page = escaped(text(body, "url"));
            vec![
                format!("<td><a href=\"{page}\">Change card</a></td>"),
                id_cell(text(body, "id")),
                id_cell(text(body, "customer")),
            ]
        })
        .collect();
    table(
        "Billing portal sessions",
        &["Page", "Session", "Customer"],
        &rows,
        "None yet.",
    )
}

fn accounts(world: &World) -> String {
    let rows: Vec<Vec<String>> = newest(world, Kind::Account)
        .map(|body| {
            let capabilities = body["capabilities"].as_object().into_iter().flatten();
            let listed: Vec<String> = capabilities
                .map(|(name, state)| format!("{name} {}", state.as_str().unwrap_or_default()))
                .collect();
            let due = body["requirements"]["currently_due"].as_array().map_or(0, Vec::len);
            let sums = balance::sums(world, Some(text(body, "id")));
            let held: Vec<String> = sums
                .iter()
                .map(|(currency, (available, pending))| money(available + pending, currency))
                .collect();
            vec![
                id_cell(text(body, "id")),
                cell(
                    body["business_profile"]["name"]
                        .as_str()
                        .unwrap_or_else(|| text(body, "email")),
                ),
                cell(&listed.join(", ")),
                cell(if body["payouts_enabled"] == json!(true) {
                    "yes"
                } else {
                    "no"
                }),
                cell(&due.to_string()),
                cell(&held.join(", ")),
            ]
        })
        .collect();
    let heads = ["Account", "Name", "Capabilities", "Payouts", "Due", "Balance"];
    table("Connected accounts", &heads, &rows, "None yet.")
}

fn payments(world: &World) -> String {
    let platform = world
        .shelf
        .newest_first(Kind::Charge)
        .filter(|entry| entry.owner.is_none());
    let rows: Vec<Vec<String>> = platform
        .take(SHOWN)
        .map(|entry| {
            let body = &entry.body;
            let transaction = text(body, "balance_transaction");
            let fee = world.shelf.get(Kind::BalanceTransaction, transaction);
            vec![
                id_cell(text(body, "id")),
                amount(body, "amount"),
                cell(text(body, "status")),
                match fee {
                    Some(fee) => amount(fee, "fee"),
                    None if text(body, "status") == "succeeded" => "<td class=\"amount\">not known yet</td>".to_owned(),
                    None => cell(""),
                },
                amount(body, "amount_refunded"),
                cell(if body["disputed"] == json!(true) {
                    "disputed"
                } else {
                    ""
                }),
            ]
        })
        .collect();
    table(
        "Charges",
        &["Charge", "Amount.", "State", "Fee.", "Refunded.", "Dispute"],
        &rows,
        "None yet.",
    )
}

fn transfers(world: &World) -> String {
    let rows: Vec<Vec<String>> = newest(world, Kind::Transfer)
        .map(|body| {
            vec![
                id_cell(text(body, "id")),
                amount(body, "amount"),
                amount(body, "amount_reversed"),
                id_cell(text(body, "destination")),
                cell(text(body, "transfer_group")),
            ]
        })
        .collect();
    table(
        "Transfers",
        &["Transfer", "Amount.", "Reversed.", "To", "Group"],
        &rows,
        "None yet.",
    )
}

fn deliveries(world: &World) -> String {
    let row = |each: &Delivery<Tampering>| {
        let answer = each
            .status
            .map_or_else(|| each.error.clone().unwrap_or_default(), |status| status.to_string());
        let state = json!(each.state);
        vec![
            cell(&each.kind),
            id_cell(&each.event),
            cell(state.as_str().unwrap_or_default()),
            cell(&each.attempts.to_string()),
            cell(&answer),
            cell(&each.url),
        ]
    };
    let rows: Vec<Vec<String>> = world.webhooks.list.iter().rev().take(2 * SHOWN).map(row).collect();
    let heads = ["Type", "Event", "State", "Attempts", "Answer", "Endpoint"];
    table(
        "Webhook deliveries",
        &heads,
        &rows,
        "None yet. Start with --webhook-url, or create a webhook endpoint.",
    )
}

fn requests(world: &World) -> String {
    let rows: Vec<Vec<String>> = world
        .log
        .newest(2 * SHOWN)
        .map(|each| {
            let status = each.status.map(|status| status.to_string()).unwrap_or_default();
            let note = match (each.replayed, each.outage, &each.error) {
                (true, ..) => "replayed".to_owned(),
                (_, Some(when), _) => format!("outage {when}"),
                (.., error) => error.clone().unwrap_or_default(),
            };
            vec![cell(&each.method), cell(&each.path), cell(&status), cell(&note)]
        })
        .collect();
    table("Requests", &["Method", "Path", "Status", "Note"], &rows, "None yet.")
}

fn controls() -> String {
    let served: Vec<String> = schema::endpoints()
        .map(|name| format!("<li><code>{}</code></li>", escaped(name)))
        .collect();
    format!(
        "{}<h2>Served endpoints</h2><details><summary>{} endpoints of Stripe's API</summary><ul>{}</ul></details>",
        html::controls(&CONTROLS),
        served.len(),
        served.join("")
    )
}
