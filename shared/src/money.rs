//! Amounts of money: whole minor units (cents) with their currency, and never a float.
//!
//! Arithmetic is checked; two currencies never meet. Rates are whole basis points, rounding is named by the caller, and a
//! [`Money::split`] hands out every last unit.

mod charge;

pub use charge::{ChargeLimits, NotChargeable, NotCountable};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What went wrong with an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("the amount is too large to be counted")]
    Overflow,
    #[error("{left} and {right} cannot be added: their currencies differ")]
    CurrencyMismatch { left: Currency, right: Currency },
    #[error("{0:?} is not a currency that can be charged here; use an ISO 4217 code such as \"EUR\"")]
    UnknownCurrency(String),
    #[error("an amount cannot be split by weights that sum to zero or below zero")]
    NoWeight,
}

/// Currencies by the number of digits after the decimal point, as Stripe charges them (docs.stripe.com/currencies).
/// A currency that is missing here is refused rather than guessed: its exponent decides how much is charged.
const ZERO_DECIMAL: &str = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF";
const TWO_DECIMAL: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF \
    CNY COP CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR \
    KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN \
    QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD YER ZAR ZMW";
const THREE_DECIMAL: &str = "BHD JOD KWD OMR TND";
/// Two-decimal on the wire, and yet only whole units are paid out (docs.stripe.com/currencies, "Special cases").
const PAID_OUT_WHOLE: &str = "HUF ISK TWD UGX";

/// An ISO 4217 currency in which Souk can charge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    pub const EUR: Self = Self(*b"EUR");
    pub const USD: Self = Self(*b"USD");
    pub const JPY: Self = Self(*b"JPY");

    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// Digits after the decimal point: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(&self) -> u32 {
        if self.is_in(ZERO_DECIMAL) {
            0
        } else if self.is_in(THREE_DECIMAL) {
            3
        } else {
            2
        }
    }

    /// The smallest amount that the processor pays out, in minor units; what is paid out is a multiple of it. Of three decimals the last
    /// one must be zero.
    pub fn payout_unit_minor(&self) -> i64 {
        if self.is_in(PAID_OUT_WHOLE) {
            100
        } else if self.is_in(THREE_DECIMAL) {
            10
        } else {
            1
        }
    }

    fn is_in(&self, list: &str) -> bool {
        list.split_whitespace().any(|code| code == self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    /// Upper-case as ISO writes it, lower-case as Stripe does.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let unknown = || MoneyError::UnknownCurrency(text.chars().take(12).collect());
        let code: [u8; 3] = text.to_ascii_uppercase().as_bytes().try_into().map_err(|_| unknown())?;
        let currency = Self(code);
        let known = [ZERO_DECIMAL, TWO_DECIMAL, THREE_DECIMAL]
            .iter()
            .any(|list| list.split_whitespace().any(|listed| listed == currency.code()));
        if known { Ok(currency) } else { Err(unknown()) }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .examples(["EUR"])
            .into()
    }
}
impl utoipa::ToSchema for Currency {}

/// An amount in minor units of a currency. `{"amount": 1299, "currency": "EUR"}` is twelve euros and ninety-nine cents.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Whole minor units: cents for EUR, yen for JPY.
    amount: i64,
    currency: Currency,
}

impl Money {
    pub const fn new(amount_minor: i64, currency: Currency) -> Self {
        Self {
            amount: amount_minor,
            currency,
        }
    }

    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    pub const fn minor(&self) -> i64 {
        self.amount
    }

    pub const fn currency(&self) -> Currency {
        self.currency
    }

    pub const fn is_zero(&self) -> bool {
        self.amount == 0
    }

    pub const fn is_negative(&self) -> bool {
        self.amount < 0
    }

    pub const fn is_positive(&self) -> bool {
        self.amount > 0
    }

    /// "12.99", "1299": where the currency is told elsewhere.
    pub fn decimal(&self) -> String {
        let digits = self.currency.exponent() as usize;
        let sign = if self.amount < 0 { "-" } else { "" };
        let units = format!("{:0width$}", self.amount.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = units.split_at(units.len() - digits);
        let point = if digits == 0 { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }

    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch {
                left: self.currency,
                right: other.currency,
            });
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        let amount = self.amount.checked_neg().ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.checked_add(other.checked_neg()?)
    }

    pub fn checked_mul(self, quantity: u32) -> Result<Self, MoneyError> {
        let amount = self
            .amount
            .checked_mul(i64::from(quantity))
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    /// The smaller of the two.
    pub fn at_most(self, limit: Self) -> Result<Self, MoneyError> {
        let exceeds = self.checked_sub(limit)?.is_positive();
        Ok(if exceeds { limit } else { self })
    }

    /// What is left of the amount beyond whole multiples of `unit_minor`, never below zero.
    #[must_use]
    pub fn beyond(self, unit_minor: i64) -> Self {
        let amount = self.amount.checked_rem_euclid(unit_minor).unwrap_or(0);
        Self { amount, ..self }
    }

    /// The sum of many amounts in `currency`; zero when there are none.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    /// This share of the amount, rounded down (towards negative infinity): whoever takes it never takes a unit too many.
    pub fn share_rounded_down(self, rate: BasisPoints) -> Result<Self, MoneyError> {
        let product = i128::from(self.amount) * i128::from(rate.0);
        let amount = i64::try_from(product.div_euclid(10_000)).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    /// Divides the amount by weights, handing out every unit: each part gets its share rounded down, and the units left
    /// over go one each to the parts with the largest remainders, the earlier part first where remainders tie.
    pub fn split(self, weights: &[u64]) -> Result<Vec<Self>, MoneyError> {
        let total: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
        if total == 0 {
            return Err(MoneyError::NoWeight);
        }
        let sign = self.amount.signum();
        let magnitude = u128::from(self.amount.unsigned_abs());
        let mut parts = Vec::with_capacity(weights.len());
        for (index, &weight) in weights.iter().enumerate() {
            let product = magnitude.checked_mul(u128::from(weight)).ok_or(MoneyError::Overflow)?;
            parts.push((index, product / total, product % total));
        }
        let handed_out: u128 = parts.iter().map(|(_, units, _)| units).sum();
        let left_over = usize::try_from(magnitude - handed_out).map_err(|_| MoneyError::Overflow)?;
        parts.sort_by_key(|&(index, _, remainder)| (std::cmp::Reverse(remainder), index));
        for part in parts.iter_mut().take(left_over) {
            part.1 += 1;
        }
        parts.sort_by_key(|&(index, _, _)| index);
        parts
            .into_iter()
            .map(|(_, units, _)| {
                let units = i64::try_from(units).map_err(|_| MoneyError::Overflow)?;
                Ok(Self {
                    amount: sign * units,
                    ..self
                })
            })
            .collect()
    }
}

/// "12.99 EUR", "1299 JPY": for people and logs; never parsed back.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A rate in hundredths of a percent: 2000 is 20 %. Between 0 and 10 000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schema(value_type = u32, maximum = 10_000)]
pub struct BasisPoints(u32);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a rate in basis points: give a whole number from 0 to 10000, where 2000 is 20 %")]
pub struct InvalidRate(u32);

impl TryFrom<u32> for BasisPoints {
    type Error = InvalidRate;
    fn try_from(rate: u32) -> Result<Self, InvalidRate> {
        if rate <= 10_000 {
            Ok(Self(rate))
        } else {
            Err(InvalidRate(rate))
        }
    }
}

impl From<BasisPoints> for u32 {
    fn from(rate: BasisPoints) -> u32 {
        rate.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn eur(amount: i64) -> Money {
        Money::new(amount, Currency::EUR)
    }

    #[track_caller]
    fn check_split(amount: i64, weights: &[u64], expected: &[i64]) {
        let parts = eur(amount).split(weights).expect("weights have a sum");
        assert_eq!(parts.iter().map(Money::minor).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_last_unit_goes_to_the_largest_remainder() {
        check_split(100, &[1, 1, 1], &[34, 33, 33]);
        check_split(101, &[1, 1, 1], &[34, 34, 33]);
        check_split(5, &[70, 30], &[4, 1]);
        check_split(-5, &[70, 30], &[-4, -1]);
        check_split(1, &[0, 1], &[0, 1]);
        check_split(0, &[3, 4], &[0, 0]);
        assert_eq!(eur(5).split(&[0, 0]), Err(MoneyError::NoWeight));
    }

    #[test]
    fn people_read_the_decimal_point_where_the_currency_has_it() {
        let kwd: Currency = "kwd".parse().expect("a currency");
        assert_eq!(eur(1299).to_string(), "12.99 EUR");
        assert_eq!(eur(-5).to_string(), "-0.05 EUR");
        assert_eq!(Money::new(1299, Currency::JPY).to_string(), "1299 JPY");
        assert_eq!(Money::new(1299, kwd).to_string(), "1.299 KWD");
    }

    #[test]
    fn unknown_currencies_and_mixtures_are_refused() {
        assert!("XYZ".parse::<Currency>().is_err());
        assert!("EURO".parse::<Currency>().is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount":1,"currency":"QQQ"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount":1.5,"currency":"EUR"}"#).is_err());
        let mixed = eur(1).checked_add(Money::new(1, Currency::USD));
        assert!(matches!(mixed, Err(MoneyError::CurrencyMismatch { .. })));
        assert_eq!(eur(i64::MAX).checked_add(eur(1)), Err(MoneyError::Overflow));
        assert_eq!(eur(i64::MIN).checked_neg(), Err(MoneyError::Overflow));
        assert_eq!(eur(i64::MAX).checked_mul(2), Err(MoneyError::Overflow));
    }

    proptest! {
        #[test]
        fn a_split_hands_out_every_unit(amount: i64, weights in prop::collection::vec(0_u64..1_000_000, 1..20)) {
            prop_assume!(weights.iter().sum::<u64>() > 0 && amount != i64::MIN);
            let parts = eur(amount).split(&weights).expect("weights have a sum");
            prop_assert_eq!(Money::sum(Currency::EUR, parts.iter().copied()), Ok(eur(amount)));
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(part.minor().signum() * amount.signum() >= 0, "no part against the sign");
                prop_assert!(*weight > 0 || part.is_zero(), "nothing for no weight");
            }
        }

        #[test]
        fn a_share_and_the_rest_make_the_whole(amount: i64, rate in 0_u32..=10_000) {
            let rate = BasisPoints::try_from(rate).expect("in range");
            let share = eur(amount).share_rounded_down(rate).expect("a share is never larger than the amount");
            prop_assert!(share.minor().unsigned_abs() <= amount.unsigned_abs() );
            if let Ok(rest) = eur(amount).checked_sub(share) {
                prop_assert_eq!(rest.checked_add(share), Ok(eur(amount)));
            }
        }
    }
}
