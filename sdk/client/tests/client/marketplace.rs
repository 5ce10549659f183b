//! A marketplace that answers as it is told, on a machine whose clock stands where it is put.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use souk_client::Timestamp;
use souk_client::online::{Client, Host, MemoryStorage, Request, Response, Settings, Transport, TransportError};

use crate::support::{FINGERPRINT, KEY, now};

#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Body(u16, String),
    Problem(u16, &'static str, Option<u64>),
    Nothing,
}

pub(crate) fn ok(body: &Value) -> Answer {
    Answer::Body(200, body.to_string())
}

pub(crate) fn problem(status: u16, code: &'static str) -> Answer {
    Answer::Problem(status, code, None)
}

pub(crate) fn valid() -> Answer {
    ok(&json!({
        "valid": true, "code": "VALID", "expires_at": "2027-01-01T00:00:00Z",
        "entitlements": ["export-stems"], "policy": "studio",
    }))
}

pub(crate) fn invalid() -> Answer {
    ok(&json!({"valid": false, "code": "SUSPENDED", "detail": "The licence is suspended."}))
}

/// A key that opens nothing is answered like one that never was.
pub(crate) fn denied() -> Answer {
    problem(404, "not_found")
}

pub(crate) fn down() -> Answer {
    Answer::Nothing
}

pub(crate) struct Marketplace {
    answers: RefCell<VecDeque<Answer>>,
    requests: RefCell<Vec<Request>>,
    pauses: RefCell<Vec<Duration>>,
    now: Cell<Timestamp>,
    chance: Cell<u128>,
}

impl Marketplace {
    /// With these answers, one after the other; none when they are used up.
    pub(crate) fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: RefCell::new(answers.into_iter().collect()),
            requests: RefCell::default(),
            pauses: RefCell::default(),
            now: Cell::new(now()),
            chance: Cell::default(),
        }
    }

    pub(crate) fn answer(&self, answer: Answer) {
        self.answers.borrow_mut().push_back(answer);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.pauses.borrow().clone()
    }

    pub(crate) fn set_clock(&self, now: Timestamp) {
        self.now.set(now);
    }
}

impl Transport for Marketplace {
    fn send(&self, request: &Request) -> Result<Response, TransportError> {
        self.requests.borrow_mut().push(request.clone());
        let (status, retry_after, body) = match self.answers.borrow_mut().pop_front() {
            None | Some(Answer::Nothing) => return Err(TransportError("no route".to_owned())),
            Some(Answer::Body(status, body)) => (status, None, body),
            Some(Answer::Problem(status, code, retry_after)) => {
                let errors = json!([{"pointer": "/fingerprint", "detail": "must be there"}]);
                let body = json!({
                    "type": format!("urn:souk:problem:{code}"), "title": "Refused", "status": status,
                    "code": code, "detail": "Because.", "errors": errors,
                });
                (status, retry_after, body.to_string())
            }
        };
        Ok(Response {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            body,
        })
    }
}

impl Host for Marketplace {
    fn now(&self) -> Timestamp {
        self.now.get()
    }

    fn pause(&self, duration: Duration) {
        self.pauses.borrow_mut().push(duration);
    }

    fn chance(&self) -> u128 {
        self.chance.set(self.chance.get() + 1);
        self.chance.get()
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        fingerprint: Some(FINGERPRINT.to_owned()),
        components: BTreeMap::from([("cpu".to_owned(), "c0ffee".to_owned())]),
        ..Settings::new("https://souk.example.com/", "lic_06hj0", KEY)
    }
}

pub(crate) type TestClient<'a> = Client<&'a Marketplace, &'a MemoryStorage, &'a Marketplace>;

pub(crate) fn client<'a>(marketplace: &'a Marketplace, storage: &'a MemoryStorage) -> TestClient<'a> {
    Client::on(marketplace, settings(), marketplace, storage).unwrap()
}
