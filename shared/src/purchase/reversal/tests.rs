use super::super::dispute::{self, DisputeReport, DisputeStatus, Movement};
use super::super::refund::{
    self, RefundOrigin, RefundPolicy, RefundReason, RefundReport, RefundRequest, ReportedStatus,
};
use super::super::{Offer, Payment, place, settle};
use super::*;
use crate::money::{BasisPoints, Currency};
use crate::revenue::{Count, Counted, Figures, FiguresDraft, Referrers, RuleRef, Terms, Tier, Tiers, Turnovers};
use proptest::prelude::*;

fn seed() -> Seed {
    "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
}

fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().expect("a time")
}

/// Of each price a referrer gets a part as well, and a tier counts each partner's sales.
fn paid(prices: &[i64]) -> Order {
    let bps = |rate| BasisPoints::try_from(rate).expect("a rate");
    let tier = Tier {
        above: Money::new(1_000_000, Currency::EUR),
        commission_bps: bps(1000),
    };
    let draft = FiguresDraft {
        affiliate_bps: bps(300),
        tiers: Some(Tiers {
            per: Counted::Partner,
            count: Count::Yearly,
            above: vec![tier],
        }),
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
    /// How the counters have moved since the sale.
    turnovers: BTreeMap<Counter, i64>,
}

impl Books {
    fn count(&mut self, turnovers: &[TurnoverChange]) {
        for change in turnovers {
            *self.turnovers.entry(change.counter.clone()).or_default() += change.minor;
        }
    }

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
        (0_usize..3, 1_i64..2_000, any::<bool>()).prop_map(|(line, minor, fails)| Step::Refund { line, minor, fails }),
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
            books.count(&advanced.turnovers);
            *order = advanced.order;
            if *fails {
                let told = report("re_1", eur(*minor), ReportedStatus::Failed);
                let failed = refund::advance(order, &advanced.refund, &told, work, now())
                    .expect("small")
                    .expect("news");
                books.post(&failed.entries, &failed.balances);
                books.count(&failed.turnovers);
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
            books.count(&advanced.turnovers);
            *order = advanced.order;
        }
        Step::Dispute { minor, won } => {
            let movement = |id: &str, minor: i64, fee: i64| Movement {
                id: id.into(),
                reference: None,
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
            books.count(&opened.turnovers);
            told.status = if *won { DisputeStatus::Won } else { DisputeStatus::Lost };
            if *won {
                told.movements.push(movement("txn_2", *minor, 0));
            }
            let ended = dispute::advance(&opened.order, Some(&opened.dispute), &told, work, now())
                .expect("small")
                .expect("news");
            books.post(&ended.entries, &ended.balances);
            books.count(&ended.turnovers);
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
            let counted: i64 = books.turnovers.values().sum();
            prop_assert_eq!(-counted, order.refunded().minor(), "what is given back is taken off the counters, once");
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
    books.count(&failed.turnovers);
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

/// Everything that the news of one dispute has come to.
#[derive(Debug, Clone, Default, PartialEq)]
struct Ended {
    accounts: BTreeMap<Account, i64>,
    balances: BTreeMap<PartnerId, i64>,
    disputed: BTreeMap<PartnerId, i64>,
    turnovers: BTreeMap<Counter, i64>,
    legs: Vec<(Legs, i64)>,
    revoked: Vec<LicenceId>,
}

type News = (DisputeStatus, Vec<Movement>);

fn told(amount: i64, (status, movements): &News) -> DisputeReport {
    DisputeReport {
        id: "dp_1".into(),
        charge: "ch_1".into(),
        amount: Money::new(amount, Currency::EUR),
        reason: "fraudulent".into(),
        status: *status,
        opened_at: now(),
        evidence_due: None,
        movements: movements.clone(),
    }
}

fn moved(id: usize, minor: i64, fee: i64) -> Movement {
    Movement {
        id: format!("txn_{id}"),
        reference: None,
        amount: Money::new(minor, Currency::EUR),
        fee: Money::new(fee, Currency::EUR),
        at: now(),
    }
}

/// Hears the news one after another, each in a work of its own.
fn hear(order: &Order, amount: i64, news: &[News]) -> Ended {
    let (mut order, mut books, mut dispute) = (order.clone(), Books::default(), None);
    let mut revoked: Vec<LicenceId> = Vec::new();
    for (index, one) in news.iter().enumerate() {
        let work = Seed::named(now(), &index.to_string());
        let advanced = dispute::advance(&order, dispute.as_ref(), &told(amount, one), work, now()).expect("small");
        let Some(advanced) = advanced else { continue };
        books.post(&advanced.entries, &advanced.balances);
        books.count(&advanced.turnovers);
        assert!(!advanced.reinstated.iter().any(|licence| !revoked.contains(licence)));
        revoked.retain(|licence| !advanced.reinstated.contains(licence));
        revoked.extend(advanced.revoked);
        (order, dispute) = (advanced.order, Some(advanced.dispute));
    }
    books.check().expect("balanced");
    for sums in [&mut books.balances, &mut books.disputed] {
        sums.retain(|_, minor| *minor != 0);
    }
    books.accounts.retain(|_, minor| *minor != 0);
    books.turnovers.retain(|_, minor| *minor != 0);
    revoked.sort();
    Ended {
        accounts: books.accounts,
        balances: books.balances,
        disputed: books.disputed,
        turnovers: books.turnovers,
        legs: order
            .lines
            .iter()
            .map(|line| (line.returned, line.refundable_minor()))
            .collect(),
        revoked,
    }
}

const STATUSES: [DisputeStatus; 5] = [
    DisputeStatus::Inquiry,
    DisputeStatus::Open,
    DisputeStatus::Won,
    DisputeStatus::Lost,
    DisputeStatus::Closed,
];

proptest! {
    /// Whatever was heard before, in whatever order and however often: the books are those of whoever hears the last word alone.
    #[test]
    fn every_order_of_movements_and_statuses_ends_in_the_same_books(
        prices in prop::array::uniform3(1_i64..2_000),
        amounts in prop::collection::vec((-2_500_i64..2_500, 0_i64..1_600), 0..5),
        last in 0_usize..5,
        heard in prop::collection::vec((0_usize..5, any::<u8>(), any::<bool>()), 0..8),
        seed in any::<u64>(),
    ) {
        let order = paid(&prices);
        let amount = order.total.minor();
        let movements: Vec<_> = amounts.iter().enumerate().map(|(id, (minor, fee))| moved(id, *minor, *fee)).collect();
        let part = |mask: u8, backwards: bool| {
            let mut part: Vec<_> = movements
                .iter()
                .enumerate()
                .filter(|(index, _)| mask >> index & 1 == 1)
                .flat_map(|(_, one)| [one.clone(), one.clone()])
                .collect();
            if backwards {
                part.reverse();
            }
            part
        };
        let mut news: Vec<News> = heard.iter().map(|(status, mask, back)| (STATUSES[*status], part(*mask, *back))).collect();
        news.push((STATUSES[last], part(u8::MAX, seed % 2 == 0)));
        news.push(news[news.len() - 1].clone());
        let alone = hear(&order, amount, &[(STATUSES[last], movements.clone())]);
        prop_assert_eq!(hear(&order, amount, &news), alone);
    }
}

#[track_caller]
fn check_case(news: &[News], owed_back: i64, pending: i64, held: i64, revoked: usize) {
    let order = paid(&[1000]);
    let ended = hear(&order, 1000, news);
    let sum = |sums: &BTreeMap<PartnerId, i64>| sums.values().sum::<i64>();
    let found = (
        -sum(&ended.balances),
        ended.accounts.get(&Account::DisputesPending).copied().unwrap_or(0),
        sum(&ended.disputed),
        ended.revoked.len(),
    );
    assert_eq!(found, (owed_back, pending, held, revoked), "{news:?}");
}

#[test]
fn each_case_of_a_dispute_that_changes_its_mind() {
    use DisputeStatus::{Inquiry, Lost, Open, Won};
    let (taken, back, again) = (moved(1, -1000, 15), moved(2, 1000, 0), moved(3, -1000, 15));
    // The partner and the referrer have got 880 of the 1000.
    let shares = 880;
    let one = |status, movements: &[&Movement]| (status, movements.iter().copied().cloned().collect::<Vec<_>>());
    let lost = one(Lost, &[&taken]);
    check_case(&[one(Open, &[])], 0, 0, shares, 0);
    check_case(&[one(Open, &[&taken]), lost.clone()], shares, 0, 0, 1);
    // Lost, and later won.
    check_case(&[lost.clone(), one(Won, &[&taken])], 0, 1000, shares, 0);
    check_case(&[lost.clone(), one(Won, &[&taken, &back])], 0, 0, 0, 0);
    check_case(
        &[lost.clone(), one(Lost, &[&taken, &back]), one(Won, &[&taken, &back])],
        0,
        0,
        0,
        0,
    );
    // Lost before the movement is listed.
    check_case(&[one(Lost, &[])], 0, 0, shares, 0);
    check_case(&[one(Lost, &[]), lost], shares, 0, 0, 1);
    // Won before the money is back.
    check_case(&[one(Open, &[&taken]), one(Won, &[&taken])], 0, 1000, shares, 0);
    // Taken a second time after it was given back.
    check_case(
        &[one(Won, &[&taken, &back]), one(Open, &[&taken, &back, &again])],
        0,
        1000,
        shares,
        0,
    );
    check_case(
        &[one(Won, &[&taken, &back]), one(Lost, &[&taken, &back, &again])],
        shares,
        0,
        0,
        1,
    );
    // An inquiry that becomes a dispute twice.
    check_case(
        &[one(Inquiry, &[]), one(Open, &[&taken]), one(Inquiry, &[&taken, &back])],
        0,
        0,
        0,
        0,
    );
    let twice = [
        one(Inquiry, &[&taken, &back]),
        one(Open, &[&taken, &back, &again]),
        one(Lost, &[&taken, &back, &again]),
    ];
    check_case(&twice, shares, 0, 0, 1);
}
