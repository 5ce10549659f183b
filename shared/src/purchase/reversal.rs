//! What goes back: from an amount that the customer gets to what each leg of each line gives up.
//!
//! A refund and a lost dispute do the same: they take the amount from what is *left* of each line, so nothing is reversed twice,
//! whatever came before. What is more than a line has left (a refund and a dispute over the same money) is the platform's loss.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Order, OrderLine};
use crate::ids::{LicenceId, PartnerId};
use crate::ledger::{Account, BalanceChange, Fact, JournalEntry, LedgerError, Posting};
use crate::money::{Money, MoneyError};
use crate::revenue::Legs;
use crate::seed::Seed;

/// An amount of one line, by the line's place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAmount {
    pub line: usize,
    pub minor: i64,
}

/// What one line gives back: the customer gets `minor`, the legs bear their part of it and the platform's losses the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    pub line: usize,
    pub minor: i64,
    pub legs: Legs,
}

/// What a reversal is called in the journal, and where the money goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub fact: Fact,
    /// The account on the other side of what partners and platform give back.
    pub account: Account,
    pub processor_ref: Option<String>,
    pub at: Timestamp,
    /// The name of the entry's id within its work; with the partner's id it is unique there.
    pub label: &'static str,
}

/// Which way the money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the customer.
    Back,
    /// It did not arrive, or was returned: everything as before.
    Forth,
}

impl OrderLine {
    /// What has been given back of the price so far, by refunds and lost disputes.
    pub fn refunded(&self) -> Money {
        // The legs were parts of the price, so their sum is none that could overflow.
        Money::new(self.returned.total().unwrap_or(i64::MAX), self.price.currency())
    }

    /// What is left of each leg.
    pub fn remaining(&self) -> Result<Legs, MoneyError> {
        self.legs().checked_sub(&self.returned)
    }

    /// What refunds may still promise.
    pub fn refundable_minor(&self) -> i64 {
        if self.division.is_some() {
            self.price.minor() - self.claimed_minor
        } else {
            0
        }
    }
}

/// What each line gives back, of what it has left.
pub(super) fn take(order: &Order, amounts: &[LineAmount]) -> Result<Vec<Returned>, MoneyError> {
    let mut returned = Vec::with_capacity(amounts.len());
    for amount in amounts.iter().filter(|amount| amount.minor > 0) {
        let line = order.lines.get(amount.line).ok_or(MoneyError::NoWeight)?;
        let left = line.remaining()?;
        let legs = left.apportion(amount.minor.min(left.total()?))?;
        returned.push(Returned {
            line: amount.line,
            minor: amount.minor,
            legs,
        });
    }
    Ok(returned)
}

/// Spreads an amount over the lines in proportion to what each has left. What is more than all of them have left goes to the first
/// line that was paid for, whose legs will not cover it.
pub(super) fn spread(order: &Order, minor: i64) -> Result<Vec<LineAmount>, MoneyError> {
    let left = order
        .lines
        .iter()
        .map(|line| line.remaining()?.total())
        .collect::<Result<Vec<_>, _>>()?;
    let total = left
        .iter()
        .try_fold(0_i64, |sum, part| sum.checked_add(*part))
        .ok_or(MoneyError::Overflow)?;
    let covered = minor.min(total);
    let mut amounts: Vec<_> = if covered > 0 {
        let weights: Vec<_> = left.iter().map(|part| u64::try_from(*part).unwrap_or(0)).collect();
        let parts = Money::new(covered, order.total.currency()).split(&weights)?;
        parts
            .iter()
            .enumerate()
            .map(|(line, part)| LineAmount {
                line,
                minor: part.minor(),
            })
            .collect()
    } else {
        (0..order.lines.len())
            .map(|line| LineAmount { line, minor: 0 })
            .collect()
    };
    let paid_for = order.lines.iter().position(|line| !line.price.is_zero());
    if let Some(amount) = paid_for.and_then(|line| amounts.get_mut(line)) {
        amount.minor += minor - covered;
    }
    amounts.retain(|amount| amount.minor > 0);
    Ok(amounts)
}

/// What the legs get back of what a refund took that has failed. What went back by other ways beyond all that the legs had was this
/// money: the platform's loss is made good first, as if the refund had failed before.
pub(super) fn undone(order: &Order, taken: &[Returned]) -> Result<Vec<Returned>, MoneyError> {
    let mut others = order.excess_minor;
    for part in taken {
        others -= part.minor - part.legs.total()?;
    }
    let mut undone = Vec::with_capacity(taken.len());
    for part in taken {
        let covered = part.legs.total()?;
        let kept = others.clamp(0, covered);
        others -= kept;
        let legs = part.legs.apportion(covered - kept)?;
        undone.push(Returned { legs, ..*part });
    }
    Ok(undone)
}

/// The order with what was given back, or got back again.
pub(super) fn apply(order: &Order, returned: &[Returned], direction: Direction) -> Result<Order, MoneyError> {
    let mut order = order.clone();
    for part in returned {
        let excess = part.minor - part.legs.total()?;
        order.excess_minor += match direction {
            Direction::Back => excess,
            Direction::Forth => -excess,
        };
        let line = order.lines.get_mut(part.line).ok_or(MoneyError::NoWeight)?;
        line.returned = match direction {
            Direction::Back => line.returned.checked_add(&part.legs)?,
            Direction::Forth => line.returned.checked_sub(&part.legs)?,
        };
    }
    Ok(order)
}

/// The licences of those lines of which nothing is left: what was bought has been given back.
pub(super) fn spent(order: &Order, returned: &[Returned]) -> Result<Vec<LicenceId>, MoneyError> {
    let mut licences = Vec::new();
    // What a subscription pays for ends with the subscription.
    if order.renewal.is_some() {
        return Ok(licences);
    }
    for part in returned {
        let line = order.lines.get(part.line).ok_or(MoneyError::NoWeight)?;
        if line.remaining()?.total()? == 0 {
            licences.push(line.licence);
        }
    }
    Ok(licences)
}

impl Order {
    /// What has been given back of the total so far, by refunds and lost disputes.
    pub fn refunded(&self) -> Money {
        let minor = self.lines.iter().map(|line| line.refunded().minor());
        Money::new(minor.fold(0, i64::saturating_add), self.total.currency())
    }

    /// What is left of each partner's shares, sellers' and referrers' alike.
    pub fn remaining_shares(&self) -> Result<BTreeMap<PartnerId, Money>, MoneyError> {
        let whole = |(line, of): (usize, &OrderLine)| {
            let legs = of.remaining()?;
            let minor = legs.total()?;
            Ok(Returned { line, minor, legs })
        };
        let left: Vec<_> = self
            .lines
            .iter()
            .enumerate()
            .map(whole)
            .collect::<Result<_, MoneyError>>()?;
        let shares = burden(self, &left)?.into_iter();
        Ok(shares
            .map(|(partner, minor)| (partner, Money::new(minor, self.total.currency())))
            .collect())
    }
}

/// How much each partner bears, sellers and those who brought the customer alike.
pub(super) fn burden(order: &Order, returned: &[Returned]) -> Result<BTreeMap<PartnerId, i64>, MoneyError> {
    let mut burden: BTreeMap<PartnerId, i64> = BTreeMap::new();
    let mut bear = |partner: PartnerId, minor: i64| {
        let sum = burden.entry(partner).or_default();
        *sum = sum.checked_add(minor).ok_or(MoneyError::Overflow)?;
        Ok::<_, MoneyError>(())
    };
    for part in returned {
        let line = order.lines.get(part.line).ok_or(MoneyError::NoWeight)?;
        bear(line.partner, part.legs.partner)?;
        for (referrer, minor) in referred(order, &part.legs) {
            bear(referrer, minor)?;
        }
    }
    burden.retain(|_, minor| *minor != 0);
    Ok(burden)
}

/// What those who brought the customer bear.
fn referred(order: &Order, legs: &Legs) -> impl Iterator<Item = (PartnerId, i64)> {
    let shares = [
        (order.referrers.affiliate, legs.affiliate),
        (order.referrers.reseller, legs.reseller),
    ];
    let borne = shares.into_iter().filter(|(_, minor)| *minor != 0);
    borne.filter_map(|(referrer, minor)| Some((referrer?, minor)))
}

/// One balanced entry for each partner that is concerned, in that partner's journal.
pub(super) fn entries(
    order: &Order,
    returned: &[Returned],
    cause: &Cause,
    direction: Direction,
    seed: Seed,
) -> Result<Vec<JournalEntry>, LedgerError> {
    let currency = order.total.currency();
    let mut postings: BTreeMap<PartnerId, Vec<Posting>> = BTreeMap::new();
    let mut post = |journal: PartnerId, account: Account, minor: i64| {
        let minor = match direction {
            Direction::Back => minor,
            Direction::Forth => -minor,
        };
        postings.entry(journal).or_default().push(Posting {
            account,
            amount: Money::new(minor, currency),
        });
    };
    for part in returned {
        let line = order.lines.get(part.line).ok_or(MoneyError::NoWeight)?;
        let covered = part.legs.total()?;
        post(line.partner, Account::PartnerPayable(line.partner), part.legs.partner);
        // The sale credited the platform with everything but the partner's leg.
        post(line.partner, Account::PlatformRevenue, covered - part.legs.partner);
        post(line.partner, Account::PlatformLosses, part.minor - covered);
        post(line.partner, cause.account, -part.minor);
        for (referrer, minor) in referred(order, &part.legs) {
            post(referrer, Account::PartnerPayable(referrer), minor);
            post(referrer, Account::PlatformRevenue, -minor);
        }
    }
    let entry = |(partner, postings): (PartnerId, Vec<Posting>)| {
        let id = seed.id(&format!("{} {partner}", cause.label));
        let entry = JournalEntry::new(id, cause.fact.clone(), Some(partner), cause.at, merged(postings)?)?;
        let entry = entry.of_order(order.id);
        Ok(match &cause.processor_ref {
            Some(reference) => entry.with_processor_ref(reference),
            None => entry,
        })
    };
    postings.into_iter().map(entry).collect()
}

/// One posting for each account.
fn merged(postings: Vec<Posting>) -> Result<Vec<Posting>, MoneyError> {
    let mut sums: BTreeMap<Account, Money> = BTreeMap::new();
    for Posting { account, amount } in postings {
        let sum = sums.get(&account).copied().unwrap_or(Money::zero(amount.currency()));
        sums.insert(account, sum.checked_add(amount)?);
    }
    Ok(sums
        .into_iter()
        .map(|(account, amount)| Posting { account, amount })
        .collect())
}

/// What the balances lose, or gain again. Money that had not matured is taken from the day on which it would have.
pub(super) fn balance_changes(
    order: &Order,
    returned: &[Returned],
    direction: Direction,
    today: Date,
) -> Result<Vec<BalanceChange>, MoneyError> {
    let currency = order.total.currency();
    let maturing = order.available_on.filter(|day| *day > today);
    let change = |(partner, minor): (PartnerId, i64)| {
        let owed = match direction {
            Direction::Back => Money::new(minor, currency).checked_neg()?,
            Direction::Forth => Money::new(minor, currency),
        };
        Ok(BalanceChange {
            partner,
            owed,
            maturing,
            disputed_minor: 0,
        })
    };
    burden(order, returned)?.into_iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::super::dispute::{self, DisputeReport, DisputeStatus, Movement};
    use super::super::refund::{
        self, RefundOrigin, RefundPolicy, RefundReason, RefundReport, RefundRequest, ReportedStatus,
    };
    use super::super::{Offer, Payment, place, settle};
    use super::*;
    use crate::money::{BasisPoints, Currency};
    use crate::revenue::{Figures, FiguresDraft, Referrers, RuleRef, Terms, Turnovers};
    use proptest::prelude::*;

    fn seed() -> Seed {
        "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
    }

    fn now() -> Timestamp {
        "2026-11-22T09:00:00Z".parse().expect("a time")
    }

    /// Of each price a referrer gets a part as well.
    fn paid(prices: &[i64]) -> Order {
        let bps = |rate| BasisPoints::try_from(rate).expect("a rate");
        let draft = FiguresDraft {
            affiliate_bps: bps(300),
            ..Figures::flat(bps(1500)).into()
        };
        let terms = Terms {
            rule: RuleRef::Version(seed().id("rule"), 1),
            figures: draft.try_into().expect("figures that make sense"),
        };
        let referrers = Referrers {
            affiliate: Some(seed().id("referrer")),
            reseller: None,
        };
        let offer = |(index, price): (usize, &i64)| Offer {
            listing: seed().id(&format!("listing {index}")),
            partner: seed().id(&format!("partner {}", index % 2)),
            title: format!("Listing {index}"),
            price: Money::new(*price, Currency::EUR),
            terms: terms.clone(),
            policy: None,
        };
        let offers: Vec<_> = prices.iter().enumerate().map(offer).collect();
        let order = place(seed().id("customer"), &offers, referrers, seed(), now()).expect("an order");
        let payment = Payment {
            amount: order.total,
            charge: Some("ch_1".into()),
            at: now(),
        };
        settle(&order, &payment, &Turnovers::new(), 7, seed(), || [9; 16])
            .expect("paid in full")
            .order
    }

    /// The books of one order: what every account and every balance has come to.
    #[derive(Debug, Default)]
    struct Books {
        accounts: BTreeMap<Account, i64>,
        balances: BTreeMap<PartnerId, i64>,
        disputed: BTreeMap<PartnerId, i64>,
    }

    impl Books {
        fn post(&mut self, entries: &[JournalEntry], changes: &[BalanceChange]) {
            for posting in entries.iter().flat_map(JournalEntry::postings) {
                *self.accounts.entry(posting.account).or_default() += posting.amount.minor();
            }
            for change in changes {
                *self.balances.entry(change.partner).or_default() += change.owed.minor();
                *self.disputed.entry(change.partner).or_default() += change.disputed_minor;
            }
        }

        fn check(&self) -> Result<(), TestCaseError> {
            prop_assert_eq!(self.accounts.values().sum::<i64>(), 0);
            for (partner, owed) in &self.balances {
                let payable = self
                    .accounts
                    .get(&Account::PartnerPayable(*partner))
                    .copied()
                    .unwrap_or_default();
                prop_assert_eq!(payable, -owed, "the balance of {}", partner);
            }
            Ok(())
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Refund { line: usize, minor: i64, fails: bool },
        ByHand { minor: i64 },
        Dispute { minor: i64, won: bool },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_usize..3, 1_i64..2_000, any::<bool>()).prop_map(|(line, minor, fails)| Step::Refund {
                line,
                minor,
                fails
            }),
            (1_i64..3_000).prop_map(|minor| Step::ByHand { minor }),
            (1_i64..3_000, any::<bool>()).prop_map(|(minor, won)| Step::Dispute { minor, won }),
        ]
    }

    fn report(reference: &str, amount: Money, status: ReportedStatus) -> RefundReport {
        RefundReport {
            reference: reference.to_owned(),
            amount,
            status,
            moved: true,
            failure: None,
            created: now(),
        }
    }

    fn walk(order: &mut Order, books: &mut Books, step: &Step, index: usize) {
        let work = Seed::named(now(), &index.to_string());
        let eur = |minor: i64| Money::new(minor, Currency::EUR);
        match step {
            Step::Refund { line, minor, fails } => {
                let lines = Some(vec![(*line, Some(eur(*minor)))]);
                let request = RefundRequest {
                    lines,
                    reason: RefundReason::Other,
                    note: None,
                };
                let origin = RefundOrigin::Operator { user: order.customer };
                let policy = RefundPolicy { window_days: 30 };
                let Ok(begun) = refund::begin(order, &request, origin, policy, work, now()) else {
                    return;
                };
                let told = report("re_1", eur(*minor), ReportedStatus::Succeeded);
                let advanced = refund::advance(&begun.order, &begun.refund, &told, work, now())
                    .expect("small")
                    .expect("news");
                books.post(&advanced.entries, &advanced.balances);
                *order = advanced.order;
                if *fails {
                    let told = report("re_1", eur(*minor), ReportedStatus::Failed);
                    let failed = refund::advance(order, &advanced.refund, &told, work, now())
                        .expect("small")
                        .expect("news");
                    books.post(&failed.entries, &failed.balances);
                    *order = failed.order;
                }
            }
            Step::ByHand { minor } => {
                let told = report("re_9", eur(*minor), ReportedStatus::Succeeded);
                let begun = refund::adopt(order, &told, work.id("refund"), now()).expect("small");
                let advanced = refund::advance(&begun.order, &begun.refund, &told, work, now())
                    .expect("small")
                    .expect("news");
                books.post(&advanced.entries, &advanced.balances);
                *order = advanced.order;
            }
            Step::Dispute { minor, won } => {
                let movement = |id: &str, minor: i64, fee: i64| Movement {
                    id: id.into(),
                    amount: eur(minor),
                    fee: eur(fee),
                    at: now(),
                };
                let mut told = DisputeReport {
                    id: "dp_1".into(),
                    charge: "ch_1".into(),
                    amount: eur(*minor),
                    reason: "fraudulent".into(),
                    status: DisputeStatus::Open,
                    opened_at: now(),
                    evidence_due: None,
                    movements: vec![movement("txn_1", -minor, 1500)],
                };
                let opened = dispute::advance(order, None, &told, work, now())
                    .expect("small")
                    .expect("news");
                books.post(&opened.entries, &opened.balances);
                told.status = if *won { DisputeStatus::Won } else { DisputeStatus::Lost };
                if *won {
                    told.movements.push(movement("txn_2", *minor, 0));
                }
                let ended = dispute::advance(&opened.order, Some(&opened.dispute), &told, work, now())
                    .expect("small")
                    .expect("news");
                books.post(&ended.entries, &ended.balances);
                assert_eq!(
                    dispute::advance(&ended.order, Some(&ended.dispute), &told, work, now()).expect("small"),
                    None
                );
                *order = ended.order;
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_goes_back_no_leg_turns_negative_and_the_books_agree(
            prices in prop::array::uniform3(0_i64..2_000), steps in prop::collection::vec(step(), 0..8),
        ) {
            prop_assume!(prices.iter().any(|price| *price > 0));
            let mut order = paid(&prices);
            let mut books = Books::default();
            for (index, step) in steps.iter().enumerate() {
                walk(&mut order, &mut books, step, index);
                books.check()?;
                for line in &order.lines {
                    let left = line.remaining().expect("small");
                    for leg in [left.partner, left.platform, left.affiliate, left.reseller] {
                        prop_assert!(leg >= 0, "{:?} of {:?}", left, line);
                    }
                }
                prop_assert!(books.disputed.values().all(|held| *held == 0), "a dispute that has ended holds nothing");
                prop_assert_eq!(books.accounts.get(&Account::DisputesPending).copied().unwrap_or_default(), 0);
            }
        }
    }

    #[test]
    fn a_refund_that_fails_after_all_was_lost_restores_nothing() {
        let mut order = paid(&[1000, 500]);
        let eur = |minor: i64| Money::new(minor, Currency::EUR);
        let work = Seed::named(now(), "a refund");
        let told = report("re_1", eur(300), ReportedStatus::Succeeded);
        let begun = refund::adopt(&order, &told, work.id("refund"), now()).expect("small");
        let refunded = refund::advance(&begun.order, &begun.refund, &told, work, now())
            .expect("small")
            .expect("news");
        let mut books = Books::default();
        books.post(&refunded.entries, &refunded.balances);
        order = refunded.order;
        walk(
            &mut order,
            &mut books,
            &Step::Dispute {
                minor: 1500,
                won: false,
            },
            1,
        );
        let excess = |books: &Books| {
            books
                .accounts
                .get(&Account::PlatformLosses)
                .copied()
                .unwrap_or_default()
        };
        assert_eq!((order.excess_minor, excess(&books)), (300, 300));

        let told = report("re_1", eur(300), ReportedStatus::Failed);
        let failed = refund::advance(&order, &refunded.refund, &told, work, now())
            .expect("small")
            .expect("news");
        books.post(&failed.entries, &failed.balances);
        assert_eq!(failed.order.refunded(), order.total, "the bank took all of it");
        assert_eq!((failed.order.excess_minor, excess(&books)), (0, 0), "and no cent more");
        assert!(failed.reinstated.is_empty() && failed.balances.is_empty());
    }

    #[test]
    fn an_amount_is_spread_over_what_is_left() {
        let order = paid(&[1000, 500, 0]);
        let amount = |line, minor| LineAmount { line, minor };
        assert_eq!(spread(&order, 300), Ok(vec![amount(0, 200), amount(1, 100)]));
        assert_eq!(
            spread(&order, 1600),
            Ok(vec![amount(0, 1100), amount(1, 500)]),
            "the excess is on a line that was paid for"
        );
        let taken = take(&order, &[amount(0, 1100)]).expect("small");
        assert_eq!(taken[0].legs.total(), Ok(1000), "the legs bear no more than they have");
    }
}
