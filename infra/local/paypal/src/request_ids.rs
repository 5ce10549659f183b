//! `PayPal-Request-Id` as PayPal keeps it: a repeated call is answered with what the first one made, as it is *now*, and nothing of what
//! the second asks for is looked at. After the API's own time it is forgotten, and the same call is done again.

use std::collections::HashMap;

const HOUR_S: i64 = 60 * 60;
const DAY_S: i64 = 24 * HOUR_S;

#[derive(Debug)]
struct Record {
    made: String,
    until_s: i64,
}

/// What each id made, by the path it came for.
#[derive(Debug, Default)]
pub(crate) struct RequestIds {
    records: HashMap<(String, String), Record>,
}

impl RequestIds {
    /// The id of what was made under this request id.
    pub(crate) fn made(&self, path: &str, id: &str, now_s: i64) -> Option<&str> {
        let record = self.records.get(&(path.to_owned(), id.to_owned()))?;
        (now_s < record.until_s).then_some(record.made.as_str())
    }

    pub(crate) fn remember(&mut self, path: &str, id: &str, made: &str, now_s: i64) {
        let record = Record {
            made: made.to_owned(),
            until_s: now_s + kept_s(path),
        };
        self.records.insert((path.to_owned(), id.to_owned()), record);
    }

    /// Forgets one id, or all; returns how many.
    pub(crate) fn prune(&mut self, only: Option<&str>) -> usize {
        let before = self.records.len();
        self.records.retain(|(_, id), _| only.is_some_and(|only| only != id));
        before - self.records.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }
}

/// How long PayPal's specifications say that ids are kept.
fn kept_s(path: &str) -> i64 {
    if path.starts_with("/v2/checkout/") {
        6 * HOUR_S
    } else if path.starts_with("/v2/payments/") {
        45 * DAY_S
    } else {
        30 * DAY_S
    }
}
