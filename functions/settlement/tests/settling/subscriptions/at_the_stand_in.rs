//! Seats that are given back, against a stand-in that keeps the customer's balance as Stripe does.

use shared::processor::stripe::StripeClient;
use shared::processor::stripe::billing::{
    ChangeItem, CreateSubscriptionSession, Discount, RecurringItem, SubscriptionUpdate,
};
use shared::purchase::refund::{Refund, RefundError, RefundState};
use shared::runtime::secrets::StripeSecretSource;
use stripe_standin::{Config, Server, serve};

use super::*;

struct Played {
    till: Till,
    subscription: Subscription,
    server: Server,
}

/// Carla has paid 100.00 for a month of ten seats.
async fn ten_seats() -> Played {
    let Sold {
        mut till, subscription, ..
    } = begun().await;
    let mut config = Config::default();
    config.settings.refund_delay_ms = 86_400_000;
    let secret = config.secret_key.clone();
    let server = serve(config).await.expect("a free port");
    let base = server.url().parse().expect("a URL");
    till.context.stripe = StripeClient::new(base, StripeSecretSource::fixed(&secret, &["whsec_unused"]));
    let asked = CreateSubscriptionSession {
        item: RecurringItem {
            name: "Warm Pads".into(),
            unit_price: subscription.plan.price,
            every: Billing::Month,
            quantity: 10,
        },
        trial: None,
        coupon: None,
        client_reference_id: subscription.id.to_string(),
        customer_email: None,
        success_url: "https://souk.example/done".into(),
        cancel_url: "https://souk.example/plans".into(),
        metadata: subscription.metadata(),
    };
    let session = till.context.stripe.create_subscription_session(&asked, "begin").await;
    let session = session.expect("a session").id;
    let stored = Subscription {
        session: Some(session.clone()),
        ..subscription.clone()
    };
    subscriptions::update(&till.world.store, &stored, 1)
        .await
        .expect("nobody else writes");
    let pay = format!("{}/_control/checkout/{session}/pay", server.url());
    let pay = reqwest::Client::new()
        .post(pay)
        .body(json!({"outcome": "fee_at_once"}).to_string());
    let paid = pay.send().await.expect("an answer");
    assert!(paid.status().is_success(), "{paid:?}");
    let played = Played {
        till,
        subscription,
        server,
    };
    played.hear().await;
    played
}

impl Played {
    async fn hear(&self) {
        let message = Message::SubscriptionChanged {
            event_id: "evt_1".into(),
            customer: self.subscription.customer,
            subscription: self.subscription.id,
            at: self.till.world.now(),
        };
        self.till.hear(message).await.expect("heard");
    }

    async fn stored(&self) -> Subscription {
        let (customer, id) = (self.subscription.customer, self.subscription.id);
        let found = subscriptions::subscription(&self.till.world.store, customer, id).await;
        found.expect("memory").expect("the subscription").value
    }

    async fn order(&self) -> Order {
        let at = self.stored().await.at_stripe.expect("begun");
        let invoices = self
            .till
            .context
            .stripe
            .invoices(&at.subscription)
            .await
            .expect("invoices");
        let ids: Vec<_> = invoices.iter().filter_map(|invoice| invoice.order()).collect();
        let orders = commerce::orders_of(&self.till.world.store, self.subscription.customer, &ids).await;
        let [order] = orders.expect("memory").try_into().expect("one payment");
        order
    }

    /// Nine of the seats are given back.
    async fn one_seat(&self) {
        let at = self.stored().await.at_stripe.expect("begun");
        let item = ChangeItem {
            item: at.item,
            product: at.product,
            unit_price: self.subscription.plan.price,
            every: Billing::Month,
            quantity: 1,
            discount: Discount::Kept,
            ends_trial: false,
            prorates: true,
        };
        let metadata = self.subscription.metadata();
        let change = SubscriptionUpdate::Change { item, metadata };
        let changed = self
            .till
            .context
            .stripe
            .update_subscription(&at.subscription, &change, "one seat")
            .await;
        changed.expect("changed");
    }

    async fn balance(&self) -> i64 {
        let at = self.stored().await.at_stripe.expect("begun");
        let told = self
            .till
            .context
            .stripe
            .subscription(&at.subscription)
            .await
            .expect("told");
        told.customer.object().expect("expanded").balance
    }

    async fn refund(&self, minor: Option<i64>) -> Result<Refund, RefundError> {
        let order = self.order().await;
        let refund = self.till.begin_refund(&order, &[(0, minor)]).await?;
        self.till.hear_decided(&order, refund.id).await.expect("heard");
        Ok(self.till.stored_refund(&refund).await)
    }
}

#[tokio::test]
async fn whoever_gives_seats_back_gets_what_they_paid_once() {
    let played = ten_seats().await;
    assert_eq!(played.order().await.total.minor(), 10_000);
    played.one_seat().await;
    played.hear().await;
    let credit = played.stored().await.credit.expect("credit").minor();
    assert!((8_900..=9_000).contains(&credit), "{credit}");
    assert_eq!(played.balance().await, -credit);
    let left = 10_000 - credit;
    let refused = played.refund(Some(left + 1)).await;
    assert!(matches!(refused, Err(RefundError::CreditUnspent { .. })), "{refused:?}");

    let refund = played.refund(None).await.expect("what is not credit");
    assert_eq!((refund.amount.minor(), played.balance().await), (left, -credit));
    assert!(matches!(
        refund.state,
        RefundState::Pending { .. } | RefundState::Succeeded { .. }
    ));
    let told = played.till.world.take_messages();
    let returned = told
        .into_iter()
        .find(|told| matches!(told.message, Message::RenewalReturned { .. }));
    played
        .till
        .hear(returned.expect("nothing else is left").message)
        .await
        .expect("heard");
    let stored = played.stored().await;
    assert_eq!((stored.status, stored.credit), (Status::Ended, None));
    assert_eq!(played.balance().await, 0, "the credit is taken");

    let rest = played.refund(None).await.expect("what was credit");
    assert_eq!(rest.amount.minor(), credit);
    assert!(played.refund(None).await.is_err(), "all of it has gone back");
    assert_eq!(played.till.owed(played.till.anna).await, 0);
    played.till.check_books().await;
    played.till.world.take_messages();
    drop(played.server);
}

/// Nobody has heard of the change yet when the refund is sent.
#[tokio::test]
async fn seats_given_back_while_a_refund_is_on_its_way_are_not_paid_twice() {
    let played = ten_seats().await;
    let order = played.order().await;
    let refund = played.till.begin_refund(&order, &[(0, None)]).await.expect("all of it");
    played.one_seat().await;
    played.till.hear_decided(&order, refund.id).await.expect("heard");
    let stored = played.till.stored_refund(&refund).await;
    assert!(
        matches!(&stored.state, RefundState::Refused { code, .. } if code == "credit_unspent"),
        "{stored:?}"
    );
    played.hear().await;
    let left = played.order().await.lines[0].refundable_minor();
    assert_eq!(left, 10_000 + played.balance().await);
    played.till.world.take_messages();
}
