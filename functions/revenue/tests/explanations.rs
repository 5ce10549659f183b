//! A divided line, explained: to its partner and to operators, and to nobody else.

use serde_json::{Value, json};
use shared::auth::Scope;
use shared::ids::PartnerId;
use shared::money::{BasisPoints, Currency, Money};
use shared::purchase::{Offer, Order, Payment, place, settle};
use shared::revenue::{Figures, FiguresDraft, Referrers, RuleRef, Terms, Turnovers};
use shared::store::commerce;
use shared::testing::TestApp;

fn app() -> TestApp {
    TestApp::new(|world| {
        let context = revenue::Context {
            edge: world.edge.clone(),
            store: world.store.clone(),
        };
        shared::http::router(revenue::routes(), context)
    })
}

fn bps(rate: u32) -> BasisPoints {
    BasisPoints::try_from(rate).expect("a rate")
}

/// An order of one line, referred by `affiliate`, of which the platform takes 20 % and the affiliate 5 of them.
async fn ordered(app: &TestApp, partner: PartnerId, affiliate: PartnerId) -> Order {
    let seed = app.seed();
    let draft = FiguresDraft {
        affiliate_bps: bps(500),
        ..Figures::flat(bps(2000)).into()
    };
    let offer = Offer {
        listing: seed.id("listing"),
        partner,
        title: "Pads".into(),
        price: Money::new(1299, Currency::EUR),
        terms: Terms {
            rule: RuleRef::Version("rul_01h455vb4pex5vsknk084sn02q".parse().expect("an id"), 3),
            figures: draft.try_into().expect("figures that make sense"),
        },
        policy: None,
    };
    let referrers = Referrers {
        affiliate: Some(affiliate),
        reseller: None,
    };
    let customer = app.customer("carla").await;
    let order = place(customer, &[offer], referrers, seed, app.now()).expect("an order");
    commerce::create_order(&app.store, &order, &[])
        .await
        .expect("a new order")
        .value
}

async fn paid(app: &TestApp, order: &Order) {
    let payment = Payment {
        amount: order.total,
        charge: Some("ch_1".into()),
        at: app.now(),
    };
    let settlement = settle(order, &payment, &Turnovers::new(), 7, app.seed(), || [9; 16]).expect("paid in full");
    let writes = commerce::settlement_writes(&settlement, 1, app.now()).expect("items");
    app.store.transact(writes).await.expect("nobody else writes");
    app.take_messages();
}

fn path(order: &Order, index: &str) -> String {
    format!("/v1/orders/{}/lines/{index}/explanation", order.id)
}

#[tokio::test]
async fn every_step_of_a_division_is_shown() {
    let app = app();
    let (anna, bert) = (app.seller("anna").await, app.seller("bert").await);
    let order = ordered(&app, anna, bert).await;
    let ask = async || app.get(path(&order, "0")).bearer(&app.sign_in("anna")).send().await;
    ask().await.expect_problem(409, "not_divided_yet");
    paid(&app, &order).await;
    let eur = |minor: i64| json!({"amount": minor, "currency": "EUR"});
    let leg = |leg: &str, exact: &str, rounding: &str, minor: i64| json!({"leg": leg, "exact": exact, "rounding": rounding, "amount": eur(minor)});
    let expected: Value = json!({
        "price": eur(1299),
        "rule": "rul_01h455vb4pex5vsknk084sn02q@3",
        "figures": {"commission_bps": 2000, "base": "gross", "affiliate_bps": 500, "reseller_bps": 0},
        "affiliate_id": bert,
        "base": "1299",
        "pieces": [{"amount": eur(1299), "commission_bps": 2000, "commission": "259.8"}],
        "fixed": "0",
        "legs": [
            leg("partner", "1039.2", "-0.2", 1039),
            leg("platform", "194.85", "0.15", 195),
            leg("affiliate", "64.95", "0.05", 65),
            leg("reseller", "0", "0", 0),
        ],
    });
    assert_eq!(ask().await.expect(200).json(), expected);
}

#[tokio::test]
async fn a_line_is_nobody_elses_business() {
    let app = app();
    let (anna, bert) = (app.seller("anna").await, app.seller("bert").await);
    let order = ordered(&app, anna, bert).await;
    paid(&app, &order).await;
    let get = |index: &str| app.get(path(&order, index));
    get("0").send().await.expect_problem(401, "unauthenticated");
    for stranger in ["bert", "carla"] {
        get("0")
            .bearer(&app.sign_in(stranger))
            .send()
            .await
            .expect_problem(404, "not_found");
    }
    for nowhere in ["1", "-1", "first"] {
        get(nowhere)
            .bearer(&app.sign_in("anna"))
            .send()
            .await
            .expect_problem(404, "not_found");
    }
    get("0").bearer(&app.sign_in_operator("olga")).send().await.expect(200);
    let allowed = app.api_token("anna", &[Scope::EarningsRead]).await;
    get("0").bearer(&allowed).send().await.expect(200);
    let other = app.api_token("anna", &[Scope::OrdersRead]).await;
    get("0")
        .bearer(&other)
        .send()
        .await
        .expect_problem(403, "insufficient_scope");
}
