//! The API as a client sees it, and its answers with what every answer must be.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use crate::{Stack, unique};

/// The API with what one caller shows, or with nothing.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    /// Scheme and credential.
    authorization: Option<String>,
}

/// A request that is being put together.
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct Call {
    request: reqwest::RequestBuilder,
    what: String,
}

impl Api {
    pub(crate) fn new(stack: &Stack, authorization: Option<String>) -> Self {
        Self {
            http: stack.http().clone(),
            base: stack.description().api_url.clone(),
            authorization,
        }
    }

    /// A path below `/v1`, or a link from an answer.
    pub fn call(&self, method: &str, path: &str) -> Call {
        let path = path.strip_prefix("/v1").unwrap_or(path);
        let method: Method = method.parse().unwrap();
        let mut request = self.http.request(method.clone(), format!("{}/v1{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        Call {
            request,
            what: format!("{method} /v1{path}"),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    /// Under an idempotency key of its own.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path).key(&unique()).json(&body).send().await
    }

    pub async fn post_with_key(&self, path: &str, key: &str, body: Value) -> Answer {
        self.call("POST", path).key(key).json(&body).send().await
    }

    pub async fn put(&self, path: &str) -> Answer {
        self.call("PUT", path).json(&json!({})).send().await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path).json(&body).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path).send().await
    }

    /// Every item of a list, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{separator}limit=100{cursor}")).await.ok();
            items.extend(
                page["items"]
                    .as_array()
                    .unwrap_or_else(|| panic!("{path} is not a list: {page}"))
                    .iter()
                    .cloned(),
            );
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

impl Call {
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        Self {
            request: self.request.header(name, value),
            ..self
        }
    }

    pub fn json(self, body: &Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    pub fn raw(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self {
            request: self.request.header(CONTENT_TYPE, content_type).body(body),
            ..self
        }
    }

    /// A body that does not say what it is.
    pub fn untyped(self, body: impl Into<reqwest::Body>) -> Self {
        Self {
            request: self.request.body(body),
            ..self
        }
    }

    pub async fn send(self) -> Answer {
        let Self { request, what } = self;
        let response = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("{what} was not answered: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response
            .bytes()
            .await
            .unwrap_or_else(|error| panic!("{what} was answered by half: {error:?}"));
        Answer {
            what,
            status,
            headers,
            bytes: bytes.to_vec(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for failures.
    pub what: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body, where nothing is said of the status.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The body of an answer that went well.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{} answered {}: {}",
            self.what,
            self.status,
            self.text()
        );
        self.json()
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(
            self.status,
            status,
            "{} answered {}: {}",
            self.what,
            self.status,
            self.text()
        );
        self.json()
    }

    /// The problem document of an answer with this status and code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.problem();
        assert_eq!(
            (self.status, problem["code"].as_str().unwrap_or_default()),
            (status, code),
            "{}: {problem}",
            self.what
        );
        problem
    }

    /// Checks that this is a problem document (RFC 9457) with everything Souk puts into one.
    #[track_caller]
    pub fn problem(&self) -> Value {
        assert!(
            (400..600).contains(&self.status),
            "{} was not refused but answered {}: {}",
            self.what,
            self.status,
            self.text()
        );
        let content_type = self.header("content-type");
        assert_eq!(
            content_type,
            "application/problem+json",
            "{} answered {} with {content_type:?}: {}",
            self.what,
            self.status,
            self.text()
        );
        let problem = self.json();
        let text = |name: &str| {
            problem[name]
                .as_str()
                .unwrap_or_else(|| panic!("{}: no {name} in {problem}", self.what))
                .to_owned()
        };
        let code = text("code");
        assert_eq!(problem["status"], self.status, "{}: {problem}", self.what);
        assert_eq!(
            text("type"),
            format!("urn:souk:problem:{code}"),
            "{}: {problem}",
            self.what
        );
        assert!(!text("title").is_empty(), "{}: {problem}", self.what);
        let detail = text("detail");
        assert!(
            detail.len() > 10,
            "{}: the detail says too little: {problem}",
            self.what
        );
        for leak in ["panicked", "Error {", "Some(", "src/", "DynamoDb", "SdkError"] {
            assert!(
                !self.text().contains(leak),
                "{} shows its inside ({leak}): {problem}",
                self.what
            );
        }
        for error in problem["errors"].as_array().into_iter().flatten() {
            assert!(
                error["pointer"].is_string() && error["detail"].is_string(),
                "{}: {problem}",
                self.what
            );
        }
        problem
    }
}
