//! A stand-in of one's own for each test, Souk's client of it, and a receiver of webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use paypal_standin::{Config, Server, serve};
use serde_json::{Value, json};
use shared::money::{Currency, Money};
use shared::processor::ProcessorError;
use shared::processor::paypal::requests::{CreateOrder, CreatePayout, OrderLine, Receiver as Payee, RefundCapture};
use shared::processor::paypal::{Amount, PayPalClient, objects::Order};
use shared::runtime::secrets::PayPalSecretSource;
use tokio::net::TcpListener;

pub(crate) const WEBHOOK: &str = "8PT597110X687430LKGECATA";

pub(crate) struct PayPal {
    server: Server,
    pub(crate) client: PayPalClient,
    http: reqwest::Client,
}

/// What a browser or a test is told.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) text: String,
}

impl PayPal {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    /// Whatever takes time with PayPal comes as soon as it can.
    pub(crate) async fn start_with(mut config: Config) -> Self {
        config.settings.pending_delay_ms = 0;
        config.settings.payout_delay_ms = 0;
        config.settings.retry_delays_ms = vec![30, 30, 30];
        let secret = PayPalSecretSource::fixed(&config.client_id, &config.client_secret, &config.webhook_id);
        let server = serve(config).await.expect("a free port");
        let base = server.url().parse().expect("an address is a URL");
        Self {
            client: PayPalClient::new(base, secret),
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("a client"),
            server,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    async fn reply(request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.expect("an answer");
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        Reply {
            status: response.status().as_u16(),
            location: location.unwrap_or_default().to_owned(),
            text: response.text().await.expect("a text"),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Self::reply(self.http.get(self.url(path))).await
    }

    /// A form, as a browser posts it.
    pub(crate) async fn submit(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        Self::reply(self.http.post(self.url(path)).form(form)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        Self::reply(self.http.post(self.url(path)).body(body.to_owned())).await
    }

    /// A control that must do what it is told.
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        let reply = self.post(&format!("/_control/{path}"), &body.to_string()).await;
        assert_eq!(reply.status, 200, "control {path}: {}", reply.text);
        serde_json::from_str(&reply.text).expect("JSON")
    }

    pub(crate) async fn observe(&self, path: &str) -> Value {
        let reply = self.get(&format!("/_control/{path}")).await;
        serde_json::from_str(&reply.text).expect("JSON")
    }

    /// An order of 22.99 EUR.
    pub(crate) async fn order(&self, reference: &str) -> Order {
        let made = self.client.create_order(&order_request(reference), reference).await;
        made.expect("an order")
    }

    /// One that is paid, as it is after the capture.
    pub(crate) async fn paid(&self, reference: &str) -> Order {
        let order = self.order(reference).await;
        self.approve(&order.id, "success").await;
        let captured = self.client.capture_order(&order.id, reference).await;
        captured.expect("a capture")
    }

    pub(crate) async fn approve(&self, order: &str, outcome: &str) -> Value {
        self.control(&format!("orders/{order}/approve"), json!({"outcome": outcome}))
            .await
    }

    /// Moves the clock. The client's token is from before, so its next call would be refused: that one is made here.
    pub(crate) async fn advance(&self, span: Value) {
        self.control("clock/advance", span).await;
        let _refused = self.client.order("any").await;
    }

    /// The stand-in's balance, as it writes it.
    pub(crate) async fn balance(&self) -> String {
        let state = self.observe("").await;
        state["balance"][0]["value"].as_str().unwrap_or("0.00").to_owned()
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until<T>(&self, mut ask: impl AsyncFnMut(&PayPalClient) -> Option<T>) -> T {
        for _ in 0..300 {
            if let Some(found) = ask(&self.client).await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never became as wanted");
    }
}

pub(crate) fn eur(minor: i64) -> Amount {
    Money::new(minor, Currency::EUR).try_into().expect("euros and cents")
}

pub(crate) fn order_request(reference: &str) -> CreateOrder {
    let line = |name: &str, minor, quantity| OrderLine {
        name: name.into(),
        unit_price: eur(minor),
        quantity,
    };
    CreateOrder {
        order: reference.into(),
        lines: vec![line("Warm <wide>", 1_299, 1), line("Drums", 500, 2)],
        total: eur(2_299),
        return_url: "https://souk.example/done?order=1".into(),
        cancel_url: "https://souk.example/cart".into(),
    }
}

pub(crate) fn refund_request(reference: &str, minor: Option<i64>) -> RefundCapture {
    RefundCapture {
        refund: reference.into(),
        amount: minor.map(eur),
    }
}

pub(crate) fn payout_request(reference: &str, receiver: &str, minor: i64) -> CreatePayout {
    CreatePayout {
        payout: reference.into(),
        item: format!("item of {reference}"),
        receiver: Payee::Email(receiver.into()),
        amount: eur(minor),
        note: "Souk pays you".into(),
    }
}

/// The code that a call was refused with.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, ProcessorError>) -> String {
    match outcome {
        Err(ProcessorError::Refused { code, .. }) => code,
        other => panic!("not refused: {other:?}"),
    }
}

/// What a webhook endpoint got: headers and raw body.
pub(crate) type Got = (HeaderMap, Vec<u8>);

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
        let handler = move |headers: HeaderMap, body: Bytes| {
            kept.lock().expect("not poisoned").push((headers, body.to_vec()));
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

    /// Waits until so many deliveries have come.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Got> {
        for _ in 0..1000 {
            let got = self.got.lock().expect("not poisoned").clone();
            if got.len() >= count {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!(
            "only {} of {count} deliveries came",
            self.got.lock().expect("not poisoned").len()
        );
    }

    pub(crate) async fn types(&self, count: usize) -> Vec<String> {
        let text = |(_, body): &Got| {
            let event: Value = serde_json::from_slice(body).expect("JSON");
            event["event_type"].as_str().expect("a type").to_owned()
        };
        self.wait(count).await.iter().map(text).collect()
    }
}

/// A stand-in with a receiver of its webhooks.
pub(crate) async fn listening(first_statuses: &[u16]) -> (PayPal, Receiver) {
    let receiver = Receiver::start(first_statuses).await;
    let config = Config {
        webhook_urls: vec![receiver.url.clone()],
        ..Config::default()
    };
    (PayPal::start_with(config).await, receiver)
}
