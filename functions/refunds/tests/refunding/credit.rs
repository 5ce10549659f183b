//! What a customer has as credit of a subscription cannot be refunded, by whomever.

use shared::store::{Write, keys};

use super::*;

/// Of the 12.99 that Carla has paid to Anna, 10 are credit.
async fn credited(app: &TestApp) -> Sale {
    let sale = sale(app).await;
    let stored = commerce::order_by_id(&app.store, sale.order).await;
    let stored = stored.expect("memory").expect("the order");
    let mut order = stored.value.clone();
    order.lines[0].credited_minor = 1000;
    let write = Write::replace(keys::order(order.customer, order.id), &order, stored.revision);
    app.store
        .write(write.expect("an item"))
        .await
        .expect("nobody else writes");
    sale
}

#[tokio::test]
async fn a_refund_beyond_what_was_paid_less_credit_is_refused_with_the_amounts() {
    let app = app();
    let sale = credited(&app).await;
    let (operator, anna, carla) = (app.sign_in_operator("olga"), app.sign_in("anna"), app.sign_in("carla"));
    let before = sale.stored(&app).await;
    let beyond = json!({"lines": [{"line": 0, "amount": eur(300)}], "reason": "other"});
    for (token, path) in [
        (&operator, sale.path("/refunds")),
        (&anna, sale.partners(sale.anna, "/refunds")),
        (&carla, sale.path("/refund-requests")),
    ] {
        let refused = post(&app, token, &path, &beyond).await;
        assert_eq!(
            (refused.status, refused.body["code"].as_str()),
            (422, Some("credit_unspent")),
            "{path}"
        );
        let detail = refused.body["detail"].as_str().expect("a text");
        for amount in ["2.99 EUR", "3.00 EUR", "12.99 EUR", "0.00 EUR", "10.00 EUR"] {
            assert!(detail.contains(amount), "{amount} in {detail}");
        }
        assert_eq!(refused.body["errors"][0]["pointer"], "/lines/0/amount");
    }
    assert_eq!(sale.stored(&app).await, before, "nothing was written");

    let shown = get(&app, &anna, &sale.partners(sale.anna, "")).await;
    let line = &shown.body["lines"][0];
    assert_eq!((&line["refundable"], &line["credit"]), (&eur(299), &eur(1000)));
    // In full: what is left.
    let whole = json!({"reason": "other"});
    let made = post(&app, &anna, &sale.partners(sale.anna, "/refunds"), &whole).await;
    assert_eq!((made.status, &made.body["amount"]), (201, &eur(299)), "{made:?}");
    let again = post(&app, &anna, &sale.partners(sale.anna, "/refunds"), &whole).await;
    assert_eq!(
        (again.status, again.body["code"].as_str()),
        (422, Some("credit_unspent")),
        "nothing is left but credit"
    );
    app.take_messages();
}

/// A request from before the credit: approving refunds what is left, and where that is nothing the request stays.
#[tokio::test]
async fn approving_refunds_what_is_not_credit() {
    let app = app();
    let sale = sale(&app).await;
    let (operator, carla) = (app.sign_in_operator("olga"), app.sign_in("carla"));
    let asked = json!({"lines": [{"line": 0}], "reason": "other"});
    let request = post(&app, &carla, &sale.path("/refund-requests"), &asked).await;
    assert_eq!(request.body["amount"], eur(1299));
    let decisions = format!("/refunds/{}/decisions", request.body["id"].as_str().expect("an id"));
    for (credit, status) in [(1299, 422), (1000, 200)] {
        let stored = commerce::order_by_id(&app.store, sale.order).await;
        let stored = stored.expect("memory").expect("the order");
        let mut order = stored.value.clone();
        order.lines[0].credited_minor = credit;
        let write = Write::replace(keys::order(order.customer, order.id), &order, stored.revision);
        app.store
            .write(write.expect("an item"))
            .await
            .expect("nobody else writes");
        let decided = post(&app, &operator, &sale.path(&decisions), &json!({"decision": "approve"})).await;
        assert_eq!(decided.status, status, "{decided:?}");
        match status {
            200 => assert_eq!(decided.body["amount"], eur(299)),
            _ => assert_eq!(decided.body["code"], "credit_unspent"),
        }
    }
    app.take_messages();
}
