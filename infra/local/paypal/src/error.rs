//! PayPal's error bodies and the status each goes with (developer.paypal.com/api/rest/responses).

use serde_json::{Value, json};

/// An error as PayPal answers it: `{"name", "message", "debug_id", "details": [{"issue", "description"}]}`.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub status: u16,
    name: &'static str,
    message: String,
    details: Vec<Value>,
}

impl ApiError {
    fn new(status: u16, name: &'static str, message: &str) -> Self {
        Self {
            status,
            name,
            message: message.to_owned(),
            details: Vec::new(),
        }
    }

    fn detail(mut self, detail: Value) -> Self {
        self.details.push(detail);
        self
    }

    /// 400: a field is missing or malformed.
    pub(crate) fn invalid(issue: &str, field: &str, description: &str) -> Self {
        let message = "Request is not well-formed, syntactically incorrect, or violates schema.";
        Self::new(400, "INVALID_REQUEST", message)
            .detail(json!({"field": field, "issue": issue, "description": description}))
    }

    /// 422: understood and refused.
    pub(crate) fn issue(issue: &str, description: &str) -> Self {
        let message =
            "The requested action could not be performed, semantically incorrect, or failed business validation.";
        Self::new(422, "UNPROCESSABLE_ENTITY", message).detail(json!({"issue": issue, "description": description}))
    }

    pub(crate) fn missing() -> Self {
        let description = "Specified resource ID does not exist. Please check the resource ID and try again.";
        Self::new(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.")
            .detail(json!({"issue": "INVALID_RESOURCE_ID", "description": description}))
    }

    pub(crate) fn unknown_url(method: &str, path: &str) -> Self {
        let message = format!("{method} {path} is not served. The stand-in serves what Souk calls.");
        Self::new(404, "RESOURCE_NOT_FOUND", &message)
    }

    pub(crate) fn unauthorised(message: &str) -> Self {
        Self::new(401, "AUTHENTICATION_FAILURE", message)
    }

    /// 400: `sender_batch_id` was used before; the link leads to the batch that was made then.
    pub(crate) fn duplicate_batch(link: &str) -> Self {
        Self::new(400, "USER_BUSINESS_ERROR", "User business error.").detail(json!({
            "field": "SENDER_BATCH_ID",
            "location": "body",
            "issue": "Batch with given sender_batch_id already exists",
            "link": [{"href": link, "rel": "self", "method": "GET"}],
        }))
    }

    pub(crate) fn insufficient_funds() -> Self {
        let message = "Sender does not have sufficient funds. Please add funds and retry.";
        Self::new(422, "INSUFFICIENT_FUNDS", message)
    }

    /// An error of PayPal's own: an outage.
    pub(crate) fn outage(status: u16) -> Self {
        match status {
            429 => Self::new(
                429,
                "RATE_LIMIT_REACHED",
                "Too many requests. Blocked due to rate limiting.",
            ),
            503 => Self::new(503, "SERVICE_UNAVAILABLE", "Service Unavailable."),
            _ => Self::new(
                status,
                "INTERNAL_SERVER_ERROR",
                "An internal server error has occurred.",
            ),
        }
    }

    pub(crate) fn body(&self, debug_id: &str) -> Value {
        json!({"name": self.name, "message": self.message, "debug_id": debug_id, "details": self.details, "links": []})
    }

    /// The issue if there is one, else the name.
    pub(crate) fn code(&self) -> &str {
        let issue = self.details.first().and_then(|detail| detail["issue"].as_str());
        issue.unwrap_or(self.name)
    }
}
