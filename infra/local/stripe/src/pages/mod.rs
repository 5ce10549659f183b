//! Everything the server answers by path: the API, the controls, and the pages for people.
//!
//! Pages are plain HTML that works without scripts, by keyboard, by voice and on a phone.

mod index;
mod invoice;
mod onboarding;
mod payment;
mod portal;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{Method, Response, Uri};
use axum::routing::{any, get};
use serde_json::json;
use standin::{HangUp, page, respond};

use crate::control;
use crate::wire::api::{self, Incoming};
use crate::world::App;

/// Larger bodies are refused; Stripe's own limit is of the same order.
const MAX_BODY_BYTES: usize = 1024 * 1024;

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(index::show))
        .route("/pay/{session}", get(payment::show).post(payment::submit))
        .route("/invoices/{invoice}", get(invoice::show).post(invoice::submit))
        .route("/portal/{session}", get(portal::show).post(portal::submit))
        .route("/receipts/{charge}", get(payment::receipt))
        .route(
            "/setup/{account}/{token}",
            get(onboarding::show).post(onboarding::submit),
        )
        .route("/shop/{*page}", get(shop))
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
            &json!({"error": {"type": "invalid_request_error", "message": "Request too large"}}),
        );
    };
    let incoming = Incoming {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
    };
    // A task of its own: a caller that goes away does not stop what it asked for, as with Stripe.
    let answered = tokio::spawn(async move { api::answer(&app, incoming).await });
    answered.await.unwrap_or_else(|_| HangUp::response())
}

/// Where checkout and onboarding return to on a machine that has no web shop.
async fn shop(Path(page): Path<String>) -> Response<Body> {
    let text =
        format!("The shop's own page would be here ({page}). Ask the API how the order or the account stands now.");
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

/// The processor that the pages say they stand for.
const STRIPE: &str = "Stripe";

fn page(title: &str, width: &str, body: &str) -> String {
    page::page(STRIPE, title, width, body)
}

fn message(title: &str, text: &str, link: Option<(&str, &str)>) -> String {
    page::message(STRIPE, title, text, link)
}

/// `12.34 EUR`; yen have no minor unit, dinars have three digits of it.
fn money(amount: i64, currency: &str) -> String {
    let digits = digits(currency);
    let unit = 10_u64.pow(digits);
    let (whole, part) = (amount.unsigned_abs() / unit, amount.unsigned_abs() % unit);
    let sign = if amount < 0 { "-" } else { "" };
    let code = currency.to_uppercase();
    let width = usize::try_from(digits).unwrap_or_default();
    if digits == 0 {
        format!("{sign}{whole} {code}")
    } else {
        format!("{sign}{whole}.{part:0width$} {code}")
    }
}

/// How many digits a currency's minor unit has.
pub(crate) fn digits(currency: &str) -> u32 {
    match currency {
        "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd" | "vuv" | "xaf"
        | "xof" | "xpf" => 0,
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_follows_the_currency() {
        assert_eq!(money(1234, "eur"), "12.34 EUR");
        assert_eq!(money(-5, "eur"), "-0.05 EUR");
        assert_eq!(money(1234, "jpy"), "1234 JPY");
        assert_eq!(money(1234, "kwd"), "1.234 KWD");
    }
}
