//! Everything the server answers by path: the API, the controls, and the pages for people.
//!
//! Pages are plain HTML that works without scripts, by keyboard, by voice and on a phone.

mod index;
mod layout;
mod onboarding;
mod payment;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{Method, Response, StatusCode, Uri, header};
use axum::routing::{any, get};
use serde_json::json;

use crate::control;
use crate::wire::api::{self, Incoming};
use crate::wire::server::{App, HangUp};

/// Larger bodies are refused; Stripe's own limit is of the same order.
const MAX_BODY_BYTES: usize = 1024 * 1024;

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(index::show))
        .route("/pay/{session}", get(payment::show).post(payment::submit))
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
        return json_response(
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
    html_response(
        200,
        layout::message("Back at the shop", &text, Some(("Go to the overview", "/"))),
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
    json_response(status, &body)
}

fn json_response(status: u16, body: &serde_json::Value) -> Response<Body> {
    respond(
        status,
        "application/json",
        serde_json::to_string_pretty(body).unwrap_or_default(),
    )
}

fn html_response(status: u16, page: String) -> Response<Body> {
    respond(status, "text/html; charset=utf-8", page)
}

fn respond(status: u16, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// 303: the browser goes on with a GET.
fn see_other(url: &str) -> Response<Body> {
    let mut response = respond(303, "text/plain; charset=utf-8", String::new());
    match header::HeaderValue::from_str(url) {
        Ok(value) => {
            response.headers_mut().insert(header::LOCATION, value);
            response
        }
        Err(_) => html_response(
            400,
            layout::message("Not a valid address", &format!("Cannot go to {url}."), None),
        ),
    }
}
