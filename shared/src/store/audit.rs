//! What privileged people did: each entry stands beside what it was done to, and is written with it.

use super::{Page, PageKey, Store, StoreError, Write, keys};
use crate::audit::AuditEvent;
use crate::ids::{AuditId, EducationalProofId, LicenceId, ListingId, OrderId, PartnerId, RescanId, RuleId};

/// What something was done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audited {
    Partner(PartnerId),
    Listing(ListingId),
    /// And its refunds and disputes.
    Order(OrderId),
    Rule(RuleId),
    Rescan(RescanId),
    Licence(LicenceId),
    Proof(EducationalProofId),
}

pub fn entry(of: Audited, event: &AuditEvent) -> Result<Write, StoreError> {
    Write::create(keys::audit(of, event.id), event)
}

/// The entry of an act, if that act has been done.
pub async fn event(store: &Store, of: Audited, event: AuditId) -> Result<Option<AuditEvent>, StoreError> {
    let found = store.get::<AuditEvent>(&keys::audit(of, event)).await?;
    Ok(found.map(|event| event.value))
}

/// Newest first.
pub async fn events(
    store: &Store,
    of: Audited,
    after: Option<PageKey>,
    limit: usize,
) -> Result<Page<AuditEvent>, StoreError> {
    store
        .query(keys::audits(of).descending().after(after).limit(limit))
        .await
}
