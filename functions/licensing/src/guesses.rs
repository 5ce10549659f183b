//! Who has sent too many wrong licence keys: counted in the store, and remembered by each warm function, so that what a guesser is answered
//! costs nothing, and tells nothing.
//!
//! The same wrong key from the same address is one guess, however often it comes: an office whose software has an old key shuts nobody out.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use shared::ids::LicenceId;
use shared::store::{Store, StoreError, commerce};

/// How many wrong keys an address may send, and how many may be tried on one licence, in one window.
const WRONG_KEYS: i64 = 20;
pub(crate) const WINDOW_MINUTES: i64 = 10;
/// More than a function sees in a window, unless it is attacked from very many addresses; then some guesses count twice.
const MOST_REMEMBERED: usize = 50_000;

#[derive(Debug, Clone, Default)]
pub struct Guesses(Arc<Mutex<Window>>);

#[derive(Debug, Default)]
struct Window {
    number: i64,
    /// Addresses of which nothing more is looked at.
    refused: HashSet<String>,
    /// What has been counted, as hashes.
    counted: HashSet<u64>,
    hasher: RandomState,
}

/// Where guesses come from: an IPv4 address, or the network of 64 bits that one subscriber of IPv6 has.
pub(crate) fn source(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => address.to_owned(),
    }
}

fn window(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60 * WINDOW_MINUTES)
}

impl Guesses {
    /// Whether nothing from there is looked at in this window.
    pub(crate) fn are_refused(&self, source: &str, now: Timestamp) -> bool {
        self.with(now, |window| window.refused.contains(source))
    }

    /// Counts a wrong key; whether there have been too many, from there or on this licence.
    pub(crate) async fn count(
        &self,
        store: &Store,
        (source, licence, key): (&str, LicenceId, &str),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let is_new = self.with(now, |window| {
            let guess = window.hasher.hash_one((source, licence, key));
            window.counted.len() >= MOST_REMEMBERED || window.counted.insert(guess)
        });
        if !is_new {
            return Ok(false);
        }
        let until = now.saturating_add(SignedDuration::from_mins(2 * WINDOW_MINUTES));
        let number = window(now).to_string();
        let counted_in = (number.as_str(), until.unwrap_or(now));
        if !commerce::count_wrong_key(store, source, WRONG_KEYS, counted_in).await? {
            self.with(now, |window| window.refused.insert(source.to_owned()));
            return Ok(true);
        }
        let on_licence = licence.to_string();
        Ok(!commerce::count_wrong_key(store, &on_licence, WRONG_KEYS, counted_in).await?)
    }

    fn with<T>(&self, now: Timestamp, what: impl FnOnce(&mut Window) -> T) -> T {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = window(now);
        if remembered.number != number {
            *remembered = Window {
                number,
                ..Window::default()
            };
        }
        what(&mut remembered)
    }
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn a_subscriber_is_one_source() {
        for (address, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
            ("", ""),
        ] {
            assert_eq!(source(address), expected);
        }
    }
}
