//! Deliveries of events to endpoints: planned, held, reordered, duplicated, dropped, retried.
//!
//! Decides what is sent when; `sender` sends it. Runs on the machine's clock.

use serde::{Deserialize, Serialize};

use crate::World;
use crate::clock::machine_ms;
use crate::ids::scramble;

/// What a test may want wrong with a delivery; the default is nothing.
pub trait Tampering: Clone + Default + Serialize + Send + 'static {
    /// Made to be refused: a retry would only repeat the refusal.
    fn is_refused(&self) -> bool;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Pending,
    Sending,
    Delivered,
    /// Every attempt failed.
    Failed,
    /// Thrown away by a control.
    Dropped,
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery<T> {
    pub number: usize,
    pub event: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub endpoint: String,
    pub url: String,
    pub state: State,
    pub attempts: usize,
    /// When it may be sent, on the machine's clock.
    pub due_ms: i64,
    pub planned_ms: i64,
    pub tampering: T,
    /// Status of the last answer.
    pub status: Option<u16>,
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Each as soon as it is emitted, side by side: in order when the receiver is quick.
    #[default]
    AsEmitted,
    /// One after the other, in the order of emission.
    Sequential,
    /// Gathered until nothing new comes for `window_ms`, then the last first, one after the other.
    Reverse,
    /// Gathered likewise, then shuffled by `seed`, one after the other.
    Shuffle,
}

/// What `POST /_control/webhooks` sets; each field may be given alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Controls {
    /// How many times every event is delivered.
    pub copies: usize,
    /// Nothing is sent while true.
    pub hold: bool,
    pub order: Order,
    pub seed: u64,
    pub window_ms: i64,
    /// Added before every first attempt.
    pub delay_ms: i64,
    /// How many of the next deliveries are thrown away (their events stay in the list).
    pub drop_next: usize,
    /// Types (`charge.*`) of which no event is made at all.
    pub suppressed: Vec<String>,
}

impl Default for Controls {
    fn default() -> Self {
        Self {
            copies: 1,
            hold: false,
            order: Order::default(),
            seed: 0,
            window_ms: 250,
            delay_ms: 0,
            drop_next: 0,
            suppressed: Vec::new(),
        }
    }
}

/// Every delivery of a stand-in, and what a test has ordered for them.
#[derive(Debug)]
pub struct Deliveries<T> {
    pub controls: Controls,
    pub list: Vec<Delivery<T>>,
    /// True while a gathered batch is being sent one by one.
    pub(crate) busy: bool,
}

impl<T> Default for Deliveries<T> {
    fn default() -> Self {
        Self {
            controls: Controls::default(),
            list: Vec::new(),
            busy: false,
        }
    }
}

impl<T: Tampering> Deliveries<T> {
    pub fn all_delivered(&self, event: &str) -> bool {
        self.list
            .iter()
            .filter(|delivery| delivery.event == event)
            .all(|each| each.state == State::Delivered)
    }

    /// How many are not finished yet.
    pub fn open(&self) -> usize {
        self.list
            .iter()
            .filter(|each| matches!(each.state, State::Pending | State::Sending))
            .count()
    }

    /// Whether no event of this type is to be made at all.
    pub fn is_suppressed(&self, kind: &str) -> bool {
        let mut patterns = self.controls.suppressed.iter();
        patterns.any(|pattern| matches_type(pattern, kind))
    }

    /// Plans an event's deliveries to an endpoint as the controls say.
    pub fn plan(&mut self, event: &str, kind: &str, endpoint: &str, url: &str) {
        for _copy in 0..self.controls.copies.max(1) {
            let number = self.add(event, kind, endpoint, url, T::default());
            if self.controls.drop_next > 0 {
                self.controls.drop_next -= 1;
                self.list[number].state = State::Dropped;
            }
        }
    }

    /// Adds one delivery and returns its number.
    pub fn add(&mut self, event: &str, kind: &str, endpoint: &str, url: &str, tampering: T) -> usize {
        let (now, number) = (machine_ms(), self.list.len());
        self.list.push(Delivery {
            number,
            event: event.to_owned(),
            kind: kind.to_owned(),
            endpoint: endpoint.to_owned(),
            url: url.to_owned(),
            state: State::Pending,
            attempts: 0,
            due_ms: now + self.controls.delay_ms,
            planned_ms: now,
            tampering,
            status: None,
            error: None,
        });
        number
    }

    /// The numbers of what may be sent now, in the order that the controls want.
    fn due(&self, now: i64) -> Vec<usize> {
        let controls = &self.controls;
        if controls.hold || (controls.order != Order::AsEmitted && self.busy) {
            return Vec::new();
        }
        let pending = self
            .list
            .iter()
            .filter(|each| each.state == State::Pending && each.due_ms <= now);
        let mut due: Vec<usize> = pending.map(|each| each.number).collect();
        if matches!(controls.order, Order::Reverse | Order::Shuffle) {
            let newest = self.list.iter().map(|each| each.planned_ms).max().unwrap_or_default();
            if now - newest < controls.window_ms {
                return Vec::new();
            }
        }
        match controls.order {
            Order::Reverse => due.reverse(),
            Order::Shuffle => {
                let place = |number: usize| scramble(u64::try_from(number).unwrap_or_default());
                due.sort_by_key(|number| scramble(controls.seed ^ place(*number)));
            }
            Order::AsEmitted | Order::Sequential => {}
        }
        due
    }
}

/// What goes over the wire for one delivery, besides its address.
#[derive(Debug)]
pub struct Message {
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// How long the receiver may take to answer.
    pub timeout_ms: u64,
}

#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) number: usize,
    pub(crate) event: String,
    pub(crate) url: String,
    pub(crate) message: Message,
}

/// What is to be sent now, and whether one after the other.
pub(crate) fn take_due<W: World>(world: &mut W) -> (Vec<Outgoing>, bool) {
    let due = world.deliveries().due(machine_ms());
    let batch: Vec<Outgoing> = due
        .into_iter()
        .filter_map(|number| {
            let delivery = world.deliveries().list.get(number)?.clone();
            let message = world.message(&delivery);
            let state = if message.is_some() {
                State::Sending
            } else {
                State::Dropped
            };
            world.deliveries().list[number].state = state;
            Some(Outgoing {
                number,
                event: delivery.event,
                url: delivery.url,
                message: message?,
            })
        })
        .collect();
    let deliveries = world.deliveries();
    let one_by_one = deliveries.controls.order != Order::AsEmitted;
    if one_by_one && !batch.is_empty() {
        deliveries.busy = true;
    }
    (batch, one_by_one)
}

/// Records how an attempt ended and plans the next one if it has to.
pub(crate) fn record<W: World>(world: &mut W, number: usize, event: &str, outcome: &Result<u16, String>) {
    let delays = world.retry_delays_ms();
    let list = &mut world.deliveries().list;
    // A reset while it was on its way took the delivery with it.
    let Some(delivery) = list.get_mut(number).filter(|each| each.event == event) else {
        return;
    };
    delivery.attempts += 1;
    delivery.status = outcome.as_ref().ok().copied();
    delivery.error = outcome.as_ref().err().cloned();
    delivery.state = match outcome {
        Ok(200..=299) => State::Delivered,
        _ if delivery.tampering.is_refused() => State::Failed,
        _ => match delays.get(delivery.attempts - 1) {
            Some(delay) => {
                delivery.due_ms = machine_ms() + delay;
                State::Pending
            }
            None => State::Failed,
        },
    };
    if delivery.state == State::Delivered {
        world.delivered(event);
    }
}

/// `charge.*` stands for every event of charges, `*` for every event.
pub fn matches_type(pattern: &str, event: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => event.starts_with(start),
        None => pattern == event,
    }
}
