//! Souk's API as one caller of the story uses it.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use crate::stack::Stack;

#[derive(Debug)]
pub(crate) struct Api {
    http: Client,
    base: String,
    token: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Value,
    /// By which the function's log line is found.
    pub(crate) request_id: String,
}

impl Answer {
    pub(crate) fn text(&self, field: &str) -> Result<String> {
        let text = self.body[field]
            .as_str()
            .with_context(|| format!("an answer without {field}: {}", self.body))?;
        Ok(text.to_owned())
    }
}

impl Api {
    pub(crate) fn of(stack: &Stack, who: &str) -> Result<Self> {
        Ok(Self {
            http: Client::new(),
            base: format!("{}/v1", stack.api_url),
            token: stack.token(who)?.to_owned(),
        })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        sent(request).await.with_context(|| format!("GET {path}"))
    }

    /// Under an idempotency key of its own.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let key = format!("bench-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = request.header("idempotency-key", key).json(body);
        sent(request).await.with_context(|| format!("POST {path}"))
    }
}

/// A control of the Stripe stand-in.
pub(crate) async fn control(stack: &Stack, path: &str, body: &Value) -> Result<Value> {
    let request = Client::new()
        .post(format!("{}/_control/{path}", stack.stripe_url))
        .json(body);
    Ok(sent(request).await.with_context(|| format!("control {path}"))?.body)
}

/// An object of the Stripe stand-in.
pub(crate) async fn stripe_object(stack: &Stack, id: &str) -> Result<Value> {
    let request = Client::new().get(format!("{}/_control/objects/{id}", stack.stripe_url));
    Ok(sent(request).await.with_context(|| format!("object {id}"))?.body["object"].take())
}

/// How many requests of the API the Stripe stand-in has answered.
pub(crate) async fn stripe_requests(stack: &Stack) -> Result<u64> {
    let request = Client::new().get(format!("{}/_control", stack.stripe_url));
    let summary = sent(request).await.context("the stand-in's summary")?.body;
    summary["requests"]
        .as_u64()
        .with_context(|| format!("no count of requests in {summary}"))
}

/// A presigned form: the signed fields as they came, the file last (RFC 7578).
pub(crate) async fn upload(form: &Value, file: &[u8]) -> Result<()> {
    const BOUNDARY: &str = "bench-boundary-7f3a";
    let url = form["url"].as_str().context("a form without a url")?;
    let mut body = Vec::new();
    for (name, value) in form["fields"].as_object().context("a form without fields")? {
        let value = value.as_str().unwrap_or_default();
        let part = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head =
        "content-disposition: form-data; name=\"file\"; filename=\"package.zip\"\r\ncontent-type: application/zip";
    body.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let request = Client::new()
        .post(url)
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    let answer = request.body(body).send().await?;
    if !answer.status().is_success() {
        bail!("the upload was answered {}: {}", answer.status(), answer.text().await?);
    }
    Ok(())
}

async fn sent(request: RequestBuilder) -> Result<Answer> {
    let answer = request.send().await?;
    let status = answer.status();
    let request_id = answer
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("answered {status}: {text}");
    }
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).context("not JSON")?
    };
    Ok(Answer { body, request_id })
}
