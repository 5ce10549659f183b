//! Delayed rejections: which are due, and what becomes of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{PartnerId, SubmissionId};
use crate::listing::{Reviewed, Submission};
use crate::store::audit::{self, Audited};
use crate::store::keys;
use crate::store::table::{Condition, Store, StoreError, Write};

use super::replace_version;

/// That a submission is rejected on a day. It stays until then, whatever becomes of the submission meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delayed {
    pub partner: PartnerId,
    pub submission: SubmissionId,
    pub rejects_at: Timestamp,
}

pub(super) fn delayed(rejects_at: Timestamp, submission: &Submission) -> Result<Write, StoreError> {
    let delayed = Delayed {
        partner: submission.partner,
        submission: submission.id,
        rejects_at,
    };
    // The same day may be given twice.
    Write::overwrite(keys::delayed_rejection(rejects_at, submission.id), &delayed)
}

/// Some of those whose day has come, the earliest first.
pub async fn due_rejections(store: &Store, now: Timestamp, limit: usize) -> Result<Vec<Delayed>, StoreError> {
    let found = store.query::<Delayed>(keys::delayed_rejections().limit(limit)).await?;
    let is_due = |delayed: &Delayed| delayed.rejects_at <= now;
    Ok(found.items.into_iter().take_while(is_due).collect())
}

/// What has come of one whose day has come, where anything has: the rejection is written, and the day forgotten. Refused where submission or
/// version changed since they were read.
pub async fn end_delay(
    store: &Store,
    delayed: &Delayed,
    rejected: Option<(&Reviewed, [u64; 2])>,
) -> Result<(), StoreError> {
    let key = keys::delayed_rejection(delayed.rejects_at, delayed.submission);
    let mut writes = vec![Write::delete(key, Condition::Present)];
    if let Some((reviewed, [submission_revision, version_revision])) = rejected {
        let submission = &reviewed.submission;
        let key = keys::submission(submission.partner, submission.id);
        let item = Write::replace(key, submission, submission_revision)?;
        writes.extend([
            item.outbox(std::slice::from_ref(&reviewed.notice))?,
            replace_version(&reviewed.version, version_revision)?,
            audit::entry(Audited::Listing(submission.listing), &reviewed.audit)?,
        ]);
    }
    store.transact(writes).await
}
