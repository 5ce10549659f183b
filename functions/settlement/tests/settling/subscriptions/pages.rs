//! More than one page: of invoices, and of an invoice's lines.

use super::*;

fn more(items: &[Value]) -> Value {
    json!({"object": "list", "data": items, "has_more": true})
}

/// What waits to be paid may be older than a hundred invoices.
#[tokio::test]
async fn what_is_open_beyond_the_first_page_cannot_be_paid_after_the_end() {
    let sold = begun().await;
    sold.paid().await;
    let (mut page, of) = (Vec::new(), &sold.subscription);
    for number in (101..=200).rev() {
        let mut void = invoice(of, number, 0);
        void["status"] = json!("void");
        page.push(void);
    }
    let mut open = invoice(of, 100, 2000);
    (open["status"], open["amount_paid"]) = (json!("open"), json!(0));
    let mut ended = told("canceled", 1);
    ended["ended_at"] = json!(BEGAN + MONTH);
    sold.till.stripe.take_asked();
    sold.till
        .stripe
        .answers(200, ended.clone())
        .answers(200, more(&page))
        .answers(200, list(&[open.clone(), invoice(of, 0, 2000)]))
        .answers(200, ended)
        .answers(200, open);
    sold.hear().await.expect("heard");
    let asked = sold.till.stripe.take_asked();
    let second = asked
        .iter()
        .filter(|asked| asked.path.contains("starting_after=in_101"));
    assert_eq!(second.count(), 1, "{asked:?}");
    let voided: Vec<_> = asked
        .iter()
        .filter(|asked| asked.method == "POST")
        .map(|asked| asked.path.as_str())
        .collect();
    assert_eq!(voided, ["/v1/invoices/in_100/void"]);
    sold.till.world.take_messages();
}

/// An invoice comes with its first ten lines: the period that it pays for may be behind them.
#[tokio::test]
async fn a_period_is_paid_for_by_whichever_line_it_stands_on() {
    let sold = begun().await;
    let line = |number: i64, until: i64, proration: bool| {
        json!({"id": format!("il_{number}"), "amount": 100, "description": null, "period": {"start": BEGAN, "end": BEGAN + until},
            "parent": {"invoice_item_details": null, "subscription_item_details": {"proration": proration}}})
    };
    let prorations: Vec<_> = (0..11).map(|number| line(number, MONTH, true)).collect();
    let mut first = invoice(&sold.subscription, 0, 2000);
    first["lines"] = more(&prorations[..10]);
    let all: Vec<_> = prorations
        .iter()
        .cloned()
        .chain([line(11, 12 * MONTH, false)])
        .collect();
    sold.till
        .stripe
        .answers(200, session("complete", Some("sub_1")))
        .answers(200, told("active", 0))
        .answers(200, list(&[first]))
        .answers(200, list(&all))
        .answers(200, told("active", 0))
        .answers(200, intent(0, None));
    sold.hear().await.expect("heard");
    let paid_until = sold.stored().await.paid_until.map(|until| until.as_second());
    assert_eq!(paid_until, Some(BEGAN + 12 * MONTH));
    let order = sold.order(0).await.expect("paid");
    let until = order.renewal.map(|renewal| renewal.until.as_second());
    assert_eq!(until, Some(BEGAN + 12 * MONTH));
    let asked = sold.till.stripe.take_asked();
    assert!(
        asked
            .iter()
            .any(|asked| asked.path == "/v1/invoices/in_0/lines?limit=100"),
        "{asked:?}"
    );
    sold.till.world.take_messages();
}
