//! Contention: what a writer does that has met another writer at the same item.
//!
//! DynamoDB makes nobody wait. Of two transactions that touch one item at once it cancels the later one, and a write whose condition was
//! decided on an older reading is refused. Both leave nothing behind, so there are two ways on:
//!
//! | the refusal | who goes on | how |
//! |---|---|---|
//! | [`StoreError::Busy`] | the [`Store`] itself | the same call again |
//! | [`StoreError::Conflict`] | the handler, through [`Tries`] | it reads and decides anew |
//!
//! Before each further try the loser rests for a random time up to a bound that doubles ("full jitter": of many losers no two come back
//! together, and their number sets the pace). A lost answer is neither of the two: whoever does not know what happened must not repeat it.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use super::table::{Store, StoreError};

/// How often a call is made while the table is busy, the first time included.
const CALLS: u32 = 8;
/// How often something is decided while others change what it was decided on, the first time included.
const DECISIONS: u32 = 12;
/// About as long as a transaction takes.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Two hundred losers at one item, each of which holds it for some ten milliseconds, are through in about this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A future that is over once the pause is.
pub type Pause<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Lets a loser rest. Time and chance belong to the runtime, so it decides how: by the clock in a Lambda, by turns in a simulation.
pub trait Pauses: fmt::Debug + Send + Sync {
    /// A pause of a random length up to `most`.
    fn pause(&self, most: Duration) -> Pause<'_>;
}

/// No rest: for a table that nobody else writes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoPauses;

impl Pauses for NoPauses {
    fn pause(&self, _: Duration) -> Pause<'_> {
        Box::pin(std::future::ready(()))
    }
}

/// An error that may say: others were at the same items, nothing of this was written, and it may be decided anew.
pub trait Contended {
    fn is_contended(&self) -> bool;
}

impl Contended for StoreError {
    fn is_contended(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::Busy)
    }
}

/// Whether an error is contention of the table, or was caused by it.
pub fn is_contention(error: &(dyn Error + 'static)) -> bool {
    let store_error = error.downcast_ref::<StoreError>();
    store_error.is_some_and(Contended::is_contended) || error.source().is_some_and(is_contention)
}

/// The tries of one decision.
#[derive(Debug)]
pub struct Tries<'a> {
    store: &'a Store,
    most: u32,
    made: u32,
}

impl<'a> Tries<'a> {
    /// Whether the decision is to be made once more, from its readings on. If so, the pause before it is over.
    pub fn again<'s, E: Contended>(&'s mut self, error: &E) -> impl Future<Output = bool> + use<'s, 'a, E> {
        let is_contended = error.is_contended();
        async move {
            self.made += 1;
            if !is_contended || self.made >= self.most {
                return false;
            }
            self.store.rest(self.made).await;
            true
        }
    }
}

impl Store {
    /// For a decision on values that others change meanwhile: see [`Tries::again`].
    pub fn tries(&self) -> Tries<'_> {
        self.some_tries(DECISIONS)
    }

    pub(crate) fn some_tries(&self, most: u32) -> Tries<'_> {
        Tries {
            store: self,
            most,
            made: 0,
        }
    }

    /// Does the work, from its first reading on, until nobody else has been at its items, or it has been tried often enough.
    /// Whatever it has written so far it must find again, as it does when its message comes twice.
    pub async fn until_uncontended<T, E, F>(&self, mut work: impl FnMut() -> F) -> Result<T, E>
    where
        E: Contended,
        F: Future<Output = Result<T, E>>,
    {
        let mut tries = self.tries();
        loop {
            match Box::pin(work()).await {
                Err(error) if tries.again(&error).await => {}
                outcome => return outcome,
            }
        }
    }

    /// Makes one call until the table is not busy, or it has been made often enough. Nothing was written by those before.
    pub(super) async fn until_not_busy<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut made = 1;
        loop {
            // Boxed: so many layers are under every call of the store that the futures above them would be deeper than the compiler looks.
            match Box::pin(call()).await {
                Err(StoreError::Busy) if made < CALLS => self.rest(made).await,
                outcome => return outcome,
            }
            made += 1;
        }
    }

    async fn rest(&self, tries: u32) {
        self.meter().count_retry();
        self.pauses().pause(longest_pause(tries)).await;
    }
}

/// The bound of the pause after so many tries.
pub(crate) fn longest_pause(tries: u32) -> Duration {
    let doubled = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}
