//! A subscription to test with: two seats of a monthly plan with a trial.

use jiff::{SignedDuration, Timestamp};

use super::follow::{Report, Told};
use super::plan::{Billing, PlanTrial};
use super::{AtStripe, Plan, Status, Subscription};
use crate::licence::Terms as LicenceTerms;
use crate::licensing::Preset;
use crate::money::{BasisPoints, Currency, Money};
use crate::revenue::{Referrers, Terms};
use crate::seed::Seed;

pub(crate) fn now() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().expect("a time")
}

pub(crate) fn days(days: i64) -> Timestamp {
    now()
        .saturating_add(SignedDuration::from_hours(24 * days))
        .expect("a time")
}

pub(crate) fn seed() -> Seed {
    Seed::named(now(), "subscription")
}

pub(crate) fn plan(preset: Preset) -> Plan {
    Plan {
        id: seed().id(&preset.to_string()),
        listing: seed().id("listing"),
        partner: seed().id("partner"),
        name: format!("{preset}, monthly"),
        every: Billing::Month,
        price: Money::new(900, Currency::EUR),
        trial: Some(PlanTrial {
            days: 14,
            card_required: false,
        }),
        grace_days: 14,
        educational_percent: Some(50),
        terms: LicenceTerms::Preset(preset),
        created_at: now(),
        retired_at: None,
    }
}

pub(crate) fn subscription() -> Subscription {
    Subscription {
        id: seed().id("subscription"),
        customer: seed().id("customer"),
        title: "Warm Pads".to_owned(),
        plan: plan(Preset::Individual),
        quantity: 2,
        status: Status::Pending,
        licence: seed().id("licence"),
        terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
        referrers: Referrers::default(),
        tries: true,
        educational_percent: None,
        created_at: now(),
        session: Some("cs_1".to_owned()),
        at_stripe: None,
        paid_until: None,
        trial_end: None,
        period_end: None,
        cancel_at: None,
        ended_at: None,
        end_reason: None,
        open_invoice: None,
        credit: None,
        told_of_trial_end: false,
    }
}

/// A month that began on this day, and was paid for where its state says so.
pub(crate) fn report(told: Told, from: i64) -> Report {
    Report {
        at_stripe: AtStripe {
            subscription: "sub_1".to_owned(),
            customer: "cus_1".to_owned(),
            item: "si_1".to_owned(),
            product: "prod_1".to_owned(),
        },
        paid_through: match told {
            Told::Incomplete | Told::IncompleteExpired | Told::Trialing => None,
            Told::Active => Some(days(from + 30)),
            Told::PastDue | Told::Unpaid | Told::Paused | Told::Canceled => Some(days(from)),
        },
        educational_percent: None,
        told,
        collection_paused: false,
        quantity: 2,
        period_start: days(from),
        period_end: days(from + 30),
        trial_end: None,
        cancel_at: None,
        ended_at: None,
        end_reason: None,
        open_invoice: None,
        credit: None,
    }
}
