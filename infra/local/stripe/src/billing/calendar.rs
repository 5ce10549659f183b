//! When billing periods begin and end: calendar arithmetic in UTC, counted from an anchor.
//!
//! Every boundary is the anchor plus so many whole intervals, never the last boundary plus one: an anchor on 31 January
//! bills on 28 February and on 31 March again.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::Value;

use crate::world::{int, text};

const DAY_S: i64 = 24 * 60 * 60;

/// From `start` on, up to but without `end`, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub start: i64,
    pub end: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

/// How often something recurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    unit: Unit,
    count: i64,
}

impl Cycle {
    pub(crate) fn new(interval: &str, count: i64) -> Option<Self> {
        let unit = match interval {
            "day" => Unit::Day,
            "week" => Unit::Week,
            "month" => Unit::Month,
            "year" => Unit::Year,
            _ => return None,
        };
        // Stripe's bound: nothing recurs more rarely than every three years.
        let most = match unit {
            Unit::Day => 1096,
            Unit::Week => 156,
            Unit::Month => 36,
            Unit::Year => 3,
        };
        (1..=most).contains(&count).then_some(Self { unit, count })
    }

    /// Of a price; `None` for one that is paid once.
    pub(crate) fn of_price(price: &Value) -> Option<Self> {
        Self::new(
            text(&price["recurring"], "interval"),
            int(&price["recurring"], "interval_count"),
        )
    }

    /// The boundary so many cycles after the anchor.
    pub(crate) fn boundary(self, anchor: i64, cycles: i64) -> i64 {
        let amount = self.count * cycles;
        match self.unit {
            Unit::Day => anchor + amount * DAY_S,
            Unit::Week => anchor + amount * 7 * DAY_S,
            Unit::Month => add_months(anchor, amount),
            Unit::Year => add_months(anchor, amount * 12),
        }
    }

    /// The first boundary later than `time`.
    pub(crate) fn next(self, anchor: i64, time: i64) -> i64 {
        let longest = match self.unit {
            Unit::Day => DAY_S,
            Unit::Week => 7 * DAY_S,
            Unit::Month => 31 * DAY_S,
            Unit::Year => 366 * DAY_S,
        };
        // Counted in cycles of the greatest length, so never too far; the rest is walked.
        let mut cycles = (time - anchor).max(0) / (longest * self.count);
        while self.boundary(anchor, cycles) <= time {
            cycles += 1;
        }
        self.boundary(anchor, cycles)
    }

    /// The period that begins at `start`.
    pub(crate) fn period(self, anchor: i64, start: i64) -> Period {
        Period {
            start,
            end: self.next(anchor, start),
        }
    }
}

/// The same day and time so many months later; the last day of a month that has no such day.
pub(crate) fn add_months(time: i64, months: i64) -> i64 {
    let later = || {
        let zoned = Timestamp::from_second(time).ok()?.to_zoned(TimeZone::UTC);
        let span = Span::new().try_months(months).ok()?;
        Some(zoned.checked_add(span).ok()?.timestamp().as_second())
    };
    // Beyond the year 9999 there is no calendar: nothing falls due there.
    later().unwrap_or(i64::MAX)
}

/// `7 Jan 2026`, as the lines of an invoice write a day.
pub(crate) fn day(time: i64) -> String {
    Timestamp::from_second(time).map_or_else(|_| String::new(), |time| time.strftime("%-d %b %Y").to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a time").as_second()
    }

    #[track_caller]
    fn boundaries(interval: &str, count: i64, anchor: &str, expected: &[&str]) {
        let cycle = Cycle::new(interval, count).expect("a cycle");
        let mut time = at(anchor);
        for wanted in expected {
            time = cycle.next(at(anchor), time);
            assert_eq!(time, at(wanted), "{interval} {count} from {anchor}: {wanted}");
        }
    }

    #[test]
    fn a_month_without_the_day_is_billed_on_its_last_and_the_next_on_the_day_again() {
        boundaries(
            "month",
            1,
            "2026-01-31T10:30:00Z",
            &["2026-02-28T10:30:00Z", "2026-03-31T10:30:00Z", "2026-04-30T10:30:00Z"],
        );
        boundaries(
            "month",
            3,
            "2027-11-30T00:00:00Z",
            &["2028-02-29T00:00:00Z", "2028-05-30T00:00:00Z"],
        );
        boundaries(
            "year",
            1,
            "2028-02-29T12:00:00Z",
            &["2029-02-28T12:00:00Z", "2030-02-28T12:00:00Z"],
        );
        boundaries("week", 2, "2026-03-20T00:00:00Z", &["2026-04-03T00:00:00Z"]);
    }

    #[test]
    fn what_stripe_does_not_bill_is_no_cycle() {
        for (interval, count) in [("month", 0), ("month", 37), ("year", 4), ("fortnight", 1)] {
            assert_eq!(Cycle::new(interval, count), None, "{interval} {count}");
        }
    }

    proptest! {
        #[test]
        fn periods_follow_one_another_without_gap(
            anchor in 1_600_000_000_i64..2_000_000_000,
            unit in prop::sample::select(vec!["day", "week", "month", "year"]),
            count in 1_i64..=3,
            ahead in 0_i64..400_000_000,
        ) {
            let cycle = Cycle::new(unit, count).expect("a cycle");
            let end = cycle.next(anchor, anchor + ahead);
            prop_assert!(end > anchor + ahead);
            let next = cycle.period(anchor, end);
            prop_assert!(next.start == end && next.end > end);
            // No boundary lies between: the one before `end` is not later than the time asked for.
            let index = (0_i64..).find(|index| cycle.boundary(anchor, *index) == end).expect("a boundary");
            prop_assert!(index > 0 && cycle.boundary(anchor, index - 1) <= anchor + ahead);
        }
    }
}
