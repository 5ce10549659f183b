//! Every request of the API, so that a test can count calls.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

/// Older requests are forgotten beyond this many; the counts go on.
const KEPT: usize = 5000;

#[derive(Clone, Debug, Serialize)]
pub struct Logged {
    pub id: String,
    pub at_ms: i64,
    pub method: String,
    pub path: String,
    /// The endpoint as the specification names it; absent if there is none.
    pub endpoint: Option<&'static str>,
    pub status: Option<u16>,
    pub account: Option<String>,
    pub idempotency_key: Option<String>,
    pub replayed: bool,
    /// The outage that hit the request.
    pub outage: Option<&'static str>,
    pub error: Option<String>,
}

#[derive(Debug, Default)]
pub struct RequestLog {
    requests: Vec<Logged>,
    by_endpoint: BTreeMap<String, u64>,
    by_path: BTreeMap<String, u64>,
}

impl RequestLog {
    pub fn add(&mut self, logged: Logged) {
        let endpoint = logged
            .endpoint
            .map_or_else(|| format!("{} (unknown)", logged.method), str::to_owned);
        *self.by_endpoint.entry(endpoint).or_default() += 1;
        *self
            .by_path
            .entry(format!("{} {}", logged.method, logged.path))
            .or_default() += 1;
        if self.requests.len() == KEPT {
            self.requests.remove(0);
        }
        self.requests.push(logged);
    }

    pub fn newest(&self, count: usize) -> impl Iterator<Item = &Logged> {
        self.requests.iter().rev().take(count)
    }

    pub fn total(&self) -> u64 {
        self.by_endpoint.values().sum()
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn body(&self, method: Option<&str>, path: Option<&str>) -> Value {
        let shown: Vec<&Logged> = self
            .requests
            .iter()
            .filter(|logged| {
                method.is_none_or(|method| logged.method.eq_ignore_ascii_case(method))
                    && path.is_none_or(|path| logged.path.starts_with(path))
            })
            .collect();
        json!({
            "total": self.total(),
            "matching": shown.len(),
            "by_endpoint": self.by_endpoint,
            "by_path": self.by_path,
            "requests": shown,
        })
    }
}
