//! Lambda's Runtime API for one process at a time: hands out one event and notes when what arrives.
//!
//! docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Longer than any benchmark waits for a process.
const INVOCATION_TIME: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// The process asks for its first event: it has started.
    Ready,
    Answered(Bytes),
    /// Start or event failed.
    Failed(Bytes),
}

#[derive(Debug)]
pub(crate) struct RuntimeApi {
    pub(crate) address: SocketAddr,
    desk: Arc<Desk>,
    moments: UnboundedReceiver<Moment>,
}

#[derive(Debug)]
struct Desk {
    state: Mutex<Visit>,
    moments: UnboundedSender<Moment>,
}

#[derive(Debug, Default)]
struct Visit {
    is_ready: bool,
    event: Option<Bytes>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> Result<Self> {
        let (sender, moments) = unbounded_channel();
        let desk = Arc::new(Desk {
            state: Mutex::default(),
            moments: sender,
        });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{outcome}", post(outcome))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(desk.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // Else the kernel holds small answers back, for the function under test as for the baseline.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, desk, moments })
    }

    /// Forgets the last process; the next one gets this event, or none.
    pub(crate) fn expect_process(&mut self, event: Option<Bytes>) {
        while self.moments.try_recv().is_ok() {}
        *self.desk.lock() = Visit { is_ready: false, event };
    }

    /// What the process does next; for ever, when it does nothing.
    pub(crate) async fn moment(&mut self) -> Moment {
        match self.moments.recv().await {
            Some(moment) => moment,
            // The sender lives as long as the server.
            None => std::future::pending().await,
        }
    }
}

impl Desk {
    fn lock(&self) -> std::sync::MutexGuard<'_, Visit> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, at: Instant, what: What) {
        // Nobody listens once the benchmark has ended.
        let _ = self.moments.send(Moment { at, what });
    }
}

async fn next(State(desk): State<Arc<Desk>>) -> Response {
    let at = Instant::now();
    let (was_ready, event) = {
        let mut state = desk.lock();
        (std::mem::replace(&mut state.is_ready, true), state.event.take())
    };
    if !was_ready {
        desk.note(at, What::Ready);
    }
    let Some(event) = event else {
        return std::future::pending().await;
    };
    let headers = [
        ("content-type", "application/json".to_owned()),
        (
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        ),
        ("lambda-runtime-deadline-ms", deadline_ms().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:bench".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        ),
    ];
    (axum::response::AppendHeaders(headers), event).into_response()
}

async fn outcome(State(desk): State<Arc<Desk>>, Path((_, outcome)): Path<(String, String)>, body: Bytes) -> StatusCode {
    let what = if outcome == "response" {
        What::Answered(body)
    } else {
        What::Failed(body)
    };
    desk.note(Instant::now(), what);
    StatusCode::ACCEPTED
}

async fn init_error(State(desk): State<Arc<Desk>>, body: Bytes) -> StatusCode {
    desk.note(Instant::now(), What::Failed(body));
    StatusCode::ACCEPTED
}

#[expect(
    clippy::disallowed_methods,
    reason = "functions compare their deadline with the real time"
)]
fn deadline_ms() -> u128 {
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    (since_1970 + INVOCATION_TIME).as_millis()
}
