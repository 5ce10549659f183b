//! Handlers under way: how each begins, and what follows when it ends or dies.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::messages::Queue;
use shared::runtime::{Delivery, Failure, Tick};
use shared::seed::Seed;
use tower::ServiceExt;

use crate::run::Run;
use crate::sqs::{Group, Received, longest_pause_s};

/// Lambda's limits, as in template.yaml.
pub(crate) const HTTP_LIMIT: SignedDuration = SignedDuration::from_secs(28);
const QUEUE_LIMIT: SignedDuration = SignedDuration::from_secs(60);
const RUN_LIMIT: SignedDuration = SignedDuration::from_secs(300);
/// How often Lambda repeats a scheduled run that failed.
const RUN_ATTEMPTS: u32 = 3;

pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) work: Work,
    /// How far the clock of the machine it runs on is off.
    pub(crate) skew: SignedDuration,
    pub(crate) dies_at: Timestamp,
    future: Pin<Box<dyn Future<Output = Ended>>>,
}

/// What a task is about, for when it has ended.
#[derive(Debug)]
pub(crate) enum Work {
    Errand(usize),
    Deed(usize),
    Subscriber(usize),
    Letter(Letter),
    Message(Received),
    Turn(Turn),
}

/// How a task ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Answer(StatusCode, Vec<u8>),
    Handled(Result<(), Failure>),
}

/// A webhook on its way.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) kind: String,
    pub(crate) body: String,
    to: Endpoint,
    pub(crate) due: Timestamp,
}

/// Where a webhook goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Stripe,
    /// What is about connected accounts.
    Connect,
    PayPal,
}

/// What runs on a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    Payouts,
    Reconciliation,
    Sweep,
}

/// A scheduled run that is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    job: Job,
    /// The schedule's event, the same when the run is repeated.
    seed: Seed,
    attempts: u32,
    pub(crate) due: Timestamp,
}

impl Letter {
    pub(crate) fn new(event: &Value, due: Timestamp) -> Self {
        Self {
            kind: event["type"].as_str().unwrap_or_default().to_owned(),
            body: event.to_string(),
            to: if event["account"].is_string() {
                Endpoint::Connect
            } else {
                Endpoint::Stripe
            },
            due,
        }
    }

    pub(crate) fn of_paypal(event: &Value, due: Timestamp) -> Self {
        Self {
            kind: event["event_type"].as_str().unwrap_or_default().to_owned(),
            body: event.to_string(),
            to: Endpoint::PayPal,
            due,
        }
    }
}

impl Turn {
    pub(crate) fn new(job: Job, seed: Seed) -> Self {
        Self {
            job,
            seed,
            attempts: 0,
            due: Timestamp::UNIX_EPOCH,
        }
    }
}

impl Task {
    /// Runs it until it waits (`None`) or ends.
    pub(crate) fn poll(&mut self) -> Option<Ended> {
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(ended) => Some(ended),
        }
    }
}

impl Run<'_> {
    pub(crate) fn task(
        &mut self,
        name: String,
        work: Work,
        limit: SignedDuration,
        begin: impl FnOnce(&mut Self, Timestamp) -> Pin<Box<dyn Future<Output = Ended>>>,
    ) -> Task {
        let skew = SignedDuration::from_millis(self.skew_ms());
        let clock = self.now() + skew;
        Task {
            name,
            work,
            skew,
            dies_at: self.now() + limit,
            future: begin(self, clock),
        }
    }

    /// Most clocks are good, some minutes off, few more than Stripe's tolerance of five minutes.
    fn skew_ms(&mut self) -> i64 {
        if !self.is_stormy() {
            return 0;
        }
        let widest = self.chance.pick(&[20, 20, 20, 60_000, 200_000, 240_000]);
        self.chance.between(-widest, widest) + if self.chance.percent(1) { 400_000 } else { 0 }
    }

    pub(crate) fn http(&mut self, name: String, router: Router, request: Request<Body>, work: Work) -> Task {
        self.task(name, work, HTTP_LIMIT, |_, _| {
            Box::pin(async move {
                let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
                let (parts, body) = response.into_parts();
                let body = body
                    .collect()
                    .await
                    .map(|body| body.to_bytes().to_vec())
                    .unwrap_or_default();
                Ended::Answer(parts.status, body)
            })
        })
    }

    /// When what a processor tells now arrives.
    pub(crate) fn arrives(&mut self) -> Timestamp {
        let late = if self.is_stormy() {
            self.chance.pick(&[0, 0, 1, 30, 400, 7_200])
        } else {
            0
        };
        self.world.now + self.events_late + SignedDuration::from_secs(late)
    }

    pub(crate) fn deliver(&mut self, letter: Letter) -> Task {
        let (path, is_connect) = match letter.to {
            Endpoint::Stripe => ("/v1/webhooks/stripe", false),
            Endpoint::Connect => ("/v1/webhooks/stripe/connect", true),
            Endpoint::PayPal => return self.deliver_paypals(letter),
        };
        let body = letter.body.clone().into_bytes();
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("stripe-signature", self.world.signature(&body, is_connect))
            .extension(self.chance.seed(self.world.now))
            .body(Body::from(body))
            .expect("a request");
        self.http(
            letter.kind.clone(),
            self.world.webhook.clone(),
            request,
            Work::Letter(letter),
        )
    }

    /// A message to the function that its queue feeds; `None` where there is nothing to be done with it.
    pub(crate) fn receive(&mut self, group: &Group) -> Option<Task> {
        let received = self.sqs.receive(group, self.now())?;
        if matches!(received.queue, Queue::Notify | Queue::Scan) {
            self.sqs.delete(&received);
            return None;
        }
        let name = format!("{} {}", received.queue, received.message.id);
        Some(
            self.task(name, Work::Message(received.clone()), QUEUE_LIMIT, |run, now| {
                let delivery = Delivery {
                    seed: Seed::of(&received.message.id),
                    message: received.message,
                    now,
                    receives: received.receives,
                    id: "simulated".to_owned(),
                };
                let world = &run.world;
                match received.queue {
                    Queue::Settlement => {
                        let context = world.settlement.clone();
                        Box::pin(async move { Ended::Handled(settlement::handle(&context, delivery).await) })
                    }
                    Queue::PayoutDecide => {
                        let context = world.payout_decide.clone();
                        Box::pin(async move { Ended::Handled(payout_decide::handle(&context, delivery).await) })
                    }
                    Queue::Onboarding => {
                        let context = world.onboarding_events.clone();
                        Box::pin(async move { Ended::Handled(onboarding_events::handle(&context, delivery).await) })
                    }
                    Queue::PayoutTransfer => {
                        let context = world.payout_transfer.clone();
                        Box::pin(async move { Ended::Handled(payout_transfer::handle(&context, delivery).await) })
                    }
                    Queue::Notify | Queue::Scan => Box::pin(async { Ended::Handled(Ok(())) }),
                }
            }),
        )
    }

    pub(crate) fn scheduled(&mut self, turn: Turn) -> Task {
        self.task(format!("{:?}", turn.job), Work::Turn(turn), RUN_LIMIT, |run, now| {
            let tick = Tick {
                now,
                seed: turn.seed,
                deadline: now + RUN_LIMIT,
            };
            match turn.job {
                Job::Payouts => {
                    let context = run.world.payout.clone();
                    Box::pin(async move { Ended::Handled(payout::run(&context, tick).await) })
                }
                Job::Sweep => {
                    let context = run.world.sweep.clone();
                    Box::pin(async move { Ended::Handled(sweep::run(&context, tick).await) })
                }
                Job::Reconciliation => {
                    let context = run.world.reconcile.clone();
                    Box::pin(async move { Ended::Handled(reconcile::run(&context, tick).await) })
                }
            }
        })
    }

    pub(crate) fn ended(&mut self, work: Work, ended: Ended) {
        let again = self.is_stormy() && self.chance.percent(5);
        match (work, ended) {
            (Work::Errand(index), Ended::Answer(status, body)) => self.errand_answered(index, Some((status, &body))),
            (Work::Deed(index), Ended::Answer(status, body)) => self.deed_answered(index, Some((status, &body))),
            (Work::Subscriber(index), Ended::Answer(status, body)) => {
                self.subscriber_answered(index, Some((status, &body)));
            }
            (Work::Letter(letter), Ended::Answer(StatusCode::OK, _)) if !again => drop(letter),
            (Work::Message(received), Ended::Handled(Ok(()))) if again => {
                self.sqs.show_again(&received, self.world.now);
            }
            (Work::Message(received), Ended::Handled(Ok(()))) => self.sqs.delete(&received),
            (Work::Message(received), Ended::Handled(Err(failure))) => self.failed(&received, failure),
            (Work::Turn(_), Ended::Handled(Ok(()))) => {}
            (work, _) => self.crashed(work),
        }
    }

    fn failed(&mut self, received: &Received, failure: Failure) {
        let retry = matches!(failure, Failure::Retry(_));
        let why = shared::http::problem::chain(failure.into_source().as_ref());
        if !retry && !self.is_about_former_account(&received.message.message) {
            self.wrong
                .push(format!("{:?} is rejected: {why}", received.message.message));
        }
        let longest = longest_pause_s(received.receives);
        let pause_s = match (retry, self.is_stormy()) {
            (false, _) => 0,
            (true, false) => longest,
            (true, true) => self.chance.between(0, longest),
        };
        let visible_at = self.world.now + SignedDuration::from_secs(pause_s);
        self.sqs.fail(received, why, visible_at);
    }

    /// The machine is gone, and nobody says what it has done.
    pub(crate) fn crashed(&mut self, work: Work) {
        let later = self.world.now + SignedDuration::from_secs(self.chance.between(1, 120));
        match work {
            Work::Errand(index) => self.errand_answered(index, None),
            Work::Deed(index) => self.deed_answered(index, None),
            Work::Subscriber(index) => self.subscriber_answered(index, None),
            Work::Letter(letter) => self.letters.push(Letter { due: later, ..letter }),
            // Its queue shows it again by itself.
            Work::Message(_) => {}
            Work::Turn(turn) if turn.attempts + 1 < RUN_ATTEMPTS => self.ticks.push(Turn {
                attempts: turn.attempts + 1,
                due: later,
                ..turn
            }),
            Work::Turn(_) => {}
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(status, _) => write!(f, "{status}"),
            Self::Handled(Ok(())) => f.write_str("done"),
            Self::Handled(Err(Failure::Retry(why))) => {
                write!(f, "to be tried again: {}", shared::http::problem::chain(why.as_ref()))
            }
            Self::Handled(Err(Failure::Reject(why))) => {
                write!(f, "rejected: {}", shared::http::problem::chain(why.as_ref()))
            }
        }
    }
}
