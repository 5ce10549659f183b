//! Many handlers at once on one thread: their requests take time in turns of the scheduler instead of by the clock, about one a millisecond.
//!
//! With the same seed the same handlers meet in the same way, however busy the machine is.

use std::fmt;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{Request, Response};
use serde_json::Value;

use crate::processor::peer::{Answer, Peer};
use crate::store::contention::Pause;
use crate::store::memory::{Fate, Fates};

/// How long a request is on its way, and how long a transaction holds its items.
const ARRIVAL: RangeInclusive<u64> = 2..=5;
const HELD: RangeInclusive<u64> = 6..=12;

/// Lets the requests of a table take their time, and keeps what was asked.
#[derive(Debug)]
pub struct Crowd(Mutex<State>);

#[derive(Debug)]
struct State {
    random: u64,
    asked: Vec<String>,
}

impl Crowd {
    pub fn new(seed: u64) -> Self {
        let asked = Vec::new();
        Self(Mutex::new(State { random: seed, asked }))
    }

    /// The names of all requests since the last call, in the order of their arrival.
    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().asked)
    }

    /// Waits for a random number of turns.
    pub async fn turns(&self, range: RangeInclusive<u64>) {
        let turns = self.lock().between(range);
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// SplitMix64.
    fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        range.start() + mixed % (range.end() - range.start() + 1)
    }
}

impl Fates for Crowd {
    fn next(&self, request: &dyn fmt::Display) -> Pin<Box<dyn Future<Output = Fate> + Send + '_>> {
        self.lock().asked.push(request.to_string());
        Box::pin(async {
            self.turns(ARRIVAL).await;
            Fate::Done
        })
    }

    fn end(&self, _: &dyn fmt::Display) -> Pin<Box<dyn Future<Output = Fate> + Send + '_>> {
        Box::pin(async {
            self.turns(HELD).await;
            Fate::Done
        })
    }

    fn pause(&self, most: Duration) -> Pause<'_> {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        Box::pin(self.turns(0..=most))
    }
}

/// A processor that says the same to everybody.
#[derive(Debug)]
pub struct Unanimous(pub Value);

impl Peer for Unanimous {
    fn answer(&self, _: Request<Vec<u8>>) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
        Box::pin(async { Ok(Response::new(self.0.to_string().into_bytes())) })
    }
}
