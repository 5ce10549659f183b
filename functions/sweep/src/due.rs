//! When something that stands still is announced: seldom, once it has stood for long.

use jiff::Timestamp;
use shared::store::sweeps::SweepRound;

/// Longer than a message takes on its way, even through five deliveries with their pauses.
const FIRST_STATE_MINUTES: i64 = 15;
/// After so many quarters of an hour, once in as many: four hours.
const SELDOM: i64 = 16;
/// How often something has been announced by then.
const BEFORE_SELDOM: i64 = 4;

/// Whether something that has stood since then is to be announced in this round: an announcement has fallen due since the round before,
/// after 15, 30, 60 and 120 minutes, and every four hours.
pub fn is_due(since: Timestamp, round: &SweepRound) -> bool {
    let before = round.before.map_or(0, |before| announcements(since, before));
    announcements(since, round.begun_at) > before
}

fn announcements(since: Timestamp, now: Timestamp) -> i64 {
    match now.duration_since(since).as_mins() / FIRST_STATE_MINUTES {
        ..=0 => 0,
        quarters @ 1..SELDOM => i64::from(quarters.ilog2()) + 1,
        quarters => BEFORE_SELDOM + quarters / SELDOM,
    }
}
