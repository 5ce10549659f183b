//! PayPal's decimal strings, exactly: `{"currency_code": "EUR", "value": "12.99"}` (developer.paypal.com/reference/currency-codes).

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::money::{Currency, Money};

/// Currencies that have a minor unit, which PayPal does not take.
const WHOLE_UNITS_ONLY: [&str; 2] = ["HUF", "TWD"];
/// PayPal's own limit on the length of a value.
const MAX_DIGITS: usize = 32;

/// An amount that PayPal can be told.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Amount(Money);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("PayPal takes whole units of this currency only, not {0}")]
    Fraction(Money),
    #[error("{0:?} is not an amount of {1}")]
    Unreadable(String, Currency),
}

/// Orders and Payments write `currency_code`, Payouts `currency`.
#[derive(Deserialize)]
struct Wire {
    #[serde(alias = "currency")]
    currency_code: Currency,
    value: String,
}

impl Amount {
    pub fn money(self) -> Money {
        self.0
    }

    /// As Orders and Payments want it.
    pub(super) fn to_json(self) -> Value {
        json!({"currency_code": self.0.currency(), "value": self.value()})
    }

    /// As Payouts wants it.
    pub(super) fn to_payout_json(self) -> Value {
        json!({"currency": self.0.currency(), "value": self.value()})
    }

    fn value(self) -> String {
        let (places, step) = places(self.0.currency());
        let digits = format!("{:0width$}", self.0.minor().unsigned_abs() / step, width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let sign = if self.0.is_negative() { "-" } else { "" };
        let point = if places == 0 { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }
}

/// How many decimal places PayPal takes, and how many minor units the last of them is.
fn places(currency: Currency) -> (usize, u64) {
    let places = currency.exponent();
    if WHOLE_UNITS_ONLY.contains(&currency.code()) {
        (0, 10_u64.pow(places))
    } else {
        (places as usize, 1)
    }
}

impl TryFrom<Money> for Amount {
    type Error = AmountError;
    fn try_from(money: Money) -> Result<Self, AmountError> {
        let (_, step) = places(money.currency());
        if money.minor().unsigned_abs().is_multiple_of(step) {
            Ok(Self(money))
        } else {
            Err(AmountError::Fraction(money))
        }
    }
}

impl TryFrom<Wire> for Amount {
    type Error = AmountError;
    fn try_from(wire: Wire) -> Result<Self, AmountError> {
        let minor = minor_units(&wire.value, wire.currency_code.exponent() as usize);
        let minor = minor.ok_or(AmountError::Unreadable(wire.value, wire.currency_code))?;
        Ok(Self(Money::new(minor, wire.currency_code)))
    }
}

/// `-12.5` with two places is -1250. `None` for what is no decimal number, has more places, or is too large to be counted.
fn minor_units(text: &str, places: usize) -> Option<i64> {
    let (negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    // PayPal writes zero yen as "0" and as "0.00".
    let fraction = match fraction.trim_end_matches('0') {
        "" if digits(fraction) => "",
        kept if digits(kept) && kept.len() <= places => kept,
        _ => return None,
    };
    if text.len() > MAX_DIGITS || !digits(whole) {
        return None;
    }
    let magnitude: i64 = format!("{whole}{fraction:0<places$}").parse().ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(value: &str, currency: &str) -> Result<Money, serde_json::Error> {
        serde_json::from_value(json!({"currency_code": currency, "value": value})).map(Amount::money)
    }

    #[track_caller]
    fn check(minor: i64, currency: &str, value: &str) {
        let money = Money::new(minor, currency.parse().expect("a currency"));
        let amount = Amount::try_from(money).expect("PayPal takes it");
        assert_eq!(amount.to_json(), json!({"currency_code": currency, "value": value}));
        assert_eq!(amount.to_payout_json(), json!({"currency": currency, "value": value}));
        assert_eq!(read(value, currency).expect("readable"), money);
    }

    #[test]
    fn the_point_is_where_the_currency_has_it() {
        check(1299, "EUR", "12.99");
        check(5, "EUR", "0.05");
        check(-1250, "USD", "-12.50");
        check(1299, "JPY", "1299");
        check(1299, "KWD", "1.299");
        check(129_900, "HUF", "1299");
        check(-100, "TWD", "-1");
        check(i64::MAX, "EUR", "92233720368547758.07");
    }

    #[test]
    fn what_paypal_does_not_take_is_refused_here() {
        let money = Money::new(129_950, "HUF".parse().expect("a currency"));
        assert_eq!(Amount::try_from(money), Err(AmountError::Fraction(money)));
    }

    #[test]
    fn nothing_is_guessed_or_rounded() {
        let minor = |value, currency| read(value, currency).ok().map(|money| money.minor());
        assert_eq!(minor("12", "EUR"), Some(1200));
        assert_eq!(minor("12.5", "EUR"), Some(1250));
        assert_eq!(minor("12.9900", "EUR"), Some(1299));
        assert_eq!(minor("1300.00", "JPY"), Some(1300));
        for wrong in [
            "",
            ".",
            "12.",
            "1,99",
            "1e3",
            "+1",
            "--1",
            "12.995",
            " 1",
            "١",
            "92233720368547758.08",
        ] {
            assert_eq!(minor(wrong, "EUR"), None, "{wrong:?}");
        }
        assert_eq!(minor("1300.50", "JPY"), None);
        assert_eq!(minor("1.00", "XTS"), None);
    }

    proptest! {
        #[test]
        fn every_amount_comes_back_as_it_went(minor in (i64::MIN + 1)..=i64::MAX, currency in prop::sample::select(vec!["EUR", "JPY", "KWD"])) {
            let money = Money::new(minor, currency.parse().expect("a currency"));
            let amount = Amount::try_from(money).expect("no whole-unit currency");
            prop_assert_eq!(read(&amount.value(), currency).ok(), Some(money));
        }
    }
}
