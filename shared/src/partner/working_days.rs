//! Days on which somebody works: Monday to Friday in UTC. Public holidays differ by country and are not known here.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};

/// The same time of day, this many working days later. Started on a weekend, the first day is Monday.
pub fn after(start: Timestamp, days: u32) -> Timestamp {
    let mut at = start.to_zoned(TimeZone::UTC);
    let mut left = days;
    while left > 0 {
        // Only beyond the year 9999 is there no next day.
        let Ok(next) = at.checked_add(1.day()) else {
            return start.saturating_add(SignedDuration::from_hours(24)).unwrap_or(start);
        };
        at = next;
        if !matches!(at.weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    at.timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: &str, days: u32, expected: &str) {
        let (start, expected): (Timestamp, Timestamp) =
            (start.parse().expect("a time"), expected.parse().expect("a time"));
        assert_eq!(after(start, days), expected);
    }

    #[test]
    fn weekends_do_not_count() {
        check("2026-11-16T09:30:00Z", 3, "2026-11-19T09:30:00Z");
        check("2026-11-20T09:30:00Z", 1, "2026-11-23T09:30:00Z");
        check("2026-11-21T23:59:59Z", 1, "2026-11-23T23:59:59Z");
        check("2026-11-22T00:00:00Z", 10, "2026-12-04T00:00:00Z");
        check("2026-11-22T00:00:00Z", 0, "2026-11-22T00:00:00Z");
    }
}
