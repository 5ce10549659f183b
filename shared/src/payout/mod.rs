//! Payouts: what is due to a partner, and what becomes of it on the way to the partner's account.
//!
//! ```text
//!            decided            asked                         sent
//!  (balance) ───────▶ created ─────────▶ sending ─────────────────────▶ sent
//!      ▲                 │                 │ └─▶ accepted by PayPal ─────▲
//!      │                 ▼                 ▼            ▼          paid
//!      └─ re-credited ─ cancelled ◀────────┴────────────┘   proven failures only: an unknown outcome stays `sending`
//! ```
//!
//! The payout's id exists, and its amount is off the balance, before the processor hears of it. A payout is sent at most once: the
//! id is the idempotency key of Stripe's transfer and its `transfer_group`, so whatever happened can be looked up; for PayPal it is the
//! batch's `sender_batch_id`, of which there is never a second one. Stripe has sent when it answers. PayPal accepts, and tells later
//! whether the receiver was paid: that may take the 30 days in which the receiver may claim the money.
//!
//! What could not be sent for a proven reason goes back to the balance and is due again at the next run, under a new id: the processor
//! repeats a stored refusal for as long as it remembers the key. A payout that stays open for long, because its message was lost or
//! PayPal's news of it, is announced again. What is taken back of a payout later goes back to the balance too.

mod balance;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use balance::{Available, Balance, Due, Kept, KeptBy, NotDue, Terms, available_on, due};

use crate::ids::{JournalId, PartnerId, PayoutId};
use crate::ledger::Processor;
use crate::ledger::{Account, Fact, JournalEntry, LedgerError, Posting};
use crate::money::{Money, MoneyError};
use crate::partner::Destination;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    pub id: PayoutId,
    pub partner: PartnerId,
    pub amount: Money,
    /// Where the partner was to be paid when the payout was decided. A change before sending cancels the payout; afterwards this is the
    /// record of where the money went.
    pub destination: Destination,
    pub created_at: Timestamp,
    pub state: PayoutState,
    /// How much of it, once sent, has been taken back from the partner's account.
    pub reversed: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum PayoutState {
    Created,
    /// The processor may have been asked, first at this moment.
    Sending {
        since: Timestamp,
    },
    /// PayPal has taken it on, as this batch, and has not paid it yet.
    Accepted {
        batch: String,
        at: Timestamp,
    },
    Sent {
        /// The processor's id: Stripe's transfer, PayPal's payout item.
        transfer: String,
        at: Timestamp,
    },
    Cancelled {
        reason: CancelReason,
        at: Timestamp,
    },
}

/// Why a payout went back to the balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CancelReason {
    /// A hold on the partner, or an account that may not receive transfers.
    PartnerHeld,
    /// The partner is to be paid elsewhere than when the payout was decided.
    DestinationChanged,
    /// The platform's balance at the processor does not cover the payout.
    PlatformBalanceShort,
    /// The processor refused it for another reason.
    ProcessorRefused,
    /// PayPal could not pay the receiver, or the receiver did not claim the money in time.
    NotReceived,
    /// The marketplace has no account at PayPal to pay from.
    #[serde(rename = "paypal_not_offered")]
    #[strum(serialize = "paypal_not_offered")]
    PayPalNotOffered,
}

impl Payout {
    /// Decided, and nothing else yet.
    pub fn new(id: PayoutId, partner: PartnerId, amount: Money, destination: Destination, now: Timestamp) -> Self {
        Self {
            id,
            partner,
            amount,
            destination,
            created_at: now,
            state: PayoutState::Created,
            reversed: Money::zero(amount.currency()),
        }
    }

    /// Neither sent nor given back yet.
    pub fn is_open(&self) -> bool {
        matches!(
            self.state,
            PayoutState::Created | PayoutState::Sending { .. } | PayoutState::Accepted { .. }
        )
    }

    /// Open for so long that its message must have been lost, or died of something that has been mended; or that it is worth asking
    /// PayPal what became of it.
    pub fn is_stuck(&self, now: Timestamp) -> bool {
        let since = match self.state {
            PayoutState::Created => self.created_at,
            PayoutState::Sending { since } => since,
            PayoutState::Accepted { at, .. } => at,
            PayoutState::Sent { .. } | PayoutState::Cancelled { .. } => return false,
        };
        now.duration_since(since) >= STUCK_AFTER
    }
}

/// Longer than a message is tried before it is set aside: five deliveries with pauses of up to a minute, or one visibility time-out each.
const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Stripe forgets an idempotency key after 24 hours at the earliest; an hour is left for clocks that disagree.
const STRIPE_REMEMBERS: SignedDuration = SignedDuration::from_hours(23);
/// PayPal knows a `sender_batch_id` for 30 days; a day is left for clocks and slow answers.
const PAYPAL_REMEMBERS: SignedDuration = SignedDuration::from_hours(29 * 24);

/// What to do next about a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask the processor to pay; the same key makes a second request harmless.
    Send,
    /// The key may have been forgotten: look for the transfer first, send only if there is none.
    LookUpThenSend,
    /// Ask PayPal what became of this batch.
    LookUp(String),
    /// The key may have been forgotten and nothing finds the batch, if there is one: a person must look into PayPal's own books.
    AskAPerson,
    Cancel(CancelReason),
    /// It has ended, one way or the other.
    Nothing,
}

/// Decides the next step from what is known now. `destination` is where the partner may be paid at this moment, if anywhere.
///
/// Once the processor may have been asked, nothing but its own answer cancels a payout.
pub fn next_step(payout: &Payout, destination: Option<&Destination>, now: Timestamp) -> Step {
    match &payout.state {
        PayoutState::Sent { .. } | PayoutState::Cancelled { .. } => Step::Nothing,
        PayoutState::Created => match destination {
            None => Step::Cancel(CancelReason::PartnerHeld),
            Some(destination) if *destination != payout.destination => Step::Cancel(CancelReason::DestinationChanged),
            Some(_) => Step::Send,
        },
        PayoutState::Sending { since } => {
            let asked_for = now.duration_since(*since);
            match payout.destination.processor() {
                Processor::Stripe if asked_for >= STRIPE_REMEMBERS => Step::LookUpThenSend,
                Processor::PayPal if asked_for >= PAYPAL_REMEMBERS => Step::AskAPerson,
                Processor::Stripe | Processor::PayPal => Step::Send,
            }
        }
        PayoutState::Accepted { batch, .. } => Step::LookUp(batch.clone()),
    }
}

/// The entry that takes a payout off the partner's balance.
pub fn payout_entry(id: JournalId, payout: &Payout) -> Result<JournalEntry, LedgerError> {
    let postings = moved(
        payout.amount,
        Account::PartnerPayable(payout.partner),
        Account::PayoutsInTransit(payout.partner),
    )?;
    JournalEntry::new(
        id,
        Fact::Payout(payout.id),
        Some(payout.partner),
        payout.created_at,
        postings,
    )
}

/// Money that has left for the partner, as the processor's books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The processor's id of the movement.
    pub reference: String,
    /// What the processor took for it, from the platform.
    pub fee: Money,
    pub at: Timestamp,
}

/// The entry that says that the money has left.
pub fn transfer_entry(id: JournalId, payout: &Payout, transfer: &Transfer) -> Result<JournalEntry, LedgerError> {
    let debit = |account, amount| Posting { account, amount };
    let postings = vec![
        debit(Account::PayoutsInTransit(payout.partner), payout.amount),
        debit(Account::ProcessorFees, transfer.fee),
        debit(
            Account::clearing(payout.destination.processor()),
            payout.amount.checked_add(transfer.fee)?.checked_neg()?,
        ),
    ];
    let fact = Fact::Transfer(payout.id);
    let entry = JournalEntry::new(id, fact, Some(payout.partner), transfer.at, postings)?;
    Ok(entry.with_processor_ref(&transfer.reference))
}

/// The entry that gives a payout back to the balance.
pub fn cancel_entry(id: JournalId, payout: &Payout, at: Timestamp) -> Result<JournalEntry, LedgerError> {
    let postings = moved(
        payout.amount,
        Account::PayoutsInTransit(payout.partner),
        Account::PartnerPayable(payout.partner),
    )?;
    JournalEntry::new(id, Fact::PayoutCancelled(payout.id), Some(payout.partner), at, postings)
}

/// Money of a payout that the processor has taken back from the partner's account, whoever asked it to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// The processor's id of it: of Stripe's reversal, of PayPal's item, which comes back once and whole.
    pub id: String,
    /// The processor's id of the movement.
    pub reference: String,
    pub amount: Money,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReversalError {
    #[error("{0} in all were taken back of a payout of {1}")]
    MoreThanSent(Money, Money),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// The payout after a reversal, and the entry that owes the amount to the partner again.
pub fn reverse(id: JournalId, payout: &Payout, reversal: &Reversal) -> Result<(Payout, JournalEntry), ReversalError> {
    let reversed = payout.reversed.checked_add(reversal.amount)?;
    if !reversal.amount.is_positive() || reversed.checked_sub(payout.amount)?.is_positive() {
        return Err(ReversalError::MoreThanSent(reversed, payout.amount));
    }
    let postings = moved(
        reversal.amount,
        Account::clearing(payout.destination.processor()),
        Account::PartnerPayable(payout.partner),
    )?;
    let fact = Fact::TransferReversed(reversal.id.clone());
    let entry = JournalEntry::new(id, fact, Some(payout.partner), reversal.at, postings)?;
    let payout = Payout {
        reversed,
        ..payout.clone()
    };
    Ok((payout, entry.with_processor_ref(&reversal.reference)))
}

fn moved(amount: Money, debit: Account, credit: Account) -> Result<Vec<Posting>, MoneyError> {
    let credited = Posting {
        account: credit,
        amount: amount.checked_neg()?,
    };
    let debited = Posting { account: debit, amount };
    Ok(vec![debited, credited])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::seed::Seed;

    fn noon() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().expect("a time")
    }

    fn eur(amount: i64) -> Money {
        Money::new(amount, Currency::EUR)
    }

    fn seed() -> Seed {
        "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
    }

    fn account(id: &str) -> Destination {
        Destination::Stripe { account: id.to_owned() }
    }

    fn receiver() -> Destination {
        Destination::PayPal {
            receiver: seed().id("paula"),
        }
    }

    fn payout(state: PayoutState) -> Payout {
        let (id, partner) = (seed().id("pay"), seed().id("p"));
        Payout {
            state,
            ..Payout::new(id, partner, eur(3000), account("acct_1"), noon())
        }
    }

    fn to_paypal(state: PayoutState) -> Payout {
        Payout {
            destination: receiver(),
            ..payout(state)
        }
    }

    fn transfer(fee: i64) -> Transfer {
        Transfer {
            reference: "tr_1".into(),
            fee: eur(fee),
            at: noon(),
        }
    }

    fn sent() -> Payout {
        payout(PayoutState::Sent {
            transfer: "tr_1".into(),
            at: noon(),
        })
    }

    #[test]
    fn an_unknown_outcome_is_asked_again_and_looked_up_after_a_day() {
        let now = noon();
        let created = payout(PayoutState::Created);
        assert_eq!(next_step(&created, Some(&account("acct_1")), now), Step::Send);
        for elsewhere in [account("acct_2"), receiver()] {
            assert_eq!(
                next_step(&created, Some(&elsewhere), now),
                Step::Cancel(CancelReason::DestinationChanged)
            );
        }
        assert_eq!(next_step(&created, None, now), Step::Cancel(CancelReason::PartnerHeld));
        let sending = payout(PayoutState::Sending { since: now });
        assert_eq!(
            next_step(&sending, None, now),
            Step::Send,
            "once asked, only the processor's answer cancels"
        );
        assert_eq!(
            next_step(&sending, None, now + SignedDuration::from_hours(23)),
            Step::LookUpThenSend
        );
        assert_eq!(next_step(&sent(), Some(&account("acct_1")), now), Step::Nothing);
    }

    #[test]
    fn paypal_is_asked_under_one_id_for_as_long_as_it_knows_it() {
        let days = |days: i64| noon() + SignedDuration::from_hours(24 * days);
        let sending = to_paypal(PayoutState::Sending { since: noon() });
        assert_eq!(next_step(&sending, None, days(28)), Step::Send);
        assert_eq!(next_step(&sending, None, days(29)), Step::AskAPerson);
        let accepted = to_paypal(PayoutState::Accepted {
            batch: "FYX".into(),
            at: noon(),
        });
        assert_eq!(next_step(&accepted, None, days(40)), Step::LookUp("FYX".into()));
    }

    #[test]
    fn only_what_is_open_for_long_is_stuck() {
        let later = noon() + SignedDuration::from_mins(15);
        let sending = payout(PayoutState::Sending { since: noon() });
        let accepted = to_paypal(PayoutState::Accepted {
            batch: "FYX".into(),
            at: noon(),
        });
        for open in [payout(PayoutState::Created), sending, accepted] {
            assert!(open.is_open() && open.is_stuck(later) && !open.is_stuck(noon()));
        }
        assert!(!sent().is_open() && !sent().is_stuck(later));
    }

    #[test]
    fn the_three_entries_of_a_payout_leave_nothing_in_transit() {
        let payout = payout(PayoutState::Created);
        let taken = payout_entry(seed().id("a"), &payout).expect("balanced");
        let in_transit = |entry: &JournalEntry| -> i64 {
            let transit = |p: &&Posting| p.account == Account::PayoutsInTransit(payout.partner);
            entry.postings().iter().filter(transit).map(|p| p.amount.minor()).sum()
        };
        for ending in [
            transfer_entry(seed().id("b"), &payout, &transfer(0)),
            cancel_entry(seed().id("c"), &payout, noon()),
        ] {
            assert_eq!(in_transit(&taken) + in_transit(&ending.expect("balanced")), 0);
        }
    }

    #[test]
    fn what_paypal_pays_leaves_paypals_books_with_its_fee() {
        let payout = to_paypal(PayoutState::Created);
        let postings = |entry: &JournalEntry| -> Vec<_> {
            let of = |posting: &Posting| (posting.account, posting.amount.minor());
            entry.postings().iter().map(of).collect()
        };
        let entry = transfer_entry(seed().id("a"), &payout, &transfer(25)).expect("balanced");
        assert_eq!(
            postings(&entry),
            [
                (Account::PayoutsInTransit(payout.partner), 3000),
                (Account::ProcessorFees, 25),
                (Account::PayPalClearing, -3025)
            ]
        );
        let returned = Reversal {
            id: "8AE".into(),
            reference: "6K5".into(),
            amount: eur(3000),
            at: noon(),
        };
        let (_, entry) = reverse(seed().id("b"), &payout, &returned).expect("all of it");
        assert_eq!(
            postings(&entry),
            [
                (Account::PayPalClearing, 3000),
                (Account::PartnerPayable(payout.partner), -3000)
            ]
        );
        assert_eq!(
            (entry.fact(), entry.processor_ref()),
            (&Fact::TransferReversed("8AE".into()), Some("6K5"))
        );
    }

    #[test]
    fn reversals_give_back_what_they_took_and_no_more_than_was_sent() {
        let reversal = |amount| Reversal {
            id: "trr_1".into(),
            reference: "trr_1".into(),
            amount,
            at: noon(),
        };
        let (first, entry) = reverse(seed().id("a"), &sent(), &reversal(eur(1000))).expect("a part");
        assert_eq!(entry.owed_to(first.partner).map(|m| m.minor()).sum::<i64>(), 1000);
        assert_eq!((first.reversed, entry.processor_ref()), (eur(1000), Some("trr_1")));
        let (whole, _) = reverse(seed().id("b"), &first, &reversal(eur(2000))).expect("the rest");
        assert_eq!(whole.reversed, whole.amount);
        for wrong in [
            reversal(eur(1)),
            reversal(eur(0)),
            reversal(eur(-5)),
            reversal(Money::new(1, Currency::USD)),
        ] {
            assert!(reverse(seed().id("c"), &whole, &wrong).is_err(), "{wrong:?}");
        }
    }
}
