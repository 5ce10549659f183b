//! Outages: requests of the API that fail before or after they were done, or whose answer never arrives.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use serde::{Deserialize, Serialize};

use crate::HangUp;

/// What goes wrong, for how many requests and which.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outage {
    pub how: How,
    /// `before`: nothing is done. `after`: the request is done and only its answer is lost, an unknown outcome.
    pub when: When,
    /// Status answered when `how` is `status`.
    pub status: u16,
    /// How long a request hangs with `timeout` (then the connection closes) and waits with `slow`.
    pub delay_ms: u64,
    /// Whether an idempotency key replays the error from now on (Stripe does so with a 500 of its own making), instead
    /// of doing the request (`before`) or replaying its real result (`after`).
    pub remember: bool,
    /// How many requests are hit; until cleared if absent.
    pub requests: Option<u64>,
    /// Only requests of this method, `POST`.
    pub method: Option<String>,
    /// Only requests whose path starts so, `/v1/transfers`.
    pub path: Option<String>,
}

impl Default for Outage {
    fn default() -> Self {
        Self {
            how: How::Status,
            when: When::Before,
            status: 500,
            delay_ms: 30_000,
            remember: false,
            requests: None,
            method: None,
            path: None,
        }
    }
}

impl Outage {
    /// What the caller gets instead of an answer: `failure`, a closed connection, or a long silence before it is closed.
    pub async fn lose(&self, failure: Response<Body>) -> Response<Body> {
        match self.how {
            How::Status | How::Slow => failure,
            How::Close => HangUp::response(),
            How::Timeout => {
                tokio::time::sleep(Duration::from_millis(self.delay_ms)).await;
                HangUp::response()
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    Status,
    Timeout,
    Close,
    /// The request succeeds, late: long enough for a second one with the same key to collide.
    Slow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    Before,
    After,
}

/// Outages in the order they were ordered; the first that fits hits.
#[derive(Debug, Default)]
pub struct Faults {
    pub outages: Vec<Outage>,
}

impl Faults {
    pub fn hit(&mut self, method: &str, path: &str) -> Option<Outage> {
        let at = self.outages.iter().position(|outage| {
            outage
                .method
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && outage.path.as_deref().is_none_or(|wanted| path.starts_with(wanted))
        })?;
        let outage = self.outages[at].clone();
        if let Some(left) = &mut self.outages[at].requests {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.outages.remove(at);
            }
        }
        Some(outage)
    }
}
