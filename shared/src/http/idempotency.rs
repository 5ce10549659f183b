//! `Idempotency-Key` on POST: the same key and request get the same answer, once.
//!
//! A record per caller and key (table `requests`, kept 24 h) holds the request's fingerprint, its [`Seed`] and how far it came:
//!
//! | record | same request | other request |
//! |---|---|---|
//! | none | runs | runs |
//! | running | 409, `Retry-After` | 422 |
//! | released, or running past the function's deadline (it crashed) | runs again **with the same seed** | 422 |
//! | done | the stored answer, `Idempotent-Replayed: true` | 422 |
//!
//! The same seed makes the same ids, so the second run meets what the first one wrote. Answers that say *not now* are not stored:
//! 5xx, and the 4xx that another attempt may turn (see [`is_final`]). Without a key a request has a fresh seed and no record.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::edge::{Call, Edge};
use super::problem::Problem;
use crate::auth;
use crate::seed::Seed;
use crate::store::{Key, Store, StoreError, Write, keys};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const MAX_KEY_CHARS: usize = 256;
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// DynamoDB's limit is 400 KiB for the whole item; an answer above this is not kept, and its repetition says so.
const MAX_KEPT_BYTES: usize = 300_000;
/// Headers that are part of the answer rather than of its transport.
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];
/// Past the function's deadline nothing of it can still be running; a second for clocks that differ.
const LOCK_MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// Marks a response whose body holds a secret: it is shown once and not kept. Return it among the response's parts.
#[derive(Debug, Clone, Copy)]
pub struct ShownOnce;

impl IntoResponseParts for ShownOnce {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    fingerprint: String,
    seed: Seed,
    kept_until: Timestamp,
    progress: Progress,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Progress {
    Running {
        until: Timestamp,
    },
    Released,
    Done {
        status: u16,
        headers: Vec<(String, String)>,
        body: KeptBody,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptBody {
    Text(String),
    Secret,
    TooLarge,
}

/// A record that this request holds the lock of.
struct Held<'a> {
    store: &'a Store,
    key: Key,
    record: Record,
    revision: u64,
}

pub(super) async fn layer(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    match guard(&edge, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn guard(edge: &Edge, request: Request, next: Next) -> Result<Response, Problem> {
    let Some(sign_in) = edge.sign_in() else {
        return Ok(next.run(request).await);
    };
    if request.method() != Method::POST || request.extensions().get::<MatchedPath>().is_none() {
        return Ok(next.run(request).await);
    }
    let Some(client_key) = client_key(request.headers())? else {
        return Ok(next.run(request).await);
    };

    let (mut parts, body) = request.into_parts();
    // Without a caller there is nobody whose key it could be; the handler will ask for one.
    let Some(identity) = auth::identify(edge, &mut parts).await? else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let body = Bytes::from_request(Request::new(body), &())
        .await
        .map_err(Problem::internal)?;
    let mut call = parts
        .extensions
        .get::<Call>()
        .cloned()
        .ok_or_else(|| Problem::internal("a route outside http::router"))?;

    let fingerprint = fingerprint(&parts, &body);
    let key = keys::request(&identity.idempotency_owner(), &client_key);
    let held = match claim(&sign_in.store, key, fingerprint, &call).await? {
        Claim::Held(held) => held,
        Claim::Answered(response) => return Ok(response),
    };
    call.seed = held.record.seed;
    parts.extensions.insert(call);
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    Ok(conclude(held, response).await)
}

fn client_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    // `to_str` has let through visible ASCII, spaces and tabs.
    if values.next().is_some() || text.trim().is_empty() || text.contains('\t') || text.len() > MAX_KEY_CHARS {
        return Err(Problem::bad_request(
            "invalid_idempotency_key",
            format!("Send one Idempotency-Key of 1 to {MAX_KEY_CHARS} printable ASCII characters, such as a UUID."),
        ));
    }
    Ok(Some(text.to_owned()))
}

/// What makes two requests the same: method, path with query, body.
fn fingerprint(parts: &axum::http::request::Parts, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(parts.method.as_str());
    hash.update([0]);
    hash.update(parts.uri.path_and_query().map_or("", |part| part.as_str()));
    hash.update([0]);
    hash.update(body);
    hex::encode(hash.finalize())
}

enum Claim<'a> {
    Held(Held<'a>),
    Answered(Response),
}

/// Creates the record, takes over one that nobody holds, or answers from it.
async fn claim<'a>(store: &'a Store, key: Key, fingerprint: String, call: &Call) -> Result<Claim<'a>, Problem> {
    let running = Progress::Running {
        until: call.deadline.saturating_add(LOCK_MARGIN).unwrap_or(call.deadline),
    };
    let kept_until = call.now.saturating_add(KEPT_FOR).unwrap_or(call.now);
    let fresh = Record {
        fingerprint,
        seed: call.seed,
        kept_until,
        progress: running.clone(),
    };
    match store
        .write(Write::create(key.clone(), &fresh)?.expires_at(kept_until))
        .await
    {
        Ok(()) => {
            return Ok(Claim::Held(Held {
                store,
                key,
                record: fresh,
                revision: 1,
            }));
        }
        Err(StoreError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    // Deleted between the two: it had expired, and the next attempt will find nothing.
    let Some(found) = store.get::<Record>(&key).await? else {
        return Err(still_running(1));
    };
    let record = if found.kept_until <= call.now {
        fresh
    } else if found.fingerprint != fresh.fingerprint {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This Idempotency-Key came with another request before. Use a new key for a new request.",
        ));
    } else {
        match &found.progress {
            Progress::Done { status, headers, body } => return replay(*status, headers, body).map(Claim::Answered),
            Progress::Running { until } if *until > call.now => {
                let seconds = until.duration_since(call.now).as_secs().clamp(1, 5);
                return Err(still_running(u32::try_from(seconds).unwrap_or(1)));
            }
            Progress::Running { .. } | Progress::Released => Record {
                progress: running,
                ..found.value.clone()
            },
        }
    };
    match store
        .write(Write::replace(key.clone(), &record, found.revision)?.expires_at(record.kept_until))
        .await
    {
        Ok(()) => Ok(Claim::Held(Held {
            store,
            key,
            record,
            revision: found.revision + 1,
        })),
        Err(StoreError::Conflict { .. }) => Err(still_running(1)),
        Err(error) => Err(error.into()),
    }
}

fn still_running(retry_after_s: u32) -> Problem {
    let detail = "The first request with this Idempotency-Key is still running. Retry in a moment with the same key.";
    Problem::conflict("idempotency_key_running", detail).retry_after(retry_after_s)
}

fn replay(status: u16, headers: &[(String, String)], body: &KeptBody) -> Result<Response, Problem> {
    let location = headers.iter().find(|(name, _)| name == header::LOCATION.as_str());
    let place = location
        .map(|(_, place)| format!(" It is at {place}."))
        .unwrap_or_default();
    let text = match body {
        KeptBody::Text(text) => text.clone(),
        KeptBody::Secret => {
            let detail = format!(
                "The first request succeeded and showed a secret, which is not kept.{place} Delete it and make another with a new key."
            );
            return Err(Problem::conflict("secret_shown_once", detail));
        }
        KeptBody::TooLarge => {
            let detail = format!(
                "The first request succeeded, but its answer was too large to be kept.{place} Read it instead."
            );
            return Err(Problem::conflict("answer_not_kept", detail));
        }
    };
    let status = StatusCode::from_u16(status).map_err(Problem::internal)?;
    let mut response = (status, text).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// Whether an answer stays the answer. Those refused for a reason that may pass (no right yet, not there yet, a conflict, our fault)
/// had no effect, so the same key may try again.
fn is_final(status: StatusCode) -> bool {
    let may_pass = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_FOUND,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::CONFLICT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    !status.is_server_error() && !may_pass.contains(&status)
}

/// Stores the answer or releases the lock. The caller gets its answer in either case: the effect has happened, and should the
/// record be lost, the lock runs out and a retry repeats the work with the same seed.
async fn conclude(held: Held<'_>, response: Response) -> Response {
    let (response, progress) = if is_final(response.status()) {
        match keep(response).await {
            Ok((response, kept)) => (response, kept),
            Err(problem) => (problem.into_response(), Progress::Released),
        }
    } else {
        (response, Progress::Released)
    };
    let record = Record {
        progress,
        ..held.record
    };
    let written = match Write::replace(held.key, &record, held.revision) {
        Ok(write) => held.store.write(write.expires_at(record.kept_until)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::error!(error = %super::problem::chain(&error), "the answer of an idempotent request was not recorded");
    }
    response
}

async fn keep(response: Response) -> Result<(Response, Progress), Problem> {
    let secret = response.extensions().get::<ShownOnce>().is_some();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(Problem::internal)?.to_bytes();
    let body = match std::str::from_utf8(&bytes) {
        _ if secret => KeptBody::Secret,
        Ok(text) if text.len() <= MAX_KEPT_BYTES => KeptBody::Text(text.to_owned()),
        _ => KeptBody::TooLarge,
    };
    let headers = KEPT_HEADERS.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let kept = Progress::Done {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body,
    };
    Ok((Response::from_parts(parts, Body::from(bytes)), kept))
}
