//! Puts a context's routes behind one entrance.
//!
//! From the outside in: [`enter`] names the request, reads its body up to the limit, sets headers and writes one log line;
//! [`super::idempotency`] answers repeated POSTs; [`bounded`] ends a handler in time; [`contention`] lets it decide anew where others
//! have changed what it has read. A panic ends the process, as
//! everywhere in what ships: Lambda answers 500 and starts another.
//! MiniStack and API Gateway enforce none of this for us in the same way, so all of it is here.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRef, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use jiff::{SignedDuration, Timestamp};
use lambda_http::RequestExt;

use super::edge::{Call, Edge};
use super::problem::Problem;
use super::routes::Routes;
use super::{contention, idempotency};
use crate::seed::Seed;

/// What a handler leaves of the function's time for storing its answer and sending it.
const RESERVE: SignedDuration = SignedDuration::from_millis(500);
/// What the entrance leaves for the answer alone.
const LAST_RESERVE: SignedDuration = SignedDuration::from_millis(150);
/// Longer than any path and query of ours, cursor included.
const MAX_URI_BYTES: usize = 8_000;

/// A context's routes, ready to be served.
pub fn router<S>(routes: Routes<S>, state: S) -> axum::Router
where
    S: Clone + Send + Sync + 'static,
    Edge: FromRef<S>,
{
    let edge = Edge::from_ref(&state);
    routes
        .into_router()
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(edge.clone(), contention::layer))
        .layer(from_fn(bounded))
        .layer(from_fn_with_state(edge.clone(), idempotency::layer))
        .layer(from_fn_with_state(edge, enter))
        // `enter` has its own limit, which answers with a problem document.
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

async fn method_not_allowed(method: Method) -> Problem {
    // axum adds the `Allow` header.
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("This path has no {method}. The Allow header names the methods it has."),
    )
}

async fn enter(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let (started, used_before) = (Instant::now(), edge.usage());
    let now = edge.clock().now();
    let call = call(&edge, &request, now);
    let (method, route) = (
        request.method().clone(),
        request.extensions().get::<MatchedPath>().cloned(),
    );
    let mut response = match admit(&edge, request, &call).await {
        Ok(request) => within(remaining(now, call.deadline, LAST_RESERVE), next.run(request)).await,
        Err(problem) => problem.into_response(),
    };
    furnish(&mut response, &call.request_id);
    let usage = edge.usage().since(used_before);
    tracing::info!(
        http.method = %method,
        http.route = route.as_ref().map_or("none", MatchedPath::as_str),
        http.status = response.status().as_u16(),
        request.id = %call.request_id,
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        dynamodb.requests = usage.requests,
        dynamodb.read_tenths = usage.read_tenths,
        dynamodb.write_units = usage.write_units(),
        dynamodb.retries = usage.retries,
        "request answered"
    );
    response
}

fn call(edge: &Edge, request: &Request, now: Timestamp) -> Call {
    // A simulation brings the seed along, to have the same ids again; no request from outside can.
    let seed = request.extensions().get().copied().unwrap_or_else(|| Seed::fresh(now));
    match request.lambda_context_ref() {
        Some(context) => Call {
            now,
            seed,
            request_id: context.request_id.clone(),
            deadline: i64::try_from(context.deadline)
                .ok()
                .and_then(|ms| Timestamp::from_millisecond(ms).ok())
                .unwrap_or(now),
        },
        None => {
            let limit = SignedDuration::try_from(edge.time_limit()).unwrap_or_default();
            Call {
                now,
                seed,
                request_id: seed.to_string(),
                deadline: now.saturating_add(limit).unwrap_or(now),
            }
        }
    }
}

/// The request with its body in memory, or why it is not let in.
async fn admit(edge: &Edge, request: Request, call: &Call) -> Result<Request, Problem> {
    let uri_bytes = request.uri().path_and_query().map_or(0, |part| part.as_str().len());
    if uri_bytes > MAX_URI_BYTES {
        let detail = format!("Path and query are longer than {MAX_URI_BYTES} bytes.");
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail));
    }
    let limit = edge.max_body_bytes();
    let (mut parts, body) = request.into_parts();
    let body = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => return Err(Problem::too_large(limit)),
        Err(error) => {
            let detail = "The body could not be read to its end. Send it again.";
            return Err(Problem::bad_request("unreadable_body", detail).caused_by(error));
        }
    };
    parts.extensions.insert(call.clone());
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Ends a handler while there is still time to say so and to release its idempotency record.
async fn bounded(request: Request, next: Next) -> Response {
    let limit = request
        .extensions()
        .get::<Call>()
        .map(|call| remaining(call.now, call.deadline, RESERVE));
    within(limit.unwrap_or_default(), next.run(request)).await
}

fn remaining(now: Timestamp, deadline: Timestamp, reserve: SignedDuration) -> Duration {
    Duration::try_from(deadline.duration_since(now) - reserve).unwrap_or_default()
}

async fn within(limit: Duration, work: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(limit, work).await {
        Ok(response) => response,
        Err(_) => Problem::timed_out().into_response(),
    }
}

/// Headers that every answer has. `Cache-Control` only where the handler has not said otherwise: most answers are somebody's own.
fn furnish(response: &mut Response, request_id: &str) {
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    headers.insert(
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000"),
    );
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
}
