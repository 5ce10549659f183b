//! The one error that leaves a Lambda over HTTP: an RFC 9457 problem document.
//!
//! Owns every error's status code and `code`. A problem says what the caller can do about it; the cause inside (`caused_by`)
//! is logged once, when the response is made, and never shown.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::contention::MetOthers;
use crate::processor::ProcessorError;
use crate::store::StoreError;
use crate::store::contention::is_contention;

/// Boxed, because it is the `Err` of almost every function at the edge.
pub struct Problem(Box<Inner>);

struct Inner {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_s: Option<u32>,
    challenge: Option<HeaderValue>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What is wrong with one part of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    #[schema(example = "/lines/0/listing_id")]
    pub pointer: String,
    #[schema(example = "must be between 1 and 100 characters long")]
    pub detail: String,
}

impl FieldError {
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

/// The body of a problem document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Names the kind of problem; made of `code`.
    #[serde(rename = "type")]
    #[schema(example = "urn:souk:problem:invalid_request")]
    pub kind: String,
    #[schema(example = "Unprocessable Content")]
    pub title: String,
    #[schema(example = 422)]
    pub status: u16,
    /// Stable: programs may depend on it.
    #[schema(example = "invalid_request")]
    pub code: String,
    /// For people: what happened and what to do.
    pub detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// Any status with any code; prefer the named constructors below.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
            challenge: None,
            cause: None,
        }))
    }

    /// 400: the request cannot be understood at all.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401. `error` and `detail` also go into `WWW-Authenticate` (RFC 6750, section 3).
    pub fn unauthenticated(error: Option<&'static str>, detail: &'static str) -> Self {
        let challenge = match error {
            Some(error) => format!("Bearer realm=\"souk\", error=\"{error}\", error_description=\"{detail}\""),
            None => "Bearer realm=\"souk\"".to_owned(),
        };
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, error.unwrap_or("unauthenticated"), detail);
        problem.0.challenge = HeaderValue::from_str(&challenge).ok();
        problem
    }

    /// 401 for a sign-in that is too old for what it is to do (RFC 9470, section 3).
    pub fn stale_sign_in(detail: impl Into<String>, max_age: std::time::Duration) -> Self {
        let challenge = format!(
            "Bearer realm=\"souk\", error=\"insufficient_user_authentication\", error_description=\"Sign in again.\", max_age={}",
            max_age.as_secs()
        );
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "fresh_sign_in_required", detail);
        problem.0.challenge = HeaderValue::from_str(&challenge).ok();
        problem
    }

    /// 403 for an operator who would decide about their own partner, order or claim.
    pub fn own_work() -> Self {
        Self::forbidden(
            "own_work",
            "Nobody decides about what is their own or their team's. Leave it to another operator.",
        )
    }

    /// 403: the caller may know that the thing exists, but may not do this.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 403 for an API token without the scope (RFC 6750: `insufficient_scope`).
    pub fn insufficient_scope(scope: &str) -> Self {
        let mut problem = Self::forbidden(
            "insufficient_scope",
            format!("This API token lacks the scope \"{scope}\". Make a token that has it, or sign in."),
        );
        let challenge = format!("Bearer realm=\"souk\", error=\"insufficient_scope\", scope=\"{scope}\"");
        problem.0.challenge = HeaderValue::from_str(&challenge).ok();
        problem
    }

    /// 404, also for what exists but is somebody else's.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is nothing here that you may see. Check the path and the id.",
        )
    }

    /// 409: the state of things forbids it; `detail` says what to do first.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 409: somebody else changed it meanwhile; the same request may be sent again.
    pub fn changed_meanwhile() -> Self {
        Self::conflict(
            "changed_meanwhile",
            "Another request changed this at the same time. Read it again, then retry.",
        )
        .retry_after(1)
    }

    /// 400: the next page of some other list, or of none.
    pub fn invalid_cursor() -> Self {
        Self::bad_request(
            "invalid_cursor",
            "This cursor does not belong to this list. Use \"next\" of the page before, unchanged and with the same filters, or start without a cursor.",
        )
    }

    /// 422: understood, but some fields are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.pointer, only.detail),
            many => format!("{} fields are wrong; see \"errors\".", many.len()),
        };
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", detail);
        problem.0.errors = errors;
        problem
    }

    /// 422 for one field, with a code of its own.
    pub fn refused(code: &'static str, pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail.clone());
        problem.0.errors = vec![FieldError::new(pointer, detail)];
        problem
    }

    /// 500: our fault. The cause is logged, the caller learns nothing of it.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side. Retry; a POST with the same Idempotency-Key is not done twice.",
        )
        .caused_by(cause)
    }

    /// 503: something we depend on does not answer.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "A service behind this one does not answer. Retry; a POST with the same Idempotency-Key is not done twice.",
        )
        .retry_after(2)
        .caused_by(cause)
    }

    /// 503: the time that this function has is over.
    pub fn timed_out() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "timed_out",
            "This took too long. Retry; a POST with the same Idempotency-Key is not done twice.",
        )
        .retry_after(1)
    }

    /// 413.
    pub fn too_large(limit_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!(
                "The body is larger than {limit_bytes} bytes. Packages are uploaded to the URL of an upload, not here."
            ),
        )
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    pub fn code(&self) -> &str {
        &self.0.code
    }

    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // A handler that expects a conflict matches on it first and says what to do.
            StoreError::Conflict { .. } => Self::changed_meanwhile().caused_by(error),
            StoreError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Too much at once. Retry in a moment; a POST with the same Idempotency-Key is not done twice.",
            )
            .retry_after(1)
            .caused_by(error),
            StoreError::ForeignPage => Self::invalid_cursor(),
            StoreError::Unavailable(_) => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }
}

impl From<ProcessorError> for Problem {
    fn from(error: ProcessorError) -> Self {
        match error {
            ProcessorError::Refused { .. } => {
                let detail = "The payment processor refused this. Check what you sent; if it looks right, tell us the request id.";
                Self::new(StatusCode::BAD_GATEWAY, "processor_refused", detail).caused_by(error)
            }
            ProcessorError::RateLimited | ProcessorError::Conflict | ProcessorError::Unknown(_) => {
                Self::unavailable(error)
            }
            ProcessorError::KeyReused { .. } | ProcessorError::Unauthorised(_) => Self::internal(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let inner = *self.0;
        let met_others = inner.cause.as_deref().is_some_and(|cause| is_contention(cause));
        if let Some(cause) = &inner.cause {
            let causes = chain(cause.as_ref());
            if inner.status.is_server_error() {
                tracing::error!(http.status = inner.status.as_u16(), problem.code = %inner.code, error = %causes, "request failed");
            } else {
                tracing::info!(http.status = inner.status.as_u16(), problem.code = %inner.code, error = %causes, "request refused");
            }
        }
        let document = ProblemDocument {
            kind: format!("urn:souk:problem:{}", inner.code),
            title: inner.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: inner.status.as_u16(),
            code: inner.code.into_owned(),
            detail: inner.detail,
            errors: inner.errors,
        };
        // Strings and integers only: this cannot fail.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (inner.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if met_others {
            response.extensions_mut().insert(MetOthers);
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = inner.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = inner.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Problem({} {}: {})",
            self.0.status.as_u16(),
            self.0.code,
            self.0.detail
        )?;
        if !self.0.errors.is_empty() {
            write!(f, " {:?}", self.0.errors)?;
        }
        match &self.0.cause {
            Some(cause) => write!(f, " caused by {}", chain(cause.as_ref())),
            None => Ok(()),
        }
    }
}

/// An error and everything under it, on one line, for the log.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn body(problem: Problem) -> serde_json::Value {
        let response = problem.into_response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let bytes = response
            .into_body()
            .collect()
            .await
            .expect("a body in memory")
            .to_bytes();
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[tokio::test]
    async fn a_problem_says_what_to_do_and_hides_its_cause() {
        let shown = body(Problem::internal(std::io::Error::other("password=hunter2"))).await;
        assert_eq!(shown["status"], 500);
        assert_eq!(shown["code"], "internal");
        assert!(!shown.to_string().contains("hunter2"));

        let shown = body(Problem::invalid(vec![FieldError::new("/title", "is missing")])).await;
        assert_eq!(shown["errors"][0]["pointer"], "/title");
        assert_eq!(shown["type"], "urn:souk:problem:invalid_request");
        assert_eq!(shown["detail"], "/title: is missing");
    }

    #[test]
    fn a_challenge_is_sent_with_401() {
        let response = Problem::unauthenticated(Some("invalid_token"), "The token has expired.").into_response();
        let challenge = response.headers()[header::WWW_AUTHENTICATE].to_str().expect("ASCII");
        assert_eq!(
            challenge,
            "Bearer realm=\"souk\", error=\"invalid_token\", error_description=\"The token has expired.\""
        );
    }
}
