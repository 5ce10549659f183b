use super::*;
use crate::ids::OrderId;
use crate::money::Currency;
use crate::seed::Seed;

fn seed() -> Seed {
    "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
}

fn at() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().expect("a time")
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn movement(kind: &str, net: i64, fee: i64) -> Movement {
    Movement {
        processor: Processor::Stripe,
        id: "txn_1".into(),
        kind: kind.into(),
        source: Some("ch_1".into()),
        net: eur(net),
        fee: eur(fee),
        at: at(),
    }
}

fn entry(reference: &str, clearing: Money) -> JournalEntry {
    let postings = vec![
        Posting {
            account: Account::ProcessorClearing,
            amount: clearing,
        },
        Posting {
            account: Account::PlatformRevenue,
            amount: clearing.checked_neg().expect("small"),
        },
    ];
    let fact = Fact::Sale(seed().id::<OrderId>("o"));
    let entry = JournalEntry::new(seed().id(reference), fact, None, at(), postings).expect("balanced");
    entry.with_processor_ref(reference)
}

#[track_caller]
fn check(entries: &[JournalEntry], expected: Option<(DifferenceKind, Option<Money>)>) {
    let found = compare(&movement("charge", 970, 30), entries).expect("small amounts");
    assert_eq!(found.map(|finding| (finding.kind, finding.found)), expected);
}

#[test]
fn entries_explain_a_movement_by_reference_and_net() {
    use DifferenceKind::{EntryMissing, OtherAmount, OtherCurrency};
    check(
        &[
            entry("ch_1", eur(600)),
            entry("ch_1", eur(400)),
            entry("txn_1", eur(-30)),
        ],
        None,
    );
    check(&[], Some((EntryMissing, None)));
    check(&[entry("ch_2", eur(970))], Some((EntryMissing, None)));
    check(&[entry("ch_1", eur(1000))], Some((OtherAmount, Some(eur(1000)))));
    let dollars = Money::new(970, Currency::USD);
    check(&[entry("ch_1", dollars)], Some((OtherCurrency, Some(dollars))));
    check(
        &[entry("ch_1", eur(1000)), entry("txn_1", Money::new(-30, Currency::USD))],
        Some((OtherCurrency, Some(Money::new(-30, Currency::USD)))),
    );
}

#[test]
fn a_movement_of_nothing_needs_no_entry() {
    assert_eq!(compare(&movement("adjustment", 0, 0), &[]), Ok(None));
}

#[test]
fn what_has_no_word_is_not_guessed() {
    assert_eq!(
        Explanation::at_stripe("charge", Some("charge")),
        Some(Explanation::Sale)
    );
    assert_eq!(Explanation::at_stripe("charge", None), None);
    assert_eq!(
        Explanation::at_stripe("adjustment", Some("dispute")),
        Some(Explanation::Dispute)
    );
    assert_eq!(Explanation::at_stripe("adjustment", None), None);
    assert_eq!(Explanation::at_stripe("reserve_transaction", None), None);
}

#[track_caller]
fn check_own(kind: &str, net: i64, fee: i64, expected: &[(Account, i64)]) {
    let Some(Explanation::Own(against)) = Explanation::at_stripe(kind, None) else {
        panic!("{kind} is the platform's own");
    };
    let movement = movement(kind, net, fee);
    let entry = own_entry(seed().id("own"), &movement, against).expect("balanced");
    let postings: Vec<_> = entry.postings().iter().map(|p| (p.account, p.amount.minor())).collect();
    assert_eq!(postings, expected, "{kind}");
    assert_eq!(
        compare(&movement, &[entry]),
        Ok(None),
        "what is posted here explains it"
    );
}

#[test]
fn the_platforms_own_movements_post_themselves() {
    use Account::{PlatformBank, ProcessorClearing, ProcessorFees};
    check_own("payout", -5000, 0, &[(ProcessorClearing, -5000), (PlatformBank, 5000)]);
    check_own(
        "payout",
        -5050,
        50,
        &[(ProcessorClearing, -5050), (ProcessorFees, 50), (PlatformBank, 5000)],
    );
    check_own(
        "payout_failure",
        5000,
        0,
        &[(ProcessorClearing, 5000), (PlatformBank, -5000)],
    );
    check_own(
        "stripe_fee",
        -200,
        0,
        &[(ProcessorClearing, -200), (ProcessorFees, 200)],
    );
}

#[test]
fn scenario_26_an_account_zeroed_by_the_processor_is_a_loss() {
    use Account::{PlatformLosses, ProcessorClearing};
    check_own(
        "connect_collection_transfer",
        -700,
        0,
        &[(ProcessorClearing, -700), (PlatformLosses, 700)],
    );
}

#[test]
fn a_closed_difference_remembers_what_it_was() {
    let (first, second) = (seed().id("first"), seed().id("second"));
    let subject = Subject::Events {
        processor: Processor::Stripe,
        from: at(),
        until: at(),
    };
    let open = Difference::open(subject, Finding::of(DifferenceKind::EventsGap), first, at());
    let closed = open.close(second, at());
    assert!(open.is_open() && !closed.is_open());
    assert_eq!(
        (closed.opened_by, closed.closed.as_ref().and_then(|closed| closed.by)),
        (Some(first), Some(second))
    );
    assert_eq!(closed.finding(), open.finding());
}

#[test]
fn movements_at_paypal_are_held_against_paypals_clearing() {
    let theirs = Movement {
        processor: Processor::PayPal,
        ..movement("T0006", 970, 30)
    };
    let found = compare(&theirs, &[entry("ch_1", eur(970))]).expect("small amounts");
    let missing = Finding::expected(DifferenceKind::EntryMissing, eur(970));
    assert_eq!(found, Some(missing), "what Stripe holds explains nothing at PayPal");
    let own = own_entry(seed().id("j"), &theirs, Account::PlatformBank).expect("balanced");
    assert_eq!(compare(&theirs, &[own]).expect("small amounts"), None);
}

#[test]
fn every_code_of_paypals_has_a_word_or_is_for_a_person() {
    let own = |account| Some(Explanation::Own(account));
    for (code, expected) in [
        ("T0006", Some(Explanation::Sale)),
        ("T1107", Some(Explanation::Refund)),
        ("T0001", Some(Explanation::Transfer)),
        ("T1115", Some(Explanation::TransferReversed)),
        ("T0106", Some(Explanation::Bill)),
        ("T1108", own(Account::ProcessorFees)),
        ("T0400", own(Account::PlatformBank)),
        ("T1106", Some(Explanation::Dispute)),
        ("T1201", Some(Explanation::Dispute)),
        ("T1110", Some(Explanation::Hold)),
        ("T1111", Some(Explanation::Hold)),
        ("T1503", Some(Explanation::Hold)),
        ("T1105", Some(Explanation::Hold)),
        ("T2103", Some(Explanation::Hold)),
        ("T2104", Some(Explanation::Hold)),
        ("T2109", None),
        ("T0200", None),
        ("", None),
        ("T€", None),
    ] {
        assert_eq!(Explanation::at_paypal(code), expected, "{code}");
    }
}
