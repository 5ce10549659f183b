//! What is written down about a sale.
//!
//! 1. Chiara buys from Paula, and asks for her invoice: a PDF file and a page with the same number, whenever she asks.
//! 2. Paula reads the statement of the month: her sale stands in it, with its order and rule, and it closes with her balance.
//! 3. She gets it as a page, as a table and as a PDF file too.
//! 4. An operator finds the sale in the tax report of the year.

use serde_json::{Value, json};
use support::scenes::eur;
use support::{Answer, Api, Order, Partner, Stack};

#[tokio::test]
async fn a_sale_is_written_down_for_everybody_it_concerns() {
    let stack = Stack::load();
    let paula = Partner::new(&stack).await;
    let kit = paula.published(&stack, 1299).await;
    let _alone = stack.alone_with("payouts").await;
    let chiara = stack.somebody("Chiara Customer").await;
    let order = Order::place(&chiara, &[&kit]).await;
    let invoice = format!("/orders/{}/invoice", order.id);
    chiara.api.get(&invoice).await.refused(409, "not_paid");
    let paid = order.pay(&stack, &chiara).await;

    let file = as_format(&chiara.api, &invoice, "application/pdf").await;
    is_pdf(&file);
    let number = file
        .header("content-disposition")
        .split('"')
        .nth(1)
        .unwrap()
        .trim_end_matches(".pdf")
        .to_owned();
    assert!(number.starts_with("INV-"), "{number}");
    let page = as_format(&stack.operator(), &invoice, "text/html").await.text();
    for part in [&number, &order.id, &kit.title, &chiara.email, "12.99"] {
        assert!(page.contains(part), "the invoice lacks {part}: {page}");
    }

    let (month, year) = paid["paid_at"]
        .as_str()
        .map(|at| (at[..7].to_owned(), at[..4].to_owned()))
        .unwrap();
    let listed = paula.api.get(&paula.path("/statements")).await.is(200);
    assert!(
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|item| item["period"] == month.as_str()),
        "{listed}"
    );
    let path = paula.path(&format!("/statements/{month}"));
    let statement = paula.api.get(&path).await.is(200);
    let section = &statement["sections"][0];
    assert_eq!(
        (&section["opening"], &section["closing"]),
        (&eur(0), &eur(1039)),
        "{statement}"
    );
    let line = &section["lines"][0];
    assert_eq!(
        (
            &line["fact"],
            &line["order_id"],
            &line["titles"],
            &line["gross"],
            &line["commission"],
            &line["net"]
        ),
        (
            &json!("sale"),
            &json!(order.id),
            &json!([kit.title]),
            &eur(1299),
            &eur(260),
            &eur(1039)
        ),
    );
    assert!(line["rules"][0].is_string(), "{line}");
    is_pdf(&as_format(&paula.api, &path, "application/pdf").await);
    for format in ["text/html", "text/csv"] {
        let text = as_format(&paula.api, &path, format).await.text();
        assert!(text.contains(&order.id) && text.contains("10.39"), "{format}: {text}");
    }

    let totals = tax_report(&stack, &year, &paula.id).await["totals"].clone();
    assert_eq!(totals[0]["form_1099_k"]["box_1a"], eur(1299), "{totals}");
}

async fn as_format(api: &Api, path: &str, format: &str) -> Answer {
    let answer = api.call("GET", path).header("accept", format).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer.header("content-type").starts_with(format),
        "{}",
        answer.header("content-type")
    );
    answer
}

fn is_pdf(answer: &Answer) {
    assert!(
        answer.bytes.starts_with(b"%PDF-") && answer.bytes.ends_with(b"%%EOF"),
        "{} bytes of something else",
        answer.bytes.len()
    );
}

async fn tax_report(stack: &Stack, year: &str, partner: &str) -> Value {
    let reports = stack.operator().all(&format!("/tax-reports/{year}")).await;
    let found = reports
        .into_iter()
        .find(|report| report["seller"]["partner_id"] == partner);
    found.unwrap_or_else(|| panic!("{partner} is not in the tax report of {year}"))
}
