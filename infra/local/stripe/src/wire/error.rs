//! Stripe's error bodies and the status each goes with.

use serde_json::{Map, Value, json};

/// An error as Stripe answers it: `{"error": {"type", "code", "message", "param", …}}`.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub status: u16,
    body: Map<String, Value>,
    /// Whether the endpoint had begun to work, so that an idempotency key replays this error. Stripe keeps no result
    /// for parameters that fail validation and for requests that collide.
    pub begun: bool,
}

impl ApiError {
    fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        let mut body = Map::new();
        body.insert("type".to_owned(), json!(kind));
        body.insert("message".to_owned(), Value::String(message.into()));
        Self {
            status,
            body,
            begun: false,
        }
    }

    /// 400 `invalid_request_error`.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// 400 for a request that was understood and refused in the course of doing it.
    pub(crate) fn refused(code: &str, message: impl Into<String>) -> Self {
        let mut error = Self::invalid(message).code(code);
        error.begun = true;
        error
    }

    /// 404 `resource_missing` in Stripe's words.
    pub(crate) fn missing(noun: &str, id: &str, param: &str) -> Self {
        let mut error = Self::invalid(format!("No such {noun}: '{id}'"))
            .code("resource_missing")
            .param(param);
        error.status = 404;
        error
    }

    pub(crate) fn unknown_url(method: &str, path: &str) -> Self {
        let mut error = Self::invalid(format!(
            "Unrecognized request URL ({method}: {path}). The stand-in serves the calls listed on its index page."
        ));
        error.status = 404;
        error
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, "invalid_request_error", message)
    }

    pub(crate) fn no_access(account: &str) -> Self {
        let message = format!(
            "The provided key 'sk_test_***' does not have access to account '{account}' (or that account does not \
             exist). Application access may have been revoked."
        );
        Self::new(403, "invalid_request_error", message).code("account_invalid")
    }

    pub(crate) fn idempotency(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, "idempotency_error", message)
    }

    /// 402 `card_error`; the payment intent it belongs to rides along, as with Stripe.
    pub(crate) fn card(code: &str, decline_code: Option<&str>, message: &str) -> Self {
        let mut error = Self::new(402, "card_error", message).code(code);
        if let Some(decline) = decline_code {
            error.body.insert("decline_code".to_owned(), json!(decline));
        }
        error.begun = true;
        error
    }

    /// An error of Stripe's own: an outage.
    pub(crate) fn api(status: u16) -> Self {
        let (kind, message) = match status {
            429 => ("invalid_request_error", "Request rate limit exceeded."),
            503 => ("api_error", "Stripe is temporarily unavailable. Please try again."),
            _ => ("api_error", "An unknown error occurred"),
        };
        let error = Self::new(status, kind, message);
        if status == 429 { error.code("rate_limit") } else { error }
    }

    pub(crate) fn code(mut self, code: &str) -> Self {
        self.body.insert("code".to_owned(), json!(code));
        let page = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
        self.body.insert("doc_url".to_owned(), json!(page));
        self
    }

    pub(crate) fn param(self, param: &str) -> Self {
        self.with("param", json!(param))
    }

    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.body.insert(field.to_owned(), value);
        self
    }

    /// The error object alone, as `last_payment_error` holds it.
    pub(crate) fn object(&self) -> Value {
        Value::Object(self.body.clone())
    }

    pub(crate) fn body(&self, request_log_url: &str) -> Value {
        let mut body = self.body.clone();
        body.insert("request_log_url".to_owned(), json!(request_log_url));
        json!({ "error": body })
    }

    pub(crate) fn message(&self) -> &str {
        self.body.get("message").and_then(Value::as_str).unwrap_or_default()
    }
}
