//! Counts what the store asks of DynamoDB: whole requests and capacity units, as DynamoDB itself reports them.

use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    pub requests: u64,
    /// In tenths of a unit, since an eventually consistent read costs half a unit.
    pub read_tenths: u64,
    pub write_tenths: u64,
    /// How often something was done again because others were at the same items.
    pub retries: u64,
}

impl Usage {
    pub fn write_units(&self) -> u64 {
        self.write_tenths / 10
    }

    /// What was used after an earlier reading of the same meter.
    #[must_use]
    pub fn since(&self, earlier: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            read_tenths: self.read_tenths.saturating_sub(earlier.read_tenths),
            write_tenths: self.write_tenths.saturating_sub(earlier.write_tenths),
            retries: self.retries.saturating_sub(earlier.retries),
        }
    }
}

/// Shared by all clones of one store.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

impl Meter {
    pub fn read(&self) -> Usage {
        *self.lock()
    }

    /// What was used since the last call of this; it starts the count anew.
    pub fn take(&self) -> Usage {
        std::mem::take(&mut *self.lock())
    }

    pub(crate) fn count(&self, read_tenths: u64, write_tenths: u64) {
        let mut usage = self.lock();
        usage.requests += 1;
        usage.read_tenths += read_tenths;
        usage.write_tenths += write_tenths;
    }

    pub(crate) fn count_retry(&self) {
        self.lock().retries += 1;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Usage> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
