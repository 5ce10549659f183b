//! Random pauses by the clock.

use std::time::Duration;

use crate::store::contention::{Pause, Pauses};

/// Rests anything from nothing to the bound, so that those who failed together do not come back together.
#[derive(Debug, Clone, Copy)]
pub struct FullJitter;

impl Pauses for FullJitter {
    fn pause(&self, most: Duration) -> Pause<'_> {
        Box::pin(tokio::time::sleep(up_to(most)))
    }
}

/// A random time up to `most`.
pub(super) fn up_to(most: Duration) -> Duration {
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rand::random_range(0..=most))
}
