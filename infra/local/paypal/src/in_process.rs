//! The stand-in without a server: for a simulation that plays PayPal's part itself.
//!
//! Nothing happens by itself: the clock stands where it was last set, no webhook is sent, no outage hits. The same calls with the same seed
//! have the same answers, ids included.

use std::fmt;

use axum::body::Bytes;
use axum::http::{Method, Request, Response, StatusCode};
use serde_json::Value;

use crate::api::{self, Incoming};
use crate::config::Config;
use crate::control;
use crate::world::{App, Kind, World};

pub struct InProcess(App);

impl InProcess {
    /// Of the configuration only the client and the settings matter.
    pub fn new(config: Config, seed: u64, now_ms: i64) -> Self {
        let origin = config.public_url.clone().unwrap_or_default();
        Self(App::new(World::standing_still(config, origin, seed, now_ms)))
    }

    /// One request of the API.
    pub fn request(&self, request: Request<Bytes>) -> Response<Vec<u8>> {
        let (parts, body) = request.into_parts();
        let incoming = Incoming {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
        };
        let (status, body) = api::answer_at_once(&self.0, &incoming);
        let mut response = Response::new(serde_json::to_vec(&body).unwrap_or_default());
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
    }

    /// A request below `/_control`; what a control refuses is the error.
    pub fn control(&self, path: &str, body: &Value) -> Result<Value, Value> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        let (status, answer) = control::answer(&mut self.0.world(), &Method::POST, path, "", &body);
        if status == 200 { Ok(answer) } else { Err(answer) }
    }

    /// Moves the clock forward; what falls due until then happens.
    pub fn advance(&self, by_ms: i64) {
        self.0.world().advance(by_ms);
    }

    /// When the next thing will happen by itself.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.0.world().plan.next_ms()
    }

    /// Every event from number `first` on, oldest first.
    pub fn events_from(&self, first: usize) -> Vec<Value> {
        self.0.world().all(Kind::Event).skip(first).cloned().collect()
    }

    /// The objects of a kind, oldest first.
    pub fn objects(&self, kind: Kind) -> Vec<Value> {
        self.0.world().all(kind).cloned().collect()
    }

    /// What is available in a currency, in minor units.
    pub fn balance(&self, currency: &str) -> i64 {
        self.0.world().balance.get(currency).copied().unwrap_or_default()
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}
