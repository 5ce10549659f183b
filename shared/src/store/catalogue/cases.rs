//! What waits for a moderator: the queue, claims, and the decisions that end the wait.

use super::{Moderation, rejections, replace_version};
use jiff::civil::Date;

use crate::audit::AuditEvent;
use crate::ids::{CaseId, PartnerId, UserId};
use crate::listing::{Case, Closed, Handed, Judged, Reviewed, Version};
use crate::page::{Page, PageKey};
use crate::store::audit::{self, Audited};
use crate::store::keys;
use crate::store::table::{Condition, Store, StoreError, Versioned, Write};

/// As many as DynamoDB gives in one answer.
const CLOSED_PAGE: usize = 5_000;

pub async fn case(store: &Store, partner: PartnerId, case: CaseId) -> Result<Option<Versioned<Case>>, StoreError> {
    store.get(&keys::case(partner, case)).await
}

/// What waits, the most urgent first. A page may hold fewer than asked for: the index lags, and each item was read again.
pub async fn review_queue(store: &Store, after: Option<PageKey>, limit: usize) -> Result<Page<Case>, StoreError> {
    let found = store
        .query_keys(keys::cases_by_urgency().after(after).limit(limit))
        .await?;
    let items = if found.items.is_empty() {
        Vec::new()
    } else {
        store.get_many(&found.items).await?
    };
    Ok(Page {
        items,
        next: found.next,
    })
}

/// A case that begins to wait, in the transaction of what it is about.
pub(super) fn open(case: &Case) -> Result<Write, StoreError> {
    Ok(Write::create(keys::case(case.partner, case.id), case)?
        .indexed(keys::case_by_urgency(case.urgent_since(), case.id)))
}

/// A case that still waits, otherwise than before.
pub(super) fn replace(case: &Case, revision: u64) -> Result<Write, StoreError> {
    let item = Write::replace(keys::case(case.partner, case.id), case, revision)?;
    Ok(item.indexed(keys::case_by_urgency(case.urgent_since(), case.id)))
}

/// A claim that begins or ends. Refused when the case was decided or claimed meanwhile.
pub async fn save_case(store: &Store, handed: &Handed, revision: u64) -> Result<(), StoreError> {
    let case = &handed.case;
    let writes = vec![
        replace(case, revision)?,
        audit::entry(Audited::Listing(case.listing), &handed.audit)?,
    ];
    store.transact(writes).await
}

/// What a moderator's decision was made on: none of it may have changed.
#[derive(Debug, Clone, Copy)]
pub struct CaseDecision<'a> {
    /// None, where a delayed rejection is decided about again.
    pub case: Option<&'a Versioned<Case>>,
    pub version_revision: u64,
    /// Of the submission, or of the upload that is held.
    pub subject_revision: u64,
    pub reviewer: UserId,
}

/// A decision about a submission.
pub async fn decide(store: &Store, reviewed: &Reviewed, basis: CaseDecision<'_>) -> Result<(), StoreError> {
    let submission = &reviewed.submission;
    let key = keys::submission(submission.partner, submission.id);
    let item = Write::replace(key, submission, basis.subject_revision)?;
    let item = item.outbox(std::slice::from_ref(&reviewed.notice))?;
    let mut writes = vec![item];
    if let Some(day) = submission.rejects_at() {
        writes.push(rejections::delayed(day, submission)?);
    }
    decided(store, writes, &reviewed.version, &reviewed.audit, basis).await
}

/// A decision about held bytes.
pub async fn judge(store: &Store, judged: &Judged, basis: CaseDecision<'_>) -> Result<(), StoreError> {
    let upload = &judged.upload;
    let item = Write::replace(keys::upload(upload.version, upload.id), upload, basis.subject_revision)?;
    let item = item.outbox(&judged.messages)?;
    decided(store, vec![item], &judged.version, &judged.audit, basis).await
}

/// What the case was about announces the decision, the version moves on, the audit entry stands, the case ends.
async fn decided(
    store: &Store,
    mut writes: Vec<Write>,
    version: &Version,
    act: &AuditEvent,
    basis: CaseDecision<'_>,
) -> Result<(), StoreError> {
    let moderation = Moderation {
        ends: basis.case,
        reviewer: basis.reviewer,
        at: act.at,
    };
    writes.extend([
        replace_version(version, basis.version_revision)?,
        audit::entry(Audited::Listing(version.listing), act)?,
    ]);
    writes.extend(end(moderation, version.partner)?);
    store.transact(writes).await
}

/// A report; one that is there already is left as it is.
pub async fn report(store: &Store, case: &Case) -> Result<(), StoreError> {
    match store.write(open(case)?).await {
        Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A report that nothing is left to be done about.
pub async fn close_report(store: &Store, act: &AuditEvent, moderation: Moderation<'_>) -> Result<(), StoreError> {
    let Some(case) = moderation.ends else {
        return Ok(());
    };
    let mut writes = vec![audit::entry(Audited::Listing(case.listing), act)?];
    writes.extend(end(moderation, case.partner)?);
    store.transact(writes).await
}

/// The case ends, and how long it took is written down. Refused when somebody else claimed it, or when the reviewer has become one of the
/// team meanwhile.
pub(super) fn end(moderation: Moderation<'_>, partner: PartnerId) -> Result<Vec<Write>, StoreError> {
    let mut writes = vec![Write::check(
        keys::member(partner, moderation.reviewer),
        Condition::Absent,
    )];
    if let Some(case) = moderation.ends {
        let closed = Closed::of(case, moderation.at);
        writes.push(Write::delete(
            keys::case(partner, case.id),
            Condition::Revision(case.revision),
        ));
        writes.push(Write::create(keys::closed_case(moderation.at, case.id), &closed)?);
    }
    Ok(writes)
}

/// Cases that were decided in a month, oldest decision first.
pub async fn closed_cases(store: &Store, month: Date) -> Result<Vec<Closed>, StoreError> {
    let (mut closed, mut after) = (Vec::new(), None);
    loop {
        let page: Page<Closed> = store
            .query(keys::closed_cases(month).after(after).limit(CLOSED_PAGE))
            .await?;
        closed.extend(page.items);
        match page.next {
            None => return Ok(closed),
            next => after = next,
        }
    }
}
