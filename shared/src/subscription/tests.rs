use proptest::prelude::*;
use strum::IntoEnumIterator;

use super::follow::{OpenInvoice, Report, Told, follow};
use super::plan::PlanTrial;
use super::sample::{days, now, plan, report, seed, subscription};
use super::{EndReason, PaidInvoice, Plan, Status, Subscription, entitle, first_licence, renewal};
use crate::licence::Licence;
use crate::licensing::lifecycle::{StandingAct, stand};
use crate::licensing::term::{Lapse, lapse, usable_until};
use crate::licensing::{Preset, Standing, Status as LicenceStatus};
use crate::messages::SubscriptionNews;
use crate::money::{Currency, Money};
use crate::purchase::{Payment, settle};
use crate::revenue::Turnovers;

fn after(before: &Subscription, report: &Report) -> Subscription {
    follow(before, report, &before.plan, report.period_start).0
}

fn active() -> Subscription {
    after(&subscription(), &report(Told::Active, 0))
}

#[track_caller]
fn check(before: &Subscription, report: &Report, status: Status, licensed_until: Option<i64>) -> Subscription {
    let next = after(before, report);
    assert_eq!(next.status, status, "{report:?}");
    assert_eq!(next.licensed_until(), licensed_until.map(days), "{report:?}");
    next
}

fn trial(from: i64) -> Report {
    Report {
        trial_end: Some(days(from + 14)),
        period_end: days(from + 14),
        ..report(Told::Trialing, from)
    }
}

fn unpaid_invoice(attempts: u32) -> OpenInvoice {
    OpenInvoice {
        id: "in_2".to_owned(),
        page: Some("https://pay.example/in_2".to_owned()),
        attempts,
        next_attempt: Some(days(33)),
        needs_confirmation: false,
    }
}

#[test]
fn each_of_stripes_states_is_one_here() {
    let ended = Report {
        ended_at: Some(days(10)),
        end_reason: Some(EndReason::Cancelled),
        paid_through: Some(days(30)),
        ..report(Told::Canceled, 0)
    };
    let paused = Report {
        collection_paused: true,
        paid_through: Some(days(30)),
        ..report(Told::Active, 30)
    };
    check(&subscription(), &report(Told::Incomplete, 0), Status::Pending, None);
    check(
        &subscription(),
        &report(Told::IncompleteExpired, 0),
        Status::Lapsed,
        None,
    );
    check(&subscription(), &trial(0), Status::Trialing, Some(14));
    check(&active(), &report(Told::Active, 30), Status::Active, Some(74));
    check(&active(), &report(Told::PastDue, 30), Status::PastDue, Some(44));
    check(&active(), &report(Told::Unpaid, 30), Status::Unpaid, Some(30));
    check(&active(), &paused, Status::Paused, Some(30));
    check(&active(), &report(Told::Paused, 30), Status::Paused, Some(30));
    check(&active(), &ended, Status::Ended, Some(10));
}

#[test]
fn who_cancels_has_what_they_paid_for_and_no_grace() {
    let cancelled = Report {
        cancel_at: Some(days(30)),
        ..report(Told::Active, 0)
    };
    let cancelled = check(&active(), &cancelled, Status::Active, Some(30));
    let taken_back = check(&cancelled, &report(Told::Active, 0), Status::Active, Some(44));
    assert_eq!(taken_back.cancel_at, None);
    let given_up = Report {
        ended_at: Some(days(45)),
        end_reason: Some(EndReason::NotPaid),
        ..report(Told::Canceled, 30)
    };
    let overdue = check(&active(), &report(Told::PastDue, 30), Status::PastDue, Some(44));
    let over = check(&overdue, &given_up, Status::Ended, Some(30));
    assert_eq!(over.end_reason, Some(EndReason::NotPaid));
    check(&over, &report(Told::Active, 60), Status::Ended, Some(30));
}

#[test]
fn a_second_period_that_nobody_pays_for_has_no_grace_of_its_own() {
    let unpaid_since = |told, from| Report {
        paid_through: Some(days(30)),
        ..report(told, from)
    };
    let overdue = check(&active(), &report(Told::PastDue, 30), Status::PastDue, Some(44));
    let longer = check(&overdue, &unpaid_since(Told::PastDue, 60), Status::PastDue, Some(44));
    check(&longer, &unpaid_since(Told::Unpaid, 90), Status::Unpaid, Some(30));
    check(&longer, &report(Told::Active, 60), Status::Active, Some(104));
    // The older of two open invoices is paid: the grace counts from what it paid for.
    check(&longer, &report(Told::PastDue, 60), Status::PastDue, Some(74));
}

/// Stripe calls a subscription active from the moment at which a period begins; its invoice is charged an hour later.
#[test]
fn a_period_that_runs_is_not_one_that_is_paid_for() {
    let drafted = Report {
        paid_through: Some(days(30)),
        ..report(Told::Active, 30)
    };
    let begun = check(&active(), &drafted, Status::Active, Some(44));
    assert_eq!(begun.paid_until, Some(days(30)));
    let paused = Report {
        collection_paused: true,
        ..drafted.clone()
    };
    check(&begun, &paused, Status::Paused, Some(30));
    let cancelled = Report {
        cancel_at: Some(days(60)),
        ..drafted
    };
    check(&begun, &cancelled, Status::Active, Some(44));
    let soon = Report {
        cancel_at: Some(days(35)),
        ..cancelled
    };
    check(&begun, &soon, Status::Active, Some(35));
}

#[test]
fn a_trial_has_a_grace_only_where_a_payment_follows() {
    let mut with_card = subscription();
    with_card.plan.trial = Some(PlanTrial {
        days: 14,
        card_required: true,
    });
    check(&with_card, &trial(0), Status::Trialing, Some(28));
    let not_paid = Report {
        paid_through: Some(days(14)),
        trial_end: Some(days(14)),
        ..report(Told::PastDue, 14)
    };
    let overdue = check(&with_card, &not_paid, Status::PastDue, Some(28));
    assert!(overdue.is_trial(), "nothing has been paid yet");
    let paid = Report {
        trial_end: Some(days(14)),
        ..report(Told::Active, 14)
    };
    assert!(!check(&overdue, &paid, Status::Active, Some(58)).is_trial());
}

#[test]
fn a_trial_goes_on_only_under_a_plan_that_asks_for_no_more() {
    let with = |card_required: Option<bool>| Plan {
        trial: card_required.map(|card_required| PlanTrial {
            days: 14,
            card_required,
        }),
        ..plan(Preset::Studio)
    };
    for (from, to, goes_on) in [
        (Some(false), Some(false), true),
        (Some(true), Some(false), true),
        (Some(true), Some(true), true),
        (Some(false), Some(true), false),
        (Some(false), None, false),
        (Some(true), None, false),
    ] {
        let tried = Subscription {
            plan: with(from),
            ..subscription()
        };
        assert_eq!(tried.trial_goes_on_under(&with(to)), goes_on, "{from:?} {to:?}");
    }
}

#[test]
fn a_pause_keeps_what_is_paid_and_a_resumed_period_is_paid_anew() {
    let paused = |from| Report {
        collection_paused: true,
        paid_through: Some(days(30)),
        ..report(Told::Active, from)
    };
    let one = check(&active(), &paused(0), Status::Paused, Some(30));
    check(&one, &report(Told::Active, 0), Status::Active, Some(44));
    let two = check(&one, &paused(30), Status::Paused, Some(30));
    check(&two, &report(Told::Active, 50), Status::Active, Some(94));
}

#[test]
fn the_customer_hears_each_thing_once() {
    let hears = |before: &Subscription, report: &Report, at| follow(before, report, &before.plan, days(at)).1;
    assert_eq!(hears(&subscription(), &trial(0), 0), Some(SubscriptionNews::TrialBegan));
    let tried = after(&subscription(), &trial(0));
    assert_eq!(hears(&tried, &trial(0), 5), None);
    let (soon, news) = follow(&tried, &trial(0), &tried.plan, days(11));
    assert_eq!(news, Some(SubscriptionNews::TrialEnds));
    assert_eq!(hears(&soon, &trial(0), 12), None);
    let cancelled = Report {
        cancel_at: Some(days(14)),
        ..trial(0)
    };
    assert_eq!(hears(&tried, &cancelled, 11), None, "who has cancelled knows");
    let overdue = |attempts| Report {
        open_invoice: Some(unpaid_invoice(attempts)),
        ..report(Told::PastDue, 30)
    };
    assert_eq!(hears(&active(), &overdue(1), 30), Some(SubscriptionNews::PaymentFailed));
    let once = after(&active(), &overdue(1));
    assert_eq!(hears(&once, &overdue(1), 31), None, "told twice, mailed once");
    assert_eq!(hears(&once, &overdue(2), 33), Some(SubscriptionNews::PaymentFailed));
    assert_eq!(hears(&once, &report(Told::Active, 30), 33), None, "the receipt says so");
    let mut asked = overdue(1);
    if let Some(invoice) = &mut asked.open_invoice {
        invoice.needs_confirmation = true;
    }
    let waits = |subscription: &Subscription| {
        let open = subscription.open_invoice.as_ref();
        open.is_some_and(|invoice| invoice.needs_confirmation)
    };
    let waiting = after(&active(), &asked);
    assert!(waits(&waiting));
    assert!(
        waits(&after(&waiting, &overdue(1))),
        "who has not asked the payment does not know better"
    );
    assert!(
        !waits(&after(&waiting, &overdue(2))),
        "another attempt is another payment"
    );
    let ended = report(Told::Canceled, 30);
    assert_eq!(hears(&once, &ended, 45), Some(SubscriptionNews::Ended));
    assert_eq!(hears(&after(&once, &ended), &ended, 45), None);
}

fn issued(subscription: &Subscription) -> Licence {
    first_licence(subscription, [7; 16], now()).expect("it has begun")
}

#[test]
fn the_licence_has_its_seats_and_its_term() {
    assert_eq!(first_licence(&subscription(), [7; 16], now()), None, "nothing is paid");
    let tried = issued(&after(&subscription(), &trial(0)));
    assert_eq!(tried.granted().status(now()), LicenceStatus::Trial);
    let bought = entitle(&tried, &active()).expect("it was bought");
    let grant = bought.granted();
    assert_eq!(
        (grant.status(now()), grant.expires_at),
        (LicenceStatus::Active, Some(days(44)))
    );
    assert_eq!((grant.limits.users, grant.limits.machines), (Some(2), Some(6)));
    assert_eq!(grant.status(days(44)), LicenceStatus::Expired);
    assert_eq!(bought.key, tried.key);
    assert_eq!(entitle(&bought, &active()), None, "the same news again");
    let fewer = Subscription {
        quantity: 1,
        ..active()
    };
    let fewer = entitle(&bought, &fewer).expect("a seat less").granted();
    assert_eq!((fewer.limits.users, fewer.revision), (Some(1), grant.revision + 1));
}

#[test]
fn a_trial_that_was_not_paid_for_leaves_nothing() {
    let tried = after(&subscription(), &trial(0));
    let ended = Report {
        ended_at: Some(days(14)),
        trial_end: Some(days(14)),
        paid_through: Some(days(14)),
        ..report(Told::Canceled, 0)
    };
    let licence = issued(&tried);
    assert_eq!(entitle(&licence, &after(&tried, &ended)), None, "it ends by itself");
    let over = licence.granted();
    assert!(over.trial);
    assert_eq!(
        (over.status(days(13)), over.status(days(14))),
        (LicenceStatus::Trial, LicenceStatus::Expired)
    );
}

#[test]
fn another_plan_is_another_policy_for_the_same_licence() {
    let studio = plan(Preset::Studio);
    let (changed, _) = follow(&active(), &report(Told::Active, 0), &studio, now());
    let licence = entitle(&issued(&active()), &changed).expect("another policy");
    assert_eq!(licence.preset(), Some(Preset::Studio));
    assert_eq!(licence.granted().limits.machines, Some(20));
    assert_eq!(
        licence.granted().expires_at,
        Some(days(44)),
        "the term is the subscription's, not the policy's"
    );
}

/// Policies leave something to those who have bought for good: old releases for ever, or a grace. A subscription's grace is its plan's.
#[test]
fn the_licence_ends_with_what_is_paid_for_whatever_its_policy() {
    for preset in Preset::iter() {
        let (subscribed, _) = follow(&subscription(), &report(Told::Active, 0), &plan(preset), now());
        let licence = issued(&subscribed);
        let (policy, grant) = (licence.policy(), licence.granted());
        assert_eq!(policy.id, preset.id());
        let end = grant.expires_at.expect("a term");
        assert_eq!(lapse(&policy, &grant, end), Lapse::Over, "{preset}");
        assert_eq!(usable_until(&policy, &grant), Some(days(44)), "{preset}");
    }
}

#[test]
fn what_people_decided_about_the_licence_stands() {
    for act in [StandingAct::Suspend, StandingAct::Revoke, StandingAct::Ban] {
        let licence = issued(&active());
        let ruled = stand(&licence.granted(), act, now()).expect("in good standing").grant;
        let ruled = licence.with(ruled);
        let renewed = after(&active(), &report(Told::Active, 30));
        let renewed = entitle(&ruled, &renewed).expect("a longer term");
        assert_ne!(renewed.granted().standing, Standing::Good, "{act}");
        assert_eq!(renewed.granted().expires_at, Some(days(74)));
    }
}

#[test]
fn a_paid_invoice_is_an_order_that_issues_nothing() {
    let invoice = PaidInvoice {
        id: "in_1".to_owned(),
        created: now(),
        paid_at: None,
        amount: Money::new(1800, Currency::EUR),
        until: days(30),
    };
    let order = renewal(&active(), &invoice);
    assert_eq!(order, renewal(&active(), &invoice), "always the same one");
    let payment = Payment {
        amount: invoice.amount,
        charge: Some("ch_1".to_owned()),
        at: now(),
    };
    let settled = settle(&order, &payment, &Turnovers::new(), 7, invoice.seed(), || [9; 16]).expect("paid");
    assert_eq!(settled.licences, []);
    assert_eq!(settled.order.licences().count(), 0);
    assert_eq!(settled.balances[0].owed, Money::new(1440, Currency::EUR));
    assert_eq!(
        settled.order.lines[0].title,
        "Warm Pads: individual, monthly, until 2026-12-23"
    );
    assert_eq!(settled.entries[0].partner(), Some(seed().id("partner")));
}

fn any_report() -> impl Strategy<Value = Report> {
    let told: Vec<_> = Told::iter().collect();
    let maybe = |days: std::ops::Range<i64>| prop::option::of(days);
    (
        prop::sample::select(told),
        0_i64..90,
        any::<bool>(),
        1_u32..9,
        maybe(0..120),
        maybe(0..120),
        0_u32..4,
        maybe(0..120),
    )
        .prop_map(
            |(told, from, collection_paused, quantity, cancel, ended, attempts, paid)| Report {
                paid_through: paid.map(days),
                collection_paused,
                quantity,
                cancel_at: cancel.map(days),
                ended_at: ended.map(days),
                open_invoice: (attempts > 0).then(|| unpaid_invoice(attempts)),
                ..report(told, from)
            },
        )
}

proptest! {
    /// News may come twice and late: following what Stripe says now is all that counts.
    #[test]
    fn following_the_same_report_again_changes_nothing(reports in prop::collection::vec(any_report(), 1..8)) {
        let mut subscription = subscription();
        for report in &reports {
            subscription = after(&subscription, report);
        }
        let last = reports.last().expect("at least one");
        let (again, news) = follow(&subscription, last, &subscription.plan, last.period_start);
        prop_assert_eq!(&again, &subscription);
        prop_assert_eq!(news, None);
    }

    /// Whatever is told in between, the licence is as a single report of what is told last would have made it.
    #[test]
    fn what_was_told_before_does_not_matter_to_what_runs(reports in prop::collection::vec(any_report(), 0..8), last in any_report()) {
        let path = reports.iter().fold(subscription(), |subscription, report| after(&subscription, report));
        prop_assume!(!path.status.is_over());
        let (long, short) = (after(&path, &last), after(&subscription(), &last));
        prop_assert_eq!(long.status, short.status);
        prop_assert_eq!(long.licensed_until(), short.licensed_until());
        prop_assert_eq!(long.is_trial(), short.is_trial());
    }

    #[test]
    fn a_licence_is_never_good_for_longer_than_what_is_paid_and_the_grace(reports in prop::collection::vec(any_report(), 1..8)) {
        let mut subscription = subscription();
        let mut licence = None;
        for report in &reports {
            subscription = after(&subscription, report);
            licence = match licence {
                None => first_licence(&subscription, [7; 16], now()),
                Some(licence) => Some(entitle(&licence, &subscription).unwrap_or(licence)),
            };
            if let (Some(licence), Some(paid_until)) = (&licence, subscription.paid_until) {
                let until = licence.granted().expires_at.expect("a term");
                prop_assert!(until >= paid_until);
                prop_assert!(until.duration_since(paid_until) <= jiff::SignedDuration::from_hours(24 * 14));
                prop_assert_eq!(licence.granted().limits.users, Some(u64::from(subscription.quantity)));
            }
        }
    }
}
