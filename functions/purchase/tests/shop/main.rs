//! The shop's routes in-process: what a customer sees, puts into the cart, orders and downloads, and what is refused.

mod cancelled;
mod handed_on;
mod stopped;

use serde_json::{Value, json};
use shared::audit::AuditEvent;
use shared::ids::{ListingId, OrderId};
use shared::licence::{Licence, LicenceKey, LicenceStatus};
use shared::licensing::Preset;
use shared::messages::Message;
use shared::money::{BasisPoints, Currency, Money};
use shared::purchase::{Order, OrderStatus};
use shared::revenue::{Figures, FiguresDraft, Referrers, Rule, RuleRef, Schedule, Scope, Terms};
use shared::runtime::secrets::SigningSecretSource;
use shared::signing::Signer;
use shared::store::accounts::Role;
use shared::store::{Write, commerce, keys, revenue};
use shared::testing::{ScriptedServer, TestApp};

struct Shop {
    app: TestApp,
    stripe: ScriptedServer,
    paypal: ScriptedServer,
}

async fn shop() -> Shop {
    shop_where(true).await
}

async fn shop_where(paypal_is_set_up: bool) -> Shop {
    let (stripe, paypal) = (ScriptedServer::start().await, ScriptedServer::start().await);
    let at_paypal = if paypal_is_set_up {
        paypal.paypal()
    } else {
        paypal.no_paypal()
    };
    let clients = (stripe.stripe(), at_paypal);
    let app = TestApp::new(|world| {
        let context = purchase::Context {
            edge: world.edge.clone(),
            store: world.store.clone(),
            objects: world.objects.clone(),
            stripe: clients.0,
            paypal: clients.1,
            signer: Signer::new(SigningSecretSource::fixed("a seed")),
            block_list: purchase::KeptPages::default(),
            commission: BasisPoints::try_from(2000).expect("a rate"),
            public_url: "https://shop.example".into(),
        };
        shared::http::router(purchase::routes(), context)
    });
    Shop { app, stripe, paypal }
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn session(id: &str) -> Value {
    json!({
        "id": id, "object": "checkout.session", "url": "https://pay.example/c/1", "status": "open", "payment_status": "unpaid",
        "livemode": false, "created": 1_763_800_000, "expires_at": 1_763_880_000,
    })
}

fn lines(listings: &[ListingId]) -> Value {
    json!({"lines": listings.iter().map(|listing| json!({"listing_id": listing})).collect::<Vec<_>>()})
}

#[tokio::test]
async fn anybody_browses_by_category_and_by_word() {
    let Shop { app, .. } = shop().await;
    let seller = app.seller("anna").await;
    app.on_sale(seller, "Warm Pads", eur(1299)).await;
    app.on_sale(seller, "Warm Water Bells", eur(500)).await;
    let all = app.get("/v1/listings").send().await.expect(200).json();
    let titles: Vec<_> = all["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["title"].clone())
        .collect();
    assert_eq!(titles, ["Warm Pads", "Warm Water Bells"]);
    assert_eq!(all["next"], Value::Null);
    let found = app
        .get("/v1/listings?category=presets&q=wa%20be")
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(found["items"][0]["title"], "Warm Water Bells");
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        app.get("/v1/listings?category=guides").send().await.expect(200).json()["items"],
        json!([])
    );
    app.get("/v1/listings?q=x")
        .send()
        .await
        .expect_problem(400, "query_too_short");
    app.get("/v1/listings?category=nonsense")
        .send()
        .await
        .expect_problem(400, "invalid_query");
    let first = app.get("/v1/listings?limit=1").send().await.expect(200).json();
    let cursor = first["next"].as_str().expect("another page");
    let second = app
        .get(format!("/v1/listings?limit=1&cursor={cursor}"))
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(second["items"][0]["title"], "Warm Water Bells");
}

#[tokio::test]
async fn a_listing_shows_everything_but_where_its_bytes_are() {
    let Shop { app, .. } = shop().await;
    let listing = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let page = app.get(format!("/v1/listings/{listing}")).send().await.expect(200);
    assert!(!page.text().contains("object_key") && !page.text().contains("artifacts/"));
    assert_eq!(page.json()["price"], json!({"amount": 1299, "currency": "EUR"}));
    app.get("/v1/listings/lst_nonsense")
        .send()
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_cart_is_kept_and_ordered() {
    let Shop { app, stripe, .. } = shop().await;
    let (anna, bert) = (app.seller("anna").await, app.seller("bert").await);
    let pads = app.on_sale(anna, "Warm Pads", eur(1299)).await;
    let bells = app.on_sale(bert, "Bells", eur(500)).await;
    let token = app.sign_in("carla");
    for listing in [pads, bells, pads] {
        app.put(format!("/v1/cart/lines/{listing}"), &json!({}))
            .bearer(&token)
            .send()
            .await
            .expect(200);
    }
    let cart = app.get("/v1/cart").bearer(&token).send().await.expect(200).json();
    assert_eq!(cart["lines"].as_array().map(Vec::len), Some(2));
    stripe.answers(200, session("cs_test_1"));
    let order = app
        .post("/v1/orders", &json!({}))
        .bearer(&token)
        .send()
        .await
        .expect(201);
    let location = order.header("location").expect("where the order is").to_owned();
    let order = order.json();
    assert_eq!(order["total"], json!({"amount": 1799, "currency": "EUR"}));
    assert_eq!(order["checkout_url"], "https://pay.example/c/1");
    assert_eq!(
        order["lines"][0].get("licence_id"),
        None,
        "no licence before it is paid"
    );
    let form = stripe.take_asked().remove(0).form();
    let sent = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    assert_eq!(sent("metadata[order_id]").as_deref(), order["id"].as_str());
    assert_eq!(
        sent("payment_intent_data[metadata][order_id]").as_deref(),
        order["id"].as_str()
    );
    assert_eq!(sent("line_items[1][price_data][unit_amount]").as_deref(), Some("500"));
    assert_eq!(
        app.get("/v1/cart").bearer(&token).send().await.expect(200).json()["lines"],
        json!([])
    );
    stripe.answers(200, session("cs_test_1"));
    assert_eq!(
        app.get(location).bearer(&token).send().await.expect(200).json()["checkout_url"],
        "https://pay.example/c/1"
    );
    app.delete(format!("/v1/cart/lines/{pads}"))
        .bearer(&token)
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn the_same_request_opens_one_order_and_one_checkout() {
    let Shop { app, stripe, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let token = app.sign_in("carla");
    let ask = |body: Value| app.post("/v1/orders", &body).bearer(&token).idempotency_key("once");
    // The processor's answer is lost, so the order stands without a checkout.
    stripe.answers(500, json!({"error": {"type": "api_error", "message": "down"}}));
    ask(lines(&[pads])).send().await.expect_problem(503, "unavailable");
    stripe.answers(200, session("cs_test_1"));
    let first = ask(lines(&[pads])).send().await.expect(201).json();
    let again = ask(lines(&[pads])).send().await.expect(201);
    assert_eq!(
        (again.json(), again.header("idempotent-replayed")),
        (first, Some("true"))
    );
    let keys: Vec<_> = stripe
        .take_asked()
        .iter()
        .map(|asked| asked.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1], "one order, one key");
    ask(json!({}))
        .send()
        .await
        .expect_problem(422, "idempotency_key_reused");
    let orders = app.get("/v1/orders").bearer(&token).send().await.expect(200).json();
    assert_eq!(orders["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_cannot_be_ordered_is_named() {
    let Shop { app, stripe, .. } = shop().await;
    let (anna, bert) = (app.seller("anna").await, app.seller("bert").await);
    let pads = app.on_sale(anna, "Warm Pads", eur(1299)).await;
    let dollars = app.on_sale(anna, "Dollar Pads", Money::new(100, Currency::USD)).await;
    let bells = app.on_sale(bert, "Bells", eur(500)).await;
    app.suspend(bert).await;
    let token = app.sign_in("carla");
    let order = |body: Value| app.post("/v1/orders", &body).bearer(&token);
    order(json!({})).send().await.expect_problem(422, "empty_order");
    order(lines(&[pads, pads]))
        .send()
        .await
        .expect_problem(422, "duplicate_line");
    order(lines(&[pads, dollars]))
        .send()
        .await
        .expect_problem(422, "mixed_currencies");
    let unavailable = order(lines(&[pads, bells]))
        .send()
        .await
        .expect_problem(422, "invalid_request")
        .json();
    assert_eq!(unavailable["errors"][0]["pointer"], "/lines/1/listing_id");
    order(json!({"lines": []}))
        .send()
        .await
        .expect_problem(422, "invalid_request");
    order(json!({"lines": [{"listing_id": "lst_x"}]}))
        .send()
        .await
        .expect_problem(422, "invalid_request");
    order(json!({"success_url": "javascript:alert(1)"}))
        .send()
        .await
        .expect_problem(422, "invalid_request");
    stripe.answers(
        400,
        json!({"error": {"type": "invalid_request_error", "code": "amount_too_small", "message": "Too small."}}),
    );
    order(lines(&[pads]))
        .send()
        .await
        .expect_problem(422, "checkout_refused");
    app.post("/v1/orders", &json!({}))
        .send()
        .await
        .expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_free_order_needs_no_checkout() {
    let Shop { app, stripe, .. } = shop().await;
    let guide = app.on_sale(app.seller("anna").await, "A Free Guide", eur(0)).await;
    let token = app.sign_in("carla");
    let order = app
        .post("/v1/orders", &lines(&[guide]))
        .bearer(&token)
        .send()
        .await
        .expect(201)
        .json();
    assert_eq!(order.get("checkout_url"), None);
    assert!(stripe.take_asked().is_empty());
    let messages = app.take_messages();
    assert!(
        matches!(&messages[..], [one] if matches!(&one.message, Message::FreeOrderPlaced { .. })),
        "{messages:?}"
    );
}

/// A paid order with its licence, as settling leaves them.
async fn bought(app: &TestApp, listing: ListingId, customer: &str) -> Licence {
    let customer = app.customer(customer).await;
    let seed = app.seed();
    let offer = shared::purchase::Offer {
        listing,
        partner: seed.id("p"),
        title: "Warm Pads".into(),
        price: eur(1299),
        terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
        policy: None,
    };
    let order = shared::purchase::place(customer, &[offer], Referrers::default(), seed, app.now()).expect("one line");
    let order = Order {
        status: OrderStatus::Paid,
        ..order
    };
    commerce::create_order(&app.store, &order, &[])
        .await
        .expect("a new order");
    let id = order.lines[0].licence;
    let licence = Licence {
        id,
        key: LicenceKey::new(id, [7; 16]),
        owner: customer,
        listing,
        partner: order.lines[0].partner,
        order: Some(order.id),
        status: LicenceStatus::Active,
        issued_at: app.now(),
        tier: Preset::default(),
        custom: None,
        grant: None,
        offer: None,
        subscription: None,
    };
    app.store
        .write(Write::create(keys::licence(id), &licence).expect("an item"))
        .await
        .expect("a new licence");
    licence
}

#[tokio::test]
async fn a_licence_is_its_holders_and_opens_the_download() {
    let Shop { app, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let licence = bought(&app, pads, "carla").await;
    let (carla, mallory) = (app.sign_in("carla"), app.sign_in("mallory"));
    for path in ["licences", "licenses"] {
        let list = app
            .get(format!("/v1/{path}"))
            .bearer(&carla)
            .send()
            .await
            .expect(200)
            .json();
        assert_eq!(list["items"][0]["key"], licence.key.to_string());
        let theirs = app
            .get(format!("/v1/{path}"))
            .bearer(&mallory)
            .send()
            .await
            .expect(200)
            .json();
        assert_eq!(theirs["items"], json!([]));
        let one = format!("/v1/{path}/{}", licence.id);
        app.get(&one).bearer(&carla).send().await.expect(200);
        app.get(&one)
            .bearer(&mallory)
            .send()
            .await
            .expect_problem(404, "not_found");
        let downloads = format!("{one}/downloads");
        let link = app
            .post(&downloads, &json!({}))
            .bearer(&carla)
            .send()
            .await
            .expect(201)
            .json();
        assert_eq!(link["version"], "1.0.0");
        assert_eq!(link["expires_at"], "2026-11-22T09:05:00Z");
        app.post(&downloads, &json!({}))
            .bearer(&mallory)
            .send()
            .await
            .expect_problem(404, "not_found");
        let nowhere = json!({"version_id": app.seed().id::<shared::ids::VersionId>("v")});
        app.post(&downloads, &nowhere)
            .bearer(&carla)
            .send()
            .await
            .expect_problem(404, "not_found");
    }
    let order: OrderId = licence.order.expect("a sale");
    app.get(format!("/v1/orders/{order}"))
        .bearer(&mallory)
        .send()
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_revoked_licence_downloads_nothing() {
    let Shop { app, .. } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let licence = bought(&app, pads, "carla").await;
    let revoked = Licence {
        status: LicenceStatus::Revoked,
        ..licence.clone()
    };
    app.store
        .write(Write::replace(keys::licence(licence.id), &revoked, 1).expect("an item"))
        .await
        .expect("its revision");
    let downloads = format!("/v1/licences/{}/downloads", licence.id);
    let token = app.sign_in("carla");
    app.post(&downloads, &json!({}))
        .bearer(&token)
        .send()
        .await
        .expect_problem(409, "licence_not_active");
}

/// What the order's one line will be divided by.
async fn frozen(app: &TestApp, customer: &str, order: &Value) -> Terms {
    let customer = app.customer(customer).await;
    let id: OrderId = order["id"].as_str().expect("an id").parse().expect("an order's id");
    let stored = commerce::order(&app.store, customer, id)
        .await
        .expect("memory")
        .expect("placed");
    stored.lines[0].terms.clone()
}

/// Makes a rule as an operator would.
async fn make_rule(app: &TestApp, scope: Scope, draft: FiguresDraft) -> Rule {
    let rule = Rule {
        id: app.seed().id("rule"),
        version: 1,
        name: scope.to_string(),
        scope: scope.clone(),
        from: app.now(),
        until: None,
        figures: draft.try_into().expect("figures that make sense"),
        preset: None,
        created_by: app.customer("olga").await,
        created_at: app.now(),
    };
    let change = revenue::Change {
        rule: rule.id,
        schedule: Schedule::default()
            .add(std::slice::from_ref(&rule), app.now())
            .expect("the first one"),
        created: vec![rule.clone()],
        shortened: Vec::new(),
        audit: AuditEvent {
            id: app.seed().id("audit"),
            at: app.now(),
            actor: rule.created_by,
            action: "commission_rule.create".into(),
            subject: rule.id.to_string(),
            reason_code: None,
            evidence: None,
        },
    };
    revenue::save(&app.store, &scope, None, &change)
        .await
        .expect("a new scope");
    rule
}

fn rates(commission: u32, affiliate: u32) -> FiguresDraft {
    let bps = |rate| BasisPoints::try_from(rate).expect("a rate");
    FiguresDraft {
        affiliate_bps: bps(affiliate),
        ..Figures::flat(bps(commission)).into()
    }
}

#[tokio::test]
async fn an_order_freezes_the_narrowest_rule_as_soon_as_it_is_made() {
    let Shop { app, stripe, .. } = shop().await;
    let anna = app.seller("anna").await;
    let pads = app.on_sale(anna, "Warm Pads", eur(1299)).await;
    let token = app.sign_in("carla");
    let order = async || {
        stripe.answers(200, session("cs_test_1"));
        let request = app.post("/v1/orders", &lines(&[pads])).bearer(&token);
        let order = request.send().await.expect(201).json();
        frozen(&app, "carla", &order).await
    };
    assert_eq!(order().await.rule, RuleRef::Default);
    let content_type = shared::listing::ContentType::SynthPreset;
    for scope in [
        Scope::Marketplace,
        Scope::ContentType(content_type),
        Scope::Partner(anna),
        Scope::Listing(pads),
    ] {
        let rule = make_rule(&app, scope, rates(1000, 0)).await;
        let terms = order().await;
        assert_eq!(terms.rule, rule.reference());
        assert_eq!(terms.figures, rule.figures);
    }
}

#[tokio::test]
async fn referrers_are_partners_and_paid_where_the_rule_has_a_share() {
    let Shop { app, stripe, .. } = shop().await;
    let (anna, bert) = (app.seller("anna").await, app.seller("bert").await);
    let pads = app.on_sale(anna, "Warm Pads", eur(1299)).await;
    make_rule(&app, Scope::Marketplace, rates(1000, 300)).await;
    let token = app.sign_in("carla");
    let order = |referrers: Value| {
        let mut body = lines(&[pads]);
        let fields = body.as_object_mut().expect("an object");
        fields.extend(referrers.as_object().cloned().expect("an object"));
        app.post("/v1/orders", &body).bearer(&token)
    };
    for (referrers, share) in [
        (json!({"affiliate_id": bert}), 300),
        (json!({"affiliate_id": anna}), 0),
        (json!({}), 0),
    ] {
        stripe.answers(200, session("cs_test_1"));
        let placed = order(referrers).send().await.expect(201).json();
        let terms = frozen(&app, "carla", &placed).await;
        assert_eq!(u32::from(terms.figures.affiliate_bps), share);
    }
    app.suspend(bert).await;
    let stranger = app.seed().id::<shared::ids::PartnerId>("nobody");
    for (referrers, pointer) in [
        (json!({"affiliate_id": bert}), "/affiliate_id"),
        (json!({"reseller_id": stranger}), "/reseller_id"),
    ] {
        let refused = order(referrers)
            .send()
            .await
            .expect_problem(422, "unknown_referrer")
            .json();
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    let own = app.seller("dora").await;
    app.join(own, "carla", Role::Member).await;
    let refused = order(json!({"affiliate_id": own})).send().await;
    let refused = refused.expect_problem(422, "own_referral").json();
    assert_eq!(refused["errors"][0]["pointer"], "/affiliate_id");
    order(json!({"affiliate_id": anna, "reseller_id": anna}))
        .send()
        .await
        .expect_problem(422, "invalid_request");
}

#[tokio::test]
async fn an_order_is_paid_with_paypal_where_the_customer_wishes() {
    let Shop { app, stripe, paypal } = shop().await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let gift = app.on_sale(app.seller("bert").await, "A Gift", eur(0)).await;
    let token = app.sign_in("carla");
    let made = json!({"id": "5O1", "status": "PAYER_ACTION_REQUIRED",
        "links": [{"rel": "payer-action", "href": "https://paypal.example/checkoutnow?token=5O1"}]});
    paypal
        .answers(
            200,
            json!({"access_token": "A21", "token_type": "Bearer", "expires_in": 32_400}),
        )
        .answers(201, made.clone())
        .answers(200, made);
    let mut request = lines(&[pads, gift]);
    request["processor"] = json!("paypal");
    let order = app.post("/v1/orders", &request).bearer(&token).send().await;
    let order = order.expect(201).json();
    assert_eq!(order["processor"], "paypal");
    assert_eq!(order["checkout_url"], "https://paypal.example/checkoutnow?token=5O1");
    let asked = paypal.take_asked().remove(1);
    assert_eq!(asked.header("paypal-request-id"), order["id"].as_str());
    let unit = &serde_json::from_str::<Value>(&asked.body).expect("JSON")["purchase_units"][0];
    assert_eq!(
        (&unit["custom_id"], &unit["amount"]["value"]),
        (&order["id"], &json!("12.99"))
    );
    assert_eq!(
        unit["items"].as_array().map(Vec::len),
        Some(1),
        "what costs nothing is not paid for"
    );
    let path = format!("/v1/orders/{}", order["id"].as_str().expect("an id"));
    let shown = app.get(path).bearer(&token).send().await.expect(200).json();
    assert_eq!(shown["checkout_url"], order["checkout_url"]);
    assert!(stripe.take_asked().is_empty());
    request["processor"] = json!("cash");
    let refused = app.post("/v1/orders", &request).bearer(&token).send().await;
    refused.expect_problem(422, "invalid_request");
}

#[tokio::test]
async fn no_order_is_placed_for_paypal_where_it_is_not_set_up() {
    let Shop { app, paypal, .. } = shop_where(false).await;
    let pads = app.on_sale(app.seller("anna").await, "Warm Pads", eur(1299)).await;
    let token = app.sign_in("carla");
    let mut request = lines(&[pads]);
    request["processor"] = json!("paypal");
    let order = app.post("/v1/orders", &request).bearer(&token).send().await;
    order.expect_problem(409, "paypal_not_offered");
    let orders = app.get("/v1/orders").bearer(&token).send().await.expect(200).json();
    assert_eq!(orders["items"], json!([]));
    assert!(paypal.take_asked().is_empty());
}
