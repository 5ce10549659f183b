//! The only place of this crate that reads a clock, and only to measure: no finding depends on
//! the time of day.

use std::time::{Duration, Instant};

/// The end of the time that one scan may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    started: Instant,
    allowed: Duration,
}

impl Deadline {
    pub(crate) fn after(allowed: Duration) -> Self {
        Deadline {
            started: Instant::now(),
            allowed,
        }
    }

    /// The time that is left, or `None` when there is none.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.allowed
            .checked_sub(self.started.elapsed())
            .filter(|left| !left.is_zero())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left().is_none()
    }
}

/// Runs `work` and adds the time it took to `total_us`, in microseconds.
pub(crate) fn measured<T>(total_us: &mut u64, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    let took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    *total_us = total_us.saturating_add(took_us);
    result
}
