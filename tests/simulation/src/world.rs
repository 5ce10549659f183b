//! The functions of a run with all that they work with, and the people who were there before it begins.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Bytes;
use axum::http::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::auth::{self, ApiToken};
use shared::clock::Clock;
use shared::http::Edge;
use shared::ids::{ListingId, PartnerId, PlanId, UserId};
use shared::listing::Published;
use shared::messages::{Envelope, Message};
use shared::money::{BasisPoints, Currency, Money};
use shared::objects::Objects;
use shared::partner::account::connect;
use shared::partner::agreement::{CURRENT_VERSION, accept};
use shared::partner::apply::apply;
use shared::partner::decide::decide;
use shared::partner::{Act, Application, Change, Country, Decision, Partner, PartnerName, SupportEmail};
use shared::processor::paypal::PayPalClient;
use shared::processor::paypal::certificate::Certificates;
use shared::processor::stripe::intake::EventPolicy;
use shared::processor::stripe::requests::CreateAccount;
use shared::processor::stripe::{StripeClient, webhook};
use shared::processor::{Deployment, Processor};
use shared::purchase::refund::RefundPolicy;
use shared::queues::Queues;
use shared::reconciliation::Walk;
use shared::revenue::{Count, Counted, Figures, FiguresDraft, Rule, Schedule, Scope, Tier, Tiers};
use shared::runtime::secrets::{SigningSecretSource, StripeSecretSource};
use shared::signing::Signer;
use shared::store::accounts::{self, ApiTokenItem, UserItem};
use shared::store::memory::MemoryBackend;
use shared::store::{Store, Write, keys, partners, reconciliation};
use shared::testing::{TestIssuer, market};
use stripe_standin::{Config, InProcess, Settings};
use url::Url;

use crate::chance::Chance;
use crate::gate::{Gate, GatedPayPal, GatedStripe};
use crate::plan::{Plan, TierRule};
use crate::{standing, withdrawal};

const SECRET_KEY: &str = "sk_test_simulation";
const WEBHOOK_SECRET: &str = "whsec_simulation";
const CONNECT_WEBHOOK_SECRET: &str = "whsec_simulation_connect";
const DEPLOYMENT: &str = "simulation";
/// When every run begins.
const BEGIN: &str = "2026-11-22T09:00:00Z";

/// As in template.yaml: what is younger is left to the webhook.
const GRACE_MINUTES: i64 = 60;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) stripe: Arc<InProcess>,
    pub(crate) paypal: Arc<paypal_standin::InProcess>,
    /// By Stripe's clock; the functions' clocks differ from it, and from each other.
    pub(crate) now: Timestamp,
    /// The clock of the function that runs just now.
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    queues: Queues,
    pub(crate) deployment: Deployment,
    pub(crate) shop: Router,
    pub(crate) refunds: Router,
    pub(crate) subscriptions: Router,
    pub(crate) webhook: Router,
    pub(crate) settlement: settlement::Context,
    pub(crate) payout: payout::Context,
    pub(crate) payout_decide: payout_decide::Context,
    pub(crate) payout_transfer: payout_transfer::Context,
    pub(crate) onboarding_events: onboarding_events::Context,
    pub(crate) reconcile: reconcile::Context,
    pub(crate) sweep: sweep::Context,
    pub(crate) partners: Vec<Seller>,
    pub(crate) listings: Vec<ListingId>,
    /// What the public sees of each listing while it is on sale.
    pub(crate) published: Vec<Published>,
    /// The API token of each customer; those who do nothing but click twice come last.
    pub(crate) customers: Vec<ApiToken>,
    /// Their ids.
    pub(crate) users: Vec<UserId>,
    /// The plans of each listing, by tariff; none of what cannot be subscribed to.
    pub(crate) tariffs: Vec<Vec<PlanId>>,
    /// The token of somebody who runs the marketplace.
    pub(crate) operator: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Seller {
    pub(crate) id: PartnerId,
    /// The account at Stripe that is to be paid.
    pub(crate) account: String,
    pub(crate) owner: UserId,
    /// An API token of the owner.
    pub(crate) token: ApiToken,
}

impl World {
    pub(crate) fn new(plan: &Plan, chance: &mut Chance) -> Self {
        let now: Timestamp = BEGIN.parse().expect("a time");
        let gate = Gate::default();
        let settings = Settings {
            available_delay_s: plan.funds_pending_s,
            invoice_draft_s: plan.draft_s,
            async_delay_ms: plan.debit_takes_s * 1_000,
            ..Settings::default()
        };
        let config = Config {
            secret_key: SECRET_KEY.to_owned(),
            public_url: Some("https://pay.example".to_owned()),
            settings,
            ..Config::default()
        };
        let seed = chance
            .seed(now)
            .to_string()
            .bytes()
            .fold(0, |seed: u64, byte| seed.rotate_left(5) ^ u64::from(byte));
        let stripe = Arc::new(InProcess::new(config, seed, now.as_millisecond()));
        let (clock, store) = (Clock::fixed(now), Store::fated(Arc::new(gate.clone())));
        let queues = Queues::memory();
        let secrets = StripeSecretSource::fixed_for_both(SECRET_KEY, &[WEBHOOK_SECRET], &[CONNECT_WEBHOOK_SECRET]);
        let policy = EventPolicy {
            livemode: false,
            deployment: DEPLOYMENT.parse().expect("a name"),
        };
        let peer = GatedStripe {
            gate: gate.clone(),
            stripe: Arc::clone(&stripe),
        };
        let base = "https://stripe.example".parse().expect("a URL");
        let client = StripeClient::in_process(Arc::new(peer), base, secrets.clone()).of(policy.deployment.clone());
        let at_paypal = crate::paypal::stand_in(seed, now);
        let paypal_base: Url = "https://paypal.example".parse().expect("a URL");
        // Some marketplaces do without PayPal.
        let paypal_secret = crate::paypal::secret(plan.paypal);
        let peer = GatedPayPal {
            gate: gate.clone(),
            paypal: Arc::clone(&at_paypal),
        };
        let paypal = PayPalClient::in_process(Arc::new(peer), paypal_base.clone(), paypal_secret.clone());
        let paypal = paypal.of(policy.deployment.clone());
        if plan.paypal {
            // The token is asked for once and for all.
            at_once(paypal.connect()).expect("a token");
        }
        let issuer = TestIssuer::new();
        let edge = Edge::signed_in(clock.clone(), store.clone(), issuer.verifier());
        let refunds = refunds::Context {
            edge: edge.clone(),
            store: store.clone(),
            policy: RefundPolicy { window_days: 365 },
        };
        let commission = BasisPoints::try_from(plan.commission_bps).expect("a rate");
        let subscriptions = subscriptions::Context {
            edge: edge.clone(),
            store: store.clone(),
            stripe: client.clone(),
            commission,
            currency: Currency::EUR,
            public_url: "https://shop.example".to_owned(),
        };
        let shop = purchase::Context {
            edge,
            store: store.clone(),
            objects: Objects::memory(),
            stripe: client.clone(),
            paypal: paypal.clone(),
            signer: Signer::new(SigningSecretSource::fixed("a seed")),
            block_list: purchase::KeptPages::default(),
            commission,
            public_url: "https://shop.example".to_owned(),
        };
        let webhook = purchase_webhook::Context {
            edge: Edge::open(clock.clone()),
            store: store.clone(),
            secrets,
            policy: policy.clone(),
            paypal_secret,
            paypal_certificates: Certificates::new(&paypal_base),
        };
        let mut world = Self {
            deployment: policy.deployment.clone(),
            gate,
            now,
            shop: shared::http::router(purchase::routes(), shop),
            refunds: shared::http::router(refunds::routes(), refunds),
            subscriptions: shared::http::router(subscriptions::routes(), subscriptions),
            webhook: shared::http::router(purchase_webhook::routes(), webhook),
            settlement: settlement::Context {
                store: store.clone(),
                queues: queues.clone(),
                stripe: client.clone(),
                paypal: paypal.clone(),
                hold_days: plan.hold_days,
            },
            payout: payout::Context { queues: queues.clone() },
            payout_decide: payout_decide::Context {
                store: store.clone(),
                queues: queues.clone(),
                rules: shared::store::payouts::PayoutRules {
                    minimum: Money::new(plan.minimum_minor, Currency::EUR),
                    paypal_offered: true,
                },
            },
            payout_transfer: payout_transfer::Context {
                paypal: paypal.clone(),
                store: store.clone(),
                stripe: client.clone(),
            },
            onboarding_events: onboarding_events::Context {
                store: store.clone(),
                stripe: client.clone(),
            },
            sweep: sweep::Context {
                store: store.clone(),
                queues: queues.clone(),
                clock: clock.clone(),
            },
            reconcile: reconcile::Context {
                store: store.clone(),
                stripe: client,
                paypal,
                policy,
                grace: SignedDuration::from_mins(GRACE_MINUTES),
                clock: clock.clone(),
            },
            queues,
            stripe,
            paypal: at_paypal,
            clock,
            store,
            partners: Vec::new(),
            listings: Vec::new(),
            published: Vec::new(),
            customers: Vec::new(),
            users: Vec::new(),
            tariffs: Vec::new(),
            operator: operator(&issuer, now),
        };
        world.people(plan, chance);
        world
    }

    fn people(&mut self, plan: &Plan, chance: &mut Chance) {
        for index in 0..plan.partners {
            let first = self.partners.first().filter(|_| plan.one_owner);
            let seller = self.seller(index, first, chance);
            self.partners.push(seller);
        }
        if let Some(payee) = plan.payee {
            self.name_receiver(payee, chance);
        }
        for listing in &plan.listings {
            let price = Money::new(listing.price_minor, listing.currency.parse().expect("a currency"));
            let partner = self.partners[listing.partner].id;
            let published = market::published(chance.seed(self.now), partner, "Warm Pads", price);
            let own = withdrawal::listing(&published, true, self.act(chance));
            let writes = vec![
                Write::create(keys::published(published.listing), &published).expect("an item"),
                Write::create(keys::listing(partner, published.listing), &own).expect("an item"),
            ];
            at_once(self.store.transact(writes)).expect("a new listing");
            self.listings.push(published.listing);
            self.published.push(published);
            let tariffs = standing::plans(self, listing, chance);
            self.tariffs.push(tariffs);
        }
        for _ in 0..plan.people() {
            let (user, token) = self.customer(chance);
            self.users.push(user);
            self.customers.push(token);
        }
        if let Some(tiers) = &plan.tiers {
            self.rule(tiers, chance);
        }
        // As the run an hour ago has left it.
        for processor in [Processor::Stripe, Processor::PayPal] {
            for walk in [Walk::Movements(processor), Walk::Events(processor)] {
                at_once(reconciliation::advance(&self.store, walk, self.now)).expect("a cursor");
            }
        }
        self.memory().take_changes();
    }

    fn rule(&self, tiers: &TierRule, chance: &mut Chance) {
        let rate = |bps: u32| BasisPoints::try_from(bps).expect("a rate");
        let above = tiers.bands[1..].iter().map(|(above, bps)| Tier {
            above: Money::new(*above, Currency::EUR),
            commission_bps: rate(*bps),
        });
        let draft = FiguresDraft {
            tiers: Some(Tiers {
                per: if tiers.per_listing {
                    Counted::Listing
                } else {
                    Counted::Partner
                },
                count: Count::Never { since: None },
                above: above.collect(),
            }),
            ..Figures::flat(rate(tiers.bands[0].1)).into()
        };
        let act = self.act(chance);
        let rule = Rule {
            id: act.seed.id("rule"),
            version: 1,
            name: "the more the merrier".to_owned(),
            scope: Scope::Marketplace,
            // Before every clock that is slow.
            from: self.now - SignedDuration::from_hours(1),
            until: None,
            figures: draft.try_into().expect("figures that make sense"),
            preset: None,
            created_by: act.actor,
            created_at: self.now,
        };
        let schedule = Schedule::default().add(std::slice::from_ref(&rule), self.now);
        let schedule = schedule.expect("the first rule");
        let write = Write::create(keys::schedule(&Scope::Marketplace), &schedule).expect("an item");
        at_once(self.store.write(write)).expect("a new schedule");
    }

    fn seller(&self, index: usize, first: Option<&Seller>, chance: &mut Chance) -> Seller {
        let act = self.act(chance);
        let act = Act {
            actor: first.map_or(act.actor, |first| first.owner),
            ..act
        };
        let application = Application {
            name: PartnerName::parse(&format!("Sounds {index}")).expect("a name"),
            country: Country::parse("DE").expect("a country"),
            support_email: SupportEmail::parse("help@sounds.example").expect("an address"),
            website: None,
            about: "Sounds for slow music, made by hand.".to_owned(),
        };
        let applied = apply(application, act);
        at_once(partners::create(&self.store, &applied)).expect("a new partner");
        let approved = decide(&applied.partner, &Decision::Approve { evidence: None }, act).expect("an applicant");
        let agreed = accept(&approved.partner, CURRENT_VERSION, act).expect("the current agreement");
        let account = self.connect(&agreed.partner, 1, chance);
        Seller {
            id: applied.partner.id,
            account,
            owner: act.actor,
            token: match first {
                Some(first) => first.token.clone(),
                None => self.person(act.actor, auth::Scope::RefundsWrite, chance),
            },
        }
    }

    /// Gives the partner a working account at Stripe, in place of the one it has.
    fn connect(&self, partner: &Partner, revision: u64, chance: &mut Chance) -> String {
        let act = self.act(chance);
        let request = CreateAccount {
            country: "DE".to_owned(),
            email: None,
            metadata: [("partner_id".to_owned(), partner.id.to_string())].into(),
        };
        let stripe = &self.settlement.stripe;
        let account = at_once(stripe.create_account(&request, &act.seed.to_string()))
            .expect("an account")
            .id;
        self.control(&format!("accounts/{account}"), &json!({"outcome": "complete"}));
        let report = at_once(stripe.account(&account)).expect("the account").report();
        let unconnected = Partner {
            payout_account: None,
            ..partner.clone()
        };
        let connected = connect(&unconnected, &report, act).expect("no account yet");
        let connected = Change {
            messages: Vec::new(),
            ..connected
        };
        let claim = partners::claim_processor_account(partner.id, &account).expect("a pointer");
        at_once(partners::save(&self.store, &connected, revision, [claim])).expect("nobody else writes");
        account
    }

    /// Gives the partner another account at Stripe; returns the former one.
    pub(crate) fn move_account(&mut self, index: usize, chance: &mut Chance) -> String {
        let partner = at_once(partners::load(&self.store, self.partners[index].id));
        let partner = partner.expect("memory does not fail").expect("the partner");
        let account = self.connect(&partner, partner.revision, chance);
        std::mem::replace(&mut self.partners[index].account, account)
    }

    fn customer(&self, chance: &mut Chance) -> (UserId, ApiToken) {
        let user = chance.seed(self.now).id("customer");
        (user, self.person(user, auth::Scope::OrdersWrite, chance))
    }

    /// Somebody with an API token for this alone.
    fn person(&self, user: UserId, scope: auth::Scope, chance: &mut Chance) -> ApiToken {
        let (token, seed) = (chance.api_token(), chance.seed(self.now));
        let user = UserItem {
            id: user,
            email: Some("carla@example.com".to_owned()),
            name: None,
            created_at: self.now,
        };
        let item = ApiTokenItem {
            id: seed.id("token"),
            user: user.id,
            label: "the shop's counter".to_owned(),
            hint: token.hint(),
            scopes: [scope].into_iter().collect(),
            secret_sha256: token.sha256(),
            created_at: self.now,
            valid_until: self.now + SignedDuration::from_hours(24 * 365),
            revoked_at: None,
        };
        let mut writes = Vec::from(accounts::create_api_token(&item).expect("an item"));
        writes.push(Write::create(keys::user(user.id), &user).expect("an item"));
        at_once(self.store.transact(writes)).expect("a new person");
        token
    }

    pub(crate) fn act(&self, chance: &mut Chance) -> Act {
        let seed = chance.seed(self.now);
        Act {
            actor: seed.id("owner"),
            now: self.now,
            seed,
        }
    }

    /// Lets something happen at Stripe that nobody asked for by its API.
    pub(crate) fn control(&self, path: &str, body: &Value) -> Value {
        self.stripe
            .control(path, body)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A request of Stripe's API that is not ours.
    pub(crate) fn by_hand(&self, path: &str, form: &str) -> Result<Value, Value> {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {SECRET_KEY}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form.to_owned()))
            .expect("a request");
        let response = self.stripe.request(request);
        let is_done = response.status().is_success();
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        if is_done { Ok(body) } else { Err(body) }
    }

    pub(crate) fn memory(&self) -> &MemoryBackend {
        self.store.as_memory().expect("the table is in memory")
    }

    /// What functions have sent to queues by themselves since the last call, but for the pages of shards in which nobody has a balance.
    pub(crate) fn take_sent(&self) -> Vec<Envelope> {
        let sent = self.queues.as_memory().expect("the queues are in memory").take();
        let is_of_use = |message: &Message| match message {
            Message::PayoutPage { shard, .. } | Message::OpenPayoutPage { shard, .. } => {
                self.partners.iter().any(|partner| keys::shard_of(partner.id) == *shard)
            }
            _ => true,
        };
        let sent = sent.into_iter().map(|(_, envelope)| envelope);
        sent.filter(|envelope| is_of_use(&envelope.message)).collect()
    }

    /// Whether functions can send messages.
    pub(crate) fn set_queues_out(&self, are_out: bool) {
        self.queues
            .as_memory()
            .expect("the queues are in memory")
            .set_broken(are_out);
    }

    /// Time passes, for the processors too.
    pub(crate) fn pass(&mut self, by: SignedDuration) {
        self.now += by;
        let ms = i64::try_from(by.as_millis()).expect("less than the age of the universe");
        self.stripe.advance(ms);
        self.paypal.advance(ms);
    }

    /// Sets the functions' clock.
    pub(crate) fn set_clock(&self, at: Timestamp) {
        self.clock.advance(at.duration_since(self.clock.now()));
    }

    /// The header that proves that the body is Stripe's, sent to one endpoint or the other.
    pub(crate) fn signature(&self, body: &[u8], is_connect: bool) -> String {
        let secret = if is_connect {
            CONNECT_WEBHOOK_SECRET
        } else {
            WEBHOOK_SECRET
        };
        webhook::sign(body, &secret.into(), self.now)
    }
}

fn operator(issuer: &TestIssuer, now: Timestamp) -> String {
    let year = now + SignedDuration::from_hours(24 * 365);
    let token = issuer.token("olga", now).operator();
    token.claim("exp", json!(year.as_second())).mint()
}

/// What a future that waits for nothing comes to.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("something waits although the gate is open"),
    }
}
