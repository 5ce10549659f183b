//! A server that answers as it was told to and remembers what it was asked: for the calls that Souk makes to others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use url::Url;

use crate::processor::paypal::PayPalClient;
use crate::processor::stripe::StripeClient;
use crate::runtime::secrets::{PayPalSecretSource, StripeSecretSource};

/// Ends with the test's runtime.
#[derive(Debug, Clone)]
pub struct ScriptedServer {
    base: Url,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<(u16, Value)>,
    asked: Vec<Recorded>,
}

/// A request that the server got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub method: String,
    /// With the query.
    pub path: String,
    pub body: String,
    pub headers: HeaderMap,
}

impl Recorded {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body's form fields.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

impl ScriptedServer {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let script: Arc<Mutex<Script>> = Arc::default();
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let base = format!("http://{address}").parse().expect("an address is a URL");
        Self { base, script }
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The next request gets this answer; those before it come first. Status 0 breaks the connection off; a text is sent as it is.
    pub fn answers(&self, status: u16, body: Value) -> &Self {
        self.lock().answers.push_back((status, body));
        self
    }

    /// All requests since the last call, oldest first.
    pub fn take_asked(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.lock().asked)
    }

    /// A client of Stripe that asks here.
    pub fn stripe(&self) -> StripeClient {
        StripeClient::new(
            self.base.clone(),
            StripeSecretSource::fixed("sk_test_123", &["whsec_test"]),
        )
    }

    /// A client of PayPal that asks here; its first question is for a token.
    pub fn paypal(&self) -> PayPalClient {
        let secret = PayPalSecretSource::fixed("client", "secret", "8PT597110X687430LKGECATA");
        PayPalClient::new(self.base.clone(), secret)
    }

    /// As where the marketplace has no account at PayPal.
    pub fn no_paypal(&self) -> PayPalClient {
        PayPalClient::new(self.base.clone(), PayPalSecretSource::fixed("", "", ""))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn answer(
    State(script): State<Arc<Mutex<Script>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut script = script.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let body = String::from_utf8_lossy(&body).into_owned();
    script.asked.push(Recorded {
        method: method.to_string(),
        path: uri.to_string(),
        body,
        headers,
    });
    match script.answers.pop_front() {
        Some((0, _)) => panic!("the script breaks the connection off here"),
        Some((status, Value::String(text))) => (StatusCode::from_u16(status).expect("a status"), text).into_response(),
        Some((status, body)) => (StatusCode::from_u16(status).expect("a status"), axum::Json(body)).into_response(),
        None => (StatusCode::NOT_IMPLEMENTED, "the script has no answer left").into_response(),
    }
}
