//! Which card a subscription is charged to.

use super::*;

/// Stripe charges the card that a checkout has left at the subscription, also when the customer has named another one since.
#[tokio::test]
async fn the_card_that_was_named_last_is_charged() {
    let card = |id: &str, created: i64| json!({"id": id, "object": "payment_method", "created": created});
    for (of_checkout, of_customer, is_taken) in [
        (card("pm_1", 100), Value::Null, false),
        (card("pm_1", 100), card("pm_2", 200), true),
        (card("pm_1", 100), card("pm_1", 100), false),
        // Named on the page of an invoice, after the portal.
        (card("pm_3", 300), card("pm_2", 200), false),
        (Value::Null, card("pm_2", 200), false),
    ] {
        let sold = begun().await;
        sold.paid().await;
        let mut now = told("active", 0);
        now["default_payment_method"] = of_checkout.clone();
        now["customer"] = json!({"id": "cus_1", "invoice_settings": {"default_payment_method": of_customer}});
        let customers = json!({"customer_id": sold.subscription.customer, "subscription_id": sold.subscription.id});
        let mut listed = told("active", 0);
        listed["metadata"] = customers;
        sold.till
            .stripe
            .answers(200, list(&[listed, told("active", 0)]))
            .answers(200, now)
            .answers(200, list(&[invoice(&sold.subscription, 0, 2000)]));
        if is_taken {
            sold.till.stripe.answers(200, told("active", 0));
        }
        sold.till.stripe.take_asked();
        let news = Message::PaymentMethodChanged {
            event_id: "evt_4".into(),
            customer: "cus_1".into(),
        };
        sold.till.hear(news).await.expect("heard");
        let asked = sold.till.stripe.take_asked();
        let posted: Vec<_> = asked.iter().filter(|asked| asked.method == "POST").collect();
        let taken = ("default_payment_method".to_owned(), "pm_2".to_owned());
        let is_asked = posted.iter().any(|asked| asked.form().contains(&taken));
        assert_eq!(
            (is_asked, posted.len()),
            (is_taken, usize::from(is_taken)),
            "{of_checkout} {of_customer}"
        );
        sold.till.world.take_messages();
    }
}
