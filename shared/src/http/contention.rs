//! Requests that met others at the same items are handled once more, from their first reading on, before their caller has to.
//!
//! The handler gets the same request with the same seed, so it makes the same ids and finds what its first try has left, as it does when a
//! caller repeats a request with its `Idempotency-Key`. What it answers to that is what the caller sees: a conflict only if it is one still.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::edge::Edge;
use super::problem::Problem;
use crate::store::Contended;

/// Somebody waits for the answer, so not for long; the calls themselves have been repeated by the store.
const TRIES: u32 = 4;

/// Marks an answer that says no more than that others were at the same items.
#[derive(Debug, Clone, Copy)]
pub(super) struct MetOthers;

struct Answer(Response);

impl Contended for Answer {
    fn is_contended(&self) -> bool {
        self.0.extensions().get::<MetOthers>().is_some()
    }
}

pub(super) async fn layer(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let Some(sign_in) = edge.sign_in() else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    // The entrance has read it up to its limit.
    let body = match Bytes::from_request(Request::new(body), &()).await {
        Ok(body) => body,
        Err(error) => return Problem::internal(error).into_response(),
    };
    let mut tries = sign_in.store.some_tries(TRIES);
    loop {
        let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
        let answer = Answer(next.clone().run(request).await);
        if !tries.again(&answer).await {
            return answer.0;
        }
    }
}
