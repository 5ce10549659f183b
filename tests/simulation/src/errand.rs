//! A customer's way through the shop: order, again until there is an answer, then pay.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::plan::Payment;
use crate::run::Run;
use crate::task::{Task, Work};

#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) customer: usize,
    pub(crate) listings: Vec<usize>,
    pub(crate) payment: Payment,
    progress: Progress,
    /// The order, once the shop has told its id.
    pub(crate) order: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Progress {
    /// Orders at this time, with the same `Idempotency-Key` each time.
    Orders(Timestamp),
    Waits,
    /// Has the payment page of this session and has tried so many cards.
    Pays(String, usize),
    Done,
}

impl Errand {
    pub(crate) fn new(customer: usize, listings: Vec<usize>, payment: Payment, now: Timestamp) -> Self {
        Self {
            customer,
            listings,
            payment,
            progress: Progress::Orders(now),
            order: None,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.progress == Progress::Done
    }

    /// When the customer acts next; at once with the payment page before the eyes.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match &self.progress {
            Progress::Orders(at) => Some(*at),
            Progress::Pays(..) => Some(Timestamp::UNIX_EPOCH),
            Progress::Waits | Progress::Done => None,
        }
    }
}

impl Run<'_> {
    pub(crate) fn run_errand(&mut self, index: usize) {
        match self.errands[index].progress.clone() {
            Progress::Orders(_) => {
                self.errands[index].progress = Progress::Waits;
                let task = self.order(index);
                self.begin(task);
            }
            Progress::Pays(session, tried) => self.pay(index, session, tried),
            Progress::Waits | Progress::Done => {}
        }
    }

    fn order(&mut self, index: usize) -> Task {
        let errand = &self.errands[index];
        let lines: Vec<Value> = errand
            .listings
            .iter()
            .map(|listing| json!({"listing_id": self.world.listings[*listing]}))
            .collect();
        let token = &self.world.customers[errand.customer];
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v1/orders")
            .header("authorization", format!("Bearer {}", token.reveal()))
            .header("content-type", "application/json")
            .header("idempotency-key", format!("errand {index}"))
            .extension(self.chance.seed(self.world.now))
            .body(Body::from(json!({"lines": lines}).to_string()))
            .expect("a request");
        self.http(
            format!("order {index}"),
            self.world.shop.clone(),
            request,
            Work::Errand(index),
        )
    }

    fn pay(&mut self, index: usize, session: String, tried: usize) {
        let cards = self.errands[index].payment.cards();
        if let Some(card) = cards.get(tried) {
            self.trace
                .say(self.world.now, || format!("order {index} is paid with {card}"));
            self.world
                .control(&format!("checkout/{session}/pay"), &json!({"outcome": card}));
        }
        self.errands[index].progress = if tried + 1 < cards.len() {
            Progress::Pays(session, tried + 1)
        } else {
            Progress::Done
        };
    }

    /// The shop has answered, or (`None`) broken off.
    pub(crate) fn errand_answered(&mut self, index: usize, answer: Option<(StatusCode, &[u8])>) {
        let again = Progress::Orders(self.world.now + SignedDuration::from_secs(self.chance.between(1, 90)));
        self.errands[index].progress = match answer {
            None => again,
            Some((StatusCode::CREATED, body)) => self.ordered(index, body),
            Some((status, _)) if status.is_server_error() || is_not_now(status) => again,
            Some((status, body)) => {
                self.wrong.push(format!(
                    "order {index} is refused: {status} {}",
                    String::from_utf8_lossy(body)
                ));
                Progress::Done
            }
        };
    }

    fn ordered(&mut self, index: usize, body: &[u8]) -> Progress {
        let order: Value = serde_json::from_slice(body).unwrap_or_default();
        self.errands[index].order = order["id"].as_str().map(str::to_owned);
        let page = order["checkout_url"].as_str().and_then(|url| url.rsplit('/').next());
        match page {
            Some(session) => Progress::Pays(session.to_owned(), 0),
            None => Progress::Done,
        }
    }
}

/// Answers after which the same request may be made again.
fn is_not_now(status: StatusCode) -> bool {
    matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
}
