//! One request of the API from its bytes to its answer: key, outage, idempotency, endpoint, expansion.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Uri};
use serde_json::Value;
use standin::{How, Logged, Outage, When, World as _};

use super::call::{Call, recognise};
use super::error::ApiError;
use super::{auth, embedded, expand, form, routes, schema};
use crate::config::API_VERSION;
use crate::idempotency::{Stored, Use};
use crate::world::{App, Origin, World};

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
}

/// An answer before it becomes an HTTP response.
struct Reply {
    status: u16,
    body: Value,
    request_id: String,
    /// Set when the answer is a replay: the request that was really done.
    original: Option<String>,
}

pub(crate) async fn answer(app: &App, incoming: Incoming) -> Response<Body> {
    let (request_id, outage, latency) = {
        let mut world = app.world();
        let outage = world.faults.hit(incoming.method.as_str(), incoming.uri.path());
        (world.id_with("req", 14), outage, world.settings.latency_ms)
    };
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
    let used = idempotency_use(&incoming);
    let started = match start(app, &incoming, used.as_ref()) {
        Ok(None) => None,
        Ok(Some(stored)) => Some((replay(stored, &request_id), None)),
        Err(error) => Some((failure(&error, &request_id), Some(error.message().to_owned()))),
    };
    // A replay and a refused key never reach the endpoint, but they too suffer from an outage of the network.
    let fresh = started.is_none();
    if let Some(outage) = &outage
        && (outage.when == When::Before || outage.how == How::Slow)
    {
        if outage.how == How::Slow {
            tokio::time::sleep(Duration::from_millis(outage.delay_ms)).await;
        } else {
            let lost = lost_reply(outage, &request_id);
            if fresh {
                let remembered = outage.remember.then_some(&lost);
                finish(app, used.as_ref(), remembered);
            }
            let entry = logged(app, &incoming, used.as_ref(), &lost, Some("before"), None);
            app.world().log.add(entry);
            return outage.lose(respond(&lost, &incoming)).await;
        }
    }
    let (reply, error) = match started {
        Some(done) => done,
        None => execute(app, &incoming, used.as_ref(), &request_id),
    };
    let after = outage.filter(|outage| outage.when == When::After && outage.how != How::Slow);
    let label = after.as_ref().map(|_| "after");
    let entry = logged(app, &incoming, used.as_ref(), &reply, label, error);
    app.world().log.add(entry);
    match after {
        Some(outage) => {
            let lost = lost_reply(&outage, &request_id);
            if outage.remember && fresh {
                finish(app, used.as_ref(), Some(&lost));
            }
            outage.lose(respond(&lost, &incoming)).await
        }
        None => respond(&reply, &incoming),
    }
}

/// The answer to a request that nothing delays and no outage hits: its status and its body.
pub(crate) fn answer_at_once(app: &App, incoming: &Incoming) -> (u16, Value) {
    let request_id = app.world().id_with("req", 14);
    let used = idempotency_use(incoming);
    let reply = match start(app, incoming, used.as_ref()) {
        Ok(None) => execute(app, incoming, used.as_ref(), &request_id).0,
        Ok(Some(stored)) => replay(stored, &request_id),
        Err(error) => failure(&error, &request_id),
    };
    (reply.status, reply.body)
}

/// Only POST takes idempotency keys; GET and DELETE are idempotent by themselves.
fn idempotency_use(incoming: &Incoming) -> Option<Use> {
    if incoming.method != Method::POST {
        return None;
    }
    let key = incoming.header("idempotency-key").filter(|key| !key.is_empty())?;
    Some(Use {
        account: incoming.header("stripe-account").map(str::to_owned),
        key: key.to_owned(),
        path: incoming.uri.path().to_owned(),
        params: sorted_pairs(&incoming.body, incoming.uri.query().unwrap_or_default()),
    })
}

/// The parameters in one order, so that a client that writes them in another sends the same request.
fn sorted_pairs(body: &[u8], query: &str) -> String {
    let body = String::from_utf8_lossy(body);
    let mut pairs: Vec<&str> = body
        .split('&')
        .chain(query.split('&'))
        .filter(|pair| !pair.is_empty())
        .collect();
    pairs.sort_unstable();
    pairs.join("&")
}

/// Checks the API key and takes the idempotency key; returns what is to be replayed.
fn start(app: &App, incoming: &Incoming, used: Option<&Use>) -> Result<Option<Stored>, ApiError> {
    let mut world = app.world();
    auth::check_key(&incoming.headers, &world.config.secret_key)?;
    let now = world.now();
    used.map_or(Ok(None), |used| world.keys.begin(used, now))
}

/// Does the request under one lock and stores its result under the key.
fn execute(app: &App, incoming: &Incoming, used: Option<&Use>, request_id: &str) -> (Reply, Option<String>) {
    let mut world = app.world();
    world.run_due();
    let origin = Origin {
        id: request_id.to_owned(),
        idempotency_key: used.map(|used| used.key.clone()),
    };
    world.request = Some(origin);
    let outcome = endpoint(&mut world, incoming);
    world.request = None;
    drop(world);
    app.wake();
    match outcome {
        Ok(body) => {
            let reply = Reply {
                status: 200,
                body,
                request_id: request_id.to_owned(),
                original: None,
            };
            finish(app, used, Some(&reply));
            (reply, None)
        }
        Err(error) => {
            let reply = failure(&error, request_id);
            finish(app, used, error.begun.then_some(&reply));
            (reply, Some(error.message().to_owned()))
        }
    }
}

fn endpoint(world: &mut World, incoming: &Incoming) -> Result<Value, ApiError> {
    let (method, path) = (incoming.method.as_str(), incoming.uri.path());
    let (endpoint, args) = recognise(method, path).ok_or_else(|| ApiError::unknown_url(method, path))?;
    let mut encoded = incoming.uri.query().unwrap_or_default().to_owned();
    if !incoming.body.is_empty() {
        if incoming
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/json"))
        {
            return Err(ApiError::invalid(
                "Invalid content type: application/json. This API takes application/x-www-form-urlencoded.",
            ));
        }
        let body =
            std::str::from_utf8(&incoming.body).map_err(|_| ApiError::invalid("Invalid UTF-8 in the request."))?;
        encoded = format!("{encoded}&{body}");
    }
    let params = form::parse(&encoded)?;
    schema::check(endpoint, &params)?;
    let account = auth::account(&incoming.headers, world)?;
    let call = Call {
        endpoint,
        args,
        params,
        account,
    };
    let mut answer = routes::dispatch(world, &call)?;
    expand::expand(world, &call, &mut answer)?;
    embedded::shorten(&mut answer);
    Ok(answer)
}

fn finish(app: &App, used: Option<&Use>, kept: Option<&Reply>) {
    let Some(used) = used else { return };
    let mut world = app.world();
    match kept {
        Some(reply) => {
            let stored = Stored {
                status: reply.status,
                body: reply.body.clone(),
                request_id: reply.request_id.clone(),
            };
            world.keys.finish(used, stored);
        }
        None => world.keys.release(used),
    }
}

fn replay(stored: Stored, request_id: &str) -> Reply {
    Reply {
        status: stored.status,
        body: stored.body,
        request_id: request_id.to_owned(),
        original: Some(stored.request_id),
    }
}

fn failure(error: &ApiError, request_id: &str) -> Reply {
    let log_url = format!("https://dashboard.stripe.com/test/logs/{request_id}");
    Reply {
        status: error.status,
        body: error.body(&log_url),
        request_id: request_id.to_owned(),
        original: None,
    }
}

fn lost_reply(outage: &Outage, request_id: &str) -> Reply {
    failure(&ApiError::api(outage.status), request_id)
}

fn respond(reply: &Reply, incoming: &Incoming) -> Response<Body> {
    let text = serde_json::to_string_pretty(&reply.body).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = axum::http::StatusCode::from_u16(reply.status).unwrap_or_default();
    let headers = response.headers_mut();
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put("content-type", "application/json");
    put("request-id", &reply.request_id);
    put(
        "stripe-version",
        incoming.header("stripe-version").unwrap_or(API_VERSION),
    );
    for echoed in ["idempotency-key", "stripe-account"] {
        if let Some(value) = incoming.header(echoed) {
            put(echoed, value);
        }
    }
    if let Some(original) = &reply.original {
        put("idempotent-replayed", "true");
        put("original-request", original);
    }
    response
}

fn logged(
    app: &App,
    incoming: &Incoming,
    used: Option<&Use>,
    reply: &Reply,
    outage: Option<&'static str>,
    error: Option<String>,
) -> Logged {
    Logged {
        id: reply.request_id.clone(),
        at_ms: app.world().now_ms(),
        method: incoming.method.to_string(),
        path: incoming.uri.path().to_owned(),
        endpoint: recognise(incoming.method.as_str(), incoming.uri.path()).map(|found| found.0),
        status: Some(reply.status),
        account: incoming.header("stripe-account").map(str::to_owned),
        idempotency_key: used.map(|used| used.key.clone()),
        replayed: reply.original.is_some(),
        outage,
        error,
    }
}
