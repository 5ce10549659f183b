//! A subscription, from the first month to the last.
//!
//! 1. Paula sells her kit by plans only: monthly with a trial that needs no card, yearly without one. It cannot be had for nothing.
//! 2. Chiara subscribes for a month with two seats, pays, and has a licence for two users; Paula has her share.
//! 3. A month goes by: the renewal is an order of its own with Paula's share of it, and the licence lasts longer.
//! 4. Her card is declined: she hears of it and has her grace; a better card pays at the next try.
//! 5. She sees what the yearly plan costs and changes to it; the difference is paid and shared.
//! 6. She cancels for the end of the period, takes it back, pauses, resumes, and ends it: the licence has expired.
//!
//! A trial: Dora begins one without a card and is charged nothing; without a card it ends, with one it goes on.
//!
//! A student: Emil shows that he studies, an operator accepts it, and he pays half.
//!
//! A refund: who gets back what they paid for the month that runs has no subscription any more.
//!
//! A licence that is revoked, and a card that is named later: nobody is charged for what they may not use, nor by a card they have replaced.

use serde_json::{Value, json};
use support::scenes::eur;
use support::{Listing, Partner, Person, Stack, eventually, unique};

struct Shop {
    stack: Stack,
    paula: Partner,
    kit: Listing,
    monthly: String,
    yearly: String,
}

impl Shop {
    async fn open() -> Self {
        let stack = Stack::load();
        let paula = Partner::new(&stack).await;
        let kit = paula.published(&stack, 0).await;
        let plans = paula.path(&format!("/listings/{}/plans", kit.id));
        let make = async |plan: Value| {
            let plan = paula.api.post(&plans, plan).await.is(201);
            plan["id"].as_str().unwrap().to_owned()
        };
        let presets = stack.public().get("/policy-presets").await.is(200);
        let studio = presets["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|preset| preset["terms"]["name"] == "Studio")
            .unwrap();
        // Who has bought a studio licence keeps its releases for ever; who has subscribed to one does not.
        let monthly = json!({"name": "Monthly", "every": "month", "price": eur(1000), "educational_percent": 50,
            "trial": {"days": 14, "card_required": false}, "policy_id": studio["id"]});
        let yearly = json!({"name": "Yearly", "every": "year", "price": eur(10_000)});
        let (monthly, yearly) = (make(monthly).await, make(yearly).await);
        Self {
            stack,
            paula,
            kit,
            monthly,
            yearly,
        }
    }

    /// Somebody who has had their trial, so that the next subscription is paid from its first day.
    async fn customer(&self, name: &str) -> Person {
        self.stack.somebody(name).await
    }

    async fn is_not_given_to(&self, customer: &Person) {
        let for_nothing = json!({"lines": [{"listing_id": self.kit.id}]});
        let asked = customer.api.post("/orders", for_nothing).await;
        asked.refused(422, "invalid_request");
    }

    async fn begin(&self, customer: &Person, plan: &str, quantity: u32, card: &str) -> Subscriber<'_> {
        let wanted = json!({"listing_id": self.kit.id, "plan_id": plan, "quantity": quantity});
        let made = customer.api.post("/subscriptions", wanted).await.is(201);
        assert_eq!(made["status"], "pending");
        let page = made["checkout_url"].as_str().unwrap();
        let session = page.rsplit('/').next().unwrap();
        self.stack.stripe().pay(session, card).await;
        Subscriber {
            shop: self,
            api: customer.api.clone(),
            id: made["id"].as_str().unwrap().to_owned(),
        }
    }
}

struct Subscriber<'a> {
    shop: &'a Shop,
    api: support::Api,
    id: String,
}

impl Subscriber<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/subscriptions/{}{rest}", self.id)
    }

    async fn now(&self) -> Value {
        self.api.get(&self.path("")).await.is(200)
    }

    async fn becomes(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || {
            let now = self.now().await;
            if is(&now) { Ok(now) } else { Err(format!("{now:#}")) }
        })
        .await
    }

    async fn becomes_status(&self, status: &str) -> Value {
        self.becomes(&format!("a subscription that is {status}"), |now| {
            now["status"] == status
        })
        .await
    }

    /// What it is at the processor.
    async fn at_stripe(&self) -> Value {
        let sessions = self.shop.stack.stripe().events_about(&self.id).await;
        let begun = |event: &Value| event["data"]["object"]["subscription"].as_str().map(str::to_owned);
        let id = sessions.iter().find_map(begun).expect("a session that has begun it");
        self.shop.stack.stripe().object(&id).await
    }

    async fn age(&self, days: i64) {
        let at_stripe = self.at_stripe().await;
        let path = format!("subscriptions/{}/age", at_stripe["id"].as_str().unwrap());
        self.shop.stack.stripe().control(&path, json!({"days": days})).await;
    }

    async fn card(&self, declines: &str) {
        let at_stripe = self.at_stripe().await;
        let path = format!("customers/{}/card", at_stripe["customer"].as_str().unwrap());
        self.shop
            .stack
            .stripe()
            .control(&path, json!({"declines": declines}))
            .await;
    }

    /// What was paid for it, the newest first, once there are so many.
    async fn payments(&self, count: usize) -> Vec<Value> {
        eventually("the payments of a subscription", async || {
            let mut orders = self.api.all("/orders").await;
            orders.retain(|order| order["subscription_id"] == self.id && order["status"] == "paid");
            if orders.len() == count {
                Ok(orders)
            } else {
                Err(format!("{orders:#?}"))
            }
        })
        .await
    }

    async fn licence(&self, of: &Value) -> Value {
        self.api
            .get(&format!("/licences/{}", of["licence_id"].as_str().unwrap()))
            .await
            .is(200)
    }

    async fn validation(&self, licence: &Value) -> Value {
        let api = self.shop.stack.with_licence_key(licence["key"].as_str().unwrap());
        let path = format!("/licences/{}", licence["id"].as_str().unwrap());
        let machine = json!({"fingerprint": "studio"});
        api.post(&format!("{path}/machines"), machine.clone()).await;
        api.post(&format!("{path}/validations"), machine).await.is(200)
    }
}

#[tokio::test]
async fn a_subscription_is_paid_changed_paused_and_ended() {
    let shop = Shop::open().await;
    let chiara = shop.customer("Chiara Customer").await;
    shop.is_not_given_to(&chiara).await;
    let shown = shop
        .stack
        .public()
        .get(&format!("/listings/{}/plans", shop.kit.id))
        .await
        .is(200);
    assert_eq!(shown["items"].as_array().unwrap().len(), 2);

    let subscriber = shop.begin(&chiara, &shop.yearly, 2, "success").await;
    let active = subscriber.becomes_status("active").await;
    subscriber.payments(1).await;
    let licence = subscriber.licence(&active).await;
    assert_eq!(
        (&licence["status"], &licence["order_id"]),
        (&json!("active"), &Value::Null)
    );
    assert_eq!(licence["expires_at"], active["licensed_until"]);
    assert_eq!(subscriber.validation(&licence).await["code"], "VALID");
    assert_eq!(shop.paula.owed_minor().await, 16_000);
    let again = json!({"listing_id": shop.kit.id, "plan_id": shop.monthly});
    chiara
        .api
        .post("/subscriptions", again)
        .await
        .refused(409, "already_subscribed");

    subscriber.age(366).await;
    let payments = subscriber.payments(2).await;
    assert_eq!(payments[0]["total"], eur(20_000));
    assert!(
        payments[0]["lines"][0]["title"].as_str().unwrap().contains("Yearly"),
        "{payments:#?}"
    );
    assert_eq!(shop.paula.owed_minor().await, 32_000);
    assert_eq!(
        chiara.api.all("/licences").await.len(),
        1,
        "one licence, however often it is paid"
    );

    subscriber.card("all").await;
    subscriber.age(366).await;
    let overdue = subscriber.becomes_status("past_due").await;
    assert!(
        overdue["payment_url"].is_string() && overdue["next_payment_attempt"].is_string(),
        "{overdue:#}"
    );
    let licence = subscriber.licence(&overdue).await;
    assert_eq!(licence["status"], "active", "there is a grace");
    let change = json!({"plan_id": shop.monthly});
    let changes = subscriber.path("/changes");
    chiara
        .api
        .post(&changes, change.clone())
        .await
        .refused(409, "subscription_not_active");
    subscriber.card("none").await;
    subscriber.age(3).await;
    subscriber.becomes_status("active").await;
    subscriber.payments(3).await;

    let more = json!({"quantity": 3});
    let preview = chiara
        .api
        .post(&subscriber.path("/change-previews"), more.clone())
        .await
        .is(200);
    let due = preview["due_now"]["amount"].as_i64().unwrap();
    assert!(
        (9_000..=10_000).contains(&due),
        "one seat for the rest of the year: {preview:#}"
    );
    subscriber.card("next").await;
    chiara
        .api
        .post(&changes, more.clone())
        .await
        .refused(402, "payment_declined");
    assert_eq!(
        subscriber.now().await["quantity"],
        2,
        "what is not paid does not happen"
    );
    let changed = chiara.api.post(&changes, more).await.is(201);
    assert_eq!(changed["quantity"], 3);
    subscriber.payments(4).await;
    let downgraded = chiara.api.post(&changes, change.clone()).await.is(201);
    assert_eq!(
        (&downgraded["plan"], &downgraded["every"]),
        (&json!("Monthly"), &json!("month"))
    );
    chiara
        .api
        .post(&changes, change)
        .await
        .refused(409, "nothing_to_change");

    let cancellation = subscriber.path("/cancellation");
    let at_end = chiara
        .api
        .call("PUT", &cancellation)
        .json(&json!({"when": "period_end"}))
        .send()
        .await
        .is(200);
    assert_eq!(
        at_end["cancels_at"], at_end["licensed_until"],
        "no grace for who leaves"
    );
    let kept = chiara.api.delete(&cancellation).await.is(200);
    assert_eq!(kept["cancels_at"], Value::Null);
    let pause = subscriber.path("/pause");
    assert_eq!(chiara.api.put(&pause).await.is(200)["status"], "paused");
    assert_eq!(chiara.api.put(&pause).await.is(200)["status"], "paused", "asked twice");
    assert_eq!(chiara.api.delete(&pause).await.is(200)["status"], "active");

    let ended = chiara
        .api
        .call("PUT", &cancellation)
        .json(&json!({"when": "now"}))
        .send()
        .await
        .is(200);
    assert_eq!(
        (&ended["status"], &ended["end_reason"]),
        (&json!("ended"), &json!("cancelled"))
    );
    let licence = subscriber.licence(&ended).await;
    assert_eq!(licence["status"], "expired");
    assert_eq!(subscriber.validation(&licence).await["code"], "EXPIRED");
    chiara.api.put(&pause).await.refused(409, "subscription_ended");

    // When the last plan goes, nothing is given away.
    for plan in [&shop.monthly, &shop.yearly] {
        let plan = shop.paula.path(&format!("/listings/{}/plans/{plan}", shop.kit.id));
        shop.paula.api.delete(&plan).await.is(200);
    }
    shop.is_not_given_to(&chiara).await;
    shop.paula.assert_books_balance().await;
    shop.stack.aws().assert_no_dead_letter(&subscriber.id).await;
}

#[tokio::test]
async fn a_trial_needs_no_card_and_ends_without_one() {
    let shop = Shop::open().await;
    let dora = shop.customer("Dora Dean").await;
    let subscriber = shop.begin(&dora, &shop.monthly, 1, "no_card").await;
    let tried = subscriber.becomes_status("trialing").await;
    let licence = subscriber.licence(&tried).await;
    assert_eq!(licence["status"], "trial");
    subscriber.age(15).await;
    let ended = subscriber.becomes_status("ended").await;
    let licence = subscriber.licence(&ended).await;
    assert_eq!(licence["status"], "expired");
    subscriber.payments(0).await;

    // Nobody tries twice: the next one is paid from its first day.
    let again = shop.begin(&dora, &shop.monthly, 1, "success").await;
    assert_eq!(again.becomes_status("active").await["trial_ends_at"], Value::Null);
    again.payments(1).await;

    let frida = shop.customer("Frida Friend").await;
    let subscriber = shop.begin(&frida, &shop.monthly, 1, "no_card").await;
    subscriber.becomes_status("trialing").await;
    let page = frida
        .api
        .post(&subscriber.path("/payment-method-sessions"), json!({}))
        .await
        .is(201);
    let portal = page["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let card = json!({"card": "success"});
    shop.stack
        .stripe()
        .control(&format!("portal/{portal}/card"), card)
        .await;
    subscriber.age(15).await;
    let active = subscriber.becomes_status("active").await;
    assert_eq!(
        subscriber.licence(&active).await["status"],
        "active",
        "the trial was bought"
    );
    subscriber.payments(1).await;
}

#[tokio::test]
async fn who_studies_pays_less_once_it_is_seen() {
    let shop = Shop::open().await;
    let emil = shop.customer("Emil Student").await;
    let shown = json!({"institution": "School of Sound", "evidence": format!("emil-{}@school.example", unique())});
    let proof = emil.api.post("/educational-proofs", shown.clone()).await.is(201);
    emil.api
        .post("/educational-proofs", shown)
        .await
        .refused(409, "proof_pending");
    let id = proof["id"].as_str().unwrap();
    let waiting = shop.stack.operator().all("/educational-proofs/pending").await;
    assert!(waiting.iter().any(|proof| proof["id"] == id), "{waiting:#?}");
    let decisions = format!("/educational-proofs/{id}/decisions");
    let accepted = shop
        .stack
        .operator()
        .post(&decisions, json!({"decision": "accept"}))
        .await
        .is(200);
    assert_eq!(
        (&accepted["status"], &accepted["evidence"]),
        (&json!("accepted"), &Value::Null)
    );
    let refusal = json!({"decision": "refuse", "note": "Too late."});
    shop.stack
        .operator()
        .post(&decisions, refusal)
        .await
        .refused(409, "proof_decided");
    let acts = shop
        .stack
        .operator()
        .all(&format!("/educational-proofs/{id}/audit-events"))
        .await;
    assert_eq!(acts[0]["action"], "educational_proof.accept");

    // The trial first: fourteen days for nothing, with a card.
    let subscriber = shop.begin(&emil, &shop.monthly, 1, "success").await;
    let tried = subscriber.becomes_status("trialing").await;
    assert_eq!(tried["educational_percent"], 50);
    subscriber.age(15).await;
    subscriber.becomes_status("active").await;
    let payments = subscriber.payments(1).await;
    assert_eq!(payments[0]["total"], eur(500));
    assert_eq!(shop.paula.owed_minor().await, 400);
}

#[tokio::test]
async fn who_gets_their_month_back_has_no_subscription_any_more() {
    let shop = Shop::open().await;
    let greta = shop.customer("Greta Guest").await;
    let subscriber = shop.begin(&greta, &shop.yearly, 1, "success").await;
    subscriber.becomes_status("active").await;
    let payments = subscriber.payments(1).await;
    let refunds = format!("/orders/{}/refunds", payments[0]["id"].as_str().unwrap());
    shop.stack
        .operator()
        .post(&refunds, json!({"reason": "other"}))
        .await
        .is(201);
    let ended = subscriber.becomes_status("ended").await;
    let licence = subscriber.licence(&ended).await;
    assert_eq!(licence["status"], "expired");
    assert_eq!(shop.paula.owed_minor().await, 0);
    shop.paula.assert_books_balance().await;

    // Given back by hand, at the processor: the charge names no order, and is found by its invoice.
    let again = shop.begin(&greta, &shop.yearly, 1, "success").await;
    again.becomes_status("active").await;
    again.payments(1).await;
    let charge = eventually("the charge of an invoice", async || {
        let invoice = again.at_stripe().await["latest_invoice"].as_str().unwrap().to_owned();
        let events = shop.stack.stripe().events_about(&invoice).await;
        let intent = |event: &Value| {
            let payment = &event["data"]["object"]["payment"]["payment_intent"];
            payment.as_str().map(str::to_owned)
        };
        let intent = events.iter().find_map(intent).ok_or("no payment of the invoice yet")?;
        let intent = shop.stack.stripe().object(&intent).await;
        intent["latest_charge"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| intent.to_string())
    })
    .await;
    shop.stack.stripe().refund_by_hand(&charge, 10_000).await;
    again.becomes_status("ended").await;
    shop.paula.assert_books_balance().await;
}

/// Plans come before the publication: at no moment is a listing without a price had for nothing.
#[tokio::test]
async fn a_draft_has_plans_of_its_own_partner_only() {
    let stack = Stack::load();
    let (paula, marek) = (Partner::new(&stack).await, Partner::new(&stack).await);
    let draft = paula.draft(0).await;
    let plan = json!({"name": "Monthly", "every": "month", "price": eur(1000)});
    let plans = paula.path(&format!("/listings/{}/plans", draft.id));
    paula.api.post(&plans, plan.clone()).await.is(201);
    assert_eq!(paula.api.all(&plans).await.len(), 1);
    let not_his = marek.path(&format!("/listings/{}/plans", draft.id));
    marek.api.post(&not_his, plan).await.refused(404, "not_found");
    let public = format!("/listings/{}/plans", draft.id);
    stack.public().get(&public).await.refused(404, "not_found");
}

#[tokio::test]
async fn nobody_pays_on_for_what_they_may_not_use() {
    let shop = Shop::open().await;
    let hanna = shop.customer("Hanna Holder").await;
    let subscriber = shop.begin(&hanna, &shop.yearly, 1, "success").await;
    let active = subscriber.becomes_status("active").await;
    subscriber.payments(1).await;
    let decisions = format!("/licences/{}/decisions", active["licence_id"].as_str().unwrap());
    let revoke = json!({"decision": "revoke", "reason_code": "key_leaked", "note": "Sold on."});
    shop.stack.operator().post(&decisions, revoke).await.is(201);
    let ended = subscriber.becomes_status("ended").await;
    assert_eq!(subscriber.licence(&ended).await["status"], "revoked");
    assert_eq!(subscriber.at_stripe().await["status"], "canceled");
}

/// Stripe goes on with the card that the checkout has left at the subscription.
#[tokio::test]
async fn the_card_that_is_named_later_is_the_one_that_is_charged() {
    let shop = Shop::open().await;
    let ilse = shop.customer("Ilse Inker").await;
    let subscriber = shop.begin(&ilse, &shop.yearly, 1, "success").await;
    subscriber.becomes_status("active").await;
    subscriber.payments(1).await;
    let back = json!({"return_url": "https://shop.example/account"});
    let page = ilse.api.post(&subscriber.path("/payment-method-sessions"), back).await;
    let page = page.is(201);
    let portal = page["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let path = format!("portal/{portal}/card");
    let changed = shop.stack.stripe().control(&path, json!({"card": "mastercard"})).await;
    eventually("the card that is charged", async || {
        let at_stripe = subscriber.at_stripe().await;
        if at_stripe["default_payment_method"] == changed["payment_method"] {
            Ok(())
        } else {
            Err(at_stripe.to_string())
        }
    })
    .await;
    subscriber.age(366).await;
    subscriber.payments(2).await;
    let invoice = subscriber.at_stripe().await["latest_invoice"]
        .as_str()
        .unwrap()
        .to_owned();
    let events = shop.stack.stripe().events_about(&invoice).await;
    let intent = events
        .iter()
        .find_map(|event| event["data"]["object"]["payment"]["payment_intent"].as_str())
        .expect("the invoice was paid");
    let intent = shop.stack.stripe().object(intent).await;
    assert_eq!(intent["payment_method"], changed["payment_method"]);
}
