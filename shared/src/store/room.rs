//! How far an item may grow, and at whose wish.
//!
//! DynamoDB refuses an item above 400 KB, and with it the whole transaction that would make it so. A refund whose licence has been filled to
//! the last byte by its owner could then never be booked. So what strangers can grow stops growing well before that:
//!
//! ```text
//!   0 ───────────── software ─────────────▶ 380 KB ── people ──▶ 396 KB ── settlement ──▶ 400 KB
//! ```
//!
//! - [`Room::Software`]: what programs ask for, a machine, a process, a seat;
//! - [`Room::People`]: what somebody decides by name, an offer, another policy, a suspension;
//! - what must be written because money has moved asks nobody, and has what is left: each such change is some bytes long, and is made once.
//!
//! A change that does not make the item grow is always admitted.

use serde::Serialize;

use super::limits::{self, MAX_ITEM_BYTES};
use super::table::{Item, StoreError};

/// What is kept for people's decisions: the largest policy that a licence can be put under has some 8 KB.
const PEOPLE_BYTES: usize = 16 * 1024;
/// What is kept for what must be written.
const SETTLEMENT_BYTES: usize = 4 * 1024;
/// Key and revision, which the store adds.
const KEY_BYTES: usize = 160;

/// Who wants an item to grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Software,
    People,
}

impl Room {
    fn limit_bytes(self) -> usize {
        match self {
            Self::Software => MAX_ITEM_BYTES - PEOPLE_BYTES - SETTLEMENT_BYTES,
            Self::People => MAX_ITEM_BYTES - SETTLEMENT_BYTES,
        }
    }

    /// Refuses what grows beyond the room. `before_bytes` is asked for only where it matters.
    pub(super) fn admit(
        self,
        next_bytes: usize,
        before_bytes: impl FnOnce() -> Result<usize, StoreError>,
    ) -> Result<(), StoreError> {
        if next_bytes > self.limit_bytes() && next_bytes > before_bytes()? {
            return Err(StoreError::TooLarge);
        }
        Ok(())
    }
}

/// How large the item of this value is in the table.
pub(super) fn bytes<T: Serialize>(value: &T) -> Result<usize, StoreError> {
    let item: Item = serde_dynamo::to_item(value).map_err(|error| StoreError::Corrupt(Box::new(error)))?;
    Ok(limits::size(&item) + KEY_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(room: Room, before: usize, next: usize, admitted: bool) {
        assert_eq!(
            room.admit(next, || Ok(before)).is_ok(),
            admitted,
            "{room:?}: {before} to {next}"
        );
    }

    #[test]
    fn programs_stop_before_people_and_people_before_money() {
        let software = 380 * 1024;
        let people = 396 * 1024;
        check(Room::Software, 0, software, true);
        check(Room::Software, software, software + 1, false);
        check(Room::People, software, software + 1, true);
        check(Room::People, people, people + 1, false);
        // What is too large already may become smaller, or stay as it is.
        check(Room::Software, people, people, true);
        check(Room::Software, people, people - 1, true);
    }
}
