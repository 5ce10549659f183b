//! Payouts: what is due to a partner, and what becomes of it on the way to the partner's account.
//!
//! ```text
//!            decided                    sent
//!  (balance) ───────▶ created ──▶ sending ──▶ sent
//!      ▲                 │           │
//!      └── re-credited ── cancelled ◀┘   proven failures only: an unknown outcome stays `sending`
//! ```
//!
//! The payout's id exists, and its amount is off the balance, before the processor hears of it. A payout is sent at most once: the
//! id is the idempotency key of the transfer and its `transfer_group`, so whatever happened can be looked up. What could not be sent
//! for a proven reason goes back to the balance and is due again at the next run, under a new id.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::ids::{JournalId, PartnerId, PayoutId};
use crate::ledger::{Account, Fact, JournalEntry, LedgerError, Posting};
use crate::money::{Currency, Money, MoneyError};

/// What is owed to a partner in one currency, and how much of it is still held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    pub partner: PartnerId,
    pub owed: Money,
    /// Amounts by the first day (UTC) on which they may be paid out. Days that have come may still be listed; they no longer hold anything.
    pub held_until: BTreeMap<Date, Money>,
}

impl Balance {
    pub fn empty(partner: PartnerId, currency: Currency) -> Self {
        Self {
            partner,
            owed: Money::zero(currency),
            held_until: BTreeMap::new(),
        }
    }

    /// What may be paid out at `now`: everything owed but what is held to a later day.
    pub fn payable(&self, now: Timestamp) -> Result<Money, MoneyError> {
        let today = day(now);
        let held = self
            .held_until
            .iter()
            .filter(|(until, _)| **until > today)
            .map(|(_, amount)| *amount);
        self.owed.checked_sub(Money::sum(self.owed.currency(), held)?)
    }

    /// The days that have come: a payout takes them off the books.
    pub fn matured(&self, now: Timestamp) -> impl Iterator<Item = Date> {
        let today = day(now);
        self.held_until.keys().copied().filter(move |until| *until <= today)
    }
}

/// The day from which money earned at `occurred_at` may be paid out. Counted from the processor's clock, not from ours.
pub fn available_on(occurred_at: Timestamp, hold_days: u32) -> Date {
    let day = day(occurred_at);
    day.checked_add(i64::from(hold_days).days()).unwrap_or(Date::MAX)
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    pub id: PayoutId,
    pub partner: PartnerId,
    pub amount: Money,
    /// The partner's account at the processor when the payout was decided. A changed account cancels the payout.
    pub destination: String,
    pub created_at: Timestamp,
    pub state: PayoutState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum PayoutState {
    Created,
    /// The processor may have been asked, first at this moment.
    Sending {
        since: Timestamp,
    },
    Sent {
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
    /// The partner's account is another one than when the payout was decided.
    DestinationChanged,
    /// The platform's balance at the processor does not cover the payout.
    PlatformBalanceShort,
    /// The processor refused the transfer for another reason.
    ProcessorRefused,
}

/// The processor forgets an idempotency key after 24 hours at the earliest; an hour is left for clocks that disagree.
const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(23);

/// What to do next about a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask for the transfer; the same key makes a second request harmless.
    Send,
    /// The key may have been forgotten: look for the transfer first, send only if there is none.
    LookUpThenSend,
    Cancel(CancelReason),
    /// It has ended, one way or the other.
    Nothing,
}

/// Decides the next step from what is known now. `destination` is where the partner may be paid at this moment, if anywhere.
///
/// Once the processor may have been asked, nothing but its own answer cancels a payout.
pub fn next_step(payout: &Payout, destination: Option<&str>, now: Timestamp) -> Step {
    match &payout.state {
        PayoutState::Sent { .. } | PayoutState::Cancelled { .. } => Step::Nothing,
        PayoutState::Created => match destination {
            None => Step::Cancel(CancelReason::PartnerHeld),
            Some(account) if account != payout.destination => Step::Cancel(CancelReason::DestinationChanged),
            Some(_) => Step::Send,
        },
        PayoutState::Sending { since } if now.duration_since(*since) < KEY_LIFETIME => Step::Send,
        PayoutState::Sending { .. } => Step::LookUpThenSend,
    }
}

/// Whether a balance is paid out now, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    Pay(Money),
    NotYet(NotDue),
}

/// Why nothing is paid out; partners read these codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum NotDue {
    NothingPayable,
    BelowMinimum,
    PartnerHeld,
}

/// The pure decision of a payout run for one balance.
pub fn due(balance: &Balance, minimum_minor: i64, may_be_paid: bool, now: Timestamp) -> Result<Due, MoneyError> {
    let payable = balance.payable(now)?;
    Ok(if !payable.is_positive() {
        Due::NotYet(NotDue::NothingPayable)
    } else if payable.minor() < minimum_minor {
        Due::NotYet(NotDue::BelowMinimum)
    } else if !may_be_paid {
        Due::NotYet(NotDue::PartnerHeld)
    } else {
        Due::Pay(payable)
    })
}

/// The entry that takes a payout off the partner's balance.
pub fn payout_entry(id: JournalId, payout: &Payout) -> Result<JournalEntry, LedgerError> {
    let postings = moved(
        payout,
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

/// The entry that says that the money has left.
pub fn transfer_entry(
    id: JournalId,
    payout: &Payout,
    transfer: &str,
    at: Timestamp,
) -> Result<JournalEntry, LedgerError> {
    let postings = moved(
        payout,
        Account::PayoutsInTransit(payout.partner),
        Account::ProcessorClearing,
    )?;
    Ok(
        JournalEntry::new(id, Fact::Transfer(payout.id), Some(payout.partner), at, postings)?
            .with_processor_ref(transfer),
    )
}

/// The entry that gives a payout back to the balance.
pub fn cancel_entry(id: JournalId, payout: &Payout, at: Timestamp) -> Result<JournalEntry, LedgerError> {
    let postings = moved(
        payout,
        Account::PayoutsInTransit(payout.partner),
        Account::PartnerPayable(payout.partner),
    )?;
    JournalEntry::new(id, Fact::PayoutCancelled(payout.id), Some(payout.partner), at, postings)
}

fn moved(payout: &Payout, debit: Account, credit: Account) -> Result<Vec<Posting>, MoneyError> {
    let credited = Posting {
        account: credit,
        amount: payout.amount.checked_neg()?,
    };
    Ok(vec![
        Posting {
            account: debit,
            amount: payout.amount,
        },
        credited,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn eur(amount: i64) -> Money {
        Money::new(amount, Currency::EUR)
    }

    fn seed() -> Seed {
        "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
    }

    fn balance(owed: i64, held: &[(&str, i64)]) -> Balance {
        let held_until = held
            .iter()
            .map(|(day, amount)| (day.parse().expect("a date"), eur(*amount)))
            .collect();
        Balance {
            partner: seed().id("p"),
            owed: eur(owed),
            held_until,
        }
    }

    #[track_caller]
    fn check_due(balance: &Balance, may_be_paid: bool, expected: &Due) {
        let decision = due(balance, 1000, may_be_paid, at("2026-11-22T23:59:59Z")).expect("small amounts");
        assert_eq!(decision, *expected);
    }

    #[test]
    fn only_what_is_no_longer_held_is_due() {
        check_due(
            &balance(5000, &[("2026-11-23", 2000), ("2026-11-22", 1000)]),
            true,
            &Due::Pay(eur(3000)),
        );
        check_due(
            &balance(5000, &[("2026-11-23", 4001)]),
            true,
            &Due::NotYet(NotDue::BelowMinimum),
        );
        check_due(&balance(1000, &[]), true, &Due::Pay(eur(1000)));
        check_due(&balance(1000, &[]), false, &Due::NotYet(NotDue::PartnerHeld));
        check_due(&balance(0, &[]), true, &Due::NotYet(NotDue::NothingPayable));
        check_due(&balance(-500, &[]), true, &Due::NotYet(NotDue::NothingPayable));
        check_due(
            &balance(1500, &[("2026-11-23", 2000)]),
            true,
            &Due::NotYet(NotDue::NothingPayable),
        );
    }

    #[test]
    fn the_hold_is_counted_in_whole_days_of_the_processors_clock() {
        assert_eq!(available_on(at("2026-11-22T23:59:59Z"), 0).to_string(), "2026-11-22");
        assert_eq!(available_on(at("2026-11-22T23:59:59Z"), 7).to_string(), "2026-11-29");
        assert_eq!(available_on(at("2026-12-28T00:00:00Z"), 7).to_string(), "2027-01-04");
    }

    #[test]
    fn an_unknown_outcome_is_asked_again_and_looked_up_after_a_day() {
        let now = at("2026-11-22T12:00:00Z");
        let payout = |state| Payout {
            id: seed().id("pay"),
            partner: seed().id("p"),
            amount: eur(3000),
            destination: "acct_1".into(),
            created_at: now,
            state,
        };
        let created = payout(PayoutState::Created);
        assert_eq!(next_step(&created, Some("acct_1"), now), Step::Send);
        assert_eq!(
            next_step(&created, Some("acct_2"), now),
            Step::Cancel(CancelReason::DestinationChanged)
        );
        assert_eq!(next_step(&created, None, now), Step::Cancel(CancelReason::PartnerHeld));
        let sending = payout(PayoutState::Sending { since: now });
        assert_eq!(
            next_step(&sending, None, now),
            Step::Send,
            "once asked, only the processor's answer cancels"
        );
        assert_eq!(
            next_step(&sending, Some("acct_1"), now + SignedDuration::from_hours(23)),
            Step::LookUpThenSend
        );
        let sent = payout(PayoutState::Sent {
            transfer: "tr_1".into(),
            at: now,
        });
        assert_eq!(next_step(&sent, Some("acct_1"), now), Step::Nothing);
    }

    #[test]
    fn the_three_entries_of_a_payout_leave_nothing_in_transit() {
        let now = at("2026-11-22T12:00:00Z");
        let payout = Payout {
            id: seed().id("pay"),
            partner: seed().id("p"),
            amount: eur(3000),
            destination: "acct_1".into(),
            created_at: now,
            state: PayoutState::Created,
        };
        let taken = payout_entry(seed().id("a"), &payout).expect("balanced");
        let in_transit = |entry: &JournalEntry| -> i64 {
            let transit = |p: &&Posting| p.account == Account::PayoutsInTransit(payout.partner);
            entry.postings().iter().filter(transit).map(|p| p.amount.minor()).sum()
        };
        for ending in [
            transfer_entry(seed().id("b"), &payout, "tr_1", now),
            cancel_entry(seed().id("c"), &payout, now),
        ] {
            assert_eq!(in_transit(&taken) + in_transit(&ending.expect("balanced")), 0);
        }
    }
}
