//! The plans of what can be subscribed to, and what has become of each subscription: here, in its licence, and at Stripe.

use serde_json::Value;
use shared::audit::AuditEvent;
use shared::ids::PlanId;
use shared::licence::{Licence, Terms};
use shared::licensing::Preset;
use shared::money::{Currency, Money};
use shared::store::{TableName, subscriptions};
use shared::subscription::plan::PlanTrial;
use shared::subscription::{Billing, Plan, Subscription};
use stripe_standin::Kind;

use crate::books::Table;
use crate::chance::Chance;
use crate::plan::Listing;
use crate::run::Run;
use crate::subscriber::TARIFFS;
use crate::world::{World, at_once};

/// For how long a licence is good after a period that nobody has paid for has begun.
const GRACE_DAYS: u32 = 14;

/// A subscription when nothing is on its way.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) ours: Subscription,
    pub(crate) licence: Option<Licence>,
    /// `Null` where it was never begun.
    pub(crate) theirs: Value,
    pub(crate) account: Account,
}

/// What a customer of Stripe's has paid and got back, as Stripe says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Account {
    pub(crate) paid: i64,
    /// By our decisions.
    pub(crate) refunded: i64,
    pub(crate) credit: i64,
    /// Whether somebody has taken money back in another way.
    pub(crate) is_taken_back: bool,
}

impl Account {
    fn of(run: &Run<'_>, customer: &Value) -> Self {
        let stripe = &run.world.stripe;
        let int = |object: &Value, field: &str| object[field].as_i64().unwrap_or_default();
        let balance = customer.as_str().map_or(0, |id| int(&stripe.object(id), "balance"));
        let mut money = Self {
            credit: (-balance).max(0),
            ..Self::default()
        };
        let charges = stripe.objects(Kind::Charge).into_iter();
        for charge in charges.filter(|charge| charge["customer"] == *customer && charge["status"] == "succeeded") {
            money.paid += int(&charge, "amount");
            money.is_taken_back |= charge["disputed"] == true;
            let refunds = stripe.objects(Kind::Refund).into_iter();
            for refund in refunds.filter(|refund| refund["charge"] == charge["id"] && refund["status"] != "failed") {
                money.refunded += int(&refund, "amount");
                money.is_taken_back |= !refund["metadata"]["refund_id"].is_string();
            }
        }
        money
    }
}

impl Standing {
    pub(crate) fn all(run: &Run<'_>) -> Vec<Self> {
        let commerce = Table::scan(run, TableName::Commerce);
        let licences: Vec<Licence> = commerce.all("LIC#", "").collect();
        let theirs = run.world.stripe.objects(Kind::Subscription);
        let standing = |ours: Subscription| {
            let id = ours.id.to_string();
            let theirs = theirs.iter();
            let mut theirs = theirs.filter(|theirs| theirs["metadata"]["subscription_id"] == *id);
            let theirs = theirs.next().cloned().unwrap_or_default();
            Self {
                licence: licences.iter().find(|licence| licence.id == ours.licence).cloned(),
                account: Account::of(run, &theirs["customer"]),
                theirs,
                ours,
            }
        };
        commerce.all("CUS#", "SBN#").map(standing).collect()
    }
}

impl Run<'_> {
    /// Nobody is charged any more while the books are closed. Whose subscription has not begun, or is over, has nothing to end.
    pub(crate) fn end_subscriptions(&mut self) {
        self.standings = Standing::all(self);
        let now = self.now();
        for subscriber in &mut self.subscribers {
            subscriber.end(now);
        }
        self.settle_soon();
    }
}

/// Gives the listing a plan for each tariff, if it costs enough.
pub(crate) fn plans(world: &World, listing: &Listing, chance: &mut Chance) -> Vec<PlanId> {
    let tariffs = TARIFFS.iter().filter(|_| listing.has_plans());
    let plan = |tariff: &crate::subscriber::Tariff| {
        let act = world.act(chance);
        let price = Money::new(listing.price_minor, Currency::EUR);
        let plan = Plan {
            id: act.seed.id("plan"),
            listing: *world.listings.last().expect("the listing"),
            partner: world.partners[listing.partner].id,
            name: "Studio, monthly".to_owned(),
            every: Billing::Month,
            price: price.checked_mul(tariff.times).expect("a price"),
            trial: tariff
                .trial
                .map(|(days, card_required)| PlanTrial { days, card_required }),
            grace_days: GRACE_DAYS,
            educational_percent: None,
            terms: Terms::Preset(Preset::Individual),
            created_at: act.now,
            retired_at: None,
        };
        let audit = AuditEvent {
            id: act.seed.id("audit"),
            at: act.now,
            actor: act.actor,
            action: "plan.create".to_owned(),
            subject: plan.id.to_string(),
            reason_code: None,
            evidence: None,
        };
        at_once(subscriptions::create_plan(&world.store, &plan, &audit)).expect("a new plan");
        plan.id
    };
    tariffs.map(plan).collect()
}
