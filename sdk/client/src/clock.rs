//! Whether the clock has been put back.
//!
//! An application keeps the latest time it has ever seen. A clock that shows much less has been put back, by hand or by an empty battery, and
//! what depends on the time cannot be told.

use jiff::{SignedDuration, Timestamp};

/// How far a clock may be wrong before it matters: systems that take the hardware clock for local time are off by up to 14 hours.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clock shows {now}, but it has been {latest} already")]
pub struct ClockRolledBack {
    pub now: Timestamp,
    /// The latest time that was ever seen.
    pub latest: Timestamp,
}

/// The new high-water mark, which is never lower than the old one; or the clock has been put back by more than `tolerance`.
pub fn advance(
    mark: Option<Timestamp>,
    now: Timestamp,
    tolerance: SignedDuration,
) -> Result<Timestamp, ClockRolledBack> {
    match mark {
        Some(latest) if is_before(now, latest, tolerance) => Err(ClockRolledBack { now, latest }),
        Some(latest) => Ok(latest.max(now)),
        None => Ok(now),
    }
}

/// Whether `now` is before `then` by more than the tolerance.
pub(crate) fn is_before(now: Timestamp, then: Timestamp, tolerance: SignedDuration) -> bool {
    then.duration_since(now) > tolerance
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_clock_may_be_a_little_wrong() {
        let tolerance = SignedDuration::from_secs(10);
        assert_eq!(advance(None, at(100), tolerance), Ok(at(100)));
        assert_eq!(advance(Some(at(100)), at(150), tolerance), Ok(at(150)));
        assert_eq!(advance(Some(at(100)), at(90), tolerance), Ok(at(100)));
        let (now, latest) = (at(89), at(100));
        assert_eq!(
            advance(Some(latest), now, tolerance),
            Err(ClockRolledBack { now, latest })
        );
    }

    proptest! {
        #[test]
        fn the_mark_never_falls(times in prop::collection::vec(-1_000_000_i64..1_000_000, 1..50), tolerance in 0_i64..100_000) {
            let tolerance = SignedDuration::from_secs(tolerance);
            let mut mark = None;
            for time in times {
                match advance(mark, at(time), tolerance) {
                    Ok(next) => {
                        prop_assert!(mark.is_none_or(|mark| next >= mark));
                        prop_assert!(next >= at(time));
                        mark = Some(next);
                    }
                    Err(back) => prop_assert!(back.latest.duration_since(back.now) > tolerance),
                }
            }
        }
    }
}
