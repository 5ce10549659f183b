//! A customer's way through the shop: order, again until there is an answer, then pay. Who has a cart fills it first, and clicks twice: two errands
//! order the same cart.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::plan::Payment;
use crate::run::Run;
use crate::task::Work;

/// How long a payment page is left open at most, before somebody pays on it.
pub(crate) const LEFT_OPEN: SignedDuration = SignedDuration::from_hours(3);

#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) customer: usize,
    pub(crate) listings: Vec<usize>,
    pub(crate) payment: Payment,
    /// Whether what is ordered is the cart.
    pub(crate) of_cart: bool,
    /// Which listing is just being put into it.
    filling: Option<usize>,
    progress: Progress,
    /// The order, once the shop has told its id.
    pub(crate) order: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Progress {
    /// Puts the listing with this number into the cart at this time.
    Fills(Timestamp, usize),
    /// Orders at this time, with the same `Idempotency-Key` each time.
    Orders(Timestamp),
    Waits,
    /// Has the payment page of this session, has tried so many cards, and tries the next at this time.
    Pays(String, usize, Timestamp),
    /// Has PayPal's page of this order of its, goes there at this time, and has approved so often.
    Approves(String, usize, Timestamp),
    Done,
}

impl Errand {
    pub(crate) fn new(customer: usize, listings: Vec<usize>, payment: Payment, now: Timestamp) -> Self {
        Self {
            customer,
            listings,
            payment,
            of_cart: false,
            filling: None,
            progress: Progress::Orders(now),
            order: None,
        }
    }

    /// The first click fills the cart, the second waits for that.
    pub(crate) fn clicks(customer: usize, listings: &[usize], now: Timestamp) -> [Self; 2] {
        [Progress::Fills(now, 0), Progress::Waits].map(|progress| Self {
            of_cart: true,
            progress,
            ..Self::new(customer, listings.to_vec(), Payment::Card, now)
        })
    }

    /// Whether the customer has left the counter. Who is to approve once more at PayPal looks in now and then.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.progress, Progress::Done | Progress::Approves(_, 1.., _))
    }

    /// When the customer acts next.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match &self.progress {
            Progress::Fills(at, _) | Progress::Orders(at) | Progress::Pays(_, _, at) | Progress::Approves(_, _, at) => {
                Some(*at)
            }
            Progress::Waits | Progress::Done => None,
        }
    }
}

impl Run<'_> {
    pub(crate) fn run_errand(&mut self, index: usize) {
        let progress = std::mem::replace(&mut self.errands[index].progress, Progress::Waits);
        match progress {
            Progress::Fills(_, line) => {
                self.errands[index].filling = Some(line);
                let listing = self.world.listings[self.errands[index].listings[line]];
                self.at_counter_of_shop(index, Method::PUT, &format!("cart/lines/{listing}"), Body::empty());
            }
            Progress::Orders(_) => {
                let body = self.ordered_lines(index);
                self.at_counter_of_shop(index, Method::POST, "orders", Body::from(body.to_string()));
            }
            Progress::Pays(session, tried, _) => self.pay(index, session, tried),
            Progress::Approves(order, tried, _) => self.approve(index, order, tried),
            progress @ (Progress::Waits | Progress::Done) => self.errands[index].progress = progress,
        }
    }

    fn ordered_lines(&self, index: usize) -> Value {
        let errand = &self.errands[index];
        if errand.of_cart {
            return json!({});
        }
        let lines = errand.listings.iter();
        let lines: Vec<_> = lines
            .map(|listing| json!({"listing_id": self.world.listings[*listing]}))
            .collect();
        let mut body = json!({"lines": lines});
        if errand.payment.is_at_paypal() {
            body["processor"] = json!("paypal");
        }
        body
    }

    fn at_counter_of_shop(&mut self, index: usize, method: Method, path: &str, body: Body) {
        let token = &self.world.customers[self.errands[index].customer];
        let name = format!("{method} {path} of order {index}");
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/{path}"))
            .header("authorization", format!("Bearer {}", token.reveal()))
            .header("content-type", "application/json")
            .header("idempotency-key", format!("errand {index}"))
            .extension(self.chance.seed(self.world.now))
            .body(body)
            .expect("a request");
        let task = self.http(name, self.world.shop.clone(), request, Work::Errand(index));
        self.begin(task);
    }

    fn pay(&mut self, index: usize, session: String, tried: usize) {
        let cards = self.errands[index].payment.cards();
        if let Some(card) = cards.get(tried) {
            self.trace
                .say(self.world.now, || format!("order {index} is paid with {card}"));
            let path = format!("checkout/{session}/pay");
            let paid = self.world.stripe.control(&path, &json!({"outcome": card}));
            self.paid(index, &paid);
        }
        self.errands[index].progress = if tried + 1 < cards.len() {
            Progress::Pays(session, tried + 1, self.world.now)
        } else {
            Progress::Done
        };
    }

    /// A page may be closed before somebody pays on it, but only for a reason; and then it must be.
    fn paid(&mut self, index: usize, paid: &Result<Value, Value>) {
        match paid {
            Err(_) if !self.plan.is_raced(index) => {
                self.wrong.push(format!("order {index} cannot be paid: {paid:?}"));
            }
            Ok(_) if self.must_be_closed(index) => {
                self.wrong
                    .push(format!("the page of order {index} is open for what has left the shop"));
            }
            _ => {}
        }
    }

    /// Seen where nothing is late. Of a cart only what is on sale is ordered.
    fn must_be_closed(&self, index: usize) -> bool {
        let errand = &self.errands[index];
        let is_prompt = self.is_calm && !self.streams.have_waited();
        is_prompt && !errand.of_cart && self.is_withdrawn(&errand.listings)
    }

    /// Approves at PayPal. Where a bank has declined, that can be done again once the shop has tried to take the money.
    fn approve(&mut self, index: usize, order: String, tried: usize) {
        let outcomes = self.errands[index].payment.cards();
        let outcome = outcomes.get(tried).copied().unwrap_or_default();
        let path = format!("orders/{order}/approve");
        let approved = self.world.paypal.control(&path, &json!({"outcome": outcome}));
        self.trace.say(self.world.now, || {
            format!("order {index} is approved ({outcome}): {approved:?}")
        });
        let (tried, pause) = match approved {
            Ok(_) => (tried + 1, SignedDuration::from_mins(1)),
            Err(_) => (tried, SignedDuration::from_hours(6)),
        };
        self.errands[index].progress = if tried < outcomes.len() {
            Progress::Approves(order, tried, self.world.now + pause)
        } else {
            Progress::Done
        };
    }

    /// The shop has answered, or (`None`) broken off.
    pub(crate) fn errand_answered(&mut self, index: usize, answer: Option<(StatusCode, &[u8])>) {
        let again = self.world.now + SignedDuration::from_secs(self.chance.between(1, 90));
        let body: Value = answer
            .and_then(|(_, body)| serde_json::from_slice(body).ok())
            .unwrap_or_default();
        let code = body["code"].as_str().unwrap_or_default();
        if let Some(line) = self.errands[index].filling.take() {
            return self.filled(index, line, again, answer.map(|(status, _)| status));
        }
        self.errands[index].progress = match answer {
            None => Progress::Orders(again),
            Some((StatusCode::CREATED, _)) => self.ordered(index, &body),
            Some(_) if self.is_over(index, code) => Progress::Done,
            Some((status, _)) if status.is_server_error() || is_not_now(status) => Progress::Orders(again),
            Some((status, _)) => {
                self.wrong.push(format!("order {index} is refused: {status} {body}"));
                Progress::Done
            }
        };
    }

    /// Whether there is a reason for an answer that ends the errand without an order.
    fn is_over(&self, index: usize, code: &str) -> bool {
        let errand = &self.errands[index];
        let is_refused = matches!(code, "order_ended" | "invalid_request") && self.plan.is_raced(index);
        is_refused || errand.of_cart && matches!(code, "cart_ordered" | "empty_order")
    }

    /// A listing is in the cart, if it could be put there; then comes the next, or both click.
    fn filled(&mut self, index: usize, line: usize, again: Timestamp, status: Option<StatusCode>) {
        let next = match status {
            Some(status) if status.is_success() || status == StatusCode::NOT_FOUND => line + 1,
            _ => line,
        };
        if next < self.errands[index].listings.len() {
            self.errands[index].progress = Progress::Fills(again, next);
            return;
        }
        let now = self.world.now;
        for click in [index, index + 1] {
            self.errands[click].progress = Progress::Orders(now);
        }
    }

    fn ordered(&mut self, index: usize, order: &Value) -> Progress {
        let errand = &mut self.errands[index];
        errand.order = order["id"].as_str().map(str::to_owned);
        let page = order["checkout_url"].as_str().and_then(|url| url.rsplit('/').next());
        let pays_at = match errand.payment {
            Payment::Late => self.world.now + LEFT_OPEN,
            _ => self.world.now,
        };
        match page {
            Some(page) if self.errands[index].payment.is_at_paypal() => {
                let order = page.rsplit('=').next().unwrap_or_default();
                Progress::Approves(order.to_owned(), 0, self.world.now)
            }
            Some(session) => Progress::Pays(session.to_owned(), 0, pays_at),
            None => Progress::Done,
        }
    }
}

/// Answers after which the same request may be made again.
fn is_not_now(status: StatusCode) -> bool {
    matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
}
