//! The stand-in's clock: the machine's, plus what it was moved forward by.

#[derive(Debug, Default)]
pub struct Clock {
    offset_ms: i64,
}

impl Clock {
    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        machine_ms() + self.offset_ms
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
