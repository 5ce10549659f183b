//! Rescans: the runs, what they have counted, and what they have found.

use serde::{Deserialize, Serialize};

use crate::ids::{MessageId, RescanId, VersionId};
use crate::listing::rescan::{Begun, Enforcement, Rescan, RescanFinding};
use crate::messages::Envelope;
use crate::page::{Page, PageKey};
use crate::store::audit::{self, Audited};
use crate::store::table::{Store, StoreError, Update, Versioned, Write};
use crate::store::{keys, outbox};

pub async fn rescan(store: &Store, rescan: RescanId) -> Result<Option<Versioned<Rescan>>, StoreError> {
    store.get(&keys::rescan(rescan)).await
}

/// The messages that a rescan was begun with: they ride on it for good.
pub async fn rescan_messages(store: &Store, rescan: RescanId) -> Result<Vec<Envelope>, StoreError> {
    outbox::riding(store, &keys::rescan(rescan)).await
}

/// Whether a version has been counted in a rescan.
pub async fn is_counted(store: &Store, rescan: RescanId, version: VersionId) -> Result<bool, StoreError> {
    let key = keys::rescan_counted(rescan, &version.to_string());
    Ok(store.get::<Marker>(&key).await?.is_some())
}

/// Newest first.
pub async fn rescans(store: &Store, after: Option<PageKey>, limit: usize) -> Result<Page<Rescan>, StoreError> {
    store
        .query(keys::rescans().descending().after(after).limit(limit))
        .await
}

/// A new rescan. One that is there already, because the same request was made before, is left as it is and handed back.
pub async fn begin_rescan(store: &Store, begun: &Begun) -> Result<Rescan, StoreError> {
    match store.write(new(begun)?).await {
        Ok(()) => Ok(begun.rescan.clone()),
        Err(StoreError::Conflict { .. }) => {
            let before = rescan(store, begun.rescan.id).await?;
            Ok(before.ok_or(StoreError::Busy)?.value)
        }
        Err(error) => Err(error),
    }
}

/// The same, unless one was begun for these rules before.
pub async fn begin_rescan_for_rules(store: &Store, begun: &Begun, ruleset: &str) -> Result<Counted, StoreError> {
    let known = keys::known_rules(ruleset);
    // Most of the time nothing has changed.
    if store.get::<Marker>(&known).await?.is_some() {
        return Ok(Counted::Before);
    }
    let marker = Write::create(
        known,
        &Marker {
            rescan: begun.rescan.id,
        },
    )?;
    once(store, vec![marker, new(begun)?]).await
}

fn new(begun: &Begun) -> Result<Write, StoreError> {
    let rescan = &begun.rescan;
    Write::create(keys::rescan(rescan.id), rescan)?.outbox(std::slice::from_ref(&begun.message))
}

#[derive(Serialize, Deserialize)]
struct Marker {
    rescan: RescanId,
}

/// Whether something is counted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Now,
    Before,
}

/// A page of versions was sent off, by this message.
pub async fn count_page(
    store: &Store,
    rescan: RescanId,
    page: MessageId,
    versions: usize,
    is_last: bool,
) -> Result<Counted, StoreError> {
    let versions = i64::try_from(versions).unwrap_or(i64::MAX);
    let update = Update::new()
        .add("versions", versions)
        .add("pages_open", if is_last { -1 } else { 0 });
    count(store, rescan, &page.to_string(), update).await
}

/// A version passes.
pub async fn record_pass(store: &Store, rescan: RescanId, version: VersionId) -> Result<Counted, StoreError> {
    count(store, rescan, &version.to_string(), Update::new().add("scanned", 1)).await
}

async fn count(store: &Store, rescan: RescanId, what: &str, update: Update) -> Result<Counted, StoreError> {
    let writes = vec![
        Write::create(keys::rescan_counted(rescan, what), &Marker { rescan })?,
        Write::update(keys::rescan(rescan), update),
    ];
    once(store, writes).await
}

/// A version does not pass. It stands under its own key among the findings, and is counted once.
pub async fn record_finding(store: &Store, rescan: RescanId, finding: &RescanFinding) -> Result<Counted, StoreError> {
    let writes = vec![
        Write::create(keys::rescan_finding(rescan, finding.version), finding)?,
        Write::create(
            keys::rescan_counted(rescan, &finding.version.to_string()),
            &Marker { rescan },
        )?,
        Write::update(keys::rescan(rescan), Update::new().add("scanned", 1).add("found", 1)),
    ];
    once(store, writes).await
}

async fn once(store: &Store, writes: Vec<Write>) -> Result<Counted, StoreError> {
    match store.transact(writes).await {
        Ok(()) => Ok(Counted::Now),
        Err(StoreError::Conflict { failed }) if failed.contains(&0) => Ok(Counted::Before),
        Err(error) => Err(error),
    }
}

/// What a rescan has found.
pub async fn rescan_findings(
    store: &Store,
    rescan: RescanId,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<RescanFinding>, StoreError> {
    store
        .query(keys::rescan_findings(rescan).after(after).limit(limit))
        .await
}

/// What was found is to be suspended.
pub async fn enforce_rescan(store: &Store, enforcement: &Enforcement, revision: u64) -> Result<(), StoreError> {
    let rescan = &enforcement.rescan;
    let messages: &[Envelope] = std::slice::from_ref(&enforcement.message);
    let writes = vec![
        Write::replace(keys::rescan(rescan.id), rescan, revision)?.outbox(messages)?,
        audit::entry(Audited::Rescan(rescan.id), &enforcement.audit)?,
    ];
    store.transact(writes).await
}
