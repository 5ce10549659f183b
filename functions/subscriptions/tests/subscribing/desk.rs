//! The function before a scripted Stripe, with Anna who sells and Carla who subscribes.

use serde_json::{Value, json};
use shared::ids::{ListingId, PartnerId};
use shared::money::{BasisPoints, Currency, Money};
use shared::processor::stripe::billing;
use shared::store::subscriptions;
use shared::testing::{ScriptedServer, TestApp};

pub(crate) struct Desk {
    pub(crate) app: TestApp,
    pub(crate) stripe: ScriptedServer,
    pub(crate) anna: PartnerId,
    pub(crate) pads: ListingId,
    pub(crate) plans: String,
}

pub(crate) async fn desk() -> Desk {
    let stripe = ScriptedServer::start().await;
    let client = stripe.stripe();
    let app = TestApp::new(|world| {
        let context = ::subscriptions::Context {
            edge: world.edge.clone(),
            store: world.store.clone(),
            stripe: client,
            commission: BasisPoints::try_from(2000).expect("a rate"),
            currency: Currency::EUR,
            public_url: "https://shop.example".into(),
        };
        shared::http::router(::subscriptions::routes(), context)
    });
    let anna = app.seller("anna").await;
    let pads = app.on_sale(anna, "Warm Pads", Money::new(0, Currency::EUR)).await;
    let plans = format!("/v1/partners/{anna}/listings/{pads}/plans");
    Desk {
        app,
        stripe,
        anna,
        pads,
        plans,
    }
}

pub(crate) fn monthly() -> Value {
    json!({"name": "Monthly", "every": "month", "price": {"amount": 900, "currency": "EUR"}, "educational_percent": 50,
        "trial": {"days": 14, "card_required": false}})
}

pub(crate) fn yearly() -> Value {
    json!({"name": "Yearly", "every": "year", "price": {"amount": 9000, "currency": "EUR"}})
}

pub(crate) fn session() -> Value {
    json!({"id": "cs_1", "object": "checkout.session", "url": "https://pay.example/c/1", "status": "open", "payment_status": "unpaid",
        "livemode": false, "created": 1_763_800_000, "expires_at": 1_763_880_000})
}

impl Desk {
    pub(crate) async fn plan(&self, plan: Value) -> String {
        let owner = self.app.sign_in("anna");
        let made = self
            .app
            .post(&self.plans, &plan)
            .bearer(&owner)
            .send()
            .await
            .expect(201);
        made.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Carla asks for it; Stripe answers with a page.
    pub(crate) async fn subscribe(&self, plan: &str) -> Value {
        self.stripe.answers(200, session());
        let wanted = json!({"listing_id": self.pads, "plan_id": plan, "quantity": 2});
        let carla = self.app.sign_in("carla");
        self.app
            .post("/v1/subscriptions", &wanted)
            .bearer(&carla)
            .send()
            .await
            .expect(201)
            .json()
    }

    /// The last thing that was asked of Stripe, and not only looked up.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        let asked = self.stripe.take_asked();
        let posted = asked.iter().rfind(|asked| asked.method == "POST");
        posted.expect("a request").form()
    }

    /// Stripe's answer to a change, with the invoices; and the same once more, when it is asked again.
    pub(crate) fn changes(&self, told: Value) {
        let invoices = list(&paid(&told));
        self.stripe
            .answers(200, told.clone())
            .answers(200, invoices)
            .answers(200, told);
    }

    /// Stripe's word about it, heard by the settlement.
    pub(crate) async fn hear(&self, made: &Value, told: &Value) {
        let customer = self.app.user("carla").await;
        let id = made["id"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("a subscription's id");
        let before = subscriptions::subscription(&self.app.store, customer, id)
            .await
            .expect("memory");
        let invoices = serde_json::from_value::<Vec<billing::Invoice>>(json!(paid(told))).expect("invoices");
        let told: billing::Subscription = serde_json::from_value(told.clone()).expect("a subscription");
        let report = told.report(&invoices).expect("understood");
        let now = self.app.now();
        let heard = (&report, told.plan());
        let followed = subscriptions::follow(&self.app.store, &before.expect("made"), heard, now, now).await;
        followed.expect("followed");
        self.app.take_messages();
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> shared::testing::Answer {
        let carla = self.app.sign_in("carla");
        self.app.put(path, body).bearer(&carla).send().await
    }
}

/// Stripe's subscription under a plan, from now on.
pub(crate) fn told(desk: &Desk, plan: &str, status: &str, more: &Value) -> Value {
    let now = desk.app.now().as_second();
    let month = 30 * 86_400;
    let mut told = json!({"id": "sub_1", "object": "subscription", "status": status, "customer": "cus_1", "pause_collection": null,
        "trial_end": null, "cancel_at": null, "ended_at": null, "cancellation_details": null,
        "metadata": {"plan_id": plan},
        "items": {"data": [{"id": "si_1", "quantity": 2, "current_period_start": now, "current_period_end": now + month,
            "price": {"product": "prod_1"}}]}});
    for (name, value) in more.as_object().expect("fields") {
        told[name] = value.clone();
    }
    told
}

/// The invoice of the period that runs, where that is paid.
pub(crate) fn paid(told: &Value) -> Vec<Value> {
    let item = &told["items"]["data"][0];
    let period = json!({"start": item["current_period_start"], "end": item["current_period_end"]});
    let invoice = json!({"id": "in_1", "object": "invoice", "status": "paid", "currency": "eur", "amount_paid": 1800, "total": 1800,
        "starting_balance": 0, "created": item["current_period_start"],
        "lines": {"data": [{"id": "il_1", "amount": 1800, "description": null, "period": period}]}});
    (told["status"] == "active").then_some(invoice).into_iter().collect()
}

pub(crate) fn list(items: &[Value]) -> Value {
    json!({"object": "list", "data": items, "has_more": false})
}

#[track_caller]
pub(crate) fn has(form: &[(String, String)], name: &str, value: &str) {
    let found = form
        .iter()
        .find(|(field, _)| field == name)
        .map(|(_, value)| value.as_str());
    assert_eq!(found, Some(value), "{name} of {form:#?}");
}
