//! Reconciliation: each movement of money at the processor against the journal, one to one and with equal nets.
//!
//! Each processor keeps books of its own: a balance transaction of Stripe's, a transaction of PayPal's for each movement on the platform's
//! balance. Every posting to the processor's clearing account must be explained by exactly one of them, and every one of them by such
//! postings.
//!
//! | movement at Stripe | at PayPal | explained by |
//! |---|---|---|
//! | `charge`, `payment` | `T0006` | the order's `sale` entries and the charge's `fee` |
//! | `refund`, `payment_refund` | `T1107` | the `refund` entries |
//! | `refund_failure` | `T1100` | the `refund_failed` entries |
//! | `adjustment` of a dispute | `T1106`, `T12nn`, and the fee `T0106` of what a bank takes back | the `dispute_funds` entry |
//! | `transfer` | `T0001` | the `transfer` entry |
//! | `transfer_refund` | `T1114`, `T1115` | the `transfer_reversed` entry |
//! | the platform's own: payouts to its bank and top-ups, the processor's bills, accounts that were zeroed | `T03nn`, `T04nn`, `T01nn` | a `processor` entry, posted here ([`own_entry`]) |
//! | | holds and their releases: `T1110` and `T1111` of a dispute, `T1105`, `T15nn`, `T21nn` | a `processor` entry each, against what is on hold |
//! | | `T0001` and `T1115` of a payout that was given back unclaimed | a `processor` entry each, against what is in transit |
//!
//! What does not fit is a [`Difference`]: it is told, kept, and closed when a later run finds that it has healed. Nothing is guessed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{JournalId, MessageId, ReconciliationId};
use crate::ledger::Processor;
use crate::ledger::{Account, Fact, JournalEntry, LedgerError, Posting};
use crate::messages::{Envelope, Queue};
use crate::money::{Money, MoneyError};

/// A movement on the platform's balance, as the processor's books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    pub processor: Processor,
    /// The processor's id of it.
    pub id: String,
    /// The processor's word for what it is, such as `charge`.
    pub kind: String,
    /// Id of the object it is about.
    pub source: Option<String>,
    /// What the balance gained, after the fee; below zero it has lost.
    pub net: Money,
    pub fee: Money,
    /// By the processor's clock.
    pub at: Timestamp,
}

/// What explains a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explanation {
    Sale,
    Refund,
    RefundFailed,
    Dispute,
    Transfer,
    TransferReversed,
    /// Made unavailable until something is decided, or available again. Nobody has earned or lost by it.
    Hold,
    /// A bill of the processor's, which may be for a dispute.
    Bill,
    /// The platform's own: the account that the money came from or went to.
    Own(Account),
}

impl Explanation {
    /// `kind` is the balance transaction's type, `about` the type of the object behind it
    /// (docs.stripe.com/reports/balance-transaction-types). `None`: a movement that Souk has no word for, which a person must look at.
    pub fn at_stripe(kind: &str, about: Option<&str>) -> Option<Self> {
        match (kind, about) {
            ("charge" | "payment", Some("charge")) => Some(Self::Sale),
            ("refund" | "payment_refund", Some("refund")) => Some(Self::Refund),
            ("refund_failure", Some("refund")) => Some(Self::RefundFailed),
            ("adjustment", Some("dispute")) => Some(Self::Dispute),
            ("transfer", Some("transfer")) => Some(Self::Transfer),
            ("transfer_refund", Some("transfer_reversal")) => Some(Self::TransferReversed),
            ("payout" | "payout_failure" | "payout_cancel" | "topup" | "topup_reversal", _) => {
                Some(Self::Own(Account::PlatformBank))
            }
            ("stripe_fee" | "stripe_fx_fee" | "tax_fee", _) => Some(Self::Own(Account::ProcessorFees)),
            ("connect_collection_transfer", _) => Some(Self::Own(Account::PlatformLosses)),
            _ => None,
        }
    }

    /// `code` is the transaction's event code (developer.paypal.com/docs/transaction-search/transaction-event-codes/).
    pub fn at_paypal(code: &str) -> Option<Self> {
        match code {
            "T0006" => Some(Self::Sale),
            "T1107" => Some(Self::Refund),
            "T1100" => Some(Self::RefundFailed),
            // A payment that PayPal reverses; a chargeback, and one that is reversed or made good.
            "T1106" | "T1201" | "T1202" | "T1205" => Some(Self::Dispute),
            "T0001" => Some(Self::Transfer),
            "T1114" | "T1115" => Some(Self::TransferReversed),
            // Only what moves the balance is listed, so a hold that is listed has left what is available.
            "T1105" | "T1110" | "T1111" => Some(Self::Hold),
            // Gift certificates.
            "T2109" | "T2110" => None,
            // Fees that are no payment's, and fees given back.
            "T1108" | "T1109" => Some(Self::Own(Account::ProcessorFees)),
            _ => match code.get(..3)? {
                "T01" => Some(Self::Bill),
                "T15" | "T21" => Some(Self::Hold),
                "T03" | "T04" => Some(Self::Own(Account::PlatformBank)),
                _ => None,
            },
        }
    }
}

/// The entry for a movement of the platform's own money, whose other side is `against`.
pub fn own_entry(id: JournalId, movement: &Movement, against: Account) -> Result<JournalEntry, LedgerError> {
    let posting = |account, amount| Posting { account, amount };
    let amount = movement.net.checked_add(movement.fee)?;
    let postings = vec![
        posting(Account::clearing(movement.processor), movement.net),
        posting(Account::ProcessorFees, movement.fee),
        posting(against, amount.checked_neg()?),
    ];
    let fact = Fact::Processor(movement.id.clone());
    Ok(JournalEntry::new(id, fact, None, movement.at, postings)?.with_processor_ref(&movement.id))
}

/// Holds a movement against the journal entries that should explain it: `None` when they do. Entries about another object of the
/// processor explain nothing here.
pub fn compare(movement: &Movement, entries: &[JournalEntry]) -> Result<Option<Finding>, MoneyError> {
    let currency = movement.net.currency();
    let account = Account::clearing(movement.processor);
    let clearing = |posting: &&Posting| posting.account == account;
    let amounts: Vec<Money> = explaining(movement, entries)
        .flat_map(|entry| entry.postings().iter().filter(clearing))
        .map(|posting| posting.amount)
        .collect();
    if amounts.is_empty() && !movement.net.is_zero() {
        return Ok(Some(Finding::expected(DifferenceKind::EntryMissing, movement.net)));
    }
    if let Some(other) = amounts.iter().find(|amount| amount.currency() != currency) {
        let finding = Finding::expected(DifferenceKind::OtherCurrency, movement.net);
        return Ok(Some(finding.found(*other)));
    }
    let found = Money::sum(currency, amounts)?;
    Ok((found != movement.net).then(|| Finding::expected(DifferenceKind::OtherAmount, movement.net).found(found)))
}

/// Those of the entries that name the movement, or the object behind it.
pub fn explaining<'a>(
    movement: &'a Movement,
    entries: &'a [JournalEntry],
) -> impl Iterator<Item = &'a JournalEntry> + 'a {
    entries.iter().filter(|entry| {
        let reference = entry.processor_ref();
        reference.is_some() && (reference == movement.source.as_deref() || reference == Some(movement.id.as_str()))
    })
}

/// What was found wrong, before it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    pub kind: DifferenceKind,
    /// By the processor's books.
    pub expected: Option<Money>,
    /// By the journal.
    pub found: Option<Money>,
}

impl Finding {
    pub fn of(kind: DifferenceKind) -> Self {
        Self {
            kind,
            expected: None,
            found: None,
        }
    }

    pub fn expected(kind: DifferenceKind, expected: Money) -> Self {
        Self {
            expected: Some(expected),
            ..Self::of(kind)
        }
    }

    fn found(self, found: Money) -> Self {
        Self {
            found: Some(found),
            ..self
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DifferenceKind {
    /// Money moved and the journal does not know of it.
    EntryMissing,
    /// The journal has another amount.
    OtherAmount,
    /// The journal has another currency than the processor settled in.
    OtherCurrency,
    /// Nothing of Souk's is named by what moved.
    NotOurs,
    /// A type of movement, or a currency, that Souk has no word for.
    NotUnderstood,
    /// Events older than the processor keeps them were never taken in.
    EventsGap,
    /// A message about money cannot be done, however often it is tried.
    MessageRejected,
}

impl DifferenceKind {
    /// For operators: what happened, and what closes it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::EntryMissing => {
                "The processor has moved money that the journal does not know of. What its webhook should have said has been said now; \
                 if this stays open, look at the dead-letter queues."
            }
            Self::OtherAmount => {
                "The journal and the processor disagree about the amount. Nothing is changed until a person has looked."
            }
            Self::OtherCurrency => {
                "The processor settled in another currency than the sale was posted in. Let the account settle in the currencies it sells in."
            }
            Self::NotOurs => {
                "The movement names no order, refund or payout of this marketplace. Somebody used the same account by hand."
            }
            Self::NotUnderstood => "This type of movement is not known here. Look it up in the processor's dashboard.",
            Self::EventsGap => {
                "Events were missed for longer than the processor keeps them. Closed once every movement of that time has been looked at; \
                 news that moved no money, such as changed accounts, must be looked up by hand."
            }
            Self::MessageRejected => {
                "A message about money cannot be done for the reason given. Mend the cause; every reconciliation tries it again, and closes \
                 this once it is done."
            }
        }
    }
}

/// What a difference is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Subject {
    Movement {
        processor: Processor,
        id: String,
        kind: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        source: Option<String>,
    },
    /// Events of this time are out of reach.
    Events {
        processor: Processor,
        from: Timestamp,
        until: Timestamp,
    },
    /// A message that was rejected.
    Message { id: MessageId, queue: Queue },
}

impl Subject {
    /// Whose books, or whose events. A message of our own is nobody's.
    pub fn processor(&self) -> Option<Processor> {
        match self {
            Self::Movement { processor, .. } | Self::Events { processor, .. } => Some(*processor),
            Self::Message { .. } => None,
        }
    }
}

/// Something that does not fit. There is one for each subject; it is never deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub subject: Subject,
    pub kind: DifferenceKind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub found: Option<Money>,
    /// The run that found it. Nothing: a message was rejected, which no run has found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub opened_by: Option<ReconciliationId>,
    pub opened_at: Timestamp,
    /// Set where a message was rejected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rejection: Option<Rejection>,
    /// When it was found healed, and by which run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed: Option<Closed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Nothing: a message that was rejected has been done after all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<ReconciliationId>,
    pub at: Timestamp,
}

/// A message that cannot be done, whole, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    pub message: Envelope,
    pub reason: String,
}

impl Difference {
    pub fn open(subject: Subject, finding: Finding, by: ReconciliationId, at: Timestamp) -> Self {
        Self {
            subject,
            kind: finding.kind,
            expected: finding.expected,
            found: finding.found,
            opened_by: Some(by),
            opened_at: at,
            rejection: None,
            closed: None,
        }
    }

    /// The message has been rejected.
    pub fn of_rejected(message: Envelope, reason: String, at: Timestamp) -> Self {
        Self {
            subject: Subject::Message {
                id: message.id,
                queue: message.message.queue(),
            },
            kind: DifferenceKind::MessageRejected,
            expected: None,
            found: None,
            opened_by: None,
            opened_at: at,
            rejection: Some(Rejection { message, reason }),
            closed: None,
        }
    }

    /// The same difference as it is now found: it stands since it was first found.
    #[must_use]
    pub fn found_again(&self, found: Self) -> Self {
        Self {
            opened_by: self.opened_by,
            opened_at: self.opened_at,
            ..found
        }
    }

    #[must_use]
    pub fn close(&self, by: ReconciliationId, at: Timestamp) -> Self {
        Self {
            closed: Some(Closed { by: Some(by), at }),
            ..self.clone()
        }
    }

    /// The message that was rejected has been done.
    #[must_use]
    pub fn done(&self, at: Timestamp) -> Self {
        Self {
            closed: Some(Closed { by: None, at }),
            ..self.clone()
        }
    }

    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    pub fn finding(&self) -> Finding {
        Finding {
            kind: self.kind,
            expected: self.expected,
            found: self.found,
        }
    }
}

/// Says which entries explain a movement. Written once for each movement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    pub processor: Processor,
    pub transaction: String,
    pub net: Money,
    /// None where nothing moved, such as a fee of nothing.
    pub entries: Vec<JournalId>,
    pub by: ReconciliationId,
    pub at: Timestamp,
}

/// One run and what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    pub id: ReconciliationId,
    pub started_at: Timestamp,
    /// `None` while it runs, and for ever if it broke off.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    /// Movements and events up to this moment have been looked at, if the run is complete.
    pub until: Timestamp,
    /// Whether it got through all of it; the next run goes on where this one stopped.
    pub is_complete: bool,
    #[serde(flatten)]
    pub counts: Counts,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Counts {
    /// Movements that this run was the first to match.
    pub matched: u32,
    /// Entries posted for the platform's own movements; they are among the matched.
    pub posted: u32,
    /// Events that had never arrived.
    pub events_taken_in: u32,
    /// Events that cannot be stored as they are. The processor shows them, for as long as it keeps them.
    #[serde(default)]
    pub events_refused: u32,
    /// Differences found.
    pub opened: u32,
    /// Differences that have healed.
    pub closed: u32,
    /// Differences that stand at the end of the run, whenever they were found.
    pub open: u32,
}

/// What a run walks along in time, and remembers how far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    Movements(Processor),
    Events(Processor),
}

#[cfg(test)]
mod tests;
