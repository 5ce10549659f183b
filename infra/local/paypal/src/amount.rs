//! PayPal's amounts: `{"currency_code": "EUR", "value": "12.99"}` on the wire, whole minor units inside.

use serde_json::{Value, json};

use crate::error::ApiError;

/// The currencies PayPal takes (developer.paypal.com/reference/currency-codes); any other is refused.
const CURRENCIES: &str =
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD";
const WHOLE_UNITS_ONLY: [&str; 3] = ["HUF", "JPY", "TWD"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    /// In the smallest unit that PayPal takes: cents for EUR, forints for HUF.
    pub minor: i64,
    pub currency: String,
}

impl Sum {
    pub(crate) fn new(minor: i64, currency: &str) -> Self {
        Self {
            minor,
            currency: currency.to_owned(),
        }
    }

    /// Reads an amount of a request; `currency` is what the API at hand calls that field.
    pub(crate) fn read(amount: &Value, currency: &str) -> Result<Self, ApiError> {
        let text = |field: &str| amount[field].as_str().unwrap_or_default();
        let code = text(currency);
        if !CURRENCIES.split_whitespace().any(|listed| listed == code) {
            let why = format!("Currency code '{code}' is not currently supported.");
            return Err(ApiError::issue("CURRENCY_NOT_SUPPORTED", &why));
        }
        let places = places(code);
        let (whole, fraction) = text("value").split_once('.').unwrap_or((text("value"), ""));
        if fraction.len() > places {
            let why = "The value of the field should not be more than the currency's decimal places.";
            return Err(ApiError::issue("DECIMAL_PRECISION", why));
        }
        let digits = format!("{whole}{fraction:0<places$}");
        let minor = digits
            .parse()
            .ok()
            .filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match minor {
            Some(minor) if minor > 0 => Ok(Self::new(minor, code)),
            _ => Err(ApiError::issue(
                "CANNOT_BE_ZERO_OR_NEGATIVE",
                "Must be greater than zero.",
            )),
        }
    }

    /// As the API wrote it earlier.
    pub(crate) fn of(amount: &Value) -> Self {
        let field = if amount["currency"].is_string() {
            "currency"
        } else {
            "currency_code"
        };
        let currency = amount[field].as_str().unwrap_or_default();
        let digits = amount["value"].as_str().unwrap_or_default().replace('.', "");
        Self::new(digits.parse().unwrap_or_default(), currency)
    }

    pub(crate) fn value(&self) -> String {
        let places = places(&self.currency);
        let digits = format!("{:0width$}", self.minor.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let sign = if self.minor < 0 { "-" } else { "" };
        let point = if places == 0 { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }

    /// As Orders and Payments write it.
    pub(crate) fn json(&self) -> Value {
        json!({"currency_code": self.currency, "value": self.value()})
    }

    /// As Payouts writes it.
    pub(crate) fn payout_json(&self) -> Value {
        json!({"currency": self.currency, "value": self.value()})
    }

    /// For people.
    pub(crate) fn words(&self) -> String {
        format!("{} {}", self.value(), self.currency)
    }
}

fn places(currency: &str) -> usize {
    if WHOLE_UNITS_ONLY.contains(&currency) { 0 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, currency: &str, expected: Option<i64>) {
        let amount = json!({"currency_code": currency, "value": value});
        let read = Sum::read(&amount, "currency_code").ok();
        assert_eq!(read.as_ref().map(|sum| sum.minor), expected, "{value} {currency}");
        if let Some(sum) = read {
            assert_eq!(Sum::of(&sum.json()), sum);
            assert_eq!(Sum::of(&sum.payout_json()), sum);
        }
    }

    #[test]
    fn amounts_are_read_as_paypal_takes_them() {
        check("12.99", "EUR", Some(1299));
        check("12.5", "EUR", Some(1250));
        check("12", "EUR", Some(1200));
        check("0.05", "USD", Some(5));
        check("1300", "JPY", Some(1300));
        for (value, currency) in [
            ("1300.00", "JPY"),
            ("12.999", "EUR"),
            ("12", "XXX"),
            ("0.00", "EUR"),
            ("-1", "EUR"),
            ("+1", "EUR"),
            ("", "EUR"),
            ("1e3", "EUR"),
        ] {
            check(value, currency, None);
        }
    }
}
