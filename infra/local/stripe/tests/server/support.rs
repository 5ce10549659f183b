//! A stand-in of one's own for each test, a client that speaks forms, and a receiver of webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::post;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use stripe_standin::{Config, Server, serve};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const KEY: &str = "sk_test_standin_local";

/// One answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub(crate) struct Stripe {
    pub(crate) server: Server,
}

impl Stripe {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    /// Fees, debits, disputes and payouts come as soon as they can.
    pub(crate) async fn start_with(mut config: Config) -> Self {
        let settings = &mut config.settings;
        settings.fee_delay_ms = 0;
        settings.async_delay_ms = 0;
        settings.dispute_delay_ms = 0;
        settings.refund_delay_ms = 0;
        settings.payout_delay_ms = 0;
        settings.retry_delays_ms = vec![30, 30, 30];
        Self {
            server: serve(config).await.expect("a free port"),
        }
    }

    /// Any request; the error is that of the connection.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Reply, String> {
        let stream = TcpStream::connect(self.server.address())
            .await
            .map_err(|error| error.to_string())?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        driver.abort();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text,
        })
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        form: &str,
        headers: &[(&str, &str)],
    ) -> Result<Reply, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "stripe")
            .header("content-type", "application/x-www-form-urlencoded");
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {KEY}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(
            request
                .body(Full::new(Bytes::from(form.to_owned())))
                .expect("a request"),
        )
        .await
    }

    /// A POST that must succeed.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Value {
        let reply = self.call("POST", path, form, &[]).await.expect("an answer");
        assert_eq!(reply.status, 200, "POST {path} {form}: {}", reply.text);
        reply.json()
    }

    /// A GET that must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.call("GET", path, "", &[]).await.expect("an answer");
        assert_eq!(reply.status, 200, "GET {path}: {}", reply.text);
        reply.json()
    }

    /// A POST that must be refused with this status and code; returns the error.
    pub(crate) async fn refused(&self, path: &str, form: &str, status: u16, code: &str) -> Value {
        let reply = self.call("POST", path, form, &[]).await.expect("an answer");
        assert_eq!(
            (reply.status, reply.error_code().as_str()),
            (status, code),
            "POST {path} {form}: {}",
            reply.text
        );
        reply.json()["error"].clone()
    }

    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        let reply = self
            .call("POST", &format!("/_control/{path}"), &body.to_string(), &[])
            .await
            .expect("an answer");
        assert_eq!(reply.status, 200, "control {path}: {}", reply.text);
        reply.json()
    }

    pub(crate) async fn observe(&self, path: &str) -> Value {
        self.get(&format!("/_control/{path}")).await
    }

    /// An account that may receive transfers.
    pub(crate) async fn account(&self) -> String {
        let form = "type=express&country=DE&email=partner@example.com&capabilities[transfers][requested]=true";
        let account = id(&self.post("/v1/accounts", form).await);
        self.control(&format!("accounts/{account}"), json!({"outcome": "complete"}))
            .await;
        account
    }

    pub(crate) async fn session(&self, amount: i64) -> String {
        id(&self.post("/v1/checkout/sessions", &session_form(amount, "eur")).await)
    }

    pub(crate) async fn pay(&self, session: &str, outcome: &str) -> Value {
        self.control(&format!("checkout/{session}/pay"), json!({"outcome": outcome}))
            .await
    }

    /// A paid session's charge, its fee known.
    pub(crate) async fn charge(&self, amount: i64, outcome: &str) -> String {
        let session = self.session(amount).await;
        self.pay(&session, outcome).await;
        let path = format!("/v1/checkout/sessions/{session}?expand[]=payment_intent");
        let charge = self.get(&path).await["payment_intent"]["latest_charge"]
            .as_str()
            .expect("a charge")
            .to_owned();
        self.until(&format!("/v1/charges/{charge}"), |body| {
            body["balance_transaction"].is_string()
        })
        .await;
        charge
    }

    pub(crate) async fn available(&self) -> i64 {
        self.get("/v1/balance").await["available"][0]["amount"]
            .as_i64()
            .expect("an amount")
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..300 {
            let body = self.get(path).await;
            if wanted(&body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{path} never became as wanted: {}", self.get(path).await);
    }
}

pub(crate) fn session_form(amount: i64, currency: &str) -> String {
    format!(
        "mode=payment&success_url=https://souk.example/ok?s={{CHECKOUT_SESSION_ID}}&cancel_url=https://souk.example/no\
         &client_reference_id=ord_1&metadata[order]=ord_1&line_items[0][quantity]=1\
         &line_items[0][price_data][currency]={currency}&line_items[0][price_data][unit_amount]={amount}\
         &line_items[0][price_data][product_data][name]=Invoice+Automation\
         &payment_intent_data[transfer_group]=ord_1&payment_intent_data[metadata][order]=ord_1"
    )
}

pub(crate) fn id(body: &Value) -> String {
    body["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id in {body}"))
        .to_owned()
}

/// What a webhook endpoint got: signature and raw body.
pub(crate) type Got = (String, String);

/// An endpoint that keeps what it gets; it answers the statuses given first, then 200.
pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    pub(crate) async fn start(first_statuses: &[u16]) -> Self {
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let statuses = Arc::new(Mutex::new(first_statuses.to_vec()));
        let kept = Arc::clone(&got);
        let handler = move |headers: HeaderMap, body: String| {
            let signature = headers
                .get("stripe-signature")
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            kept.lock().expect("not poisoned").push((signature.to_owned(), body));
            let mut statuses = statuses.lock().expect("not poisoned");
            let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
            async move { StatusCode::from_u16(status).expect("a status") }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let router = Router::new().route("/hook", post(handler));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, got }
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().expect("not poisoned").clone()
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.got()
            .iter()
            .map(|(_, body)| serde_json::from_str(body).expect("JSON"))
            .collect()
    }

    pub(crate) fn types(&self) -> Vec<String> {
        self.events()
            .iter()
            .map(|event| event["type"].as_str().expect("a type").to_owned())
            .collect()
    }

    /// Waits until so many deliveries have come.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Value> {
        for _ in 0..400 {
            if self.got().len() >= count {
                return self.events();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {count} deliveries came: {:?}", self.got().len(), self.types());
    }
}
