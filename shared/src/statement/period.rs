//! The time that a statement covers: a calendar year, month or day in UTC.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use crate::clock::day;

/// Written `2026`, `2026-11` or `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Period {
    unit: Unit,
    first: Date,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Unit {
    Year,
    Month,
    Day,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a period: write a year, a month or a day, such as 2026, 2026-11 or 2026-11-22")]
pub struct InvalidPeriod(String);

impl Period {
    pub fn first(&self) -> Date {
        self.first
    }

    pub fn last(&self) -> Date {
        match self.unit {
            Unit::Year => self.first.last_of_year(),
            Unit::Month => self.first.last_of_month(),
            Unit::Day => self.first,
        }
    }

    pub fn has_begun(&self, now: Timestamp) -> bool {
        self.first <= day(now)
    }

    /// Whether nothing that happens from now on can fall into it.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.last() < day(now)
    }

    /// The years and months from the one of `first` to the one of `now`, newest first, each year before its months.
    pub fn between(first: Timestamp, now: Timestamp) -> Vec<Self> {
        let (oldest, mut month) = (day(first).first_of_month(), day(now).first_of_month());
        let mut periods = Vec::new();
        while month >= oldest {
            let year = Self {
                unit: Unit::Year,
                first: month.first_of_year(),
            };
            if !periods.contains(&year) {
                periods.push(year);
            }
            periods.push(Self {
                unit: Unit::Month,
                first: month,
            });
            match month.checked_sub(1.month()) {
                Ok(before) => month = before,
                Err(_) => break,
            }
        }
        periods
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;
    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let invalid = || InvalidPeriod(text.chars().take(40).collect());
        let (unit, first) = match text.len() {
            4 => (Unit::Year, format!("{text}-01-01")),
            7 => (Unit::Month, format!("{text}-01")),
            10 => (Unit::Day, text.to_owned()),
            _ => return Err(invalid()),
        };
        let first = Date::strptime("%Y-%m-%d", first).map_err(|_| invalid())?;
        let period = Self { unit, first };
        // One period has one spelling.
        if period.to_string() == text {
            Ok(period)
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.unit {
            Unit::Year => "%Y",
            Unit::Month => "%Y-%m",
            Unit::Day => "%Y-%m-%d",
        };
        write!(f, "{}", self.first.strftime(format))
    }
}

impl TryFrom<String> for Period {
    type Error = InvalidPeriod;
    fn try_from(text: String) -> Result<Self, InvalidPeriod> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[track_caller]
    fn check(text: &str, first: &str, last: &str) {
        let period: Period = text.parse().expect("a period");
        assert_eq!(
            (period.first().to_string(), period.last().to_string()),
            (first.into(), last.into())
        );
        assert_eq!(period.to_string(), text);
    }

    #[test]
    fn a_period_has_one_spelling_and_two_ends() {
        check("2026", "2026-01-01", "2026-12-31");
        check("2026-11", "2026-11-01", "2026-11-30");
        check("2028-02", "2028-02-01", "2028-02-29");
        check("2026-11-22", "2026-11-22", "2026-11-22");
        for wrong in [
            "",
            "26",
            "2026-13",
            "2026-1",
            "2026-11-31",
            "2026-11.pdf",
            " 2026",
            "+026",
            "2026-w1",
            "20261122",
        ] {
            assert!(wrong.parse::<Period>().is_err(), "{wrong:?} was taken for a period");
        }
    }

    #[test]
    fn a_month_is_over_when_its_last_day_is_in_utc() {
        let november: Period = "2026-11".parse().expect("a period");
        assert!(!november.is_over(at("2026-11-30T23:59:59Z")));
        assert!(november.is_over(at("2026-12-01T00:00:00Z")));
    }

    #[test]
    fn periods_reach_back_to_the_first_month() {
        let shown: Vec<_> = Period::between(at("2025-11-30T10:00:00Z"), at("2026-01-05T10:00:00Z"))
            .iter()
            .map(Period::to_string)
            .collect();
        assert_eq!(shown, ["2026", "2026-01", "2025", "2025-12", "2025-11"]);
    }
}
