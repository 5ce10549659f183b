//! Medians and ratios, in integers: what is printed is what was compared.

use std::fmt;
use std::time::Duration;

/// One thing by another, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ratio(u64);

impl Ratio {
    pub(crate) const fn hundredths(hundredths: u64) -> Self {
        Self(hundredths)
    }

    /// Rounded to the nearest hundredth; something by nothing is as large as a ratio gets.
    pub(crate) fn of(part: u64, whole: u64) -> Self {
        let rounded = part
            .saturating_mul(200)
            .saturating_add(whole)
            .checked_div(whole.saturating_mul(2));
        Self(rounded.unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}×", self.0 / 100, self.0 % 100)
    }
}

/// The value below which `percent` of the samples lie; 0 of none.
pub(crate) fn percentile(samples: &mut [u64], percent: usize) -> u64 {
    samples.sort_unstable();
    let index = (samples.len().saturating_sub(1) * percent).div_ceil(100);
    samples.get(index).copied().unwrap_or_default()
}

pub(crate) fn median(samples: &mut [u64]) -> u64 {
    percentile(samples, 50)
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds as milliseconds with two decimals.
pub(crate) fn as_ms(micros: u64) -> String {
    let hundredths = (micros + 5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Bytes as megabytes (10⁶) with two decimals.
pub(crate) fn as_mb(bytes: u64) -> String {
    let hundredths = (bytes + 5_000) / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_rounded_to_the_nearest() {
        for (part, whole, expected) in [
            (3, 2, "1.50×"),
            (1, 3, "0.33×"),
            (2, 3, "0.67×"),
            (5, 5, "1.00×"),
            (0, 7, "0.00×"),
        ] {
            assert_eq!(Ratio::of(part, whole).to_string(), expected);
        }
        assert!(Ratio::of(1, 0) > Ratio::hundredths(150));
    }

    #[test]
    fn percentiles_are_samples() {
        let mut samples = [5, 1, 4, 2, 3];
        assert_eq!(
            (
                median(&mut samples),
                percentile(&mut samples, 99),
                percentile(&mut samples, 0)
            ),
            (3, 5, 1)
        );
        assert_eq!(median(&mut []), 0);
    }

    #[test]
    fn units_have_two_decimals() {
        assert_eq!(
            (as_ms(1_234), as_ms(999_999), as_mb(4_996_000)),
            ("1.23".into(), "1000.00".into(), "5.00".into())
        );
    }
}
