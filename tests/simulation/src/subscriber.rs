//! People who subscribe: they begin at the counter, pay on Stripe's page, and then make their moves one after another.
//!
//! A move at the counter is made again until there is an answer, as an order is ([`crate::errand`]); what happens at Stripe happens at once. What
//! is undone of a renewal is undone by a deed about its order ([`crate::deed`]).

use std::collections::VecDeque;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::ids::OrderId;
use shared::purchase::Order;
use shared::store::commerce;
use stripe_standin::Kind;

use crate::chance::Chance;
use crate::deed::{Act, Deed, Part, Renewed};
use crate::plan::{Listing, Plan, Step};
use crate::run::{Run, positions};
use crate::task::Work;
use crate::world::at_once;

/// A monthly plan of a listing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tariff {
    /// How often it costs what the listing costs once.
    pub(crate) times: u32,
    /// Days, and whether a card must be given first.
    pub(crate) trial: Option<(u32, bool)>,
}

/// What every listing in euros that costs enough can be subscribed to by.
pub(crate) const TARIFFS: [Tariff; 4] = [
    Tariff { times: 1, trial: None },
    Tariff { times: 3, trial: None },
    Tariff {
        times: 1,
        trial: Some((14, true)),
    },
    Tariff {
        times: 1,
        trial: Some((14, false)),
    },
];

/// How long somebody waits who is told that their subscription has not begun.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// What somebody subscribes to, and what they do afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) listing: usize,
    pub(crate) tariff: usize,
    pub(crate) seats: u32,
    pub(crate) moves: Vec<Move>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    Change {
        tariff: usize,
        seats: u32,
    },
    Pause,
    Resume,
    CancelAtEnd,
    /// Takes that back.
    Keep,
    CancelNow,
    /// The card that was given is one that answers like this test card from now on, so many times.
    Card {
        like: &'static str,
        times: i64,
    },
    /// The card pays again.
    CardPays,
    /// The customer answers the bank that wants a payment confirmed, if one does.
    Confirm {
        is_confirmed: bool,
    },
    /// The newest payment is undone.
    Undo(Undo),
    Wait {
        days: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undo {
    /// An operator refunds all that can be refunded.
    Refund,
    /// Or half of what was paid.
    RefundHalf,
    /// The same, in Stripe's dashboard.
    RefundAtStripe,
    Dispute {
        won: bool,
    },
}

impl Undo {
    fn acts(self, paid_minor: i64) -> Vec<Act> {
        let half = Part::Line {
            line: 0,
            minor: (paid_minor / 2).max(1),
        };
        match self {
            Self::Refund => vec![Act::Refund(Part::All)],
            Self::RefundHalf => vec![Act::Refund(half)],
            Self::RefundAtStripe => vec![Act::RefundAtStripe(Part::All)],
            Self::Dispute { won } => vec![Act::Dispute { inquiry: false }, Act::Close { won }],
        }
    }
}

/// Somebody subscribes to a listing that can be subscribed to, if there is one.
pub(crate) fn step(listings: &[Listing], chance: &mut Chance) -> Option<Step> {
    let sold = |(index, listing): (usize, &Listing)| listing.has_plans().then_some(index);
    let sold: Vec<_> = listings.iter().enumerate().filter_map(sold).collect();
    if sold.is_empty() {
        return None;
    }
    let mut moves = Vec::new();
    for _ in 0..chance.below(4) {
        moves.push(next_move(chance));
        if chance.percent(50) {
            let days = chance.pick(&[1, 9, 16, 31]);
            moves.push(Move::Wait { days });
        }
    }
    Some(Step::Subscribe(Subscription {
        listing: chance.pick(&sold),
        tariff: chance.below(TARIFFS.len()),
        seats: chance.pick(&[1, 2, 10]),
        moves,
    }))
}

fn next_move(chance: &mut Chance) -> Move {
    let (tariff, seats) = (chance.below(TARIFFS.len()), chance.pick(&[1, 2, 7]));
    let change = Move::Change { tariff, seats };
    let card = |like, times| Move::Card { like, times };
    let dispute = |won| Move::Undo(Undo::Dispute { won });
    chance.pick(&[
        change,
        change,
        change,
        Move::Pause,
        Move::Resume,
        Move::CancelAtEnd,
        Move::Keep,
        Move::CancelNow,
        card("declined", 1),
        card("three_d_secure", 1),
        Move::CardPays,
        Move::Confirm { is_confirmed: true },
        Move::Confirm { is_confirmed: false },
        Move::Undo(Undo::Refund),
        Move::Undo(Undo::RefundHalf),
        Move::Undo(Undo::RefundAtStripe),
        dispute(true),
        dispute(false),
    ])
}

#[derive(Debug)]
pub(crate) struct Subscriber {
    /// Nobody else is this customer.
    pub(crate) customer: usize,
    pub(crate) wanted: Subscription,
    moves: VecDeque<Move>,
    progress: Progress,
    /// Not before this time; `None` while an answer is on its way.
    at: Option<Timestamp>,
    /// Ours.
    pub(crate) id: Option<String>,
    /// Stripe's.
    at_stripe: Option<String>,
    /// How many moves have been made.
    made: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Progress {
    Subscribes,
    /// Has the payment page of this session.
    Pays(String),
    Moves,
}

impl Subscriber {
    pub(crate) fn new(customer: usize, wanted: &Subscription, now: Timestamp) -> Self {
        Self {
            customer,
            wanted: wanted.clone(),
            moves: wanted.moves.iter().copied().collect(),
            progress: Progress::Subscribes,
            at: Some(now),
            id: None,
            at_stripe: None,
            made: 0,
        }
    }

    /// Whether nothing is to be done before this time, nobody waits for an answer, and who wants to begin has begun.
    pub(crate) fn is_quiet(&self, due: Option<Timestamp>, now: Timestamp) -> bool {
        let is_tried = self.at.is_none() && !self.is_done();
        let has_begun = self.progress == Progress::Moves;
        has_begun && !is_tried && due.is_none_or(|due| due > now)
    }

    fn is_done(&self) -> bool {
        self.progress == Progress::Moves && self.moves.is_empty()
    }

    /// Ends what has begun, now, whatever else was planned.
    pub(crate) fn end(&mut self, now: Timestamp) {
        if self.at_stripe.is_none() {
            return;
        }
        self.moves = [Move::CancelNow].into();
        self.at = Some(now);
        self.made += 1;
    }
}

impl Run<'_> {
    pub(crate) fn subscribe(&mut self, wanted: &Subscription) {
        let customer = self.plan.customers + self.plan.clickers() + self.subscribers.len();
        let subscriber = Subscriber::new(customer, wanted, self.world.now);
        self.subscribers.push(subscriber);
    }

    /// When the subscriber's next move can be made, as far as can be known now.
    pub(crate) fn subscriber_due(&self, subscriber: &Subscriber) -> Option<Timestamp> {
        let can_be = match (&subscriber.progress, subscriber.moves.front()) {
            (Progress::Subscribes | Progress::Pays(_), _) => true,
            (Progress::Moves, None) => false,
            (Progress::Moves, Some(Move::Undo(_))) => self.newest_payment(subscriber).is_some(),
            (Progress::Moves, Some(_)) => true,
        };
        subscriber.at.filter(|_| can_be)
    }

    pub(crate) fn ready_subscribers(&self) -> Vec<usize> {
        let is_ready = |due: Timestamp| due <= self.now();
        positions(&self.subscribers, |subscriber| {
            self.subscriber_due(subscriber).is_some_and(is_ready)
        })
    }

    /// The newest order of theirs that anybody was told of.
    fn newest_payment(&self, subscriber: &Subscriber) -> Option<OrderId> {
        let user = self.world.users[subscriber.customer];
        let mut paid = self.paid.iter().rev();
        paid.find(|(customer, _)| *customer == user).map(|(_, order)| *order)
    }

    pub(crate) fn run_subscriber(&mut self, index: usize) {
        let subscriber = &mut self.subscribers[index];
        match subscriber.progress.clone() {
            Progress::Subscribes => {
                let wanted = &subscriber.wanted;
                let body = json!({
                    "listing_id": self.world.listings[wanted.listing],
                    "plan_id": self.world.tariffs[wanted.listing][wanted.tariff],
                    "quantity": wanted.seats,
                });
                self.ask(index, &Method::POST, "subscriptions", &body);
            }
            Progress::Pays(session) => self.begin_subscription(index, &session),
            Progress::Moves => {
                if let Some(next) = subscriber.moves.front().copied() {
                    self.trace
                        .say(self.world.now, || format!("subscriber {index}: {next:?}"));
                    self.make(index, next);
                }
            }
        }
    }

    fn begin_subscription(&mut self, index: usize, session: &str) {
        let card = match TARIFFS[self.subscribers[index].wanted.tariff].trial {
            Some((_, false)) => "no_card",
            _ => "success",
        };
        let path = format!("checkout/{session}/pay");
        let paid = self.world.stripe.control(&path, &json!({"outcome": card}));
        if let Err(refusal) = &paid
            && !self.plan.sells_less()
        {
            self.wrong
                .push(format!("subscription {index} cannot be begun: {refusal}"));
        }
        let begun = self.world.stripe.object(session)["subscription"].clone();
        let subscriber = &mut self.subscribers[index];
        subscriber.progress = Progress::Moves;
        subscriber.at_stripe = begun.as_str().map(str::to_owned);
        if subscriber.at_stripe.is_none() {
            subscriber.moves.clear();
        }
    }

    fn make(&mut self, index: usize, next: Move) {
        let subscriber = &self.subscribers[index];
        let id = subscriber.id.clone().unwrap_or_default();
        let at = format!("subscriptions/{id}");
        match next {
            Move::Change { tariff, seats } => {
                let plan = self.world.tariffs[subscriber.wanted.listing][tariff];
                let body = json!({"plan_id": plan, "quantity": seats});
                self.ask(index, &Method::POST, &format!("{at}/changes"), &body);
            }
            Move::Pause => self.ask(index, &Method::PUT, &format!("{at}/pause"), &json!({})),
            Move::Resume => self.ask(index, &Method::DELETE, &format!("{at}/pause"), &json!({})),
            Move::CancelAtEnd => {
                let body = json!({"when": "period_end"});
                self.ask(index, &Method::PUT, &format!("{at}/cancellation"), &body);
            }
            Move::CancelNow => {
                let body = json!({"when": "now"});
                self.ask(index, &Method::PUT, &format!("{at}/cancellation"), &body);
            }
            Move::Keep => self.ask(index, &Method::DELETE, &format!("{at}/cancellation"), &json!({})),
            Move::Card { like, times } => self.trouble(index, &json!({"declines": times, "as": like})),
            Move::CardPays => self.trouble(index, &json!({"declines": "none"})),
            Move::Confirm { is_confirmed } => {
                for intent in self.asked_of(index) {
                    let path = format!("payment_intents/{intent}/authenticate");
                    self.world.control(&path, &json!({"success": is_confirmed}));
                }
                self.made(index, SignedDuration::ZERO);
            }
            Move::Undo(undo) => {
                if let Some(order) = self.newest_payment(subscriber) {
                    let customer = subscriber.customer;
                    let listing = subscriber.wanted.listing;
                    let paid = self.paid_order(customer, order);
                    let acts = undo.acts(paid.total.minor());
                    let renewed = Renewed {
                        order: order.to_string(),
                        charge: paid.charge,
                        customer,
                        listing,
                    };
                    self.deeds.push(Deed::of_renewal(renewed, &acts, self.world.now));
                }
                self.made(index, SignedDuration::ZERO);
            }
            Move::Wait { days } => self.made(index, SignedDuration::from_hours(24 * days)),
        }
    }

    fn paid_order(&mut self, customer: usize, order: OrderId) -> Order {
        let user = self.world.users[customer];
        let found = self.calmly(|run| at_once(commerce::order(&run.world.store, user, order)));
        found.expect("memory does not fail").expect("the order").value
    }

    fn trouble(&mut self, index: usize, how: &Value) {
        let at_stripe = self.subscribers[index].at_stripe.clone().unwrap_or_default();
        let customer = self.world.stripe.object(&at_stripe)["customer"].clone();
        let customer = customer.as_str().unwrap_or_default();
        self.world.control(&format!("customers/{customer}/card"), how);
        self.made(index, SignedDuration::ZERO);
    }

    /// The payments that the subscriber's bank wants confirmed.
    fn asked_of(&self, index: usize) -> Vec<String> {
        let stripe = &self.world.stripe;
        let at_stripe = self.subscribers[index].at_stripe.clone().unwrap_or_default();
        let customer = stripe.object(&at_stripe)["customer"].clone();
        let intents = stripe.objects(Kind::PaymentIntent).into_iter();
        let asked = intents.filter(|intent| intent["customer"] == customer && intent["status"] == "requires_action");
        asked
            .filter_map(|intent| intent["id"].as_str().map(str::to_owned))
            .collect()
    }

    fn made(&mut self, index: usize, rest: SignedDuration) {
        let subscriber = &mut self.subscribers[index];
        subscriber.moves.pop_front();
        subscriber.made += 1;
        subscriber.at = Some(self.world.now + rest);
    }

    fn ask(&mut self, index: usize, method: &Method, path: &str, body: &Value) {
        let subscriber = &mut self.subscribers[index];
        subscriber.at = None;
        let token = &self.world.customers[subscriber.customer];
        let name = format!("{method} {path} of subscriber {index}");
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/v1/{path}"))
            .header("authorization", format!("Bearer {}", token.reveal()))
            .header("content-type", "application/json");
        if *method == Method::POST {
            request = request.header("idempotency-key", format!("move {}", subscriber.made));
        }
        let request = request
            .extension(self.chance.seed(self.world.now))
            .body(Body::from(body.to_string()))
            .expect("a request");
        let task = self.http(name, self.world.subscriptions.clone(), request, Work::Subscriber(index));
        self.begin(task);
    }

    /// The counter has answered, or (`None`) broken off.
    pub(crate) fn subscriber_answered(&mut self, index: usize, answer: Option<(StatusCode, &[u8])>) {
        let again = self.world.now + SignedDuration::from_secs(self.chance.between(1, 90));
        let body: Value = answer
            .and_then(|(_, body)| serde_json::from_slice(body).ok())
            .unwrap_or_default();
        let code = body["code"].as_str().unwrap_or_default();
        let begins = self.subscribers[index].progress == Progress::Subscribes;
        match answer.map(|(status, _)| status) {
            Some(StatusCode::CREATED) if begins => self.subscribed(index, &body),
            Some(_) if begins && code == "not_on_sale" && self.plan.sells_less() => {
                let subscriber = &mut self.subscribers[index];
                subscriber.progress = Progress::Moves;
                subscriber.moves.clear();
            }
            Some(status) if status.is_success() || is_refused_for_good(code) => {
                self.made(index, SignedDuration::ZERO);
            }
            // Its news may have been set aside: nobody asks every minute for days.
            Some(_) if code == "subscription_not_begun" => {
                self.subscribers[index].at = Some(self.world.now + PATIENCE);
            }
            Some(status) if status.is_client_error() && !is_not_now(status) => {
                self.wrong
                    .push(format!("subscriber {index} is refused: {status} {body}"));
                self.subscribers[index].progress = Progress::Moves;
                self.subscribers[index].moves.clear();
            }
            _ => self.subscribers[index].at = Some(again),
        }
    }

    fn subscribed(&mut self, index: usize, view: &Value) {
        let page = view["checkout_url"].as_str().and_then(|url| url.rsplit('/').next());
        let subscriber = &mut self.subscribers[index];
        subscriber.id = view["id"].as_str().map(str::to_owned);
        subscriber.at = Some(self.world.now);
        subscriber.progress = match page {
            Some(session) => Progress::Pays(session.to_owned()),
            None => Progress::Moves,
        };
        if page.is_none() {
            // It has left the shop before it could be begun.
            subscriber.moves.clear();
        }
        subscriber.made += 1;
    }
}

impl Plan {
    /// Whether its first payment comes to the same, however long things take: it is made at once, and nothing of it goes back.
    pub(crate) fn is_subscribed_alike(&self, wanted: &Subscription) -> bool {
        let is_paid_at_once = TARIFFS[wanted.tariff].trial.is_none();
        let goes_back = wanted.moves.iter().any(|next| matches!(next, Move::Undo(_)));
        is_paid_at_once && !goes_back && !self.sells_less() && self.tiers.is_none()
    }
}

/// Answers after which nothing comes of the move: what is so already, what the bank does not pay, what is over.
fn is_refused_for_good(code: &str) -> bool {
    matches!(
        code,
        "card_missing"
            | "change_refused"
            | "nothing_to_change"
            | "payment_declined"
            | "payment_needs_confirmation"
            | "subscription_ended"
            | "subscription_not_active"
            | "unknown_plan"
    )
}

/// Answers after which the same request may be made again.
fn is_not_now(status: StatusCode) -> bool {
    matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
}
