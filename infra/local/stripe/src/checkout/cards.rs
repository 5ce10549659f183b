//! Stripe's test cards and bank debits, and what each of them does.
//!
//! Numbers and meanings are those of docs.stripe.com/testing, so that habits carry over to the real test mode.

/// A way to pay on the payment page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Card {
    /// What control endpoints call it.
    pub key: &'static str,
    /// Card number or IBAN.
    pub number: &'static str,
    pub label: &'static str,
    pub brand: &'static str,
    pub effect: Effect,
    pub aftermath: Aftermath,
    /// The card can be stored for later, whatever becomes of a charge.
    pub attaches: bool,
    /// The balance transaction is known and the funds are available at once, instead of later.
    pub fee_at_once: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Pays,
    Declines {
        code: &'static str,
        decline_code: &'static str,
        message: &'static str,
    },
    /// A bank debit: unpaid at first; then success, failure, or nothing until a control decides.
    Debits {
        success: Option<bool>,
    },
    /// The bank wants its customer to confirm the payment: done at once by a customer at hand, waited for where there is none.
    Authenticates,
}

/// What follows a payment by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aftermath {
    Nothing,
    Dispute {
        reason: &'static str,
        inquiry: bool,
    },
    /// Refunds are pending for a while before they succeed.
    RefundPends,
    /// Refunds succeed and fail later.
    RefundFails,
}

impl Card {
    pub(crate) fn is_debit(&self) -> bool {
        matches!(self.effect, Effect::Debits { .. })
    }

    pub(crate) fn last4(&self) -> &'static str {
        &self.number[self.number.len() - 4..]
    }
}

const fn pays(key: &'static str, number: &'static str, label: &'static str) -> Card {
    Card {
        key,
        number,
        label,
        brand: "visa",
        effect: Effect::Pays,
        aftermath: Aftermath::Nothing,
        attaches: true,
        fee_at_once: false,
    }
}

const fn authenticates(key: &'static str, number: &'static str, label: &'static str) -> Card {
    Card {
        effect: Effect::Authenticates,
        ..pays(key, number, label)
    }
}

const fn then(card: Card, aftermath: Aftermath) -> Card {
    Card { aftermath, ..card }
}

const fn declines(
    key: &'static str,
    number: &'static str,
    label: &'static str,
    code: &'static str,
    decline_code: &'static str,
    message: &'static str,
) -> Card {
    Card {
        effect: Effect::Declines {
            code,
            decline_code,
            message,
        },
        attaches: false,
        ..pays(key, number, label)
    }
}

const fn debits(key: &'static str, number: &'static str, label: &'static str, success: Option<bool>) -> Card {
    Card {
        effect: Effect::Debits { success },
        brand: "sepa_debit",
        ..pays(key, number, label)
    }
}

const fn dispute(reason: &'static str, inquiry: bool) -> Aftermath {
    Aftermath::Dispute { reason, inquiry }
}

/// Every way to pay, in the order of the payment page.
pub(crate) const CARDS: [Card; 21] = [
    pays("success", "4242424242424242", "Visa, succeeds"),
    Card {
        brand: "mastercard",
        ..pays("mastercard", "5555555555554444", "Mastercard, succeeds")
    },
    Card {
        fee_at_once: true,
        ..pays(
            "fee_at_once",
            "4000000000000077",
            "Visa, succeeds, fee and funds at once",
        )
    },
    declines(
        "declined",
        "4000000000000002",
        "Visa, declined",
        "card_declined",
        "generic_decline",
        "Your card was declined.",
    ),
    declines(
        "insufficient_funds",
        "4000000000009995",
        "Visa, insufficient funds",
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
    ),
    declines(
        "expired_card",
        "4000000000000069",
        "Visa, expired",
        "expired_card",
        "expired_card",
        "Your card has expired.",
    ),
    declines(
        "incorrect_cvc",
        "4000000000000127",
        "Visa, wrong security code",
        "incorrect_cvc",
        "incorrect_cvc",
        "Your card's security code is incorrect.",
    ),
    declines(
        "processing_error",
        "4000000000000119",
        "Visa, processing error",
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    debits(
        "async_success",
        "AT611904300234573201",
        "Bank debit, succeeds later",
        Some(true),
    ),
    debits(
        "async_failure",
        "AT861904300235473202",
        "Bank debit, fails later",
        Some(false),
    ),
    debits(
        "async_pending",
        "AT591904300235473203",
        "Bank debit, waits for a control",
        None,
    ),
    then(
        pays("dispute", "4000000000000259", "Visa, disputed as fraud"),
        dispute("fraudulent", false),
    ),
    then(
        pays(
            "dispute_not_received",
            "4000000000002685",
            "Visa, disputed as not received",
        ),
        dispute("product_not_received", false),
    ),
    then(
        pays("inquiry", "4000000000001976", "Visa, bank inquires"),
        dispute("fraudulent", true),
    ),
    then(
        pays("refund_pends", "4000000000007726", "Visa, refunds pend first"),
        Aftermath::RefundPends,
    ),
    then(
        pays("refund_fails", "4000000000005126", "Visa, refunds fail later"),
        Aftermath::RefundFails,
    ),
    Card {
        brand: "amex",
        ..pays("amex", "378282246310005", "American Express, succeeds")
    },
    declines(
        "lost_card",
        "4000000000009987",
        "Visa, reported lost",
        "card_declined",
        "lost_card",
        "Your card was declined.",
    ),
    authenticates(
        "authentication_required",
        "4000002760003184",
        "Visa, every payment is to be confirmed",
    ),
    authenticates("three_d_secure", "4000000000003220", "Visa, 3-D Secure 2 required"),
    Card {
        attaches: true,
        ..declines(
            "declined_later",
            "4000000000000341",
            "Visa, can be stored, every charge declined",
            "card_declined",
            "generic_decline",
            "Your card was declined.",
        )
    },
];

/// By key, by number (spaces allowed), or by the names of Stripe's ready payment methods and tokens.
pub(crate) fn find(name: &str) -> Option<&'static Card> {
    let ready = name.strip_prefix("tok_").map(|token| format!("pm_card_{token}"));
    let key = match ready.as_deref().unwrap_or(name) {
        "pm_card_visa" | "pm_card_us" | "pm_card_de" => "success",
        "pm_card_mastercard" => "mastercard",
        "pm_card_amex" => "amex",
        "pm_card_bypassPending" => "fee_at_once",
        "pm_card_visa_chargeDeclined" | "pm_card_chargeDeclined" => "declined",
        "pm_card_visa_chargeDeclinedInsufficientFunds" | "pm_card_chargeDeclinedInsufficientFunds" => {
            "insufficient_funds"
        }
        "pm_card_chargeCustomerFail" => "declined_later",
        "pm_card_createDispute" => "dispute",
        "pm_card_createDisputeProductNotReceived" => "dispute_not_received",
        "pm_card_createDisputeInquiry" => "inquiry",
        "pm_card_pendingRefund" => "refund_pends",
        "pm_card_refundFail" => "refund_fails",
        "pm_card_authenticationRequired" => "authentication_required",
        "pm_card_threeDSecure2Required" | "pm_card_threeDSecureRequired" => "three_d_secure",
        // It stays in processing for three minutes; what waits long enough is the same.
        "AT321904300235473204" => "async_success",
        other => other,
    };
    let number: String = name.chars().filter(|char| !char.is_whitespace()).collect();
    CARDS.iter().find(|card| card.key == key || card.number == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_is_found_by_key_and_number() {
        for card in &CARDS {
            assert_eq!(find(card.key), Some(card));
            assert_eq!(find(card.number), Some(card));
        }
        assert_eq!(find("4242 4242 4242 4242").map(|card| card.key), Some("success"));
        assert_eq!(
            find("tok_createDispute").map(|card| card.key),
            find("pm_card_createDispute").map(|card| card.key)
        );
        assert_eq!(find("4111111111111111"), None);
    }
}
