//! What can be charged in each currency: the least, the most, and in which steps.
//!
//! The one table for every way in which an amount comes in: prices, plans, what a discount leaves, orders, refunds, rules. An amount that a
//! processor would refuse is refused here, before anybody is sent to pay it.

use super::{Currency, Money, MoneyError, THREE_DECIMAL};

/// Stripe charges amounts of at most eight digits in the smallest unit (docs.stripe.com/api/payment_intents/create, `amount`).
const MOST_MINOR: i64 = 99_999_999;
/// More than any marketplace ever turns over; sums of amounts below it cannot overflow.
const MOST_COUNTED_MINOR: i64 = 1_000_000_000_000_000;
/// Without a smaller unit, and yet told with two decimals, which are zeros (docs.stripe.com/currencies, "Special cases").
const WHOLE_UNITS: &str = "ISK UGX";
/// What PayPal takes at all (developer.paypal.com/reference/currency-codes).
const AT_PAYPAL: &str =
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD";
/// What PayPal takes without decimals, though the currency has them.
const WHOLE_AT_PAYPAL: &str = "HUF TWD";

/// The least that Stripe charges, in hundredths of a unit, for the currencies that it names (docs.stripe.com/currencies, "Minimum and
/// maximum charge amounts").
const LEAST_HUNDREDTHS: &[(i64, &str)] = &[
    (30, "GBP"),
    (50, "AUD BRL CAD CHF EUR INR NZD SGD USD"),
    (100, "BGN"),
    (200, "AED MYR PLN RON"),
    (250, "DKK"),
    (300, "NOK SEK"),
    (400, "HKD"),
    (1_000, "MXN THB"),
    (1_500, "CZK"),
    (5_000, "JPY"),
    (17_500, "HUF"),
];
/// The least in the others: there Stripe asks for the equivalent of half a US dollar, which moves with the rates, so these are what that
/// is, generously rounded up.
const LEAST_ELSEWHERE_HUNDREDTHS: &[(i64, &str)] = &[
    (50, "BHD FKP GIP JOD KWD KYD OMR SHP"),
    (200, "BYN FJD GEL ILS PEN QAR SAR TND TOP WST XCD"),
    (500, "BOB CNY GTQ MOP PGK SBD TTD"),
    (1_000, "BWP LSL MAD MDL MVR NAD SCR SZL TJS ZAR"),
    (2_000, "HNL SLE SRD TWD UYU ZMW"),
    (5_000, "AFN ALL CVE DOP EGP GMD KGS MKD MUR MZN NIO PHP RUB TRY UAH"),
    (10_000, "BDT DJF DZD ETB HTG ISK JMD KES LRD NPR RSD VUV XPF"),
    (50_000, "AMD AOA CLP CRC KMF KZT LKR PKR XAF XOF YER"),
    (100_000, "ARS KRW MWK NGN RWF"),
    (500_000, "BIF CDF COP GNF KHR MGA MMK MNT PYG TZS UGX"),
    (2_000_000, "IDR LAK STD UZS VND"),
    (5_000_000, "LBP"),
];
/// A unit of what is left is worth about as much as a dollar.
const LEAST_OTHERWISE_HUNDREDTHS: i64 = 100;

/// Between what, and in which steps, a currency can be charged; in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargeLimits {
    currency: Currency,
    least_minor: i64,
    most_minor: i64,
    step_minor: i64,
}

/// An amount that cannot be charged, and those that can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{amount} cannot be charged: it must be from {} to {} minor units, in steps of {} ({} to {})",
    .limits.least_minor, .limits.most_minor, .limits.step_minor, .limits.least(), .limits.most())]
pub struct NotChargeable {
    pub amount: Money,
    pub limits: ChargeLimits,
}

/// An amount that there cannot be in its currency, or that is beyond counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{amount} must be at most {MOST_COUNTED_MINOR} minor units, in steps of {step_minor}")]
pub struct NotCountable {
    pub amount: Money,
    pub step_minor: i64,
}

impl ChargeLimits {
    /// Of Stripe, which takes every currency that there is here.
    pub fn at_stripe(currency: Currency) -> Self {
        Self {
            currency,
            least_minor: least_minor(currency),
            most_minor: MOST_MINOR - MOST_MINOR % step_minor(currency),
            step_minor: step_minor(currency),
        }
    }

    /// Of PayPal, which takes few currencies, and some of them in whole units only.
    pub fn at_paypal(currency: Currency) -> Option<Self> {
        if !currency.is_in(AT_PAYPAL) {
            return None;
        }
        let limits = Self::at_stripe(currency);
        let step_minor = if currency.is_in(WHOLE_AT_PAYPAL) {
            100
        } else {
            limits.step_minor
        };
        Some(Self {
            most_minor: limits.most_minor - limits.most_minor % step_minor,
            step_minor,
            ..limits
        })
    }

    pub fn least(&self) -> Money {
        Money::new(self.least_minor, self.currency)
    }

    pub fn most(&self) -> Money {
        Money::new(self.most_minor, self.currency)
    }

    /// What every amount is a multiple of, in minor units.
    pub fn step_minor(&self) -> i64 {
        self.step_minor
    }

    /// Whether the amount, of this currency, can be charged.
    pub fn check(&self, amount: Money) -> Result<(), NotChargeable> {
        let minor = amount.minor();
        let fits = (self.least_minor..=self.most_minor).contains(&minor) && minor % self.step_minor == 0;
        if fits && amount.currency() == self.currency {
            Ok(())
        } else {
            Err(NotChargeable { amount, limits: *self })
        }
    }
}

impl Money {
    /// Whether it can be charged. Zero cannot: what is free is not charged.
    pub fn check_charge(self) -> Result<(), NotChargeable> {
        ChargeLimits::at_stripe(self.currency()).check(self)
    }

    /// Whether it may be a part or a sum of what is charged: a refund, a fixed commission, a threshold. Those have no least.
    pub fn check_countable(self) -> Result<(), NotCountable> {
        let step_minor = step_minor(self.currency());
        if self.minor() % step_minor == 0 && (0..=MOST_COUNTED_MINOR).contains(&self.minor()) {
            Ok(())
        } else {
            let amount = self;
            Err(NotCountable { amount, step_minor })
        }
    }

    /// What is left when so many percent are taken off, rounded down: the least that a processor may make of it.
    pub fn less_percent(self, percent: u8) -> Result<Self, MoneyError> {
        let left = i128::from(self.minor()) * i128::from(100_u8.saturating_sub(percent));
        let minor = i64::try_from(left.div_euclid(100)).map_err(|_| MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency()))
    }
}

fn step_minor(currency: Currency) -> i64 {
    if currency.is_in(WHOLE_UNITS) {
        100
    } else if currency.is_in(THREE_DECIMAL) {
        // "The last digit must be 0" (docs.stripe.com/currencies, "Three-decimal currencies").
        10
    } else {
        1
    }
}

fn least_minor(currency: Currency) -> i64 {
    let mut groups = LEAST_HUNDREDTHS.iter().chain(LEAST_ELSEWHERE_HUNDREDTHS);
    let group = groups.find(|(_, currencies)| currency.is_in(currencies));
    let hundredths = group.map_or(LEAST_OTHERWISE_HUNDREDTHS, |(least, _)| *least);
    match currency.exponent() {
        0 => hundredths / 100,
        2 => hundredths,
        _ => hundredths * 10,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TWO_DECIMAL, ZERO_DECIMAL};
    use super::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money::new(minor, currency.parse().expect("a currency"))
    }

    #[track_caller]
    fn check(currency: &str, chargeable: &[i64], not: &[i64]) {
        for minor in chargeable {
            assert_eq!(money(*minor, currency).check_charge(), Ok(()), "{minor} {currency}");
        }
        for minor in not {
            assert!(money(*minor, currency).check_charge().is_err(), "{minor} {currency}");
        }
    }

    #[test]
    fn each_currency_has_a_least_a_most_and_a_step() {
        check(
            "EUR",
            &[50, 51, 99_999_999],
            &[0, 1, 49, -50, 100_000_000, i64::MAX, i64::MIN],
        );
        check("GBP", &[30], &[29]);
        check("JPY", &[50, 51], &[49]);
        check("HUF", &[17_500, 17_501], &[17_499]);
        check("KWD", &[500, 510, 99_999_990], &[490, 501, 505, 99_999_999]);
        check("ISK", &[10_000, 10_100], &[1_050, 10_050, 9_900]);
        check("UGX", &[500_000, 500_100], &[505, 500_005, 499_900]);
        check("VND", &[20_000], &[19_999]);
    }

    #[test]
    fn every_currency_can_be_charged_somehow() {
        for currency in [ZERO_DECIMAL, TWO_DECIMAL, THREE_DECIMAL].join(" ").split_whitespace() {
            let limits = ChargeLimits::at_stripe(currency.parse().expect("a currency"));
            assert_eq!(limits.check(limits.least()), Ok(()), "{currency}");
            assert_eq!(limits.check(limits.most()), Ok(()), "{currency}");
            assert!(limits.least().minor() * 10 <= limits.most().minor(), "{currency}");
        }
    }

    #[test]
    fn paypal_takes_few_currencies_and_some_in_whole_units() {
        let at_paypal = |minor, currency: &str| {
            let amount = money(minor, currency);
            ChargeLimits::at_paypal(amount.currency()).map(|limits| limits.check(amount).is_ok())
        };
        assert_eq!(at_paypal(1299, "EUR"), Some(true));
        assert_eq!(at_paypal(129_900, "HUF"), Some(true));
        assert_eq!(at_paypal(129_950, "HUF"), Some(false));
        assert_eq!(at_paypal(129_950, "TWD"), Some(false));
        assert_eq!(at_paypal(1299, "JPY"), Some(true));
        assert_eq!(at_paypal(1290, "KWD"), None);
    }

    #[test]
    fn what_is_wrong_names_what_would_be_right() {
        let error = money(1, "EUR").check_charge().expect_err("too little");
        assert_eq!(
            error.to_string(),
            "0.01 EUR cannot be charged: it must be from 50 to 99999999 minor units, in steps of 1 (0.50 EUR to 999999.99 EUR)"
        );
        assert!(money(505, "UGX").check_countable().is_err());
        assert!(money(i64::MAX, "EUR").check_countable().is_err());
        assert_eq!(money(1, "EUR").check_countable(), Ok(()));
    }

    #[test]
    fn a_discount_is_rounded_against_what_is_left() {
        let left = |minor, percent| money(minor, "EUR").less_percent(percent).map(|money| money.minor());
        assert_eq!(left(300, 90), Ok(30));
        assert_eq!(left(999, 50), Ok(499));
        assert_eq!(left(1, 50), Ok(0));
        assert_eq!(left(900, 100), Ok(0));
        assert_eq!(left(i64::MAX, 0), Ok(i64::MAX));
    }
}
