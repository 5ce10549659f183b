//! Documents in-process: drawn up from what settlement and refunds have posted; for those whom they concern, and not there for anybody else.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::auth::Scope;
use shared::ids::{ListingId, PartnerId};
use shared::invoice::Seller;
use shared::ledger::{Account, BalanceChange, Fact, JournalEntry, Posting};
use shared::money::{BasisPoints, Currency, Money};
use shared::purchase::refund::{
    self, RefundOrigin, RefundPolicy, RefundReason, RefundReport, RefundRequest, ReportedStatus,
};
use shared::purchase::{Offer, Order, Payment, place, settle};
use shared::revenue::{Referrers, Terms, Turnovers};
use shared::store::{commerce, ledger, reversals};
use shared::testing::{Answer, TestApp};

fn app() -> TestApp {
    TestApp::new(|world| {
        let seller = Seller {
            name: "Souk Marketplace GmbH".to_owned(),
            address: vec!["Marktplatz 1".to_owned(), "10115 Berlin".to_owned()],
            tax_id: "DE123456789".to_owned(),
        };
        let context = statements::Context {
            edge: world.edge.clone(),
            store: world.store.clone(),
            seller,
        };
        shared::http::router(statements::routes(), context)
    })
}

/// An order of the customer Carla, placed and not paid.
async fn ordered(app: &TestApp, prices: &[(PartnerId, i64)]) -> Order {
    let seed = app.seed();
    let offer = |(index, (partner, minor)): (usize, &(PartnerId, i64))| Offer {
        listing: seed.id::<ListingId>(&index.to_string()),
        partner: *partner,
        title: format!("Pads {index}"),
        price: Money::new(*minor, Currency::EUR),
        terms: Terms::default_rule(BasisPoints::try_from(2000).expect("a rate")),
        policy: None,
    };
    let offers: Vec<_> = prices.iter().enumerate().map(offer).collect();
    let customer = app.customer("carla").await;
    let order = place(customer, &offers, Referrers::default(), seed, app.now()).expect("an order");
    commerce::create_order(&app.store, &order, &[])
        .await
        .expect("a new order")
        .value
}

async fn sold(app: &TestApp, prices: &[(PartnerId, i64)]) -> Order {
    let order = ordered(app, prices).await;
    let payment = Payment {
        amount: order.total,
        charge: Some("ch_1".to_owned()),
        at: app.now(),
    };
    let settlement = settle(&order, &payment, &Turnovers::new(), 7, app.seed(), || [9; 16]).expect("paid in full");
    let writes = commerce::settlement_writes(&settlement, 1, app.now()).expect("items");
    app.store.transact(writes).await.expect("an open order");
    app.take_messages();
    settlement.order
}

/// Gives back `minor` of the order's first line, as far as the processor says.
async fn refunded(app: &TestApp, order: &Order, minor: i64, status: ReportedStatus) -> refund::Refund {
    let request = RefundRequest {
        lines: Some(vec![(0, Some(Money::new(minor, Currency::EUR)))]),
        reason: RefundReason::DoesNotWork,
        note: None,
    };
    let origin = RefundOrigin::Operator {
        user: app.user("olga").await,
    };
    let policy = RefundPolicy { window_days: 14 };
    let begun = refund::begin(order, &request, origin, policy, app.seed(), app.now()).expect("within the order");
    let report = RefundReport {
        reference: format!("re_{}", begun.refund.id),
        amount: begun.refund.amount,
        status,
        moved: true,
        failure: None,
        created: app.now(),
    };
    let advance = refund::advance(&begun.order, &begun.refund, &report, app.seed(), app.now());
    let advance = advance.expect("small").expect("news");
    let stored = commerce::order(&app.store, order.customer, order.id)
        .await
        .expect("memory")
        .expect("an order");
    let writes = reversals::advance_refund(&advance, stored.revision, None, &[], app.now()).expect("items");
    app.store.transact(writes).await.expect("nobody else writes");
    app.take_messages();
    advance.refund
}

async fn fetch(app: &TestApp, token: &str, path: &str, accept: &str) -> Answer {
    app.get(path).bearer(token).header("accept", accept).send().await
}

fn is_pdf(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("application/pdf"));
    assert!(answer.body.starts_with(b"%PDF-1.7") && answer.body.ends_with(b"%%EOF"));
}

fn nets(statement: &Value) -> Vec<(&str, i64)> {
    let lines = statement["sections"][0]["lines"].as_array().expect("lines");
    let net = |line: &'_ Value| line["net"]["amount"].as_i64().expect("an amount");
    lines
        .iter()
        .map(|line| (line["fact"].as_str().expect("a fact"), net(line)))
        .collect()
}

#[tokio::test]
async fn a_statement_says_what_the_books_say() {
    let app = app();
    let (anna, bert) = (app.seller("anna").await, app.seller("bert").await);
    let before = sold(&app, &[(anna, 1000)]).await;
    app.clock.advance(SignedDuration::from_hours(24 * 12));
    let token = app.sign_in("anna");
    let order = sold(&app, &[(anna, 1299), (bert, 500), (anna, 1)]).await;
    let refund = refunded(&app, &order, 500, ReportedStatus::Succeeded).await;
    let path = |period: &str| format!("/v1/partners/{anna}/statements/{period}");

    let december = fetch(&app, &token, &path("2026-12"), "*/*").await.expect(200).json();
    let section = &december["sections"][0];
    assert_eq!(section["opening"], json!({"amount": 800, "currency": "EUR"}));
    assert_eq!(nets(&december), [("sale", 1040), ("refund", -400)]);
    let sale = &section["lines"][0];
    assert_eq!(
        (&sale["order_id"], &sale["titles"]),
        (&json!(order.id), &json!(["Pads 0", "Pads 2"]))
    );
    assert_eq!(sale["rules"], json!(["default@1"]), "Bert's line is Bert's business");
    assert_eq!(
        (&sale["gross"]["amount"], &sale["commission"]["amount"]),
        (&json!(1300), &json!(260))
    );
    let returned = &section["lines"][1];
    assert_eq!(
        (&returned["reference"], &returned["order_id"]),
        (&json!(refund.id), &json!(order.id))
    );
    let owed = ledger::balances(&app.store, anna).await.expect("memory")[0].owed;
    assert_eq!(
        section["closing"],
        json!(owed),
        "the last closing balance is the balance"
    );

    let november = fetch(&app, &token, &path("2026-11"), "application/json")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (nets(&november), &november["is_over"]),
        (vec![("sale", 800)], &json!(true))
    );
    assert_eq!(november["sections"][0]["lines"][0]["reference"], json!(before.id));
    let day = fetch(&app, &token, &path("2026-12-04"), "*/*").await.expect(200).json();
    assert_eq!((nets(&day).len(), &day["is_over"]), (2, &json!(false)));
    for wrong in ["2027-01", "2026-13", "nonsense", "2026-11.pdf"] {
        fetch(&app, &token, &path(wrong), "*/*")
            .await
            .expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_statement_comes_in_the_form_that_is_asked_for() {
    let app = app();
    let anna = app.seller("anna").await;
    sold(&app, &[(anna, 1299)]).await;
    let (token, path) = (app.sign_in("anna"), format!("/v1/partners/{anna}/statements/2026-11"));
    let page = fetch(&app, &token, &path, "text/html").await.expect(200);
    assert!(page.text().contains("<h1>Statement 2026-11</h1>") && page.text().contains("Pads 0"));
    assert_eq!(
        page.header("content-disposition"),
        Some("inline; filename=\"statement-2026-11.html\"")
    );
    assert_eq!(page.header("vary"), Some("accept"));
    assert!(
        page.header("content-security-policy")
            .is_some_and(|policy| policy.starts_with("default-src 'none'"))
    );
    let table = fetch(&app, &token, &path, "text/csv").await.expect(200);
    assert_eq!(
        table.header("content-disposition"),
        Some("attachment; filename=\"statement-2026-11.csv\"")
    );
    assert_eq!(
        table.text().lines().count(),
        4,
        "a head, two balances, one line: {}",
        table.text()
    );
    is_pdf(&fetch(&app, &token, &path, "application/pdf").await.expect(200));
    fetch(&app, &token, &path, "image/png")
        .await
        .expect_problem(406, "not_acceptable");
}

#[tokio::test]
async fn periods_reach_back_to_the_application() {
    let app = app();
    let anna = app.seller("anna").await;
    app.clock.advance(SignedDuration::from_hours(24 * 45));
    let listed = fetch(
        &app,
        &app.sign_in("anna"),
        &format!("/v1/partners/{anna}/statements"),
        "*/*",
    )
    .await;
    let listed = listed.expect(200).json();
    let periods: Vec<_> = listed["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["period"].clone())
        .collect();
    assert_eq!(periods, ["2027", "2027-01", "2026", "2026-12", "2026-11"]);
    assert_eq!(
        listed["items"][3],
        json!({"period": "2026-12", "first": "2026-12-01", "last": "2026-12-31", "is_over": true})
    );
}

#[tokio::test]
async fn statements_are_for_the_team_and_operators() {
    let app = app();
    let anna = app.seller("anna").await;
    app.seller("bert").await;
    let allowed = app.api_token("anna", &[Scope::EarningsRead]).await;
    let other_scope = app.api_token("anna", &[Scope::OrdersRead]).await;
    for path in [
        format!("/v1/partners/{anna}/statements"),
        format!("/v1/partners/{anna}/statements/2026-11"),
    ] {
        app.get(&path).send().await.expect_problem(401, "unauthenticated");
        fetch(&app, &app.sign_in("bert"), &path, "*/*")
            .await
            .expect_problem(404, "not_found");
        fetch(&app, &app.sign_in_operator("olga"), &path, "*/*")
            .await
            .expect(200);
        fetch(&app, &allowed, &path, "*/*").await.expect(200);
        fetch(&app, &other_scope, &path, "*/*")
            .await
            .expect_problem(403, "insufficient_scope");
    }
    let nobody = format!(
        "/v1/partners/{}/statements/2026-11",
        app.seed().id::<PartnerId>("nobody")
    );
    fetch(&app, &app.sign_in_operator("olga"), &nobody, "*/*")
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn the_tax_report_goes_through_all_partners_page_by_page() {
    let app = app();
    let (anna, bert) = (app.seller("anna").await, app.seller("bert").await);
    app.seller("idle").await;
    let order = sold(&app, &[(anna, 1299), (bert, 500)]).await;
    refunded(&app, &order, 500, ReportedStatus::Succeeded).await;
    app.suspend(bert).await;
    let operator = app.sign_in_operator("olga");

    let (mut found, mut path) = (Vec::new(), "/v1/tax-reports/2026?limit=1".to_owned());
    loop {
        let page = fetch(&app, &operator, &path, "application/json")
            .await
            .expect(200)
            .json();
        found.extend(page["items"].as_array().expect("a list").clone());
        match page["next"].as_str() {
            Some(next) => path = format!("/v1/tax-reports/2026?limit=1&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found.len(), 2, "those who sold, suspended or not, each once: {found:?}");
    let of = |partner: PartnerId| {
        found
            .iter()
            .find(|one| one["seller"]["partner_id"] == json!(partner))
            .expect("a seller")
    };
    let seller = &of(anna)["seller"];
    assert_eq!(
        (&seller["trade_name"], &seller["country"]),
        (&json!("Sounds of anna"), &json!("DE"))
    );
    assert_eq!(
        (&seller["contact_email"], &seller["processor_account"]),
        (&json!("anna@example.com"), &json!("acct_anna"))
    );
    assert!(
        seller["missing"]
            .as_array()
            .is_some_and(|missing| missing.contains(&json!("tax_identification_number")))
    );
    let totals = &of(anna)["totals"][0];
    assert_eq!(
        (
            &totals["form_1099_k"]["box_1a"]["amount"],
            &totals["form_1099_k"]["box_3"]
        ),
        (&json!(1299), &json!(1))
    );
    assert_eq!(totals["form_1099_k"]["boxes_5a_to_5l"][10]["amount"], 1299);
    let quarter = &totals["dac7"][3];
    let amounts: Vec<_> = ["consideration", "fees", "returned", "returned_fees"]
        .map(|name| quarter[name]["amount"].clone())
        .into();
    assert_eq!(amounts, [1039, 260, 400, 100]);
    assert_eq!(of(bert)["totals"][0]["form_1099_k"]["box_1a"]["amount"], 500);

    let (mut rows, mut path) = (0, "/v1/tax-reports/2026?limit=2".to_owned());
    loop {
        let table = fetch(&app, &operator, &path, "text/csv").await.expect(200);
        rows += table.text().lines().count() - 1;
        let Some(link) = table.header("link") else { break };
        path = link
            .trim_start_matches('<')
            .split('>')
            .next()
            .expect("an address")
            .to_owned();
    }
    assert_eq!(rows, 2);
    let empty = fetch(&app, &operator, "/v1/tax-reports/2025", "*/*")
        .await
        .expect(200)
        .json();
    assert_eq!(empty["items"], json!([]));
}

/// Whoever has sold much ends the page, so that no answer takes longer than a function has.
#[tokio::test]
async fn a_page_of_the_tax_report_ends_behind_whoever_has_sold_much() {
    let app = app();
    let (anna, bert) = (app.seller("anna").await, app.seller("bert").await);
    // In the order of the report.
    for (partner, sales) in [(anna.min(bert), 10_000), (anna.max(bert), 1)] {
        for number in 0..sales {
            sold_once(&app, partner, number).await;
        }
    }
    let operator = app.sign_in_operator("olga");
    let (mut sizes, mut payments) = (Vec::new(), Vec::new());
    let mut path = "/v1/tax-reports/2026?limit=100".to_owned();
    loop {
        let page = fetch(&app, &operator, &path, "application/json")
            .await
            .expect(200)
            .json();
        let reports = page["items"].as_array().expect("a list");
        sizes.push(reports.len());
        payments.extend(
            reports
                .iter()
                .map(|one| one["totals"][0]["form_1099_k"]["box_3"].clone()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/v1/tax-reports/2026?limit=100&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(payments, [10_000, 1]);
    assert_eq!(sizes[0], 1, "{sizes:?}");
}

/// A sale of 10 EUR, posted as a settlement does.
async fn sold_once(app: &TestApp, partner: PartnerId, number: u32) {
    let (seed, euros) = (app.seed(), |minor| Money::new(minor, Currency::EUR));
    let posting = |account, minor| Posting {
        account,
        amount: euros(minor),
    };
    let postings = vec![
        posting(Account::ProcessorClearing, 1_000),
        posting(Account::PartnerPayable(partner), -800),
        posting(Account::PlatformRevenue, -200),
    ];
    let fact = Fact::Sale(seed.id(&format!("order {number}")));
    let entry = JournalEntry::new(seed.id("entry"), fact, Some(partner), app.now(), postings).expect("balanced");
    let owed = BalanceChange {
        partner,
        owed: euros(800),
        maturing: None,
        disputed_minor: 0,
    };
    let writes = vec![
        ledger::post(&entry, app.now()).expect("an item"),
        ledger::change_balance(&owed),
    ];
    app.store.transact(writes).await.expect("posted once");
}

#[tokio::test]
async fn tax_reports_are_the_operators_alone() {
    let app = app();
    app.seller("anna").await;
    fetch(&app, &app.sign_in("anna"), "/v1/tax-reports/2026", "*/*")
        .await
        .expect_problem(403, "operator_required");
    app.get("/v1/tax-reports/2026")
        .send()
        .await
        .expect_problem(401, "unauthenticated");
    fetch(&app, &app.sign_in_operator("olga"), "/v1/tax-reports/last", "*/*")
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn an_invoice_is_issued_once_and_keeps_its_number() {
    let app = app();
    let anna = app.seller("anna").await;
    let (first, second) = (sold(&app, &[(anna, 1299)]).await, sold(&app, &[(anna, 500)]).await);
    let (carla, operator) = (app.sign_in("carla"), app.sign_in_operator("olga"));
    let path = |order: &Order| format!("/v1/orders/{}/invoice", order.id);
    let invoice = fetch(&app, &carla, &path(&second), "*/*").await.expect(200);
    is_pdf(&invoice);
    assert_eq!(
        invoice.header("content-disposition"),
        Some("attachment; filename=\"INV-000001.pdf\"")
    );
    fetch(&app, &operator, &path(&first), "text/html").await.expect(200);
    app.clock.advance(SignedDuration::from_hours(24 * 40));
    // Tokens do not last that long.
    let (carla, operator) = (app.sign_in("carla"), app.sign_in_operator("olga"));
    let again = fetch(&app, &operator, &path(&second), "*/*").await.expect(200);
    assert_eq!(again.body, invoice.body, "the same for ever, whoever asks");
    let page = fetch(&app, &carla, &path(&first), "text/html").await.expect(200).text();
    for part in [
        "Invoice INV-000002",
        "2026-11-22",
        "carla@example.com",
        "Pads 0",
        "12.99",
        "Souk Marketplace GmbH",
        "DE123456789",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
}

#[tokio::test]
async fn there_is_no_invoice_for_what_was_not_paid_nor_for_strangers() {
    let app = app();
    let anna = app.seller("anna").await;
    let (open, paid) = (ordered(&app, &[(anna, 700)]).await, sold(&app, &[(anna, 700)]).await);
    let carla = app.sign_in("carla");
    let path = |order: &Order| format!("/v1/orders/{}/invoice", order.id);
    fetch(&app, &carla, &path(&open), "*/*")
        .await
        .expect_problem(409, "not_paid");
    fetch(&app, &carla, &path(&paid), "text/csv")
        .await
        .expect_problem(406, "not_acceptable");
    // Whoever sold it does not learn who bought it.
    fetch(&app, &app.sign_in("anna"), &path(&paid), "*/*")
        .await
        .expect_problem(404, "not_found");
    app.get(path(&paid)).send().await.expect_problem(401, "unauthenticated");
    let invoice = fetch(&app, &carla, &path(&paid), "*/*").await.expect(200);
    let name = invoice.header("content-disposition");
    assert_eq!(
        name,
        Some("attachment; filename=\"INV-000001.pdf\""),
        "refusals take no number"
    );
}

#[tokio::test]
async fn a_credit_note_corrects_the_invoice() {
    let app = app();
    let anna = app.seller("anna").await;
    let order = sold(&app, &[(anna, 1299)]).await;
    let refund = refunded(&app, &order, 500, ReportedStatus::Succeeded).await;
    let other = sold(&app, &[(anna, 100)]).await;
    let path = format!("/v1/orders/{}/credit-notes/{}", order.id, refund.id);
    let carla = app.sign_in("carla");
    is_pdf(&fetch(&app, &carla, &path, "*/*").await.expect(200));
    let page = fetch(&app, &carla, &path, "text/html").await.expect(200).text();
    for part in [
        "Credit note CRN-000001",
        "INV-000001",
        "5.00",
        "Does not work",
        refund.id.to_string().as_str(),
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let elsewhere = format!("/v1/orders/{}/credit-notes/{}", other.id, refund.id);
    fetch(&app, &carla, &elsewhere, "*/*")
        .await
        .expect_problem(404, "not_found");
    fetch(&app, &app.sign_in("dora"), &path, "*/*")
        .await
        .expect_problem(404, "not_found");
    let failed = refunded(&app, &other, 100, ReportedStatus::Failed).await;
    let path = format!("/v1/orders/{}/credit-notes/{}", other.id, failed.id);
    fetch(&app, &carla, &path, "*/*")
        .await
        .expect_problem(409, "not_refunded");
}
