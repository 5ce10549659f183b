//! What partners and moderators say to each other about a version.

use crate::ids::{ReplyId, VersionId};
use crate::listing::{MAX_REPLIES, Reply, Said};
use crate::store::keys;
use crate::store::table::{Store, StoreError, Write};

use super::cases;

/// Everything that was said, in order.
pub async fn replies(store: &Store, version: VersionId) -> Result<Vec<Reply>, StoreError> {
    let found = store.query(keys::replies(version).limit(MAX_REPLIES + 1)).await?;
    Ok(found.items)
}

pub async fn reply(store: &Store, version: VersionId, reply: ReplyId) -> Result<Option<Reply>, StoreError> {
    let found = store.get(&keys::reply(version, reply)).await?;
    Ok(found.map(|found| found.value))
}

/// The reply, and the case that it changes, which must be as it was read.
pub async fn save_reply(store: &Store, said: &Said, case_revision: Option<u64>) -> Result<(), StoreError> {
    let reply = &said.reply;
    let item = Write::create(keys::reply(reply.version, reply.id), reply)?;
    let mut writes = vec![item.outbox(said.notice.as_slice())?];
    if let (Some(case), Some(revision)) = (&said.case, case_revision) {
        writes.push(cases::replace(case, revision)?);
    }
    store.transact(writes).await
}
