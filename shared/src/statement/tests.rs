use proptest::prelude::*;

use super::tax::TaxYear;
use super::*;
use crate::ledger::Posting;
use crate::seed::Seed;

fn seed() -> Seed {
    "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
}

fn partner() -> PartnerId {
    seed().id("p")
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// An entry of the fact `name`, that gives `net` to the partner and `commission` to the platform.
fn entry(label: &str, name: &str, day: &str, net: Money, commission: i64) -> JournalEntry {
    let (currency, id) = (net.currency(), seed().id(label));
    let posting = |account, minor| Posting {
        account,
        amount: Money::new(minor, currency),
    };
    let other = -net.minor() - commission;
    let (fact, from) = match name {
        "sale" => (Fact::Sale(seed().id(label)), Account::ProcessorClearing),
        "refund" => (Fact::Refund(seed().id(label)), Account::ProcessorClearing),
        "refund_failed" => (Fact::RefundFailed(seed().id(label)), Account::ProcessorClearing),
        "dispute_lost" => (Fact::DisputeLost(label.to_owned()), Account::DisputesPending),
        "referral" => (Fact::Referral(seed().id(label)), Account::PlatformRevenue),
        "fee_share" => (Fact::FeeShare(label.to_owned()), Account::ProcessorFees),
        "payout" => (Fact::Payout(seed().id(label)), Account::PayoutsInTransit(partner())),
        "payout_cancelled" => (
            Fact::PayoutCancelled(seed().id(label)),
            Account::PayoutsInTransit(partner()),
        ),
        "transfer_reversed" => (Fact::TransferReversed(label.to_owned()), Account::ProcessorClearing),
        other => panic!("no entry for {other}"),
    };
    let postings = vec![
        posting(Account::PartnerPayable(partner()), -net.minor()),
        posting(Account::PlatformRevenue, -commission),
        posting(from, -other),
    ];
    let moment = at(&format!("{day}T12:00:00Z"));
    JournalEntry::new(id, fact, Some(partner()), moment, postings).expect("balanced")
}

fn statement(period: &str, entries: &[JournalEntry]) -> Statement {
    let mut draft = Draft::new(partner(), period.parse().expect("a period"));
    for entry in entries {
        draft.add(entry).expect("small");
    }
    draft.finish().expect("small")
}

/// Kind, gross, commission, amount and balance of one line.
type Figures = (&'static str, Option<i64>, Option<i64>, i64, i64);

fn figures(section: &Section) -> Vec<Figures> {
    let figures = |line: &Line| {
        let gross = line.division.map(|division| division.gross.minor());
        let commission = line.division.map(|division| division.commission.minor());
        (
            line.fact.name(),
            gross,
            commission,
            line.net.minor(),
            line.balance.minor(),
        )
    };
    section.lines.iter().map(figures).collect()
}

#[test]
fn every_kind_of_fact_makes_its_line() {
    let journal = [
        entry("a", "sale", "2026-10-31", eur(800), 200),
        entry("b", "sale", "2026-11-02", eur(1039), 260),
        entry("c", "fee_share", "2026-11-03", eur(-12), 0),
        entry("d", "refund", "2026-11-04", eur(-400), -100),
        entry("e", "refund_failed", "2026-11-05", eur(400), 100),
        entry("f", "referral", "2026-11-06", eur(50), 0),
        entry("g", "dispute_lost", "2026-11-07", eur(-1039), -260),
        entry("h", "payout", "2026-11-08", eur(-700), 0),
        entry("i", "payout_cancelled", "2026-11-09", eur(700), 0),
        entry("j", "transfer_reversed", "2026-11-10", eur(30), 0),
        entry("k", "sale", "2026-12-01", eur(1), 0),
    ];
    let statement = statement("2026-11", &journal);
    let [section] = statement.sections.as_slice() else {
        panic!("{statement:?}")
    };
    assert_eq!((section.opening, section.closing), (eur(800), eur(868)));
    assert_eq!(
        figures(section),
        [
            ("sale", Some(1299), Some(260), 1039, 1839),
            ("fee_share", None, None, -12, 1827),
            ("refund", Some(-500), Some(-100), -400, 1427),
            ("refund_failed", Some(500), Some(100), 400, 1827),
            ("referral", None, None, 50, 1877),
            ("dispute_lost", Some(-1299), Some(-260), -1039, 838),
            ("payout", None, None, -700, 138),
            ("payout_cancelled", None, None, 700, 838),
            ("transfer_reversed", None, None, 30, 868),
        ]
    );
    let sums: Vec<_> = section
        .summary()
        .expect("small")
        .iter()
        .map(|(fact, sum)| (fact.name(), sum.minor()))
        .collect();
    assert_eq!(sums[..3], [("sale", 1039), ("fee_share", -12), ("refund", -400)]);
}

#[test]
fn a_sale_that_leaves_the_partner_nothing_is_a_line() {
    let statement = statement("2026-11", &[entry("a", "sale", "2026-11-02", eur(0), 100)]);
    assert_eq!(figures(&statement.sections[0]), [("sale", Some(100), Some(100), 0, 0)]);
}

#[test]
fn a_referrers_share_that_goes_back_is_no_division() {
    let clawed_back = entry("a", "refund", "2026-11-02", eur(-30), 30);
    assert_eq!(
        figures(&statement("2026-11", std::slice::from_ref(&clawed_back)).sections[0]),
        [("refund", None, None, -30, -30)]
    );
    let mut year = TaxYear::new(partner(), 2026);
    year.add(&clawed_back).expect("small");
    assert_eq!(year.totals().count(), 0, "nothing was sold");
}

#[test]
fn what_does_not_touch_the_partners_balance_is_no_line() {
    let postings = vec![
        Posting {
            account: Account::PayoutsInTransit(partner()),
            amount: eur(700),
        },
        Posting {
            account: Account::ProcessorClearing,
            amount: eur(-700),
        },
    ];
    let fact = Fact::Transfer(seed().id("t"));
    let transfer = JournalEntry::new(
        seed().id("t"),
        fact,
        Some(partner()),
        at("2026-11-08T12:00:00Z"),
        postings,
    );
    assert_eq!(statement("2026-11", &[transfer.expect("balanced")]).sections, []);
}

#[test]
fn currencies_have_sections_of_their_own() {
    let journal = [
        entry("a", "sale", "2026-10-31", Money::new(5, Currency::USD), 1),
        entry("b", "sale", "2026-11-02", eur(7), 1),
        entry("c", "sale", "2026-10-01", Money::new(9, Currency::JPY), 1),
        entry("d", "payout", "2026-10-02", Money::new(-9, Currency::JPY), 0),
    ];
    let statement = statement("2026-11", &journal);
    let shown: Vec<_> = statement
        .sections
        .iter()
        .map(|section| (section.opening, section.closing))
        .collect();
    let usd = Money::new(5, Currency::USD);
    assert_eq!(
        shown,
        [(eur(0), eur(7)), (usd, usd)],
        "what was paid out whole before is not shown"
    );
}

#[test]
fn a_period_with_too_many_lines_is_refused_and_not_cut() {
    let mut draft = Draft::new(partner(), "2026-11".parse().expect("a period"));
    for number in 0..MAX_LINES {
        draft
            .add(&entry(&number.to_string(), "sale", "2026-11-02", eur(1), 0))
            .expect("room");
    }
    let one_more = entry("one more", "sale", "2026-11-02", eur(1), 0);
    assert_eq!(draft.add(&one_more), Err(StatementError::TooLong));
    assert_eq!(
        draft.add(&entry("before", "sale", "2026-10-02", eur(1), 0)),
        Ok(()),
        "the opening balance has no limit"
    );
}

#[test]
fn a_year_is_told_as_both_forms_want_it() {
    let mut year = TaxYear::new(partner(), 2026);
    for entry in [
        entry("a", "sale", "2025-12-31", eur(999), 1),
        entry("b", "sale", "2026-01-02", eur(800), 200),
        entry("c", "sale", "2026-03-31", eur(80), 20),
        entry("d", "fee_share", "2026-03-31", eur(-5), 0),
        entry("e", "refund", "2026-04-01", eur(-400), -100),
        entry("f", "refund_failed", "2026-05-01", eur(40), 10),
        entry("g", "dispute_lost", "2026-12-01", eur(-80), -20),
        entry("h", "referral", "2026-12-01", eur(7), 0),
        entry("i", "payout", "2026-12-02", eur(-300), 0),
    ] {
        year.add(&entry).expect("small");
    }
    let [totals] = year.totals().collect::<Vec<_>>()[..] else {
        panic!("{year:?}")
    };
    assert_eq!((totals.gross(), totals.payments()), (Ok(eur(1100)), 2));
    let months: Vec<_> = totals.months.iter().map(|month| month.gross.minor()).collect();
    assert_eq!(months, [1000, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let quarters: Vec<_> = totals
        .quarters
        .iter()
        .map(|q| {
            (
                q.consideration.minor(),
                q.fees.minor(),
                q.activities,
                q.returned.minor(),
                q.returned_fees.minor(),
            )
        })
        .collect();
    assert_eq!(
        quarters,
        [
            (875, 225, 2, 0, 0),
            (0, 0, 0, 360, 90),
            (0, 0, 0, 0, 0),
            (0, 0, 0, 80, 20)
        ]
    );
}

fn journals() -> impl Strategy<Value = Vec<JournalEntry>> {
    let kinds = prop::sample::select(vec![
        "sale",
        "refund",
        "refund_failed",
        "dispute_lost",
        "referral",
        "fee_share",
        "payout",
    ]);
    let currencies = prop::sample::select(vec![Currency::EUR, Currency::USD]);
    let one = (
        kinds,
        currencies,
        1_i8..=12,
        1_i8..=28,
        -1_000_000_i64..1_000_000,
        -10_000_i64..10_000,
    );
    prop::collection::vec(one, 0..40).prop_map(|entries| {
        let make =
            |(number, (kind, currency, month, day, net, commission)): (usize, (&str, Currency, i8, i8, i64, i64))| {
                // An entry has two postings at least.
                let net = if net == 0 { 1 } else { net };
                let commission = if ["sale", "refund", "refund_failed", "dispute_lost"].contains(&kind) {
                    commission
                } else {
                    0
                };
                entry(
                    &number.to_string(),
                    kind,
                    &format!("2026-{month:02}-{day:02}"),
                    Money::new(net, currency),
                    commission,
                )
            };
        entries.into_iter().enumerate().map(make).collect()
    })
}

proptest! {
    #[test]
    fn opening_and_lines_make_up_the_closing_which_opens_the_next(journal in journals()) {
        let mut owed: BTreeMap<Currency, i64> = BTreeMap::new();
        for month in 1..=12 {
            let statement = statement(&format!("2026-{month:02}"), &journal);
            for section in &statement.sections {
                let before = owed.get(&section.currency()).copied().unwrap_or(0);
                prop_assert_eq!(section.opening.minor(), before);
                let lines: i64 = section.lines.iter().map(|line| line.net.minor()).sum();
                prop_assert_eq!(section.closing.minor(), before + lines);
                for line in &section.lines {
                    if let Some(division) = line.division {
                        prop_assert_eq!(division.gross.checked_sub(division.commission), Ok(line.net));
                    }
                }
                owed.insert(section.currency(), section.closing.minor());
            }
        }
        for (currency, closing) in owed {
            let booked: i64 = journal.iter().flat_map(|entry| entry.owed_to(partner())).filter(|m| m.currency() == currency).map(|m| m.minor()).sum();
            prop_assert_eq!(closing, booked, "the last closing balance is the balance");
        }
    }

    #[test]
    fn the_order_of_reading_does_not_matter(journal in journals(), turn in 0_usize..40) {
        let mut turned = journal.clone();
        turned.reverse();
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
        }
        prop_assert_eq!(statement("2026", &journal), statement("2026", &turned));
    }
}
