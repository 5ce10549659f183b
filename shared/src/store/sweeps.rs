//! How far the sweep came with each kind of thing that may stand still.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys;
use super::table::{PageKey, Store, StoreError, Versioned, Write};

/// What a sweep walks along; each lane by itself, so that none holds up another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumIter)]
#[strum(serialize_all = "kebab-case")]
pub enum SweepLane {
    Orders,
    Refunds,
    Scans,
    Rescans,
}

/// One walk along a lane, as of one moment, though it may take several runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepRound {
    pub begun_at: Timestamp,
    /// When the round before this one began: it has announced what was due by then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<Timestamp>,
    /// Where the next run goes on; nowhere once the round has ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<SweepPlace>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepPlace {
    pub shard: u8,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<PageKey>,
}

/// The lane's latest round; `None` before the first one.
pub async fn sweep_round(store: &Store, lane: SweepLane) -> Result<Option<Versioned<SweepRound>>, StoreError> {
    store.get(&keys::sweep_round(lane)).await
}

/// How far the round came. Of two runs at once the first one counts, and the other has only announced the same.
pub async fn save_sweep_round(
    store: &Store,
    lane: SweepLane,
    round: &SweepRound,
    revision: Option<u64>,
) -> Result<(), StoreError> {
    let key = keys::sweep_round(lane);
    let write = match revision {
        None => Write::create(key, round)?,
        Some(revision) => Write::replace(key, round, revision)?,
    };
    match store.write(write).await {
        Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
