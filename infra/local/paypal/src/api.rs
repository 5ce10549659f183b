//! One request of the API from its bytes to its answer: token, outage, request id, endpoint.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderValue, Method, Response, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use standin::{How, Logged, When, World as _, respond};

use crate::error::ApiError;
use crate::world::{App, Kind, World};
use crate::{lists, orders, payments, payouts};

/// A request of the API as it came in.
pub(crate) struct Incoming {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Incoming {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn query(&self) -> Result<HashMap<String, String>, ApiError> {
        let query = Query::try_from_uri(&self.uri);
        let query = query.map_err(|error| ApiError::invalid("INVALID_PARAMETER_SYNTAX", "/", &error.to_string()))?;
        Ok(query.0)
    }

    fn request_id(&self) -> Option<&str> {
        self.header("paypal-request-id").filter(|id| !id.is_empty())
    }
}

/// What the API serves, as the index page lists it.
pub(crate) const ENDPOINTS: [&str; 14] = [
    "POST /v1/oauth2/token",
    "POST /v2/checkout/orders",
    "GET /v2/checkout/orders/{id}",
    "POST /v2/checkout/orders/{id}/capture",
    "GET /v2/payments/captures/{id}",
    "POST /v2/payments/captures/{id}/refund",
    "GET /v2/payments/refunds/{id}",
    "GET /v1/customer/disputes",
    "GET /v1/customer/disputes/{id}",
    "POST /v1/payments/payouts",
    "GET /v1/payments/payouts/{id}",
    "GET /v1/payments/payouts-item/{id}",
    "GET /v1/notifications/webhooks-events",
    "GET /v1/reporting/transactions",
];

/// An answer before it becomes an HTTP response.
struct Reply {
    status: u16,
    body: Value,
    debug_id: String,
    replayed: bool,
    error: Option<String>,
}

pub(crate) async fn answer(app: &App, incoming: Incoming) -> Response<Body> {
    let (method, path) = (incoming.method.to_string(), incoming.uri.path().to_owned());
    let (outage, latency, debug_id) = {
        let mut world = app.world();
        (
            world.faults.hit(&method, &path),
            world.settings.latency_ms,
            world.id().to_lowercase(),
        )
    };
    tokio::time::sleep(Duration::from_millis(latency)).await;
    let (before, after) = match outage {
        Some(outage) if outage.when == When::Before && outage.how != How::Slow => (Some(outage), None),
        other => (None, other),
    };
    if let Some(outage) = before {
        let lost = failed(&ApiError::outage(outage.status), debug_id);
        note(app, &incoming, &lost, Some("before"));
        return outage.lose(response(&lost)).await;
    }
    let reply = execute(app, &incoming, debug_id.clone());
    let lost = after.as_ref().filter(|outage| outage.how != How::Slow);
    note(app, &incoming, &reply, lost.map(|_| "after"));
    match after {
        Some(outage) if outage.how == How::Slow => {
            tokio::time::sleep(Duration::from_millis(outage.delay_ms)).await;
            response(&reply)
        }
        Some(outage) => {
            outage
                .lose(response(&failed(&ApiError::outage(outage.status), debug_id)))
                .await
        }
        None => response(&reply),
    }
}

/// The answer to a request that nothing delays and no outage hits: its status and its body.
pub(crate) fn answer_at_once(app: &App, incoming: &Incoming) -> (u16, Value) {
    let debug_id = app.world().id().to_lowercase();
    let reply = execute(app, incoming, debug_id);
    (reply.status, reply.body)
}

/// Does the request under one lock.
fn execute(app: &App, incoming: &Incoming, debug_id: String) -> Reply {
    let mut world = app.world();
    world.run_due();
    let outcome = serve(&mut world, incoming);
    drop(world);
    app.wake();
    match outcome {
        Ok((status, body, replayed)) => Reply {
            status,
            body,
            debug_id,
            replayed,
            error: None,
        },
        Err(error) => failed(&error, debug_id),
    }
}

/// Status, body, and whether nothing was done because the request id was known.
fn serve(world: &mut World, incoming: &Incoming) -> Result<(u16, Value, bool), ApiError> {
    let (method, path) = (incoming.method.as_str(), incoming.uri.path());
    if (method, path) == ("POST", "/v1/oauth2/token") {
        return Ok((200, token(world, incoming)?, false));
    }
    check_token(world, incoming)?;
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let found = match (method, segments.as_slice()) {
        ("GET", ["v2", "checkout", "orders", id]) => orders::shown(world, id)?,
        ("GET", ["v2", "payments", "captures", id]) => world.find(Kind::Capture, id)?,
        ("GET", ["v2", "payments", "refunds", id]) => {
            let refund = world.find(Kind::Refund, id);
            refund.or_else(|_| world.find(Kind::Reversal, id))?
        }
        ("GET", ["v1", "customer", "disputes"]) => lists::disputes(world, &incoming.query()?),
        ("GET", ["v1", "customer", "disputes", id]) => world.find(Kind::Dispute, id)?,
        ("GET", ["v1", "payments", "payouts", id]) => payouts::shown(world, id)?,
        ("GET", ["v1", "payments", "payouts-item", id]) => world.find(Kind::Item, id)?,
        ("GET", ["v1", "notifications", "webhooks-events"]) => lists::events(world, &incoming.query()?)?,
        ("GET", ["v1", "reporting", "transactions"]) => lists::movements(world, &incoming.query()?)?,
        ("POST", _) => return post(world, incoming, path, &segments),
        _ => return Err(ApiError::unknown_url(method, path)),
    };
    Ok((200, found, false))
}

fn post(world: &mut World, incoming: &Incoming, path: &str, segments: &[&str]) -> Result<(u16, Value, bool), ApiError> {
    let now = world.now_s();
    let request_id = incoming.request_id();
    if let Some(made) = request_id.and_then(|id| world.request_ids.made(path, id, now)) {
        let made = made.to_owned();
        return Ok((200, shown(world, segments, &made)?, true));
    }
    let body: Value = serde_json::from_slice(&incoming.body)
        .map_err(|error| ApiError::invalid("MALFORMED_REQUEST_JSON", "/", &error.to_string()))?;
    let (status, made) = match segments {
        ["v2", "checkout", "orders"] => {
            if request_id.is_none() {
                let why = "A PayPal-Request-Id is required if you are trying to process payment for an Order.";
                return Err(ApiError::invalid(
                    "PAYPAL_REQUEST_ID_REQUIRED",
                    "PayPal-Request-Id",
                    why,
                ));
            }
            (200, orders::create(world, &body)?)
        }
        ["v2", "checkout", "orders", id, "capture"] => {
            orders::capture(world, id)?;
            (201, (*id).to_owned())
        }
        ["v2", "payments", "captures", id, "refund"] => (201, payments::refund(world, id, &body)?),
        ["v1", "payments", "payouts"] => (201, payouts::create(world, &body)?),
        _ => return Err(ApiError::unknown_url("POST", path)),
    };
    if let Some(id) = request_id {
        world.request_ids.remember(path, id, &made, now);
    }
    Ok((status, shown(world, segments, &made)?, false))
}

/// What a POST made, as it is now.
fn shown(world: &World, segments: &[&str], made: &str) -> Result<Value, ApiError> {
    match segments {
        ["v2", "checkout", ..] => orders::shown(world, made),
        ["v2", "payments", ..] => world.find(Kind::Refund, made),
        _ => Ok(json!({"batch_header": world.find(Kind::Batch, made)?})),
    }
}

/// A token for the client that knows its secret.
fn token(world: &mut World, incoming: &Incoming) -> Result<Value, ApiError> {
    let expected = STANDARD.encode(format!("{}:{}", world.config.client_id, world.config.client_secret));
    let given = incoming
        .header("authorization")
        .and_then(|value| value.strip_prefix("Basic "));
    if given != Some(expected.as_str()) {
        return Err(ApiError::unauthorised("Client Authentication failed"));
    }
    if !incoming
        .body
        .windows(29)
        .any(|part| part == b"grant_type=client_credentials")
    {
        return Err(ApiError::invalid(
            "unsupported_grant_type",
            "grant_type",
            "Grant Type is NULL",
        ));
    }
    let (token, lasts) = (format!("A21AA{}", world.id()), world.settings.token_lifetime_s);
    world.tokens.insert(token.clone(), world.now_s() + lasts);
    Ok(json!({"access_token": token, "token_type": "Bearer", "expires_in": lasts}))
}

fn check_token(world: &World, incoming: &Incoming) -> Result<(), ApiError> {
    let given = incoming
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    match given.and_then(|token| world.tokens.get(token)) {
        Some(until) if world.now_s() < *until => Ok(()),
        _ => Err(ApiError::unauthorised(
            "Authentication failed due to invalid authentication credentials or a missing Authorization header.",
        )),
    }
}

fn failed(error: &ApiError, debug_id: String) -> Reply {
    Reply {
        status: error.status,
        body: error.body(&debug_id),
        debug_id,
        replayed: false,
        error: Some(error.code().to_owned()),
    }
}

fn response(reply: &Reply) -> Response<Body> {
    let mut response = respond::json(reply.status, &reply.body);
    if let Ok(id) = HeaderValue::from_str(&reply.debug_id) {
        response.headers_mut().insert("paypal-debug-id", id);
    }
    response
}

fn note(app: &App, incoming: &Incoming, reply: &Reply, outage: Option<&'static str>) {
    let mut world = app.world();
    let logged = Logged {
        id: reply.debug_id.clone(),
        at_ms: world.now_s() * 1000,
        method: incoming.method.to_string(),
        path: incoming.uri.path().to_owned(),
        endpoint: ENDPOINTS.into_iter().find(|endpoint| serves(endpoint, incoming)),
        status: Some(reply.status),
        account: None,
        idempotency_key: incoming.request_id().map(str::to_owned),
        replayed: reply.replayed,
        outage,
        error: reply.error.clone(),
    };
    world.log.add(logged);
}

fn serves(endpoint: &str, incoming: &Incoming) -> bool {
    let line = format!("{} {}", incoming.method, incoming.uri.path().trim_end_matches('/'));
    let (wanted, given): (Vec<&str>, Vec<&str>) = (endpoint.split('/').collect(), line.split('/').collect());
    wanted.len() == given.len()
        && wanted
            .iter()
            .zip(&given)
            .all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
}
