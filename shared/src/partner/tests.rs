use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use strum::IntoEnumIterator;

use super::account::{AccountReport, ConnectError, ReportError, connect, update};
use super::agreement::{AcceptError, CURRENT_VERSION, accept};
use super::apply::apply;
use super::bank::{BankOutcome, BankReport};
use super::decide::{DecideError, Decision, decide};
use super::destination::{leave_paypal, name_receiver};
use super::hold::Origin;
use super::payout_terms::{UnfitAmount, agree};
use super::team::{MAX_TEAM, TeamError, add, remove};
use super::*;
use crate::ids::UserId;
use crate::money::{Currency, Money};

const START: &str = "2026-11-20T09:00:00Z";

fn seed(number: i64) -> Seed {
    format!("019a0000-0000-7000-8000-{number:012}").parse().expect("a uuid")
}

fn user(label: &str) -> UserId {
    seed(0).id(label)
}

/// The act number `step` in a story.
pub(super) fn act(step: i64) -> Act {
    let now = START.parse::<Timestamp>().expect("a time") + SignedDuration::from_mins(step);
    Act {
        actor: user("somebody"),
        now,
        seed: seed(step),
    }
}

fn applied() -> Partner {
    let application = Application {
        name: PartnerName::parse("Warm Pads").expect("a name"),
        country: Country::parse("DE").expect("a country"),
        support_email: SupportEmail::parse("help@warm.example").expect("an address"),
        website: None,
        about: "Pads for slow music, made by hand.".to_owned(),
    };
    apply(application, act(0)).partner
}

pub(super) fn approved() -> Partner {
    decide(&applied(), &Decision::Approve { evidence: None }, act(1))
        .expect("approved")
        .partner
}

pub(super) fn connected(report: &AccountReport) -> Partner {
    connect(&approved(), report, act(2)).expect("connected").partner
}

fn report() -> AccountReport {
    AccountReport {
        account: "acct_1".to_owned(),
        details_submitted: true,
        transfers_active: true,
        payouts_enabled: true,
        ..AccountReport::default()
    }
}

/// Open holds as `code blocks… due`.
#[track_caller]
fn check_holds(partner: &Partner, expected: &[&str]) {
    let show = |hold: &Hold| {
        let blocks: Vec<_> = hold.blocks.iter().map(Block::to_string).collect();
        format!(
            "{} [{}] {}",
            hold.reason_code,
            blocks.join(" "),
            &hold.due_at.to_string()[..10]
        )
    };
    assert_eq!(partner.open_holds(act(0).now).map(show).collect::<Vec<_>>(), expected);
}

#[test]
fn an_application_says_what_it_waits_for_and_until_when() {
    let partner = applied();
    check_holds(
        &partner,
        &[
            "application_review [publish sell payout] 2026-11-25",
            "agreement_not_accepted [publish] 2026-12-04",
            "payout_account_missing [payout] 2026-12-04",
        ],
    );
    assert_eq!(
        partner.hold_on(Block::Sell).map(|hold| hold.reason_code.waits_for()),
        Some(WaitsFor::Operator)
    );
}

#[test]
fn an_approved_partner_still_needs_agreement_and_account() {
    let partner = approved();
    assert_eq!(partner.hold_on(Block::Sell), None);
    assert_eq!(
        partner.hold_on(Block::Publish).map(|hold| hold.reason_code),
        Some(HoldReason::AgreementNotAccepted)
    );
    let change = accept(&partner, CURRENT_VERSION, act(2)).expect("accepted");
    assert_eq!(change.audit.expect("an entry").action, "partner.accept_agreement");
    check_holds(&change.partner, &["payout_account_missing [payout] 2026-12-04"]);
    assert_eq!(
        accept(&change.partner, CURRENT_VERSION, act(3)),
        Err(AcceptError::AlreadyAccepted)
    );
    assert_eq!(accept(&partner, "1999-01-01", act(3)), Err(AcceptError::NotCurrent));
}

#[test]
fn a_suspension_blocks_everything_until_it_is_lifted() {
    let reason = HoldReason::FraudSuspected;
    let decision = Decision::Suspend {
        reason,
        evidence: "Forty cards from one address.".to_owned(),
    };
    let change = decide(&approved(), &decision, act(2)).expect("suspended");
    let held: Vec<_> = Block::iter()
        .filter_map(|block| change.partner.hold_on(block))
        .map(|h| h.reason_code)
        .collect();
    assert_eq!(held.len(), 3);
    assert_eq!(
        change.partner.hold_on(Block::Sell).map(|hold| hold.reason_code),
        Some(reason)
    );
    assert_eq!(
        change.audit.expect("an entry").evidence.as_deref(),
        Some("Forty cards from one address.")
    );
    let lifted = decide(
        &change.partner,
        &Decision::Reinstate {
            evidence: "They were a choir.".to_owned(),
        },
        act(3),
    );
    assert_eq!(lifted.expect("reinstated").partner.hold_on(Block::Sell), None);
}

#[test]
fn a_reason_belongs_to_its_kind_of_decision() {
    let reason = HoldReason::PayoutAccountMissing;
    let wrong = Decision::Reject {
        reason,
        evidence: "x".to_owned(),
    };
    assert_eq!(
        decide(&applied(), &wrong, act(1)),
        Err(DecideError::WrongReason { reason })
    );
    let wrong = Decision::Approve { evidence: None };
    let refused = DecideError::WrongStatus {
        status: Status::Approved,
        decision: PartnerNews::Approved,
    };
    assert_eq!(decide(&approved(), &wrong, act(2)), Err(refused));
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "reports are made where they are checked")]
fn check_report(report: AccountReport, expected: &[&str]) {
    let partner = accept(
        &connected(&AccountReport {
            account: "acct_1".to_owned(),
            ..AccountReport::default()
        }),
        CURRENT_VERSION,
        act(3),
    );
    let partner = partner.expect("accepted").partner;
    check_holds(&partner, &["payout_account_incomplete [payout] 2026-12-04"]);
    let at = act(4);
    let after = update(&partner, &report, at.now, at.seed)
        .expect("its account")
        .map_or(partner, |change| change.partner);
    check_holds(&after, expected);
    assert_eq!(
        update(&after, &report, act(5).now, act(5).seed),
        Ok(None),
        "the same report again is no news"
    );
}

#[test]
fn what_stripe_wants_becomes_a_hold() {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let off = AccountReport {
        transfers_active: false,
        payouts_enabled: false,
        ..report()
    };
    let deadline = Some("2026-12-24T00:00:00Z".parse().expect("a time"));
    check_report(report(), &[]);
    check_report(
        AccountReport {
            currently_due: list(&["individual.id_number"]),
            current_deadline: deadline,
            ..report()
        },
        &["payout_account_information_due [] 2026-12-24"],
    );
    check_report(
        AccountReport {
            currently_due: list(&["external_account"]),
            current_deadline: deadline,
            ..off.clone()
        },
        &["payout_account_incomplete [payout] 2026-12-24"],
    );
    check_report(
        AccountReport {
            pending_verification: list(&["individual.verification.document"]),
            ..off.clone()
        },
        &["payout_account_verifying [payout] 2026-11-25"],
    );
    check_report(off.clone(), &["payout_account_verifying [payout] 2026-11-25"]);
    let disabled = |reason: &str| AccountReport {
        disabled_reason: Some(reason.to_owned()),
        ..off.clone()
    };
    check_report(disabled("under_review"), &["payout_account_paused [payout] 2026-11-27"]);
    check_report(
        disabled("requirements.pending_verification"),
        &["payout_account_verifying [payout] 2026-11-25"],
    );
    check_report(
        disabled("rejected.fraud"),
        &["payout_account_refused [payout] 2026-12-20"],
    );
    check_report(
        AccountReport {
            payouts_enabled: false,
            ..report()
        },
        &["payout_account_verifying [payout] 2026-11-25"],
    );
}

#[test]
fn the_owner_hears_of_payouts_beginning_and_ending() {
    let partner = connected(&AccountReport {
        account: "acct_1".to_owned(),
        ..AccountReport::default()
    });
    let told = |partner: &Partner, report: &AccountReport, step| {
        let change = update(partner, report, act(step).now, act(step).seed)
            .expect("its account")
            .expect("news");
        let notices = change.messages.iter().map(|envelope| match &envelope.message {
            Message::PartnerNotice {
                notice: Notice::Partner { news },
                ..
            } => news.to_string(),
            other => panic!("{other:?}"),
        });
        (notices.collect::<Vec<_>>(), change.partner)
    };
    let (notices, partner) = told(&partner, &report(), 3);
    assert_eq!(notices, ["payouts_enabled"]);
    let late = AccountReport {
        currently_due: vec!["individual.id_number".to_owned()],
        ..report()
    };
    let (notices, partner) = told(&partner, &late, 4);
    assert!(notices.is_empty(), "payouts work, nothing is held: {notices:?}");
    let off = AccountReport {
        transfers_active: false,
        disabled_reason: Some("listed".to_owned()),
        ..report()
    };
    let (notices, _) = told(&partner, &off, 5);
    assert_eq!(notices, ["payouts_held"]);
}

fn bank(payout: &str, begun: i64, outcome: BankOutcome) -> BankReport {
    BankReport {
        payout: payout.to_owned(),
        begun_at: act(begun).now,
        outcome,
    }
}

/// What the bank's report makes of the partner, if anything.
fn told_by_bank(partner: &Partner, report: &BankReport, step: i64) -> Option<Partner> {
    bank::update(partner, report, act(step).now, act(step).seed).map(|change| {
        assert_eq!(change.messages.len(), 1, "the owner is told");
        change.partner
    })
}

#[test]
fn what_a_bank_sends_back_holds_payouts_until_one_arrives() {
    let failed = || BankOutcome::Failed("account_closed".to_owned());
    let held = told_by_bank(&connected(&report()), &bank("po_1", 2, failed()), 3).expect("news");
    let other = "agreement_not_accepted [publish] 2026-12-04";
    check_holds(&held, &[other, "bank_payout_failed [payout] 2026-12-04"]);
    assert_eq!(
        held.holds.last().map(|hold| hold.evidence.as_str()),
        Some("po_1 account_closed")
    );
    assert_eq!(
        told_by_bank(&held, &bank("po_1", 2, failed()), 4),
        None,
        "the same news"
    );
    assert_eq!(
        told_by_bank(&held, &bank("po_0", 1, BankOutcome::Paid), 4),
        None,
        "begun before"
    );
    assert_eq!(told_by_bank(&held, &bank("po_2", 5, BankOutcome::Open), 6), None);
    // What Stripe says about the account is another matter.
    let update = update(&held, &report(), act(4).now, act(4).seed);
    assert_eq!(update, Ok(None));
    let again = told_by_bank(&held, &bank("po_2", 5, BankOutcome::Paid), 6).expect("news");
    check_holds(&again, &[other]);
    assert_eq!(
        told_by_bank(&again, &bank("po_1", 2, failed()), 7),
        None,
        "late and long known"
    );
}

#[test]
fn payout_terms_name_each_currency_once_and_nothing_below_zero() {
    let (eur, jpy) = (
        |amount| Money::new(amount, Currency::EUR),
        Money::new(1500, Currency::JPY),
    );
    let terms = PayoutTerms::new(vec![eur(2000), jpy], vec![eur(0)]).expect("fit");
    assert_eq!(
        (terms.minimum(Currency::EUR), terms.minimum(Currency::USD)),
        (Some(eur(2000)), None)
    );
    assert_eq!(terms.reserve(Currency::JPY), None);
    let repeated = PayoutTerms::new(vec![eur(1), jpy, eur(2)], vec![]);
    assert_eq!(repeated, Err(UnfitAmount::Repeated(Currency::EUR)));
    assert_eq!(PayoutTerms::new(vec![], vec![eur(-1)]), Err(UnfitAmount::Negative));

    let change = agree(&approved(), terms.clone(), act(3)).expect("news");
    let audit = change.audit.expect("an entry");
    assert_eq!(
        audit.evidence.as_deref(),
        Some("minimums 20.00 EUR, 1500 JPY; reserves 0.00 EUR. Before: minimums none; reserves none.")
    );
    assert_eq!(agree(&change.partner, terms, act(4)), None, "the same terms again");
}

#[test]
fn an_account_is_connected_once_and_reported_by_its_own_name() {
    let partner = connected(&report());
    let again = connect(
        &partner,
        &AccountReport {
            account: "acct_2".to_owned(),
            ..report()
        },
        act(3),
    );
    assert_eq!(
        again,
        Err(ConnectError::AlreadyConnected {
            account: "acct_1".to_owned()
        })
    );
    let foreign = AccountReport {
        account: "acct_2".to_owned(),
        ..report()
    };
    assert_eq!(
        update(&partner, &foreign, act(3).now, act(3).seed),
        Err(ReportError::OtherAccount)
    );
    let none = approved();
    assert_eq!(
        update(&none, &report(), act(3).now, act(3).seed),
        Err(ReportError::OtherAccount)
    );
}

#[test]
fn a_team_always_has_an_owner() {
    let (first, second) = (applied().owner, user("second"));
    assert_eq!(remove(&applied(), first, act(1)), Err(TeamError::LastOwner));
    let two = add(&applied(), second, true, act(1)).expect("room").partner;
    assert!(two.is_owner(first) && two.is_owner(second));
    let one = remove(&two, first, act(2)).expect("another owner stays").partner;
    assert_eq!((one.owner, one.team_size), (second, 1));
    assert_eq!(remove(&one, second, act(3)), Err(TeamError::LastOwner));
    let full = Partner {
        team_size: MAX_TEAM,
        ..applied()
    };
    assert_eq!(add(&full, second, false, act(1)), Err(TeamError::Full));
}

#[test]
fn every_reason_says_who_acts_by_when_and_why() {
    let opened = START.parse().expect("a time");
    for reason in HoldReason::iter() {
        assert!(reason.due_after(opened) > opened, "{reason} is never due");
        assert!(reason.explanation().ends_with('.'), "{reason} does not explain itself");
        let documented = include_str!("hold.rs")
            .lines()
            .any(|line| line.starts_with("/// |") && line.contains(&format!("`{reason}`")));
        assert!(documented, "{reason} is missing in the table of reasons");
    }
}

/// One step that somebody may try on a partner.
#[derive(Debug, Clone)]
enum Step {
    Decide(Decision),
    Accept,
    Connect,
    Report(AccountReport),
    NameReceiver,
    LeavePayPal(AccountReport),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reasons: Vec<HoldReason> = HoldReason::iter().collect();
    let evidence = || "seen".to_owned();
    let decision = (0..5_u8, proptest::sample::select(reasons)).prop_map(move |(kind, reason)| match kind {
        0 => Decision::Approve { evidence: None },
        1 => Decision::Reject {
            reason,
            evidence: evidence(),
        },
        2 => Decision::Suspend {
            reason,
            evidence: evidence(),
        },
        3 => Decision::Reinstate { evidence: evidence() },
        _ => Decision::Reopen { evidence: evidence() },
    });
    let reports =
        (any::<[bool; 6]>(), proptest::option::of("[a-z.]{1,20}")).prop_map(|(flags, disabled_reason)| AccountReport {
            account: "acct_1".to_owned(),
            details_submitted: flags[0],
            transfers_active: flags[1],
            payouts_enabled: flags[2],
            currently_due: flags[3].then(|| "external_account".to_owned()).into_iter().collect(),
            past_due: flags[4].then(|| "tos_acceptance.date".to_owned()).into_iter().collect(),
            pending_verification: flags[5]
                .then(|| "individual.verification.document".to_owned())
                .into_iter()
                .collect(),
            current_deadline: None,
            disabled_reason,
        });
    let step = prop_oneof![
        4 => decision.prop_map(Step::Decide),
        1 => Just(Step::Accept),
        1 => Just(Step::Connect),
        2 => reports.clone().prop_map(Step::Report),
        1 => Just(Step::NameReceiver),
        1 => reports.prop_map(Step::LeavePayPal),
    ];
    proptest::collection::vec(step, 0..40)
}

fn take(partner: &Partner, step: &Step, act: Act) -> Option<Change> {
    match step {
        Step::Decide(decision) => decide(partner, decision, act).ok(),
        Step::Accept => accept(partner, CURRENT_VERSION, act).ok(),
        Step::Connect => connect(
            partner,
            &AccountReport {
                account: "acct_1".to_owned(),
                ..AccountReport::default()
            },
            act,
        )
        .ok(),
        Step::Report(report) => update(partner, report, act.now, act.seed).ok().flatten(),
        Step::NameReceiver => {
            let address = PayPalAddress::parse("paula@example.com").expect("an address");
            name_receiver(partner, address, None, SignedDuration::from_hours(1), act)
                .ok()
                .flatten()
        }
        Step::LeavePayPal(report) => {
            let report = partner.payout_account.as_ref().map(|_| report);
            leave_paypal(partner, report, SignedDuration::from_hours(1), act)
        }
    }
}

fn assert_sound(partner: &Partner) -> Result<(), TestCaseError> {
    let open = |origin: Origin| {
        partner
            .open_holds(act(0).now)
            .filter(|hold| hold.reason_code.origin() == origin)
            .count()
    };
    // Not approved: held in everything, and somebody must act by a day.
    for block in Block::iter() {
        prop_assert!(
            partner.status == Status::Approved || partner.hold_on(block).is_some(),
            "{block} is free: {partner:?}"
        );
    }
    prop_assert_eq!(open(Origin::Review), usize::from(partner.status == Status::Applied));
    prop_assert_eq!(open(Origin::Rejection), usize::from(partner.status == Status::Rejected));
    prop_assert_eq!(
        open(Origin::Suspension),
        usize::from(partner.status == Status::Suspended)
    );
    prop_assert_eq!(open(Origin::Agreement), usize::from(partner.agreement.is_none()));
    prop_assert!(
        open(Origin::PayoutAccount) <= 1,
        "two holds say where one account stands"
    );
    // Paid only to an account that works, or at PayPal.
    let works = partner
        .payout_account
        .as_ref()
        .is_some_and(|account| account.transfers_active && account.payouts_enabled);
    prop_assert!(
        works || partner.paypal_receiver.is_some() || partner.hold_on(Block::Payout).is_some(),
        "would be paid: {:?}",
        partner
    );
    prop_assert!(partner.holds.iter().all(|hold| hold.due_at > hold.opened_at));
    prop_assert!(
        partner
            .holds
            .iter()
            .all(|hold| hold.resolved_at.is_none_or(|at| at >= hold.opened_at))
    );
    let mut ids: Vec<_> = partner.holds.iter().map(|hold| hold.id).collect();
    ids.sort_unstable();
    ids.dedup();
    prop_assert_eq!(ids.len(), partner.holds.len(), "holds share an id");
    Ok(())
}

proptest! {
    #[test]
    fn whatever_happens_every_partner_is_sound(steps in steps()) {
        let mut partner = applied();
        assert_sound(&partner)?;
        for (step, number) in steps.iter().zip(1..) {
            let before = partner.clone();
            let Some(change) = take(&partner, step, act(number)) else { continue };
            partner = change.partner;
            assert_sound(&partner)?;
            // A rejected partner is approved only after an operator has reopened the application and reviewed it again.
            if before.status == Status::Rejected {
                let reopened = matches!(step, Step::Decide(Decision::Reopen { .. }));
                prop_assert_eq!(partner.status, if reopened { Status::Applied } else { Status::Rejected });
            }
            // Only an operator's decision changes the status, and leaves an entry in the audit.
            if before.status != partner.status {
                prop_assert!(matches!(step, Step::Decide(_)));
                // The owner is told; and whose listings leave the shop, their payment pages are closed.
                let messages = if partner.status == Status::Suspended { 2 } else { 1 };
                prop_assert!(change.audit.is_some() && change.messages.len() == messages);
            }
        }
    }

    #[test]
    fn history_does_not_grow_without_end(rounds in 60..80_i64) {
        let mut partner = approved();
        for round in 0..rounds {
            let suspend = Decision::Suspend { reason: HoldReason::PolicyViolation, evidence: "seen".to_owned() };
            partner = decide(&partner, &suspend, act(10 + 2 * round)).expect("suspended").partner;
            partner = decide(&partner, &Decision::Reinstate { evidence: "gone".to_owned() }, act(11 + 2 * round)).expect("back").partner;
        }
        prop_assert_eq!(partner.holds.iter().filter(|hold| !hold.is_open(act(0).now)).count(), MAX_RESOLVED_HOLDS);
        prop_assert_eq!(partner.open_holds(act(0).now).count(), 2);
    }
}
