//! Double entry: what was owed, earned and moved, and why.
//!
//! One immutable [`JournalEntry`] per business fact holds all of its postings. Its key is the fact, so posting the same fact a
//! second time is refused by the store, and its postings sum to zero in every currency, which anybody who reads the entry can check.
//! A positive posting debits its account, a negative one credits it. Each processor has a clearing account of its own.
//!
//! | fact | debit | credit |
//! |---|---|---|
//! | sale (one per order and partner) | processor's clearing: what the customer paid | partner payable: the partner's share; platform revenue: the commission |
//! | fee (one per charge) | processor fees | processor's clearing |
//! | payout | partner payable | payouts in transit |
//! | transfer | payouts in transit | processor's clearing |
//! | payout cancelled | payouts in transit | partner payable |
//! | transfer reversed | processor's clearing | partner payable |
//! | referral (one per order and referrer) | platform revenue | partner payable: the affiliate's or reseller's share |
//! | fee share (where a rule divides the net) | partner payable | processor fees |
//! | refund (one per refund and partner) | partner payable, platform revenue: what each gives back; losses: what nobody can | processor's clearing |
//! | refund failed | the refund's postings, turned round | |
//! | dispute funds (one per movement) | disputes pending; processor fees: the dispute's fee | processor's clearing; or turned round, when they come back |
//! | dispute lost (one per dispute and partner) | partner payable, platform revenue, losses, as of a refund | disputes pending |
//! | processor (one per movement that no order or payout explains) | bank, processor fees, losses | processor's clearing |

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ids::{JournalId, OrderId, PartnerId, PayoutId, RefundId};
use crate::money::{Currency, Money, MoneyError};

/// Who takes a customer's money, and gives it back.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Processor {
    #[default]
    Stripe,
    PayPal,
}

/// Where money stands. Shown as `name` or `name:whose`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Account {
    /// What Stripe holds for the platform; reconciliation matches it with Stripe's own books.
    ProcessorClearing,
    /// What PayPal holds for the platform.
    PayPalClearing,
    /// What processors keep for their service.
    ProcessorFees,
    /// The platform's commission.
    PlatformRevenue,
    /// What customers got back and no partner's share covers.
    PlatformLosses,
    /// What the processor has paid out to the platform.
    PlatformBank,
    /// What the processor has taken back for disputes that are still open.
    DisputesPending,
    /// What a processor has on hold: the platform's still, and not available until it is released.
    FundsOnHold,
    /// What is owed to a partner.
    PartnerPayable(PartnerId),
    /// What has been taken off a partner's balance and not yet been sent.
    PayoutsInTransit(PartnerId),
}

impl Account {
    /// What this processor holds for the platform.
    pub fn clearing(processor: Processor) -> Self {
        match processor {
            Processor::Stripe => Self::ProcessorClearing,
            Processor::PayPal => Self::PayPalClearing,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProcessorClearing => f.write_str("processor_clearing"),
            Self::PayPalClearing => f.write_str("paypal_clearing"),
            Self::ProcessorFees => f.write_str("processor_fees"),
            Self::PlatformRevenue => f.write_str("platform_revenue"),
            Self::PlatformLosses => f.write_str("platform_losses"),
            Self::PlatformBank => f.write_str("platform_bank"),
            Self::DisputesPending => f.write_str("disputes_pending"),
            Self::FundsOnHold => f.write_str("funds_on_hold"),
            Self::PartnerPayable(partner) => write!(f, "partner_payable:{partner}"),
            Self::PayoutsInTransit(partner) => write!(f, "payouts_in_transit:{partner}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an account of the ledger")]
pub struct UnknownAccount(String);

impl FromStr for Account {
    type Err = UnknownAccount;
    fn from_str(text: &str) -> Result<Self, UnknownAccount> {
        let unknown = || UnknownAccount(text.to_owned());
        match text.split_once(':') {
            None => match text {
                "processor_clearing" => Ok(Self::ProcessorClearing),
                "paypal_clearing" => Ok(Self::PayPalClearing),
                "processor_fees" => Ok(Self::ProcessorFees),
                "platform_revenue" => Ok(Self::PlatformRevenue),
                "platform_losses" => Ok(Self::PlatformLosses),
                "platform_bank" => Ok(Self::PlatformBank),
                "disputes_pending" => Ok(Self::DisputesPending),
                "funds_on_hold" => Ok(Self::FundsOnHold),
                _ => Err(unknown()),
            },
            Some(("partner_payable", partner)) => partner.parse().map(Self::PartnerPayable).map_err(|_| unknown()),
            Some(("payouts_in_transit", partner)) => partner.parse().map(Self::PayoutsInTransit).map_err(|_| unknown()),
            Some(_) => Err(unknown()),
        }
    }
}

impl TryFrom<String> for Account {
    type Error = UnknownAccount;
    fn try_from(text: String) -> Result<Self, UnknownAccount> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> String {
        account.to_string()
    }
}

/// What happened. The pair of name and reference is unique in its partition of the journal. Ordered as facts of one moment follow
/// from each other: what causes stands before what is caused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Sale(OrderId),
    /// The processor's fee on one charge, by the charge's id.
    Fee(String),
    /// The processor's fee on one charge, as far as the partner bears it.
    FeeShare(String),
    /// What a sale owes to those who brought the customer.
    Referral(OrderId),
    Refund(RefundId),
    /// A refund that did not reach the customer after all.
    RefundFailed(RefundId),
    /// Money taken or given back for a dispute, by the balance transaction's id.
    DisputeFunds(String),
    /// The end of a dispute that the customer won, by the dispute's id.
    DisputeLost(String),
    Payout(PayoutId),
    Transfer(PayoutId),
    PayoutCancelled(PayoutId),
    /// Money of a transfer that came back, by the reversal's id.
    TransferReversed(String),
    /// Another movement at the processor, by the balance transaction's id.
    Processor(String),
}

impl Fact {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sale(_) => "sale",
            Self::Fee(_) => "fee",
            Self::FeeShare(_) => "fee_share",
            Self::Referral(_) => "referral",
            Self::Refund(_) => "refund",
            Self::RefundFailed(_) => "refund_failed",
            Self::DisputeFunds(_) => "dispute_funds",
            Self::DisputeLost(_) => "dispute_lost",
            Self::Payout(_) => "payout",
            Self::Transfer(_) => "transfer",
            Self::PayoutCancelled(_) => "payout_cancelled",
            Self::TransferReversed(_) => "transfer_reversed",
            Self::Processor(_) => "processor",
        }
    }

    pub fn reference(&self) -> String {
        match self {
            Self::Sale(order) | Self::Referral(order) => order.to_string(),
            Self::Fee(reference)
            | Self::FeeShare(reference)
            | Self::DisputeFunds(reference)
            | Self::DisputeLost(reference)
            | Self::TransferReversed(reference)
            | Self::Processor(reference) => reference.clone(),
            Self::Refund(refund) | Self::RefundFailed(refund) => refund.to_string(),
            Self::Payout(payout) | Self::Transfer(payout) | Self::PayoutCancelled(payout) => payout.to_string(),
        }
    }
}

/// One leg of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    pub account: Account,
    pub amount: Money,
}

/// An entry that cannot be changed: there is no way to get at its postings but to read them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedEntry")]
pub struct JournalEntry {
    id: JournalId,
    fact: Fact,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<PartnerId>,
    occurred_at: Timestamp,
    postings: Vec<Posting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderId>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("the postings in {currency} sum to {sum_minor} instead of zero")]
    Unbalanced { currency: Currency, sum_minor: i64 },
    #[error("an entry needs at least two postings")]
    TooFewPostings,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl JournalEntry {
    /// Checks that the postings balance in every currency. Postings of nothing are left out.
    pub fn new(
        id: JournalId,
        fact: Fact,
        partner: Option<PartnerId>,
        occurred_at: Timestamp,
        postings: Vec<Posting>,
    ) -> Result<Self, LedgerError> {
        let postings: Vec<_> = postings
            .into_iter()
            .filter(|posting| !posting.amount.is_zero())
            .collect();
        check_balanced(&postings)?;
        Ok(Self {
            id,
            fact,
            partner,
            occurred_at,
            postings,
            processor_ref: None,
            order: None,
        })
    }

    /// The order that the fact follows from, for facts that do not name it themselves (a refund, a lost dispute).
    #[must_use]
    pub fn of_order(mut self, order: OrderId) -> Self {
        self.order = Some(order);
        self
    }

    /// The processor's own id of the movement (balance transaction, transfer), for reconciliation.
    #[must_use]
    pub fn with_processor_ref(mut self, reference: impl Into<String>) -> Self {
        self.processor_ref = Some(reference.into());
        self
    }

    pub fn id(&self) -> JournalId {
        self.id
    }
    pub fn fact(&self) -> &Fact {
        &self.fact
    }
    /// Whose journal the entry belongs to; `None` for the platform's own.
    pub fn partner(&self) -> Option<PartnerId> {
        self.partner
    }
    /// When it happened by the processor's clock; decides hold periods.
    pub fn occurred_at(&self) -> Timestamp {
        self.occurred_at
    }
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }
    pub fn processor_ref(&self) -> Option<&str> {
        self.processor_ref.as_deref()
    }

    /// The order that the fact is about or follows from.
    pub fn order(&self) -> Option<OrderId> {
        match self.fact {
            Fact::Sale(order) | Fact::Referral(order) => Some(order),
            _ => self.order,
        }
    }

    /// How this entry changes what the partner is owed (credits are what we owe, so the sign turns).
    pub fn owed_to(&self, partner: PartnerId) -> impl Iterator<Item = Money> {
        let theirs = move |posting: &&Posting| posting.account == Account::PartnerPayable(partner);
        self.postings
            .iter()
            .filter(theirs)
            .filter_map(|posting| posting.amount.checked_neg().ok())
    }
}

/// How one partner's balance changes along with the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceChange {
    pub partner: PartnerId,
    /// Below zero where the partner gives something back.
    pub owed: Money,
    /// The day from which this amount may be paid out; `None` where it may be already.
    pub maturing: Option<Date>,
    /// What open disputes hold, in the same currency: more where one begins, less where one ends.
    pub disputed_minor: i64,
}

fn check_balanced(postings: &[Posting]) -> Result<(), LedgerError> {
    if postings.len() < 2 {
        return Err(LedgerError::TooFewPostings);
    }
    let mut sums: BTreeMap<Currency, Money> = BTreeMap::new();
    for posting in postings {
        let currency = posting.amount.currency();
        let sum = sums.get(&currency).copied().unwrap_or(Money::zero(currency));
        sums.insert(currency, sum.checked_add(posting.amount)?);
    }
    match sums.into_values().find(|sum| !sum.is_zero()) {
        Some(sum) => Err(LedgerError::Unbalanced {
            currency: sum.currency(),
            sum_minor: sum.minor(),
        }),
        None => Ok(()),
    }
}

/// An entry as it comes out of storage, before its postings have been added up.
#[derive(Deserialize)]
struct UncheckedEntry {
    id: JournalId,
    fact: Fact,
    #[serde(default)]
    partner: Option<PartnerId>,
    occurred_at: Timestamp,
    postings: Vec<Posting>,
    #[serde(default)]
    processor_ref: Option<String>,
    #[serde(default)]
    order: Option<OrderId>,
}

impl TryFrom<UncheckedEntry> for JournalEntry {
    type Error = LedgerError;
    fn try_from(entry: UncheckedEntry) -> Result<Self, LedgerError> {
        let UncheckedEntry {
            id,
            fact,
            partner,
            occurred_at,
            postings,
            processor_ref,
            order,
        } = entry;
        check_balanced(&postings)?;
        Ok(Self {
            id,
            fact,
            partner,
            occurred_at,
            postings,
            processor_ref,
            order,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn seed() -> Seed {
        "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
    }

    fn entry(postings: Vec<Posting>) -> Result<JournalEntry, LedgerError> {
        let at = "2026-11-22T09:00:00Z".parse().expect("a time");
        JournalEntry::new(
            seed().id("j"),
            Fact::Sale(seed().id("o")),
            Some(seed().id("p")),
            at,
            postings,
        )
    }

    fn posting(account: Account, amount: i64, currency: Currency) -> Posting {
        Posting {
            account,
            amount: Money::new(amount, currency),
        }
    }

    #[test]
    fn postings_must_sum_to_zero_in_each_currency() {
        use Account::{PlatformRevenue, ProcessorClearing};
        let eur = Currency::EUR;
        assert!(
            entry(vec![
                posting(ProcessorClearing, 5, eur),
                posting(PlatformRevenue, -5, eur)
            ])
            .is_ok()
        );
        let lopsided = entry(vec![
            posting(ProcessorClearing, 5, eur),
            posting(PlatformRevenue, -4, eur),
        ]);
        assert_eq!(
            lopsided,
            Err(LedgerError::Unbalanced {
                currency: eur,
                sum_minor: 1
            })
        );
        let netted = entry(vec![
            posting(ProcessorClearing, 5, eur),
            posting(PlatformRevenue, -5, Currency::USD),
        ]);
        assert!(
            matches!(netted, Err(LedgerError::Unbalanced { .. })),
            "two currencies never net"
        );
        assert_eq!(entry(vec![]), Err(LedgerError::TooFewPostings));
    }

    #[test]
    fn a_stored_entry_that_does_not_balance_is_not_read() {
        let partner = seed().id("p");
        let good = entry(vec![
            posting(Account::ProcessorClearing, 5, Currency::EUR),
            posting(Account::PartnerPayable(partner), -5, Currency::EUR),
        ]);
        let json = serde_json::to_string(&good.expect("balanced")).expect("plain data");
        let read: JournalEntry = serde_json::from_str(&json).expect("what was written");
        assert_eq!(read.owed_to(partner).map(|m| m.minor()).sum::<i64>(), 5);
        assert!(serde_json::from_str::<JournalEntry>(&json.replace("-5", "-6")).is_err());
        assert!(serde_json::from_str::<JournalEntry>(&json.replace("processor_clearing", "petty_cash")).is_err());
    }

    #[test]
    fn accounts_read_back_what_they_show() {
        let partner = seed().id("p");
        for account in [
            Account::ProcessorClearing,
            Account::PayPalClearing,
            Account::ProcessorFees,
            Account::PlatformRevenue,
            Account::PlatformLosses,
            Account::PlatformBank,
            Account::DisputesPending,
            Account::FundsOnHold,
            Account::PartnerPayable(partner),
            Account::PayoutsInTransit(partner),
        ] {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
        assert!("partner_payable:usr_1".parse::<Account>().is_err());
        assert!("slush:ptn_1".parse::<Account>().is_err());
    }
}
