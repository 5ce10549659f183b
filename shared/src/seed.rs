//! Where ids come from.
//!
//! Every request and every message carries one [`Seed`]; each id made while handling it derives from that seed and a label.
//! A retry of the same request (through its idempotency record) or the second delivery of the same message therefore makes *the
//! same ids*, and the conditional writes that follow find what the first attempt left instead of writing it twice.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::ids::Id;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(Uuid);

impl Seed {
    /// A seed nobody has had before, for work that begins at `now`.
    pub fn fresh(now: Timestamp) -> Self {
        Self(v7(now.as_millisecond(), rand::random()))
    }

    /// The seed of work that was started by something with an id, such as a queue message.
    pub fn of(id: &impl Id) -> Self {
        Self(id.uuid())
    }

    /// The seed of work that something outside began at `at` and called `name`: always the same one.
    pub fn named(at: Timestamp, name: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(name).into();
        let mut random = [0; 10];
        random.copy_from_slice(&digest[..10]);
        Self(v7(at.as_millisecond(), random))
    }

    /// The id that this work gives to the thing called `label`: always the same one.
    pub fn id<I: Id>(&self, label: &str) -> I {
        let mut hash = Sha256::new();
        hash.update(self.0.as_bytes());
        hash.update(I::PREFIX.as_bytes());
        hash.update([0]);
        hash.update(label.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut random = [0; 10];
        random.copy_from_slice(&digest[..10]);
        I::from_uuid(v7(self.millisecond(), random))
    }

    /// When the work began that this seed was made for.
    pub fn begun_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.millisecond()).unwrap_or_default()
    }

    /// When the work began, as the seed remembers it: the top 48 bits of a UUIDv7 are Unix milliseconds.
    fn millisecond(&self) -> i64 {
        i64::try_from(self.0.as_u128() >> 80).unwrap_or(0)
    }
}

fn v7(millisecond: i64, random: [u8; 10]) -> Uuid {
    Builder::from_unix_timestamp_millis(u64::try_from(millisecond).unwrap_or(0), &random).into_uuid()
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seed {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ListingId, OrderId};

    #[test]
    fn the_same_work_makes_the_same_ids() {
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().expect("a time");
        let seed = Seed::fresh(now);
        let again: Seed = seed.to_string().parse().expect("its own text");
        assert_eq!(seed.id::<OrderId>("order"), again.id::<OrderId>("order"));
        assert_ne!(seed.id::<OrderId>("order"), seed.id::<OrderId>("other"));
        assert_ne!(seed.id::<OrderId>("x").uuid(), seed.id::<ListingId>("x").uuid());
        assert_ne!(seed, Seed::fresh(now), "two requests in the same millisecond differ");
    }

    #[test]
    fn ids_sort_by_the_time_of_their_seed() {
        let early = Seed::fresh("2026-11-22T09:00:00Z".parse().expect("a time"));
        let late = Seed::fresh("2026-11-22T09:00:01Z".parse().expect("a time"));
        assert!(early.id::<OrderId>("order") < late.id::<OrderId>("order"));
        assert_eq!(early.id::<OrderId>("order").uuid().get_version_num(), 7);
    }
}
