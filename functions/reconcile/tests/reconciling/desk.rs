//! A desk with both sets of books: the processor's (a stand-in of its own), and ours (in memory), with nobody between them.
//!
//! No webhook is delivered and no queue is read. What Souk would have written is written by the decisions themselves, so that a test
//! says what got through and what was lost.

use jiff::{SignedDuration, Timestamp};
use reconcile::Context;
use serde_json::{Value, json};
use shared::ids::{PartnerId, UserId};
use shared::ledger::{Account, Fact, JournalEntry, Posting};
use shared::messages::Message;
use shared::money::{BasisPoints, Currency, Money};
use shared::partner::account::connect;
use shared::partner::{AccountReport, Act, Partner};
use shared::processor::Deployment;
use shared::processor::paypal::PayPalClient;
use shared::processor::stripe::StripeClient;
use shared::processor::stripe::intake::EventPolicy;
use shared::processor::stripe::requests::{
    CheckoutLine, CreateAccount, CreateCheckoutSession, CreateTransfer, Metadata,
};
use shared::purchase::{Offer, Order, Payment, place, settle};
use shared::reconciliation::{Difference, Reconciliation};
use shared::revenue::{Referrers, Terms, Turnovers};
use shared::runtime::Tick;
use shared::runtime::secrets::{PayPalSecretSource, StripeSecretSource};
use shared::store::{commerce, ledger, partners, reconciliation};
use shared::testing::TestWorld;
use stripe_standin::{Config, Server, serve};

/// What the stand-in keeps of a charge.
pub(crate) const FEE_OF_1299: i64 = 44;

pub(crate) struct Desk {
    pub(crate) world: TestWorld,
    pub(crate) context: Context,
    pub(crate) customer: UserId,
    pub(crate) anna: PartnerId,
    /// Her account at the processor.
    pub(crate) account: String,
    server: Server,
    http: reqwest::Client,
}

/// The marketplace whose desk it is.
pub(crate) fn deployment() -> Deployment {
    "1/eu-central-1/souk".parse().expect("a name")
}

/// A desk whose processor makes no events at all.
pub(crate) async fn deaf_desk() -> Desk {
    let desk = desk().await;
    desk.control("webhooks", json!({"suppressed": ["*"]})).await;
    desk
}

pub(crate) async fn desk() -> Desk {
    let world = TestWorld::new();
    let mut config = Config::default();
    // What the tests do not ask for does not happen by itself.
    config.settings.fee_delay_ms = 86_400_000;
    config.settings.payout_delay_ms = 86_400_000;
    let secret = config.secret_key.clone();
    let server = serve(config).await.expect("a free port");
    let base = server.url().parse().expect("a URL");
    let stripe = StripeClient::new(base, StripeSecretSource::fixed(&secret, &["whsec_unused"])).of(deployment());
    let nowhere = PayPalClient::new(
        "https://paypal.example".parse().expect("a URL"),
        PayPalSecretSource::fixed("", "", ""),
    );
    let context = Context {
        store: world.store.clone(),
        stripe,
        // Who has no client id there does without PayPal: nobody is asked.
        paypal: nowhere,
        policy: EventPolicy {
            livemode: false,
            deployment: deployment(),
        },
        grace: SignedDuration::ZERO,
        clock: world.clock.clone(),
    };
    let (anna, customer) = (world.seller("anna").await, world.customer("carla").await);
    let mut desk = Desk {
        world,
        context,
        customer,
        anna,
        account: String::new(),
        server,
        http: reqwest::Client::new(),
    };
    // What happens to Anna's account before the story begins is nobody's news.
    desk.control("webhooks", json!({"suppressed": ["*"]})).await;
    desk.account = desk.connect("anna").await;
    desk.control(&format!("accounts/{}", desk.account), json!({"outcome": "complete"}))
        .await;
    desk.control("webhooks", json!({"suppressed": []})).await;
    let account = desk.context.stripe.account(&desk.account).await;
    desk.link(desk.anna, &account.expect("Anna's account").report()).await;
    desk
}

/// A control of the stand-in at this address.
pub(crate) async fn control(http: &reqwest::Client, base: &str, path: &str, body: &Value) -> Value {
    let request = http.post(format!("{base}/_control/{path}")).body(body.to_string());
    let answer = request.send().await.expect("an answer");
    let (status, text) = (answer.status(), answer.text().await.expect("a body"));
    assert!(status.is_success(), "{path} {body}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

impl Desk {
    /// One of the stand-in's controls.
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        control(&self.http, &self.server.url(), path, &body).await
    }

    /// A call to the processor as somebody makes it who is not Souk.
    pub(crate) async fn by_hand(&self, path: &str, form: &str) -> Value {
        let request = self.http.post(format!("{}/v1/{path}", self.server.url()));
        let request = request.bearer_auth(Config::default().secret_key);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form.to_owned()).send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path} {form}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// A second after now by the processor's clock, so that everything up to now lies before it.
    pub(crate) async fn now(&self) -> Timestamp {
        let url = format!("{}/_control/", self.server.url());
        let url = url.trim_end_matches('/');
        let state: Value = self
            .http
            .get(url)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        Timestamp::from_second(state["now"].as_i64().expect("seconds") + 1).expect("a time")
    }

    /// Lets time pass at the processor.
    pub(crate) async fn pass(&self, days: i64) {
        self.control("clock/advance", json!({"days": days})).await;
    }

    /// A new account at the processor.
    pub(crate) async fn connect(&self, name: &str) -> String {
        let request = CreateAccount {
            country: "DE".into(),
            email: None,
            metadata: Metadata::new(),
        };
        let account = self.context.stripe.create_account(&request, name).await;
        account.expect("an account").id
    }

    /// The partner is paid to the account, which is as reported.
    pub(crate) async fn link(&self, partner: PartnerId, report: &AccountReport) {
        let found = partners::load(&self.world.store, partner).await.expect("memory");
        let found = found.expect("a partner");
        let unconnected = Partner {
            payout_account: None,
            ..found.value.clone()
        };
        let act = Act {
            actor: found.owner,
            now: self.world.now(),
            seed: self.world.seed(),
        };
        let connected = connect(&unconnected, report, act).expect("no account yet");
        let claim = partners::claim_processor_account(partner, &report.account).expect("a pointer");
        partners::save(&self.world.store, &connected, found.revision, [claim])
            .await
            .expect("as it was read");
        self.world.take_messages();
    }

    /// The partner closes the account, or no longer lets it be seen.
    pub(crate) async fn disconnect(&self, account: &str) {
        let request = self.http.delete(format!("{}/v1/accounts/{account}", self.server.url()));
        let answer = request.bearer_auth(Config::default().secret_key).send().await;
        assert!(answer.expect("an answer").status().is_success(), "{account}");
    }

    /// How often the processor was asked for this since the last call.
    pub(crate) async fn asked(&self, path: &str) -> u64 {
        let url = format!("{}/_control/requests", self.server.url());
        let log = self.http.get(&url).send().await.expect("an answer");
        let log: Value = log.json().await.expect("JSON");
        self.http.delete(&url).send().await.expect("an answer");
        let counts = log["by_path"].as_object().expect("counts").iter();
        let of_path = counts.filter(|(asked, _)| asked.ends_with(path));
        of_path.filter_map(|(_, count)| count.as_u64()).sum()
    }

    /// An order of Anna's pads with a checkout that waits to be paid.
    pub(crate) async fn order(&self, minor: i64) -> Order {
        let seed = self.world.seed();
        let price = Money::new(minor, Currency::EUR);
        let offer = Offer {
            listing: seed.id("listing"),
            partner: self.anna,
            title: "Pads".into(),
            price,
            terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
            policy: None,
        };
        let order = place(self.customer, &[offer], Referrers::default(), seed, self.world.now()).expect("an order");
        let request = CreateCheckoutSession {
            lines: vec![CheckoutLine {
                name: "Pads".into(),
                unit_price: price,
                quantity: 1,
            }],
            client_reference_id: order.id.to_string(),
            customer_email: None,
            success_url: "https://souk.example/done".into(),
            cancel_url: "https://souk.example/cart".into(),
            expires_at: None,
            metadata: Metadata::from([
                ("order_id".into(), order.id.to_string()),
                ("customer_id".into(), order.customer.to_string()),
            ]),
        };
        let session = self
            .context
            .stripe
            .create_checkout_session(&request, &order.id.to_string())
            .await;
        let order = Order {
            session: Some(session.expect("a session").id),
            ..order
        };
        commerce::create_order(&self.world.store, &order, &[])
            .await
            .expect("a new order");
        order
    }

    /// The customer pays; the processor's fee is known at once. The charge's id.
    pub(crate) async fn pay(&self, order: &Order) -> String {
        self.pay_with(order, "fee_at_once").await
    }

    pub(crate) async fn pay_with(&self, order: &Order, card: &str) -> String {
        let session = order.session.clone().expect("a session");
        self.control(&format!("checkout/{session}/pay"), json!({"outcome": card}))
            .await;
        let session = self.context.stripe.checkout_session(&session).await.expect("a session");
        session.charge().expect("a charge").id.clone()
    }

    /// What the settlement writes of a paid order.
    pub(crate) async fn settle(&self, order: &Order, charge: &str) {
        self.settle_at(order, charge, 1).await;
    }

    /// The same of an order that is at this revision.
    pub(crate) async fn settle_at(&self, order: &Order, charge: &str, revision: u64) {
        let payment = Payment {
            amount: order.total,
            charge: Some(charge.to_owned()),
            at: self.world.now(),
        };
        let settlement =
            settle(order, &payment, &Turnovers::new(), 7, self.world.seed(), || [7; 16]).expect("paid in full");
        let writes = commerce::settlement_writes(&settlement, revision, self.world.now()).expect("items");
        self.world.store.transact(writes).await.expect("settled");
        self.world.take_messages();
    }

    /// Posts an entry of the platform's own journal.
    pub(crate) async fn post(&self, fact: Fact, reference: &str, postings: &[(Account, i64)]) {
        self.post_for(None, fact, reference, postings).await;
    }

    pub(crate) async fn post_for(
        &self,
        partner: Option<PartnerId>,
        fact: Fact,
        reference: &str,
        postings: &[(Account, i64)],
    ) {
        let postings = postings.iter().map(|(account, minor)| Posting {
            account: *account,
            amount: Money::new(*minor, Currency::EUR),
        });
        let entry = JournalEntry::new(
            self.world.seed().id("entry"),
            fact,
            partner,
            self.world.now(),
            postings.collect(),
        );
        let entry = entry.expect("balanced").with_processor_ref(reference);
        self.world
            .store
            .write(ledger::post(&entry, self.world.now()).expect("an item"))
            .await
            .expect("a new fact");
    }

    pub(crate) async fn post_fee(&self, charge: &str, minor: i64) {
        let postings = [(Account::ProcessorFees, minor), (Account::ProcessorClearing, -minor)];
        self.post(Fact::Fee(charge.to_owned()), charge, &postings).await;
    }

    /// A transfer of a payout to Anna's account.
    pub(crate) async fn transfer(&self, payout: &str, minor: i64) -> String {
        self.control("balance", json!({"amount": minor, "currency": "eur"}))
            .await;
        let request = CreateTransfer {
            amount: Money::new(minor, Currency::EUR),
            destination: self.account.clone(),
            transfer_group: payout.to_owned(),
            metadata: Metadata::from([
                ("partner_id".into(), self.anna.to_string()),
                ("payout_id".into(), payout.to_owned()),
            ]),
        };
        self.context
            .stripe
            .create_transfer(&request, payout)
            .await
            .expect("a transfer")
            .id
    }

    /// A run with all the time it needs, and its report.
    pub(crate) async fn run(&self) -> Reconciliation {
        let now = self.now().await;
        self.run_at(now, now.max(self.world.now()) + SignedDuration::from_mins(10))
            .await
    }

    pub(crate) async fn run_at(&self, now: Timestamp, deadline: Timestamp) -> Reconciliation {
        let tick = Tick {
            now,
            seed: self.world.seed(),
            deadline,
        };
        let id = tick.seed.id("reconciliation");
        reconcile::run(&self.context, tick).await.expect("a run");
        let report = reconciliation::report(&self.world.store, id).await.expect("memory");
        report.expect("a report").value
    }

    /// What stands.
    pub(crate) async fn open(&self) -> Vec<Difference> {
        let page = reconciliation::open_differences(&self.world.store, None, 100).await;
        page.expect("memory").items
    }

    /// What a run has opened or closed.
    pub(crate) async fn told_by(&self, run: &Reconciliation) -> Vec<Difference> {
        let page = reconciliation::differences_of(&self.world.store, run.id, None, 100).await;
        page.expect("memory").items
    }

    /// The messages that follow from everything since the last call.
    pub(crate) fn messages(&self) -> Vec<Message> {
        let taken = self.world.take_messages().into_iter();
        taken.map(|envelope| envelope.message).collect()
    }

    /// The facts posted for movements of the platform's own, with what each account got.
    pub(crate) fn own_entries(&self) -> Vec<Vec<(Account, i64)>> {
        let journal = self.world.journal().into_iter();
        let own = journal.filter(|entry| matches!(entry.fact(), Fact::Processor(_)));
        let shown = |entry: JournalEntry| entry.postings().iter().map(|p| (p.account, p.amount.minor())).collect();
        own.map(shown).collect()
    }
}
