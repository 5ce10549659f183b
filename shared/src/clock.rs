//! The time of day. Read by the runtime alone and handed on as an argument; rules never ask for it themselves.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
#[cfg(feature = "test-util")]
use std::sync::{Arc, Mutex};

/// The day on which something happened. All of Souk counts days in UTC: holds, periods and years alike.
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[derive(Debug, Clone)]
pub enum Clock {
    System,
    /// Stands still until a test moves it.
    #[cfg(feature = "test-util")]
    Fixed(Arc<Mutex<Timestamp>>),
}

impl Clock {
    #[cfg(feature = "test-util")]
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(Mutex::new(at)))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            #[cfg(feature = "test-util")]
            Self::Fixed(at) => *at.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }

    /// Moves a fixed clock; the system's cannot be moved.
    #[cfg(feature = "test-util")]
    pub fn advance(&self, by: jiff::SignedDuration) {
        if let Self::Fixed(at) = self {
            let mut at = at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *at += by;
        }
    }
}
