//! Responses: JSON, pages, and the way on.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::page;

pub fn json(status: u16, body: &Value) -> Response<Body> {
    text(
        status,
        "application/json",
        serde_json::to_string_pretty(body).unwrap_or_default(),
    )
}

pub fn html(status: u16, page: String) -> Response<Body> {
    text(status, "text/html; charset=utf-8", page)
}

pub fn text(status: u16, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// 303: the browser goes on with a GET.
pub fn see_other(url: &str) -> Response<Body> {
    let mut response = text(303, "text/plain; charset=utf-8", String::new());
    match HeaderValue::from_str(url) {
        Ok(value) => {
            response.headers_mut().insert(header::LOCATION, value);
            response
        }
        Err(_) => html(
            400,
            page::message("", "Not a valid address", &format!("Cannot go to {url}."), None),
        ),
    }
}
