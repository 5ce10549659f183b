//! The one state of a running stand-in, behind one mutex: clock, documents, planned work, webhooks and controls.
//!
//! Every request, page and control works on it while holding the lock and never awaits meanwhile, so each of them is
//! atomic, as a call to Stripe is. Owns the clock and the ids; what the documents mean is decided by the modules of the
//! business.

mod plan;
mod shelf;

pub(crate) use plan::Work;
pub use shelf::Kind;
pub(crate) use shelf::{Shelf, int, text};

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use standin::{Clock, Deliveries, Delivery, Faults, Ids, Message, Plan, RequestLog};

use crate::accounts::links::Link;
use crate::config::{Config, Settings};
use crate::events::endpoints::Receiver;
use crate::events::signature::{self, Tampering};
use crate::idempotency::Keys;
use crate::wire::error::ApiError;

pub(crate) type App = standin::App<World>;

pub(crate) struct World {
    pub config: Config,
    pub settings: Settings,
    pub shelf: Shelf,
    pub plan: Plan<Work>,
    pub webhooks: Deliveries<Tampering>,
    /// What each webhook endpoint hears and what signs it, by its id.
    pub receivers: HashMap<String, Receiver>,
    pub faults: Faults,
    pub keys: Keys,
    pub log: RequestLog,
    /// What each checkout session sells, which the session only shows when asked.
    pub line_items: HashMap<String, Vec<Value>>,
    /// What the stand-in knows about an object and the API does not show, by the object's id.
    pub notes: HashMap<String, Value>,
    /// Account links by the token in their address.
    pub links: HashMap<String, Link>,
    /// The request being answered, which the events it causes carry.
    pub request: Option<Origin>,
    /// Origin of the pages: the public URL, or the listening address.
    pub origin: String,
    ids: Ids,
    clock: Clock,
}

/// The request an event was caused by.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub id: String,
    pub idempotency_key: Option<String>,
}

impl World {
    pub(crate) fn new(config: Config, origin: String) -> Self {
        let mut world = Self {
            settings: config.settings.clone(),
            shelf: Shelf::default(),
            plan: Plan::default(),
            webhooks: Deliveries::default(),
            receivers: HashMap::new(),
            faults: Faults::default(),
            keys: Keys::default(),
            log: RequestLog::default(),
            line_items: HashMap::new(),
            notes: HashMap::new(),
            links: HashMap::new(),
            request: None,
            origin,
            ids: Ids::default(),
            clock: Clock::default(),
            config,
        };
        crate::events::endpoints::configured(&mut world);
        world
    }

    /// Like [`Self::new`], with a clock that only [`Self::advance`] moves and the same ids for the same seed.
    pub(crate) fn standing_still(config: Config, origin: String, seed: u64, now_ms: i64) -> Self {
        Self {
            ids: Ids::seeded(seed),
            clock: Clock::standing_at(now_ms),
            ..Self::new(config, origin)
        }
    }

    /// Forgets everything that happened since the start; ids go on, so that none is ever given twice.
    pub(crate) fn reset(&mut self) {
        let ids = std::mem::take(&mut self.ids);
        *self = Self::new(self.config.clone(), self.origin.clone());
        self.ids = ids;
    }

    /// The stand-in's clock in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The stand-in's clock in seconds, as Stripe writes times.
    pub(crate) fn now(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// Moves the clock forward. What falls due on the way happens at its own time: the clock stops at each.
    pub(crate) fn advance(&mut self, by_ms: i64) {
        let target = self.now_ms() + by_ms;
        while let Some(due) = self.plan.next_ms().filter(|due| *due <= target) {
            self.clock.advance((due - self.now_ms()).max(0));
            standin::World::run_due(self);
        }
        self.clock.advance((target - self.now_ms()).max(0));
        standin::World::run_due(self);
    }

    /// Plans work for later; work without delay runs with the next tick, never inside the request that plans it.
    pub(crate) fn later(&mut self, delay_ms: i64, work: Work) {
        let due = self.now_ms() + delay_ms.max(0);
        self.plan.add(due, work);
    }

    pub(crate) fn id(&mut self, kind: Kind) -> String {
        let length = if kind == Kind::Session { 58 } else { 24 };
        self.id_with(kind.prefix(), length)
    }

    pub(crate) fn id_with(&mut self, prefix: &str, length: usize) -> String {
        format!("{prefix}_{}", self.ids.mixed(length))
    }

    /// The document with this id if its owner asks, else Stripe's `resource_missing`.
    pub(crate) fn find(&self, kind: Kind, id: &str, owner: Option<&str>, param: &str) -> Result<Value, ApiError> {
        match self.shelf.entry(id) {
            Some(entry) if entry.kind == kind && entry.owner.as_deref() == owner => Ok(entry.body.clone()),
            _ => Err(ApiError::missing(kind.noun(), id, param)),
        }
    }

    /// The connected account an object belongs to (`None`: the platform).
    pub(crate) fn owner_of(&self, id: &str) -> Option<String> {
        self.shelf.entry(id).and_then(|entry| entry.owner.clone())
    }

    /// The documents of one owner that pass, the newest first.
    pub(crate) fn select(&self, kind: Kind, owner: Option<&str>, mut keep: impl FnMut(&Value) -> bool) -> Vec<&Value> {
        self.shelf
            .newest_first(kind)
            .filter(|entry| entry.owner.as_deref() == owner && keep(&entry.body))
            .map(|entry| &entry.body)
            .collect()
    }

    /// Changes a document without telling anybody; returns it as it is now.
    pub(crate) fn set(&mut self, id: &str, change: impl FnOnce(&mut Value)) -> Value {
        let Some(body) = self.shelf.get_mut(id) else {
            return Value::Null;
        };
        change(body);
        body.clone()
    }

    /// Changes a document and emits an event about it that names what was different before.
    pub(crate) fn update(&mut self, id: &str, event: &str, change: impl FnOnce(&mut Value)) -> Value {
        let Some(body) = self.shelf.get_mut(id) else {
            return Value::Null;
        };
        let before = body.clone();
        change(body);
        let after = body.clone();
        let previous = previous_attributes(&before, &after);
        self.emit_change(event, id, previous);
        after
    }

    /// Emits an event about a document that several steps have changed since it was `before`.
    pub(crate) fn emit_since(&mut self, event: &str, id: &str, before: &Value) {
        let after = self.shelf.entry(id).map(|entry| entry.body.clone()).unwrap_or_default();
        let previous = previous_attributes(before, &after);
        self.emit_change(event, id, previous);
    }

    /// Emits an event about a document as it is now.
    pub(crate) fn emit(&mut self, event: &str, id: &str) {
        self.emit_change(event, id, None);
    }

    fn emit_change(&mut self, event: &str, id: &str, previous: Option<Value>) {
        let Some(entry) = self.shelf.entry(id) else { return };
        // What happens to a connected account is told as an event *of* that account.
        let owner = if entry.kind == Kind::Account {
            Some(id.to_owned())
        } else {
            entry.owner.clone()
        };
        let object = entry.body.clone();
        crate::events::emit(self, event, owner.as_deref(), &object, previous);
    }
}

impl standin::World for World {
    type Tampering = Tampering;

    fn run_due(&mut self) {
        while let Some(work) = self.plan.take_due(self.now_ms()) {
            plan::run(self, work);
        }
    }

    fn deliveries(&mut self) -> &mut Deliveries<Tampering> {
        &mut self.webhooks
    }

    fn message(&self, delivery: &Delivery<Tampering>) -> Option<Message> {
        let receiver = self.receivers.get(&delivery.endpoint)?;
        let event = self.shelf.get(Kind::Event, &delivery.event)?;
        Some(signature::message(
            event,
            &receiver.secrets,
            delivery.tampering,
            self.settings.delivery_timeout_ms,
        ))
    }

    fn retry_delays_ms(&self) -> Vec<i64> {
        self.settings.retry_delays_ms.clone()
    }

    fn delivered(&mut self, event: &str) {
        self.set(event, |body| {
            body["pending_webhooks"] = json!((int(body, "pending_webhooks") - 1).max(0));
        });
    }
}

/// The fields of `before` that `after` has otherwise, nested objects reduced likewise.
fn previous_attributes(before: &Value, after: &Value) -> Option<Value> {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        return Some(before.clone());
    };
    let mut previous = Map::new();
    for (key, value) in new {
        let was = old.get(key).unwrap_or(&Value::Null);
        if was == value {
            continue;
        }
        let reduced = if was.is_object() && value.is_object() {
            previous_attributes(was, value)
        } else {
            None
        };
        previous.insert(key.clone(), reduced.unwrap_or_else(|| was.clone()));
    }
    (!previous.is_empty()).then_some(Value::Object(previous))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previous_attributes_names_only_what_changed() {
        let before = json!({"id": "x", "requirements": {"a": [1], "b": 2}, "ok": false});
        let after = json!({"id": "x", "requirements": {"a": [], "b": 2}, "ok": true, "new": 1});
        let previous = previous_attributes(&before, &after);
        assert_eq!(
            previous,
            Some(json!({"requirements": {"a": [1]}, "ok": false, "new": null}))
        );
        assert_eq!(previous_attributes(&before, &before), None);
    }
}
