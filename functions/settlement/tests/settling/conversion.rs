//! A processor that settles in another currency than the order was paid in, played by the stand-in.

use serde_json::json;
use shared::ledger::Account;
use shared::messages::{Message, PaymentSubject, ReversalSubject};
use shared::money::Currency;
use shared::processor::stripe::StripeClient;
use shared::processor::stripe::requests::{CheckoutLine, CreateCheckoutSession, Metadata};
use shared::purchase::Order;
use shared::runtime::secrets::StripeSecretSource;
use shared::store::{Write, commerce, keys};
use stripe_standin::{Config, Server, serve};

use crate::till::{Till, till};

/// Euros are paid, and each becomes 1.10 dollars.
async fn in_dollars() -> (Till, Server) {
    let mut till = till().await;
    let mut config = Config::default();
    config.settings.settlement_currencies = vec!["usd".to_owned()];
    config.settings.exchange_rates_ppm.insert("eur".to_owned(), 1_100_000);
    let secret = config.secret_key.clone();
    let server = serve(config).await.expect("a free port");
    let base = server.url().parse().expect("a URL");
    till.context.stripe = StripeClient::new(base, StripeSecretSource::fixed(&secret, &["whsec_unused"]));
    (till, server)
}

async fn control(server: &Server, path: &str, body: serde_json::Value) -> serde_json::Value {
    let request = reqwest::Client::new().post(format!("{}/_control/{path}", server.url()));
    let answer = request.body(body.to_string()).send().await.expect("an answer");
    let text = answer.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"))
}

impl Till {
    /// Anna's pads for 12.99 EUR and Bert's for 5.00, paid and settled. The charge.
    async fn sold_in_euros(&self, server: &Server) -> (Order, String) {
        let order = self.order(&[(self.anna, 1299), (self.bert, 500)]).await;
        let asked = CreateCheckoutSession {
            lines: vec![CheckoutLine {
                name: "Pads".into(),
                unit_price: order.total,
                quantity: 1,
            }],
            client_reference_id: order.id.to_string(),
            customer_email: None,
            success_url: "https://souk.example/done".into(),
            cancel_url: "https://souk.example/cart".into(),
            expires_at: None,
            metadata: Metadata::from([
                ("order_id".into(), order.id.to_string()),
                ("customer_id".into(), order.customer.to_string()),
            ]),
        };
        let stripe = &self.context.stripe;
        let session = stripe
            .create_checkout_session(&asked, "session")
            .await
            .expect("a session")
            .id;
        let with_session = Order {
            session: Some(session.clone()),
            ..order.clone()
        };
        let key = keys::order(order.customer, order.id);
        let stored = commerce::order(&self.world.store, order.customer, order.id).await;
        let revision = stored.expect("memory").expect("the order").revision;
        let write = Write::replace(key, &with_session, revision).expect("an item");
        self.world.store.write(write).await.expect("nobody else writes");
        control(
            server,
            &format!("checkout/{session}/pay"),
            json!({"outcome": "fee_at_once"}),
        )
        .await;
        let paid = Message::PaymentChanged {
            event_id: "evt_1".into(),
            subject: PaymentSubject::CheckoutSession,
            object_id: session,
            customer: order.customer,
            order: order.id,
        };
        self.hear(paid).await.expect("settled");
        self.world.take_messages();
        let order = self.stored(&order).await;
        let charge = order.charge.clone().expect("paid");
        let fee = Message::PaymentChanged {
            event_id: "evt_2".into(),
            subject: PaymentSubject::Charge,
            object_id: charge.clone(),
            customer: order.customer,
            order: order.id,
        };
        self.hear(fee).await.expect("posted");
        (order, charge)
    }

    /// What an account has in one currency.
    fn has(&self, account: Account, currency: Currency) -> i64 {
        let journal = self.world.journal();
        let postings = journal.iter().flat_map(shared::ledger::JournalEntry::postings);
        let these = postings.filter(|posting| posting.account == account && posting.amount.currency() == currency);
        these.map(|posting| posting.amount.minor()).sum()
    }
}

/// Shares are of what was paid; the fee is in the currency that the processor takes it in, and the platform's.
#[tokio::test]
async fn what_is_converted_is_shared_held_and_taken_back_by_what_was_paid() {
    let (till, server) = in_dollars().await;
    let (_, charge) = till.sold_in_euros(&server).await;
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (1039, 400));
    assert_eq!(till.has(Account::ProcessorClearing, Currency::EUR), 1799);
    // 1.5 % of 19.79 USD, and 25 cents.
    assert_eq!(till.has(Account::ProcessorFees, Currency::USD), 55);
    assert_eq!(till.has(Account::ProcessorClearing, Currency::USD), -55);

    let rate = json!({"settlement_currencies": ["usd"], "exchange_rates_ppm": {"eur": 1_200_000}});
    control(&server, "settings", rate).await;
    let dispute = control(&server, &format!("charges/{charge}/dispute"), json!({})).await;
    let taken = &dispute["balance_transactions"][0];
    assert_eq!((&taken["amount"], &taken["currency"]), (&json!(-2159), &json!("usd")));
    let id = dispute["id"].as_str().expect("an id").to_owned();
    let hear = async || {
        let changed = Message::ReversalChanged {
            event_id: "evt_3".into(),
            subject: ReversalSubject::Dispute,
            object_id: id.clone(),
            charge: charge.clone(),
        };
        till.hear(changed).await.expect("heard");
    };
    hear().await;
    assert_eq!(
        (till.disputed(till.anna).await, till.disputed(till.bert).await),
        (1039, 400)
    );
    assert_eq!(till.has(Account::DisputesPending, Currency::EUR), 1799);
    assert_eq!(till.has(Account::DisputesPending, Currency::USD), 0);

    control(&server, &format!("disputes/{id}/close"), json!({"outcome": "lost"})).await;
    hear().await;
    hear().await;
    assert_eq!((till.owed(till.anna).await, till.owed(till.bert).await), (0, 0));
    assert_eq!((till.disputed(till.anna).await, till.disputed(till.bert).await), (0, 0));
    assert_eq!(till.has(Account::DisputesPending, Currency::EUR), 0);
    assert_eq!(
        till.has(Account::ProcessorClearing, Currency::EUR),
        0,
        "what was paid has gone back"
    );
    till.check_books().await;
    till.world.take_messages();
}
