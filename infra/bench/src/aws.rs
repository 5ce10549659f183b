//! The few calls to AWS that the SDK clients of the workspace do not cover, signed by hand.

use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::{Client, Method};
use serde_json::Value;

use crate::stack::Stack;

#[derive(Debug)]
pub(crate) struct Aws {
    http: Client,
    endpoint: String,
    region: String,
    credentials: Credentials,
}

impl Aws {
    pub(crate) fn of(stack: &Stack) -> Self {
        let (key, secret) = (stack.access_key_id.as_str(), stack.secret_access_key.as_str());
        Self {
            http: Client::new(),
            endpoint: stack.aws_endpoint.clone(),
            region: stack.region.clone(),
            credentials: Credentials::new(key, secret, None, None, "stack"),
        }
    }

    /// `path` with its query, if any. An empty answer is `null`.
    pub(crate) async fn get(&self, service: &str, path: &str) -> Result<Value> {
        self.call(service, Method::GET, path, &[], String::new()).await
    }

    pub(crate) async fn post(&self, service: &str, path: &str, body: &Value) -> Result<Value> {
        self.call(
            service,
            Method::POST,
            path,
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    /// For services whose operations are named by a header.
    pub(crate) async fn operation(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        self.call(service, Method::POST, "/", &headers, body.to_string()).await
    }

    async fn call(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Value> {
        let url = format!("{}{path}", self.endpoint);
        let mut request = self.http.request(method.clone(), &url);
        for (name, value) in headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
        {
            request = request.header(name, value);
        }
        for (name, value) in self.signature(service, method.as_str(), &url, headers, &body)? {
            request = request.header(name, value);
        }
        let answer = request
            .body(body)
            .send()
            .await
            .with_context(|| format!("{method} {path}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("{service}: {method} {path} answered {status}: {text}");
        }
        if text.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_str(&text).with_context(|| format!("{method} {path}"))
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a signature holds for a few minutes of real time"
    )]
    fn signature(
        &self,
        service: &str,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Vec<(String, String)>> {
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let request = SignableRequest::new(
            method,
            url,
            headers.iter().copied(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        Ok(instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}
