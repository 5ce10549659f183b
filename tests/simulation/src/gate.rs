//! Where the functions' requests leave them: each stops here until the run decides what becomes of it.
//!
//! A handler is a future that nothing but this gate suspends. So the run sees it stop before every request to the table or the processor, lets
//! others go first, answers, loses the answer, or drops the future, which is what a crash at that point is.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Request, Response, StatusCode};
use shared::processor::peer::{Answer, Peer};
use shared::store::contention::Pause;
use shared::store::memory::{Fate, Fates};

/// Shared by everything that a handler can ask.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Whether requests are held at all; otherwise each is done at once.
    holds: bool,
    /// Whether anybody wants to know what is asked: names take long to write.
    is_named: bool,
    waiting: Option<String>,
    decided: Option<Fate>,
    /// Whether a transaction is done whose handler has died before its end.
    ends_alone: bool,
    /// How many answers about transfers are still to be lost.
    transfers_unheard: u32,
}

impl Gate {
    pub(crate) fn set_holds(&self, holds: bool) {
        self.lock().holds = holds;
    }

    pub(crate) fn name_requests(&self) {
        self.lock().is_named = true;
    }

    /// What the handler that was polled last waits for.
    pub(crate) fn take_waiting(&self) -> String {
        self.lock().waiting.take().unwrap_or_default()
    }

    /// Decides for the handler that is polled next.
    pub(crate) fn decide(&self, fate: Fate) {
        self.lock().decided = Some(fate);
    }

    /// Loses the next so many answers to requests for a transfer, in calm and storm alike.
    pub(crate) fn lose_transfer_answers(&self, count: u32) {
        self.lock().transfers_unheard = count;
    }

    fn is_unheard(&self, request: &Request<Vec<u8>>) -> bool {
        let mut state = self.lock();
        let is_lost =
            state.transfers_unheard > 0 && request.method() == Method::POST && request.uri().path() == "/v1/transfers";
        state.transfers_unheard -= u32::from(is_lost);
        is_lost
    }

    /// Decides for a handler that dies next whether the table ends the transaction that it has begun.
    pub(crate) fn let_end_alone(&self, ends_alone: bool) {
        self.lock().ends_alone = ends_alone;
    }

    fn note(&self, request: &dyn fmt::Display) {
        let mut state = self.lock();
        if state.holds && state.is_named {
            state.waiting = Some(request.to_string());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fates for Gate {
    fn next(&self, request: &dyn fmt::Display) -> Pin<Box<dyn Future<Output = Fate> + Send + '_>> {
        self.note(request);
        Box::pin(Stop(self))
    }

    fn end(&self, transaction: &dyn fmt::Display) -> Pin<Box<dyn Future<Output = Fate> + Send + '_>> {
        self.note(&fmt::from_fn(|f| write!(f, "the end of {transaction}")));
        Box::pin(Stop(self))
    }

    fn ends_alone(&self) -> bool {
        self.lock().ends_alone
    }

    fn pause(&self, most: Duration) -> Pause<'_> {
        self.note(&fmt::from_fn(|f| write!(f, "a rest of up to {most:?}")));
        Box::pin(async {
            let _: Fate = Stop(self).await;
        })
    }
}

struct Stop<'a>(&'a Gate);

impl Future for Stop<'_> {
    type Output = Fate;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Fate> {
        let mut state = self.0.lock();
        match state.decided.take() {
            _ if !state.holds => Poll::Ready(Fate::Done),
            Some(fate) => Poll::Ready(fate),
            None => Poll::Pending,
        }
    }
}

/// The processor behind the gate.
#[derive(Debug)]
pub(crate) struct GatedStripe {
    pub(crate) gate: Gate,
    pub(crate) stripe: Arc<stripe_standin::InProcess>,
}

impl Peer for GatedStripe {
    fn answer(&self, request: Request<Vec<u8>>) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
        Box::pin(async move {
            let name = fmt::from_fn(|f| write!(f, "{} {}", request.method(), request.uri().path()));
            let fate = match self.gate.next(&name).await {
                Fate::Done if self.gate.is_unheard(&request) => Fate::AnswerLost,
                fate => fate,
            };
            match fate {
                Fate::Done => Ok(self.stripe.request(request.map(Bytes::from))),
                Fate::Refused => Ok(too_many_requests()),
                Fate::Lost => Err("the connection broke off".into()),
                Fate::AnswerLost => {
                    self.stripe.request(request.map(Bytes::from));
                    Err("the connection broke off".into())
                }
            }
        })
    }
}

/// The other processor behind the same gate.
#[derive(Debug)]
pub(crate) struct GatedPayPal {
    pub(crate) gate: Gate,
    pub(crate) paypal: Arc<paypal_standin::InProcess>,
}

impl Peer for GatedPayPal {
    fn answer(&self, request: Request<Vec<u8>>) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
        Box::pin(async move {
            let name = fmt::from_fn(|f| write!(f, "PayPal: {} {}", request.method(), request.uri().path()));
            match self.gate.next(&name).await {
                Fate::Done => Ok(self.paypal.request(request.map(Bytes::from))),
                Fate::Refused => Ok(too_many_requests()),
                Fate::Lost => Err("the connection broke off".into()),
                Fate::AnswerLost => {
                    self.paypal.request(request.map(Bytes::from));
                    Err("the connection broke off".into())
                }
            }
        })
    }
}

fn too_many_requests() -> Response<Vec<u8>> {
    let body = br#"{"error":{"type":"invalid_request_error","code":"rate_limit","message":"Too many requests."}}"#;
    let mut response = Response::new(body.to_vec());
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response
}
