//! What an invoice comes to: shares of a period, discounts, and what a customer's balance takes or gives.
//!
//! Pure and in whole minor units. Shares are rounded half away from zero, as Stripe's lines are; a discount is handed out
//! over the lines to the last unit.

use super::calendar::Period;

/// What of an amount for a whole period falls on its rest from `at` on, to the second.
pub(crate) fn share_of_rest(amount: i64, period: Period, at: i64) -> i64 {
    let whole = i128::from((period.end - period.start).max(1));
    let rest = i128::from((period.end - at).clamp(0, period.end - period.start));
    rounded(i128::from(amount) * rest, whole)
}

/// What is taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    /// In hundredths of a percent.
    BasisPoints(i64),
    /// In minor units, of everything together.
    Amount(i64),
}

impl Reduction {
    /// The part of it that falls on each of the amounts; nothing falls on what is not above zero.
    pub(crate) fn over(self, amounts: &[i64]) -> Vec<i64> {
        match self {
            Self::BasisPoints(points) => amounts
                .iter()
                .map(|amount| rounded(i128::from((*amount).max(0)) * i128::from(points), 10_000))
                .collect(),
            Self::Amount(amount) => split(amount, amounts),
        }
    }
}

/// Hands an amount, or what of it there is room for, out in proportion to the weights; the last units go to the greatest
/// remainders, of equal ones to the first.
fn split(amount: i64, weights: &[i64]) -> Vec<i64> {
    let weights: Vec<i128> = weights.iter().map(|weight| i128::from((*weight).max(0))).collect();
    let total: i128 = weights.iter().sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let amount = i128::from(amount).min(total);
    let mut shares: Vec<i128> = weights.iter().map(|weight| amount * weight / total).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(amount * weights[*at] % total));
    let left = usize::try_from(amount - shares.iter().sum::<i128>()).unwrap_or_default();
    for at in order.into_iter().take(left) {
        shares[at] += 1;
    }
    shares.into_iter().map(narrowed).collect()
}

/// How a total is settled between a charge and the customer's balance, of which less than zero is the customer's credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    /// What is to be charged.
    pub due: i64,
    /// The customer's balance afterwards.
    pub balance: i64,
}

/// A negative total becomes credit, credit pays first, and what is too little to be charged waits on the balance.
pub(crate) fn settle(total: i64, balance: i64, least: i64) -> Settled {
    let owed = total + balance;
    if owed < least {
        Settled { due: 0, balance: owed }
    } else {
        Settled { due: owed, balance: 0 }
    }
}

/// The least amount Stripe charges in a currency.
pub(crate) fn least(currency: &str) -> i64 {
    match currency {
        "eur" | "usd" | "chf" | "cad" | "aud" | "jpy" => 50,
        "gbp" => 30,
        "sek" | "nok" => 300,
        "dkk" => 250,
        _ => 1,
    }
}

/// A quotient rounded half away from zero.
pub(crate) fn rounded(numerator: i128, denominator: i128) -> i64 {
    let half = if numerator < 0 { -denominator } else { denominator };
    narrowed((2 * numerator + half) / (2 * denominator))
}

/// Amounts are at most twelve digits, so this loses nothing.
fn narrowed(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MONTH: Period = Period {
        start: 0,
        end: 2_592_000,
    };

    #[track_caller]
    fn rest(amount: i64, at: i64, expected: i64) {
        assert_eq!(share_of_rest(amount, MONTH, at), expected, "{amount} from {at} s on");
    }

    #[test]
    fn a_share_is_counted_to_the_second_and_rounded_to_the_cent() {
        rest(1000, 0, 1000);
        rest(1000, 1_296_000, 500);
        rest(-1000, 864_000, -667);
        rest(1000, 864_000, 667);
        rest(2_592_000, 1, 2_591_999);
        rest(1000, 2_592_000, 0);
        rest(1000, 9_999_999, 0);
    }

    #[test]
    fn a_discount_is_handed_out_to_the_last_unit() {
        assert_eq!(Reduction::BasisPoints(5000).over(&[999, -300, 0]), [500, 0, 0]);
        assert_eq!(Reduction::Amount(100).over(&[100, 100, 100]), [34, 33, 33]);
        assert_eq!(Reduction::Amount(1000).over(&[300, 200, -50]), [300, 200, 0]);
    }

    #[test]
    fn credit_pays_first_and_too_little_waits() {
        for (total, balance, due, after) in [
            (1000, 0, 1000, 0),
            (1000, -300, 700, 0),
            (1000, -1000, 0, 0),
            (1000, -1500, 0, -500),
            (-400, 0, 0, -400),
            (-400, -100, 0, -500),
            (30, 0, 0, 30),
            (1000, 30, 1030, 0),
            (0, 0, 0, 0),
        ] {
            let settled = Settled { due, balance: after };
            assert_eq!(settle(total, balance, 50), settled, "{total} with {balance}");
        }
    }

    proptest! {
        #[test]
        fn a_rest_and_what_came_before_are_the_whole(
            amount in -1_000_000_000_i64..1_000_000_000,
            length in 1_i64..100_000_000,
            at in 0_i64..100_000_000,
        ) {
            let period = Period { start: 0, end: length };
            let rest = share_of_rest(amount, period, at.min(length));
            let before = share_of_rest(amount, period, length - at.min(length));
            prop_assert!((rest + before - amount).abs() <= 1);
            prop_assert_eq!(share_of_rest(-amount, period, at), -share_of_rest(amount, period, at));
        }

        #[test]
        fn an_amount_is_taken_off_whole_and_never_more_than_there_is(
            amount in 0_i64..1_000_000,
            lines in prop::collection::vec(-100_000_i64..1_000_000, 1..8),
        ) {
            let parts = Reduction::Amount(amount).over(&lines);
            let room: i64 = lines.iter().map(|line| (*line).max(0)).sum();
            prop_assert_eq!(parts.iter().sum::<i64>(), amount.min(room));
            for (part, line) in parts.iter().zip(&lines) {
                prop_assert!((0..=(*line).max(0)).contains(part));
            }
        }

        #[test]
        fn settling_moves_money_and_makes_none(
            total in -1_000_000_i64..1_000_000,
            balance in -1_000_000_i64..50,
        ) {
            let settled = settle(total, balance, 50);
            prop_assert_eq!(settled.due + settled.balance, total + balance);
            prop_assert!(settled.due == 0 || settled.due >= 50);
        }
    }
}
