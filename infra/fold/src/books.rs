//! Both sides of the comparison, as far as they have been read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use anyhow::Result;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use shared::ids::{JournalId, PartnerId};
use shared::ledger::{Account, Fact, JournalEntry};
use shared::money::{Currency, Money, MoneyError};
use shared::payout::Balance;
use shared::processor::Processor;
use shared::purchase::Order;
use shared::purchase::dispute::Dispute;
use shared::store::ledger::journal_key;
use shared::store::whole::{Item, Record};

use crate::Verdict;

/// The processor may book a payment some time after it was made.
const BOOKED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// An amount that is kept twice: in a balance, and in what it is the sum of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Amount {
    Owed,
    Maturing(Date),
    Disputed,
}

type Sums = BTreeMap<(PartnerId, Currency, Amount), Money>;

#[derive(Debug)]
struct Moved {
    processor: Processor,
    entry: JournalId,
    at: Timestamp,
    key: String,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    entries: usize,
    balances: Vec<Balance>,
    folded: Sums,
    /// Fees that partners bear, by charge; and the day on which what the charge paid for matures.
    fee_shares: Vec<(String, PartnerId, Money)>,
    matures: BTreeMap<String, Date>,
    /// Entries that say that money moved at the processor, and those that a movement there has confirmed.
    moved: Vec<Moved>,
    confirmed: BTreeSet<JournalId>,
    wrong: Vec<Difference>,
}

impl Books {
    pub(crate) fn add(&mut self, item: Item) -> Result<()> {
        match item.record {
            Ok(Record::Entry(entry)) => self.entry(&entry, &item.key)?,
            Ok(Record::Balance(balance)) => self.balances.push(balance),
            Ok(Record::Match(found)) => self.confirmed.extend(found.entries),
            Ok(Record::Order(order)) => self.order(&order)?,
            Ok(Record::Dispute(dispute)) => self.dispute(&dispute)?,
            Ok(Record::Other) => {}
            Err(error) => self
                .wrong
                .push(Difference::of(format!("{}: {}", item.key, told(&error)))),
        }
        Ok(())
    }

    fn entry(&mut self, entry: &JournalEntry, key: &shared::store::Key) -> Result<(), MoneyError> {
        self.entries += 1;
        if journal_key(entry) != *key {
            self.wrong.push(Difference::of(format!(
                "{key}: an entry under another key than its fact's"
            )));
        }
        let mut moved_at = None;
        for posting in entry.postings() {
            match posting.account {
                Account::PartnerPayable(partner) => {
                    let owed = posting.amount.checked_neg()?;
                    self.fold(partner, Amount::Owed, owed)?;
                    if let Fact::FeeShare(charge) = entry.fact() {
                        self.fee_shares.push((charge.clone(), partner, owed));
                    }
                }
                Account::ProcessorClearing => moved_at = Some(Processor::Stripe),
                Account::PayPalClearing => moved_at = Some(Processor::PayPal),
                _ => {}
            }
        }
        self.moved.extend(moved_at.map(|processor| Moved {
            processor,
            entry: entry.id(),
            at: entry.occurred_at(),
            key: key.to_string(),
        }));
        Ok(())
    }

    fn order(&mut self, order: &Order) -> Result<(), MoneyError> {
        let Some(day) = order.available_on else {
            return Ok(());
        };
        for (partner, amount) in order.remaining_shares()? {
            self.fold(partner, Amount::Maturing(day), amount)?;
        }
        if let Some(charge) = &order.charge {
            self.matures.insert(charge.clone(), day);
        }
        Ok(())
    }

    fn dispute(&mut self, dispute: &Dispute) -> Result<(), MoneyError> {
        let currency = dispute.amount.currency();
        for (partner, minor) in &dispute.held {
            self.fold(*partner, Amount::Disputed, Money::new(*minor, currency))?;
        }
        Ok(())
    }

    fn fold(&mut self, partner: PartnerId, what: Amount, amount: Money) -> Result<(), MoneyError> {
        add(&mut self.folded, (partner, amount.currency(), what), amount)
    }

    /// What another reader has read.
    pub(crate) fn merge(&mut self, other: Self) -> Result<()> {
        self.entries += other.entries;
        self.balances.extend(other.balances);
        for (place, amount) in other.folded {
            add(&mut self.folded, place, amount)?;
        }
        self.fee_shares.extend(other.fee_shares);
        self.matures.extend(other.matures);
        self.moved.extend(other.moved);
        self.confirmed.extend(other.confirmed);
        self.wrong.extend(other.wrong);
        Ok(())
    }

    /// `reconciled` is up to when reconciliation has looked at every movement of a processor.
    pub(crate) fn verdict(mut self, now: Timestamp, reconciled: &HashMap<Processor, Timestamp>) -> Result<Verdict> {
        for (charge, partner, amount) in std::mem::take(&mut self.fee_shares) {
            if let Some(day) = self.matures.get(&charge) {
                self.fold(partner, Amount::Maturing(*day), amount)?;
            }
        }
        let mut cached = Sums::new();
        for balance in &self.balances {
            let place = |what| (balance.partner, balance.owed.currency(), what);
            add(&mut cached, place(Amount::Owed), balance.owed)?;
            add(&mut cached, place(Amount::Disputed), balance.disputed)?;
            for (day, amount) in &balance.held_until {
                add(&mut cached, place(Amount::Maturing(*day)), *amount)?;
            }
        }
        // Days that have come no longer hold anything, and a payout takes them off the balance.
        let today = now.to_zoned(TimeZone::UTC).date();
        let counts = |what: Amount| !matches!(what, Amount::Maturing(day) if day <= today);
        let places: BTreeSet<_> = cached.keys().chain(self.folded.keys()).copied().collect();
        let mut differences = self.wrong;
        for place in places.into_iter().filter(|(_, _, what)| counts(*what)) {
            let of = |sums: &Sums| sums.get(&place).map_or(0, Money::minor);
            let (cached, folded) = (of(&cached), of(&self.folded));
            if cached != folded {
                differences.push(Difference::between(place, cached, folded));
            }
        }
        let is_unconfirmed = |moved: &Moved| {
            let until = reconciled.get(&moved.processor);
            until.is_some_and(|until| moved.at < *until - BOOKED_WITHIN) && !self.confirmed.contains(&moved.entry)
        };
        let unconfirmed = self.moved.into_iter().filter(is_unconfirmed);
        differences.extend(
            unconfirmed
                .map(|moved| Difference::of(format!("{}: the processor's books have no such movement", moved.key))),
        );
        Ok(Verdict {
            entries: self.entries,
            balances: self.balances.len(),
            differences,
        })
    }
}

fn add(sums: &mut Sums, place: (PartnerId, Currency, Amount), amount: Money) -> Result<(), MoneyError> {
    let sum = sums.entry(place).or_insert(Money::zero(amount.currency()));
    *sum = sum.checked_add(amount)?;
    Ok(())
}

/// The error with its causes.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

/// One thing that is wrong, on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    what: String,
    /// The cached amount and the folded one, in minor units.
    amounts: Option<(i64, i64)>,
}

impl Difference {
    fn of(what: String) -> Self {
        Self { what, amounts: None }
    }

    fn between((partner, currency, what): (PartnerId, Currency, Amount), cached: i64, folded: i64) -> Self {
        let what = match what {
            Amount::Owed => "owed".to_owned(),
            Amount::Maturing(day) => format!("maturing on {day}"),
            Amount::Disputed => "held by disputes".to_owned(),
        };
        Self {
            what: format!("{partner} {currency} {what}"),
            amounts: Some((cached, folded)),
        }
    }

    /// Sales that came in between two readings change both amounts, and what is wrong with them not at all.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let gap = |difference: &Self| {
            difference
                .amounts
                .map(|(cached, folded)| i128::from(cached) - i128::from(folded))
        };
        self.what == other.what && gap(self) == gap(other)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.amounts {
            None => f.write_str(&self.what),
            Some((cached, folded)) => write!(f, "{}: {cached} cached, {folded} folded", self.what),
        }
    }
}
