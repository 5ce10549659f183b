//! How fast money is posted: the pure ledger alone, and with the table, beside single puts of the same journal items.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use shared::ids::{JournalId, OrderId, PartnerId};
use shared::ledger::{Account, BalanceChange, Fact, JournalEntry, Posting};
use shared::money::{BasisPoints, Currency, Money};
use shared::payout::available_on;
use shared::revenue::{Terms, divide};
use shared::runtime::{Clients, Env};
use shared::seed::Seed;
use shared::store::{Store, TableName, TableNames, ledger};

use crate::number::{Ratio, median, micros};
use crate::stack::Stack;
use crate::table::Table;

const SALES: u64 = 100_000;
/// Sales of one turn at the table, one after the other.
const STORED: u64 = 150;
const ROUNDS: usize = 5;
/// Clearing, the partner, the platform.
const POSTINGS: u64 = 3;
const HOLD_DAYS: u32 = 7;
const COMMISSION: u32 = 1_500;

pub(crate) async fn measure(stack: &Stack) -> Result<()> {
    pure()?;
    stored(stack).await.context("postings through the table")
}

/// A price divided and posted, beside the mere copying of what was posted.
fn pure() -> Result<()> {
    let sales = Sales::from("ledger")?;
    let entries = (0..SALES)
        .map(|number| sales.entry(number))
        .collect::<Result<Vec<_>>>()?;
    let (mut copied, mut posted) = (Vec::new(), Vec::new());
    // Side by side, so that what disturbs one disturbs the other.
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for entry in &entries {
            black_box(entry.clone());
        }
        copied.push(micros(began.elapsed()));
        let began = Instant::now();
        for number in 0..SALES {
            black_box(sales.entry(number)?);
        }
        posted.push(micros(began.elapsed()));
    }
    let (copied, posted) = (median(&mut copied), median(&mut posted));
    let title = format!("Ledger, pure: {SALES} sales divided and posted, three postings each, zero sum checked");
    let mut table = Table::new(&title, &["", "postings a second", "time, of copying"]);
    for (name, took) in [("copy the entries", copied), ("divide and post", posted)] {
        let rate = per_second(SALES * POSTINGS, took);
        table.row([name.to_owned(), rate, Ratio::of(took, copied).to_string()]);
    }
    table.print();
    Ok(())
}

/// Journal entry and balance in one transaction, as a settlement writes them, beside a bare put of the same item.
async fn stored(stack: &Stack) -> Result<()> {
    let clients = clients(stack)?;
    let client = clients.dynamo();
    let name = stack.table("ledger")?.to_owned();
    let store = Store::dynamo(clients, TableNames::new([(TableName::Ledger, name.clone())]));
    let (mut puts, mut posts) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let sales = Sales::from(&format!("round {round}"))?;
        puts.push(micros(put(&client, &name, &sales).await?));
        posts.push(micros(post(&store, &sales).await?));
    }
    let (puts, posts) = (median(&mut puts), median(&mut posts));
    let title =
        format!("Ledger, stored: {STORED} sales one after the other, journal entry and balance in one transaction");
    let header = ["", "requests", "postings a second", "time, of bare puts"];
    let mut table = Table::new(&title, &header);
    for (name, took) in [("bare PutItem of the entry", puts), ("post", posts)] {
        let rate = per_second(STORED * POSTINGS, took);
        table.row([
            name.to_owned(),
            STORED.to_string(),
            rate,
            Ratio::of(took, puts).to_string(),
        ]);
    }
    table.print();
    Ok(())
}

async fn put(client: &aws_sdk_dynamodb::Client, table: &str, sales: &Sales) -> Result<Duration> {
    let mut items = Vec::new();
    for number in 0..STORED {
        let entry = sales.entry(number)?;
        let mut item: HashMap<_, _> = serde_dynamo::to_item(&entry)?;
        let key = |text: String| AttributeValue::S(text);
        item.insert("pk".into(), key(format!("BENCH#{}", entry.id())));
        item.insert("sk".into(), key("ENTRY".into()));
        items.push(item);
    }
    let began = Instant::now();
    for item in items {
        let request = client.put_item().table_name(table).set_item(Some(item));
        request.send().await.context("a bare put")?;
    }
    Ok(began.elapsed())
}

async fn post(store: &Store, sales: &Sales) -> Result<Duration> {
    let began = Instant::now();
    for number in 0..STORED {
        let entry = sales.entry(number)?;
        let writes = vec![
            ledger::post(&entry, entry.occurred_at())?,
            ledger::change_balance(&sales.change(&entry)?),
        ];
        store.transact(writes).await?;
    }
    Ok(began.elapsed())
}

fn clients(stack: &Stack) -> Result<Clients> {
    let variables = [
        ("AWS_REGION", &stack.region),
        ("AWS_ENDPOINT_URL", &stack.aws_endpoint),
        ("AWS_ACCESS_KEY_ID", &stack.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &stack.secret_access_key),
    ];
    Ok(Env::from_pairs(variables).load(Clients::from_env)?)
}

fn per_second(count: u64, micros: u64) -> String {
    (count * 1_000_000).checked_div(micros).unwrap_or_default().to_string()
}

/// Sales of one partner, each of another order.
struct Sales {
    seed: Seed,
    partner: PartnerId,
    terms: Terms,
    at: Timestamp,
}

impl Sales {
    /// Other names have other partners and orders.
    fn from(name: &str) -> Result<Self> {
        let at = "2026-11-22T12:00:00Z".parse()?;
        let seed = Seed::named(at, name);
        Ok(Self {
            seed,
            partner: seed.id("partner"),
            terms: Terms::default_rule(BasisPoints::try_from(COMMISSION)?),
            at,
        })
    }

    fn entry(&self, number: u64) -> Result<JournalEntry> {
        let price = Money::new(1_299 + i64::try_from(number % 97)?, Currency::EUR);
        let legs = divide(price, &self.terms, 0)?.legs;
        let credit = |account, minor: i64| Posting {
            account,
            amount: Money::new(-minor, Currency::EUR),
        };
        let postings = vec![
            Posting {
                account: Account::ProcessorClearing,
                amount: price,
            },
            credit(Account::PartnerPayable(self.partner), legs.partner),
            credit(Account::PlatformRevenue, legs.platform),
        ];
        let order: OrderId = self.seed.id(&format!("order {number}"));
        let id: JournalId = self.seed.id(&format!("entry {number}"));
        Ok(JournalEntry::new(
            id,
            Fact::Sale(order),
            Some(self.partner),
            self.at,
            postings,
        )?)
    }

    fn change(&self, entry: &JournalEntry) -> Result<BalanceChange> {
        Ok(BalanceChange {
            partner: self.partner,
            owed: entry.owed_to(self.partner).next().context("a share")?,
            maturing: Some(available_on(self.at, HOLD_DAYS)),
            disputed_minor: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_has_three_postings_and_changes_one_balance() {
        let sales = Sales::from("test").expect("sales");
        let entry = sales.entry(1).expect("balanced");
        assert_eq!(entry.postings().len(), 3);
        let change = sales.change(&entry).expect("a share");
        assert_eq!((change.partner, change.owed.minor()), (sales.partner, 1_105));
    }
}
