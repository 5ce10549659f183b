//! What must be true once everything has come to rest.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use shared::clock::Clock;
use shared::runtime::{Clients, Env};
use shared::store::TableName;
use support::{Stack, eventually_within};

use crate::customers::{Customer, Fate, PATIENCE, Sale};
use crate::is_final;
use crate::sellers::{Market, Selling};

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) customers: Vec<Customer>,
    pub(crate) kills: usize,
    selling: Selling,
}

impl Tally {
    pub(crate) fn add_selling(&mut self, selling: Selling) {
        self.selling = selling;
    }

    fn sales(&self) -> impl Iterator<Item = (&Customer, &Sale)> {
        let of = |customer| Customer::sales_of(customer).map(move |sale| (customer, sale));
        self.customers.iter().flat_map(of)
    }
}

impl Customer {
    fn sales_of(&self) -> impl Iterator<Item = &Sale> {
        self.sales.iter()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fates: BTreeMap<Fate, usize> = BTreeMap::new();
        for (_, sale) in self.sales() {
            *fates.entry(sale.fate).or_default() += 1;
        }
        let validations: usize = self.customers.iter().map(|customer| customer.validations).sum();
        let Selling {
            published,
            payouts_asked_for,
        } = self.selling;
        write!(
            f,
            "{} customers, sales {fates:?}, {validations} validations, {published} more published, {payouts_asked_for} payouts asked for, \
             {} functions killed",
            self.customers.len(),
            self.kills
        )
    }
}

/// What `make books` says in the end.
pub(crate) async fn everything_is_as_it_should_be(market: &Market, tally: &Tally) -> String {
    let stack = market.stack();
    assert!(tally.sales().count() > 0, "nothing was sold");
    for (customer, sale) in tally.sales() {
        ends_as_diced(stack, customer, sale).await;
    }
    for customer in &tally.customers {
        let mut orders: Vec<String> = ids(&customer.person.api.all("/orders").await);
        let mut placed: Vec<String> = customer.sales.iter().map(|sale| sale.order.id.clone()).collect();
        orders.sort();
        placed.sort();
        assert_eq!(orders, placed, "no order is lost, none is doubled");
    }
    nothing_waits(stack).await;
    each_payout_is_one_transfer(market).await;
    no_difference_stands(stack).await;
    nothing_waits(stack).await;
    nothing_has_died(stack).await;
    for partner in market.partners() {
        partner.assert_books_balance().await;
    }
    the_books_agree(stack).await
}

fn ids(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn ends_as_diced(stack: &Stack, customer: &Customer, sale: &Sale) {
    let api = &customer.person.api;
    let what = format!("the sale {} that is {:?}", sale.order.id, sale.fate);
    eventually_within(PATIENCE, &what, async || {
        let order = api.get(&format!("/orders/{}", sale.order.id)).await.json();
        let licence = order["lines"][0]["licence_id"].as_str().unwrap_or("none").to_owned();
        let licence = api.get(&format!("/licences/{licence}")).await.json();
        let disputes = stack
            .operator()
            .get(&format!("/orders/{}/disputes", sale.order.id))
            .await
            .json();
        let dispute = &disputes["items"][0]["status"];
        let (refunded, status, disputed) = match sale.fate {
            Fate::Kept => (0, "active", Value::Null),
            Fate::Refunded => (sale.price_minor, "revoked", Value::Null),
            Fate::DisputeWon => (0, "active", json!("won")),
            Fate::DisputeLost => (sale.price_minor, "revoked", json!("lost")),
        };
        let is_right = order["status"] == "paid"
            && order["refunded"]["amount"] == refunded
            && licence["status"] == status
            && *dispute == disputed;
        if is_right {
            Ok(())
        } else {
            Err(format!("{order} {} {dispute}", licence["status"]))
        }
    })
    .await;
}

async fn nothing_waits(stack: &Stack) {
    eventually_within(PATIENCE, "every queue being empty", async || {
        let mut waiting = Vec::new();
        for queue in stack.description().queues.keys().filter(|name| !is_final(name)) {
            waiting.extend(
                stack
                    .aws()
                    .waiting(queue)
                    .await
                    .into_iter()
                    .map(|message| (queue, message.body)),
            );
        }
        if waiting.is_empty() {
            Ok(())
        } else {
            Err(format!("{waiting:?}"))
        }
    })
    .await;
}

async fn nothing_has_died(stack: &Stack) {
    for queue in stack.description().queues.keys().filter(|name| is_final(name)) {
        let dead = stack.aws().waiting(queue).await;
        assert!(dead.is_empty(), "{queue} holds {dead:?}");
    }
}

async fn each_payout_is_one_transfer(market: &Market) {
    for partner in market.partners() {
        for payout in partner.payouts().await {
            let sent = partner.payout_becomes(&payout, "sent").await;
            let transfers = market.stack().stripe().transfers_of(sent["id"].as_str().unwrap()).await;
            let amounts: Vec<&Value> = transfers.iter().map(|transfer| &transfer["amount"]).collect();
            assert_eq!(amounts, [&sent["amount"]["amount"]], "{sent}");
        }
    }
}

/// Runs the reconciliation until nothing is left to say. What it takes in on the way is settled like any other news.
async fn no_difference_stands(stack: &Stack) {
    eventually_within(PATIENCE, "reconciliation without a difference", async || {
        let event =
            json!({"id": support::unique(), "time": support::now().to_string(), "detail-type": "Scheduled Event"});
        stack.aws().invoke("reconcile", &event).await;
        let open = stack.operator().all("/differences").await;
        if open.is_empty() {
            Ok(())
        } else {
            Err(format!("{open:?}"))
        }
    })
    .await;
}

async fn the_books_agree(stack: &Stack) -> String {
    let description = stack.description();
    let variables = [
        ("AWS_REGION", description.region.clone()),
        ("AWS_ACCESS_KEY_ID", description.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", description.secret_access_key.clone()),
        ("AWS_ENDPOINT_URL", description.aws_endpoint.clone()),
        ("LEDGER_TABLE", description.tables["ledger"].clone()),
        ("COMMERCE_TABLE", description.tables["commerce"].clone()),
    ];
    let tables = [TableName::Ledger, TableName::Commerce];
    let store = Env::from_pairs(variables.to_vec())
        .load(|env| Clients::from_env(env).store(env, &tables))
        .unwrap();
    let verdict = fold::check(&store, Clock::System.now()).await.unwrap();
    let differences: Vec<String> = verdict.differences.iter().map(ToString::to_string).collect();
    assert!(differences.is_empty(), "{differences:#?}");
    verdict.summary().to_string()
}
