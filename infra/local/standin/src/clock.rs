//! The stand-in's clock: the machine's or one that stands, plus what it was moved forward by.

#[derive(Debug, Default)]
pub struct Clock {
    /// Where it stands by itself; it runs with the machine's where there is none.
    stands_at_ms: Option<i64>,
    offset_ms: i64,
}

impl Clock {
    /// A clock that only [`Self::advance`] moves.
    pub fn standing_at(ms: i64) -> Self {
        Self {
            stands_at_ms: Some(ms),
            offset_ms: 0,
        }
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.stands_at_ms.unwrap_or_else(machine_ms) + self.offset_ms
    }

    pub fn advance(&mut self, by_ms: i64) {
        self.offset_ms += by_ms;
    }
}

/// The machine's clock, read here and nowhere else. Deliveries run on it, for their receiver does too: a clock that is moved forward
/// never makes a retry or a signature come early.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the stand-ins that reads the clock"
)]
pub(crate) fn machine_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
