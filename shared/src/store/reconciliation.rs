//! What reconciliation writes: matches, differences, runs, and how far it came.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys;
use super::table::{Condition, Page, PageKey, Store, StoreError, Update, Versioned, Write};
use crate::ids::ReconciliationId;
use crate::messages::Envelope;
use crate::processor::Processor;
use crate::reconciliation::{Difference, Match, Reconciliation, Subject, Walk};

/// Those of a processor's movements that have been matched.
pub async fn matched(
    store: &Store,
    processor: Processor,
    ids: impl IntoIterator<Item = &str>,
) -> Result<HashSet<String>, StoreError> {
    let keys: Vec<_> = ids.into_iter().map(|id| keys::matched(processor, id)).collect();
    let found: Vec<Match> = store.get_many(&keys).await?;
    Ok(found.into_iter().map(|found| found.transaction).collect())
}

/// A movement is matched once.
pub fn create_match(found: &Match) -> Result<Write, StoreError> {
    Write::create(keys::matched(found.processor, &found.transaction), found)
}

pub async fn difference(store: &Store, subject: &Subject) -> Result<Option<Versioned<Difference>>, StoreError> {
    store.get(&keys::difference(subject)).await
}

/// A new difference, or what has become of the one that was read as `before`; shown in the report of the run that writes it.
pub fn save_difference(
    difference: &Difference,
    before: Option<&Versioned<Difference>>,
    run: ReconciliationId,
    messages: &[Envelope],
) -> Result<[Write; 2], StoreError> {
    let key = keys::difference(&difference.subject);
    let write = match before {
        None => Write::create(key, difference)?,
        Some(before) => Write::replace(key, difference, before.revision)?,
    };
    let write = write.outbox(messages)?;
    let write = if difference.is_open() {
        write.indexed(keys::open_difference(&difference.subject))
    } else {
        write
    };
    let pointer = FindingItem {
        subject: difference.subject.clone(),
    };
    Ok([
        write,
        Write::overwrite(keys::finding(run, &difference.subject), &pointer)?,
    ])
}

/// Writes down that a message cannot be done, for operators to see at once. It stands since it was rejected first; one that was done
/// after all and is rejected anew stands again.
pub async fn reject_message(store: &Store, rejected: &Difference) -> Result<(), StoreError> {
    let key = keys::difference(&rejected.subject);
    let index = keys::open_difference(&rejected.subject);
    let write = match difference(store, &rejected.subject).await? {
        None => Write::create(key, rejected)?,
        Some(before) if before.is_open() => return Ok(()),
        Some(before) => Write::replace(key, rejected, before.revision)?,
    };
    written_by_anybody(store.write(write.indexed(index)).await)
}

/// A message that was rejected is done: its difference is closed, if there is one.
pub async fn close_message(store: &Store, subject: &Subject, now: Timestamp) -> Result<(), StoreError> {
    let Some(before) = difference(store, subject).await?.filter(|found| found.is_open()) else {
        return Ok(());
    };
    let write = Write::replace(keys::difference(subject), &before.done(now), before.revision)?;
    written_by_anybody(store.write(write).await)
}

/// Announces an open difference's message again: the run that looks at it has it tried once more.
pub fn announce_rejected(before: &Versioned<Difference>, message: &Envelope) -> Result<Write, StoreError> {
    let write = Write::replace(keys::difference(&before.subject), &before.value, before.revision)?;
    let write = write.indexed(keys::open_difference(&before.subject));
    write.outbox(std::slice::from_ref(message))
}

/// Who was quicker has written the same.
fn written_by_anybody(outcome: Result<(), StoreError>) -> Result<(), StoreError> {
    match outcome {
        Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Leads from a run to a difference that it opened or closed.
#[derive(Debug, Serialize, Deserialize)]
struct FindingItem {
    subject: Subject,
}

/// The differences that a run has opened or closed, as they are now.
pub async fn differences_of(
    store: &Store,
    run: ReconciliationId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Difference>, StoreError> {
    let found: Page<FindingItem> = store.query(keys::findings(run).after(after).limit(limit)).await?;
    let keys: Vec<_> = found
        .items
        .iter()
        .map(|finding| keys::difference(&finding.subject))
        .collect();
    Ok(Page {
        items: store.get_many(&keys).await?,
        next: found.next,
    })
}

/// The differences that stand. A page may hold fewer than asked for: the index lags, and each item was read again.
pub async fn open_differences(
    store: &Store,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<Difference>, StoreError> {
    let found = store
        .query_keys(keys::open_differences().after(after).limit(limit))
        .await?;
    let mut items: Vec<Difference> = store.get_many(&found.items).await?;
    items.retain(Difference::is_open);
    Ok(Page {
        items,
        next: found.next,
    })
}

/// Writes the run down as it begins. A run that is repeated goes on under the same id.
pub async fn begin(store: &Store, run: &Reconciliation) -> Result<(), StoreError> {
    match store.write(Write::create(keys::reconciliation(run.id), run)?).await {
        Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes down how the run ended.
pub async fn finish(store: &Store, run: &Reconciliation) -> Result<(), StoreError> {
    let begun = report(store, run.id).await?;
    let revision = begun.map_or(0, |begun| begun.revision);
    store
        .write(Write::replace(keys::reconciliation(run.id), run, revision)?)
        .await
}

pub async fn report(store: &Store, run: ReconciliationId) -> Result<Option<Versioned<Reconciliation>>, StoreError> {
    store.get(&keys::reconciliation(run)).await
}

/// All runs, newest first.
pub async fn reports(store: &Store, after: Option<PageKey>, limit: usize) -> Result<Page<Reconciliation>, StoreError> {
    store
        .query(keys::reconciliations().descending().after(after).limit(limit))
        .await
}

const UNTIL: &str = "until_s";

#[derive(Deserialize)]
struct CursorItem {
    until_s: i64,
}

/// Up to when the walk has looked at everything; `None` before the first run.
pub async fn cursor(store: &Store, walk: Walk) -> Result<Option<Timestamp>, StoreError> {
    let item = store.get::<CursorItem>(&keys::cursor(walk)).await?;
    let until = item.map(|item| Timestamp::from_second(item.until_s));
    until.transpose().map_err(|error| StoreError::Corrupt(Box::new(error)))
}

/// The walk has come this far. It never goes back: of two runs at once the one that is further counts.
pub async fn advance(store: &Store, walk: Walk, until: Timestamp) -> Result<(), StoreError> {
    let until_s = until.as_second();
    let behind = Condition::Any(vec![Condition::Absent, Condition::Below(UNTIL, until_s)]);
    let update = Update::new().set_number(UNTIL, until_s);
    match store
        .write(Write::update(keys::cursor(walk), update).when(behind))
        .await
    {
        Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// One walk along the partners' accounts at Stripe, as of one moment, though it may take several runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountsRound {
    /// What has happened to the accounts from then...
    pub from: Timestamp,
    /// ...until then is asked for.
    pub until: Timestamp,
    /// Where the next run goes on; at the beginning where it is nowhere, unless the round has ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<PageKey>,
    pub is_ended: bool,
}

/// The latest round; `None` before the first one.
pub async fn accounts_round(store: &Store) -> Result<Option<Versioned<AccountsRound>>, StoreError> {
    store.get(&keys::accounts_round()).await
}

/// How far the round came, with the messages about the accounts that it has passed. The new revision; `None` when another run has come
/// further meanwhile.
pub async fn save_accounts_round(
    store: &Store,
    round: &AccountsRound,
    revision: Option<u64>,
    messages: &[Envelope],
) -> Result<Option<u64>, StoreError> {
    let key = keys::accounts_round();
    let write = match revision {
        None => Write::create(key, round)?,
        Some(revision) => Write::replace(key, round, revision)?,
    };
    match store.write(write.outbox(messages)?).await {
        Ok(()) => Ok(Some(revision.unwrap_or_default() + 1)),
        Err(StoreError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
