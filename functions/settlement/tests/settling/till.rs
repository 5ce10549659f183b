//! A till: two sellers, a customer, a processor that says what it is told to.

use serde_json::{Value, json};
use settlement::Context;
use shared::ids::{PartnerId, UserId};
use shared::ledger::Account;
use shared::licence::LicenceStatus;
use shared::messages::{Envelope, Message, PaymentSubject, ReversalSubject};
use shared::money::{BasisPoints, Currency, Money};
use shared::purchase::refund::{Refund, RefundOrigin, RefundPolicy, RefundReason, RefundRequest, begin};
use shared::purchase::{Offer, Order, place};
use shared::revenue::{Count, Counted, Figures, FiguresDraft, Referrers, RuleRef, Terms, Tier, Tiers};
use shared::runtime::{Delivery, Failure};
use shared::seed::Seed;
use shared::store::{commerce, ledger, revenue, reversals};
use shared::testing::{ScriptedServer, TestWorld};

pub(crate) struct Till {
    pub(crate) world: TestWorld,
    pub(crate) stripe: ScriptedServer,
    pub(crate) paypal: ScriptedServer,
    pub(crate) context: Context,
    pub(crate) customer: UserId,
    pub(crate) anna: PartnerId,
    pub(crate) bert: PartnerId,
}

pub(crate) async fn till() -> Till {
    till_in(TestWorld::new()).await
}

pub(crate) async fn till_in(world: TestWorld) -> Till {
    let (stripe, paypal) = (ScriptedServer::start().await, ScriptedServer::start().await);
    let context = Context {
        store: world.store.clone(),
        queues: world.queues.clone(),
        stripe: stripe.stripe(),
        paypal: paypal.paypal(),
        hold_days: 7,
    };
    let (anna, bert) = (world.seller("anna").await, world.seller("bert").await);
    let customer = world.customer("carla").await;
    Till {
        world,
        stripe,
        paypal,
        context,
        customer,
        anna,
        bert,
    }
}

impl Till {
    pub(crate) async fn order(&self, prices: &[(PartnerId, i64)]) -> Order {
        let terms = Terms::default_rule(BasisPoints::try_from(2000).expect("a rate"));
        self.order_under(prices, &terms, Referrers::default()).await
    }

    pub(crate) async fn order_under(&self, prices: &[(PartnerId, i64)], terms: &Terms, referrers: Referrers) -> Order {
        let mut offers = Vec::new();
        for (index, (partner, minor)) in prices.iter().enumerate() {
            let (title, price) = (format!("Pads {index}"), Money::new(*minor, Currency::EUR));
            offers.push(Offer {
                listing: self.world.on_sale(*partner, &title, price).await,
                partner: *partner,
                title,
                price,
                terms: terms.clone(),
                policy: None,
            });
        }
        let seed = self.world.seed();
        let order = place(self.customer, &offers, referrers, seed, self.world.now()).expect("an order");
        let order = Order {
            session: Some("cs_test_1".into()),
            ..order
        };
        commerce::create_order(&self.world.store, &order, &[])
            .await
            .expect("a new order")
            .value
    }

    pub(crate) async fn hear(&self, message: Message) -> Result<(), Failure> {
        let seed = self.world.seed();
        self.hear_envelope(Envelope::new(seed.id("message"), message)).await
    }

    pub(crate) async fn hear_envelope(&self, message: Envelope) -> Result<(), Failure> {
        let delivery = Delivery {
            seed: Seed::of(&message.id),
            message,
            now: self.world.now(),
            receives: 1,
            id: "1".into(),
        };
        settlement::handle(&self.context, delivery).await
    }

    pub(crate) async fn hear_of(
        &self,
        order: &Order,
        subject: PaymentSubject,
        object_id: &str,
        answer: Value,
    ) -> Result<(), Failure> {
        self.stripe.answers(200, answer);
        let (event_id, object_id) = ("evt_1".to_owned(), object_id.to_owned());
        let (customer, order) = (order.customer, order.id);
        self.hear(Message::PaymentChanged {
            event_id,
            subject,
            object_id,
            customer,
            order,
        })
        .await
    }

    pub(crate) async fn hear_session(&self, order: &Order, answer: Value) -> Result<(), Failure> {
        self.hear_of(order, PaymentSubject::CheckoutSession, "cs_test_1", answer)
            .await
    }

    pub(crate) async fn stored(&self, order: &Order) -> Order {
        commerce::order(&self.world.store, order.customer, order.id)
            .await
            .expect("memory")
            .expect("the order")
            .value
    }

    pub(crate) async fn owed(&self, partner: PartnerId) -> i64 {
        let balances = ledger::balances(&self.world.store, partner).await.expect("memory");
        balances.iter().map(|balance| balance.owed.minor()).sum()
    }
}

pub(crate) fn charge(fee: Option<i64>) -> Value {
    let movement = fee.map(|fee| {
        json!({"id": "txn_1", "amount": 1799, "fee": fee, "net": 1799 - fee, "currency": "eur", "type": "charge", "status": "pending",
            "available_on": 1_764_300_000, "created": 1_763_800_100, "source": "ch_1"})
    });
    json!({"id": "ch_1", "amount": 1799, "amount_captured": 1799, "amount_refunded": 0, "currency": "eur", "status": "succeeded",
        "paid": true, "captured": true, "livemode": false, "created": 1_763_800_100, "balance_transaction": movement})
}

pub(crate) fn session(status: &str, payment_status: &str, amount: i64) -> Value {
    let intent = json!({"id": "pi_1", "status": if payment_status == "paid" { "succeeded" } else { "processing" }, "livemode": false,
        "latest_charge": charge(None)});
    json!({"id": "cs_test_1", "status": status, "payment_status": payment_status, "amount_total": amount, "currency": "eur",
        "livemode": false, "created": 1_763_800_000, "expires_at": 1_763_880_000, "payment_intent": intent})
}

impl Till {
    /// An order that has been paid.
    pub(crate) async fn sold(&self, prices: &[(PartnerId, i64)]) -> Order {
        let order = self.order(prices).await;
        self.hear_session(&order, session("complete", "paid", order.total.minor()))
            .await
            .expect("settled");
        self.world.take_messages();
        self.stored(&order).await
    }

    /// The same under a rule that counts each partner's sales of a year.
    pub(crate) async fn sold_under_tiers(&self, prices: &[(PartnerId, i64)]) -> Order {
        let bps = |rate| BasisPoints::try_from(rate).expect("a rate");
        let tier = Tier {
            above: Money::new(1_000, Currency::EUR),
            commission_bps: bps(1_000),
        };
        let draft = FiguresDraft {
            tiers: Some(Tiers {
                per: Counted::Partner,
                count: Count::Yearly,
                above: vec![tier],
            }),
            ..Figures::flat(bps(2_000)).into()
        };
        let rule: shared::ids::RuleId = "rul_01h2xcejqtf2nbrexx3vqjhp41".parse().expect("an id");
        let terms = Terms {
            rule: RuleRef::Version(rule, 1),
            figures: draft.try_into().expect("figures that make sense"),
        };
        let order = self.order_under(prices, &terms, Referrers::default()).await;
        self.hear_session(&order, session("complete", "paid", order.total.minor()))
            .await
            .expect("settled");
        self.world.take_messages();
        self.stored(&order).await
    }

    /// What the counters that an order has moved say.
    pub(crate) async fn counted(&self, order: &Order) -> i64 {
        let counters = order.counters(order.paid_at.expect("paid"));
        let turnovers = revenue::turnovers(&self.world.store, counters).await.expect("memory");
        turnovers.values().sum()
    }

    pub(crate) async fn disputed(&self, partner: PartnerId) -> i64 {
        let balances = ledger::balances(&self.world.store, partner).await.expect("memory");
        balances.iter().map(|balance| balance.disputed.minor()).sum()
    }

    /// The customer asks for all of it; nobody has decided yet.
    pub(crate) async fn ask_for_refund(&self, order: &Order) -> Refund {
        let stored = commerce::order(&self.world.store, order.customer, order.id).await;
        let stored = stored.expect("memory").expect("the order");
        let request = RefundRequest {
            lines: None,
            reason: RefundReason::RequestedByCustomer,
            note: None,
        };
        let policy = RefundPolicy { window_days: 10_000 };
        let origin = RefundOrigin::Customer;
        let begun = begin(&stored, &request, origin, policy, self.world.seed(), self.world.now()).expect("all is left");
        let writes = reversals::begin_refund(&begun.order, stored.revision, &begun.refund, None, &[]);
        let written = self.world.store.transact(writes.expect("items")).await;
        written.expect("nobody else writes");
        begun.refund
    }

    /// What the processor tells about its object, asked for it.
    pub(crate) async fn hear_reversal(&self, subject: ReversalSubject, object: &Value) -> Result<(), Failure> {
        self.stripe.answers(200, object.clone());
        let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
        self.hear(Message::ReversalChanged {
            event_id: "evt_2".into(),
            subject,
            object_id: text("id"),
            charge: "ch_1".into(),
        })
        .await
    }

    pub(crate) async fn licence_status(&self, order: &Order, line: usize) -> LicenceStatus {
        let licence = commerce::licence(&self.world.store, order.lines[line].licence).await;
        licence.expect("memory").expect("issued").status
    }

    /// What all entries together say about one account.
    pub(crate) fn account(&self, account: Account) -> i64 {
        self.world.account(account)
    }

    /// Every balance is what the journal says it is.
    pub(crate) async fn check_books(&self) {
        for partner in [self.anna, self.bert] {
            let owed = self.owed(partner).await;
            assert_eq!(
                owed,
                -self.account(Account::PartnerPayable(partner)),
                "the balance of {partner}"
            );
        }
    }
}

/// The charge with the metadata by which its order is found.
pub(crate) fn charge_of(order: &Order) -> Value {
    let mut charge = charge(None);
    charge["amount"] = json!(order.total.minor());
    charge["metadata"] = json!({"customer_id": order.customer, "order_id": order.id});
    charge
}
