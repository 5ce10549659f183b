//! The one state of a running stand-in: clock, documents, balance, planned work, webhooks and controls.
//!
//! A stand-in's state *is* the documents that the API answers with; what they mean is decided by the modules of the business.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::Value;
use standin::{Clock, Deliveries, Delivery, Faults, Ids, Message, Plan, RequestLog};

use crate::amount::Sum;
use crate::config::{Config, Settings};
use crate::error::ApiError;
use crate::orders::Visit;
use crate::request_ids::RequestIds;
use crate::signer::{FOLDER, Signer, Tampering, Transmission, body_as_sent};
use crate::{payments, payouts};

pub(crate) type App = standin::App<World>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Order,
    Capture,
    Refund,
    Dispute,
    /// What PayPal took back by itself.
    Reversal,
    Batch,
    Item,
    Event,
    Movement,
}

/// Something that happens at a time, to the object it names.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A pending capture is completed or denied.
    CaptureDecided { capture: String, completed: bool },
    /// PayPal looks at a batch and pays its items, or does not.
    BatchProcessed { batch: String },
    /// Nobody claimed an item in its 30 days.
    ItemReturned { item: String },
}

pub(crate) struct World {
    pub config: Config,
    pub settings: Settings,
    pub plan: Plan<Work>,
    pub webhooks: Deliveries<Tampering>,
    pub faults: Faults,
    pub request_ids: RequestIds,
    pub log: RequestLog,
    /// What the buyer's page knows of an order and the API does not show, by the order's id.
    pub visits: HashMap<String, Visit>,
    /// Until when each token lasts, in seconds.
    pub tokens: HashMap<String, i64>,
    /// The movement that holds the money of each open dispute.
    pub holds: HashMap<String, String>,
    /// What the stand-in's one merchant has, in minor units.
    pub balance: BTreeMap<String, i64>,
    /// Origin of pages and of the certificate.
    pub origin: String,
    documents: Vec<(Kind, String, Value)>,
    signer: Arc<LazyLock<Signer>>,
    certificate: String,
    ids: Ids,
    clock: Clock,
}

impl World {
    pub(crate) fn new(config: Config, origin: String) -> Self {
        let mut ids = Ids::default();
        Self {
            settings: config.settings.clone(),
            plan: Plan::default(),
            webhooks: Deliveries::default(),
            faults: Faults::default(),
            request_ids: RequestIds::default(),
            log: RequestLog::default(),
            visits: HashMap::new(),
            tokens: HashMap::new(),
            holds: HashMap::new(),
            balance: BTreeMap::new(),
            origin,
            documents: Vec::new(),
            signer: Arc::new(LazyLock::new(Signer::new)),
            certificate: format!("CERT-{}", ids.capital(16)),
            ids,
            clock: Clock::default(),
            config,
        }
    }

    /// Like [`Self::new`], with a clock that only [`Self::advance`] moves and the same ids for the same seed.
    pub(crate) fn standing_still(config: Config, origin: String, seed: u64, now_ms: i64) -> Self {
        Self {
            ids: Ids::seeded(seed),
            clock: Clock::standing_at(now_ms),
            ..Self::new(config, origin)
        }
    }

    /// Forgets everything that happened since the start. The certificate stays, for its address is never used for another one.
    pub(crate) fn reset(&mut self) {
        let fresh = Self::new(self.config.clone(), std::mem::take(&mut self.origin));
        let old = std::mem::replace(self, fresh);
        (self.signer, self.certificate, self.ids) = (old.signer, old.certificate, old.ids);
    }

    pub(crate) fn now_s(&self) -> i64 {
        self.clock.now_ms().div_euclid(1000)
    }

    /// The stand-in's clock as PayPal writes times.
    pub(crate) fn time(&self) -> String {
        self.time_in(0)
    }

    /// What that clock will show after so many seconds.
    pub(crate) fn time_in(&self, seconds: i64) -> String {
        Timestamp::from_second(self.now_s() + seconds)
            .unwrap_or_default()
            .to_string()
    }

    /// Moves the clock forward. What falls due on the way happens at its own time: the clock stops at each.
    pub(crate) fn advance(&mut self, by_ms: i64) {
        let target = self.clock.now_ms() + by_ms;
        while let Some(due) = self.plan.next_ms().filter(|due| *due <= target) {
            self.clock.advance((due - self.clock.now_ms()).max(0));
            standin::World::run_due(self);
        }
        self.clock.advance((target - self.clock.now_ms()).max(0));
        standin::World::run_due(self);
    }

    /// Plans work for later; work without delay runs with the next tick, never inside the request that plans it.
    pub(crate) fn later(&mut self, delay_ms: i64, work: Work) {
        self.plan.add(self.clock.now_ms() + delay_ms.max(0), work);
    }

    /// An id in PayPal's manner.
    pub(crate) fn id(&mut self) -> String {
        self.ids.capital(17)
    }

    /// So many digits.
    pub(crate) fn digits(&mut self, length: usize) -> String {
        self.ids.digits(length)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub(crate) fn put(&mut self, kind: Kind, id: &str, body: Value) {
        self.documents.push((kind, id.to_owned(), body));
    }

    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<&Value> {
        let mut documents = self.documents.iter();
        documents
            .find(|(of, known, _)| (*of, known.as_str()) == (kind, id))
            .map(|(_, _, body)| body)
    }

    /// The document, or PayPal's `RESOURCE_NOT_FOUND`.
    pub(crate) fn find(&self, kind: Kind, id: &str) -> Result<Value, ApiError> {
        self.get(kind, id).cloned().ok_or_else(ApiError::missing)
    }

    /// A document of any kind.
    pub(crate) fn any(&self, id: &str) -> Option<&Value> {
        self.documents
            .iter()
            .find(|(_, known, _)| known == id)
            .map(|(_, _, body)| body)
    }

    pub(crate) fn change(&mut self, kind: Kind, id: &str, change: impl FnOnce(&mut Value)) {
        let mut documents = self.documents.iter_mut();
        if let Some((_, _, body)) = documents.find(|(of, known, _)| (*of, known.as_str()) == (kind, id)) {
            change(body);
        }
    }

    /// The documents of a kind, oldest first.
    pub(crate) fn all(&self, kind: Kind) -> impl DoubleEndedIterator<Item = &Value> {
        self.documents
            .iter()
            .filter(move |(of, _, _)| *of == kind)
            .map(|(_, _, body)| body)
    }

    /// Money comes in, or goes out where it is negative.
    pub(crate) fn book(&mut self, sum: &Sum) {
        *self.balance.entry(sum.currency.clone()).or_default() += sum.minor;
    }

    pub(crate) fn has(&self, sum: &Sum) -> bool {
        self.balance.get(&sum.currency).copied().unwrap_or_default() >= sum.minor
    }

    /// The certificate, if that is its name.
    pub(crate) fn certificate(&self, name: &str) -> Option<&str> {
        (name == self.certificate).then(|| self.signer.pem())
    }
}

impl standin::World for World {
    type Tampering = Tampering;

    fn run_due(&mut self) {
        while let Some(work) = self.plan.take_due(self.clock.now_ms()) {
            match work {
                Work::CaptureDecided { capture, completed } => payments::decide(self, &capture, completed),
                Work::BatchProcessed { batch } => payouts::process(self, &batch),
                Work::ItemReturned { item } => payouts::returned(self, &item),
            }
        }
    }

    fn deliveries(&mut self) -> &mut Deliveries<Tampering> {
        &mut self.webhooks
    }

    fn message(&self, delivery: &Delivery<Tampering>) -> Option<Message> {
        let body = self.get(Kind::Event, &delivery.event)?.to_string();
        let transmission = Transmission {
            id: &format!("{}-{}", delivery.event, delivery.number),
            // The receiver lives on the machine's clock, not on the one that is moved.
            now_s: Clock::default().now_ms().div_euclid(1000),
            webhook_id: &self.config.webhook_id,
            certificate_url: &self.url(&format!("{FOLDER}{}", self.certificate)),
        };
        let mut headers = self.signer.headers(&transmission, &body, delivery.tampering);
        headers.push(("content-type", "application/json".to_owned()));
        headers.push(("user-agent", "PayPal/AUHD-1.0-1".to_owned()));
        Some(Message {
            headers,
            body: body_as_sent(body, delivery.tampering),
            timeout_ms: self.settings.delivery_timeout_ms,
        })
    }

    fn retry_delays_ms(&self) -> Vec<i64> {
        self.settings.retry_delays_ms.clone()
    }
}
