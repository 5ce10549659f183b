//! Deliveries of events to endpoints: planned, held, reordered, duplicated, dropped, retried.
//!
//! Decides what is sent when; `sender` sends it. Runs on the machine's clock, for the receiver does too: advancing the
//! stand-in's clock never makes a retry or a signature come early.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::signature::{self, Tampering};
use crate::world::{Kind, World, int, machine_ms, scramble, text};

/// What an endpoint hears and what signs it; the documents of the API do not show it.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    pub secrets: Vec<String>,
    pub connect: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
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
pub(crate) struct Delivery {
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
    pub tampering: Tampering,
    /// Status of the last answer.
    pub status: Option<u16>,
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
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
pub(crate) struct Controls {
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

#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    pub controls: Controls,
    pub receivers: HashMap<String, Receiver>,
    pub deliveries: Vec<Delivery>,
    /// True while a gathered batch is being sent one by one.
    pub busy: bool,
}

impl Webhooks {
    pub(crate) fn all_delivered(&self, event: &str) -> bool {
        self.deliveries
            .iter()
            .filter(|delivery| delivery.event == event)
            .all(|each| each.state == State::Delivered)
    }

    /// Deliveries that are not finished yet.
    pub(crate) fn open(&self) -> usize {
        self.deliveries
            .iter()
            .filter(|each| matches!(each.state, State::Pending | State::Sending))
            .count()
    }
}

/// Plans an event's deliveries under the current controls; returns to how many endpoints.
pub(crate) fn plan(world: &mut World, event: &str, endpoints: &[String]) -> usize {
    for endpoint in endpoints {
        for _copy in 0..world.webhooks.controls.copies.max(1) {
            let dropped = world.webhooks.controls.drop_next > 0;
            let number = add(world, event, endpoint, Tampering::None);
            if dropped {
                world.webhooks.controls.drop_next -= 1;
                world.webhooks.deliveries[number].state = State::Dropped;
            }
        }
    }
    endpoints.len()
}

/// Adds one delivery and returns its number.
pub(crate) fn add(world: &mut World, event: &str, endpoint: &str, tampering: Tampering) -> usize {
    let field = |kind, id, name| {
        world
            .shelf
            .get(kind, id)
            .map(|body| text(body, name).to_owned())
            .unwrap_or_default()
    };
    let (kind, url) = (
        field(Kind::Event, event, "type"),
        field(Kind::Endpoint, endpoint, "url"),
    );
    let now = machine_ms();
    let number = world.webhooks.deliveries.len();
    world.webhooks.deliveries.push(Delivery {
        number,
        event: event.to_owned(),
        kind,
        endpoint: endpoint.to_owned(),
        url,
        state: State::Pending,
        attempts: 0,
        due_ms: now + world.webhooks.controls.delay_ms,
        planned_ms: now,
        tampering,
        status: None,
        error: None,
    });
    number
}

/// What goes over the wire for one delivery.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub number: usize,
    pub event: String,
    pub url: String,
    pub body: String,
    pub signature: Option<String>,
    pub timeout_ms: u64,
}

/// What is to be sent now, and whether one after the other.
pub(crate) fn take_due(world: &mut World) -> (Vec<Outgoing>, bool) {
    let now = machine_ms();
    let controls = world.webhooks.controls.clone();
    let one_by_one = controls.order != Order::AsEmitted;
    if controls.hold || (one_by_one && world.webhooks.busy) {
        return (Vec::new(), one_by_one);
    }
    let pending = |delivery: &&Delivery| delivery.state == State::Pending && delivery.due_ms <= now;
    let mut due: Vec<usize> = world
        .webhooks
        .deliveries
        .iter()
        .filter(pending)
        .map(|each| each.number)
        .collect();
    if matches!(controls.order, Order::Reverse | Order::Shuffle) {
        let newest = world
            .webhooks
            .deliveries
            .iter()
            .map(|each| each.planned_ms)
            .max()
            .unwrap_or_default();
        if now - newest < controls.window_ms {
            return (Vec::new(), true);
        }
        match controls.order {
            Order::Reverse => due.reverse(),
            _ => {
                due.sort_by_key(|number| {
                    scramble(controls.seed ^ scramble(u64::try_from(*number).unwrap_or_default()))
                });
            }
        }
    }
    let batch: Vec<Outgoing> = due
        .into_iter()
        .filter_map(|number| outgoing(world, number, now))
        .collect();
    if one_by_one {
        world.webhooks.busy = !batch.is_empty();
    }
    (batch, one_by_one)
}

fn outgoing(world: &mut World, number: usize, now_ms: i64) -> Option<Outgoing> {
    let delivery = world.webhooks.deliveries.get_mut(number)?;
    let Some(receiver) = world.webhooks.receivers.get(&delivery.endpoint) else {
        delivery.state = State::Dropped;
        return None;
    };
    let event = world.shelf.get(Kind::Event, &delivery.event)?;
    delivery.state = State::Sending;
    // Indented, as Stripe sends it: a receiver that signs what it re-serialised is found out.
    let body = serde_json::to_string_pretty(event).unwrap_or_default();
    Some(Outgoing {
        number,
        event: delivery.event.clone(),
        url: delivery.url.clone(),
        signature: signature::header(&body, &receiver.secrets, now_ms.div_euclid(1000), delivery.tampering),
        body: signature::body_as_sent(&body, delivery.tampering),
        timeout_ms: world.settings.delivery_timeout_ms,
    })
}

/// Records how an attempt ended and plans the next one if it has to.
pub(crate) fn record(world: &mut World, number: usize, event: &str, outcome: &Result<u16, String>) {
    let delays = world.settings.retry_delays_ms.clone();
    // A reset while it was on its way took the delivery with it.
    let Some(delivery) = world
        .webhooks
        .deliveries
        .get_mut(number)
        .filter(|each| each.event == event)
    else {
        return;
    };
    delivery.attempts += 1;
    delivery.status = outcome.as_ref().ok().copied();
    delivery.error = outcome.as_ref().err().cloned();
    delivery.state = match outcome {
        Ok(200..=299) => State::Delivered,
        // Made to be refused: a retry would only repeat the refusal.
        _ if !matches!(delivery.tampering, Tampering::None | Tampering::Rotated) => State::Failed,
        _ => match delays.get(delivery.attempts - 1) {
            Some(delay) => {
                delivery.due_ms = machine_ms() + delay;
                State::Pending
            }
            None => State::Failed,
        },
    };
    if delivery.state == State::Delivered {
        let event = delivery.event.clone();
        world.set(&event, |body| {
            body["pending_webhooks"] = json!((int(body, "pending_webhooks") - 1).max(0));
        });
    }
}
