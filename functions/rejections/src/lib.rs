//! Rejects what was given some days to be mended, when they have gone by.
//!
//! Trigger: schedule. Writes submissions and versions that are rejected, with audit entries and the partners' mails, and removes the days that
//! have come. Idempotency: a day is removed in the transaction of what follows from it, so it has come once; what somebody else changes
//! meanwhile is left to the next run.

mod context;

pub use context::Context;

use shared::listing::{Reviewed, reject_overdue};
use shared::runtime::{Failure, Tick};
use shared::seed::Seed;
use shared::store::catalogue::{self, Delayed};
use shared::store::{Store, StoreError, partners};

/// Some at a time, until none is due.
const PAGE: usize = 50;

pub async fn run(context: &Context, tick: Tick) -> Result<(), Failure> {
    let store = &context.store;
    loop {
        let due = catalogue::due_rejections(store, tick.now, PAGE).await?;
        let mut ended = 0;
        for delayed in &due {
            match end(store, delayed, &tick).await {
                Ok(()) => ended += 1,
                Err(StoreError::Conflict { .. }) => {
                    tracing::info!(submission.id = %delayed.submission, "changed meanwhile: the next run looks again");
                }
                Err(error) => return Err(error.into()),
            }
        }
        if due.len() < PAGE || ended == 0 {
            return Ok(());
        }
    }
}

async fn end(store: &Store, delayed: &Delayed, tick: &Tick) -> Result<(), StoreError> {
    let rejected = overdue(store, delayed, tick).await?;
    let rejected = rejected.as_ref().map(|(rejected, revisions)| (rejected, *revisions));
    catalogue::end_delay(store, delayed, rejected).await?;
    if rejected.is_some() {
        tracing::info!(submission.id = %delayed.submission, "not mended in time: rejected");
    }
    Ok(())
}

/// The rejection, with the revisions of the submission and of the version that it is decided on.
async fn overdue(store: &Store, delayed: &Delayed, tick: &Tick) -> Result<Option<(Reviewed, [u64; 2])>, StoreError> {
    let Some(submission) = catalogue::submission(store, delayed.partner, delayed.submission).await? else {
        return Ok(None);
    };
    let version = catalogue::version(store, submission.listing, submission.version).await?;
    let (Some(version), Some(partner)) = (version, partners::load(store, delayed.partner).await?) else {
        return Ok(None);
    };
    let seed = Seed::named(delayed.rejects_at, &delayed.submission.to_string());
    let rejected = reject_overdue(&submission, &version, partner.owner, tick.now, &seed);
    Ok(rejected.map(|rejected| (rejected, [submission.revision, version.revision])))
}
