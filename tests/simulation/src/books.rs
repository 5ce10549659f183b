//! What a run has left behind, on our side and on the processor's, read without the code that wrote it wherever that code decides anything.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::ids::{MessageId, PartnerId};
use shared::ledger::{Account, Fact, Posting};
use shared::licence::Licence;
use shared::money::Currency;
use shared::partner::{Block, Partner};
use shared::payout::Payout;
use shared::purchase::Order;
use shared::store::TableName;
use shared::store::table::Item;
use stripe_standin::Kind;

use crate::run::Run;

#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) hold_days: u32,
    pub(crate) commission_bps: i64,
    pub(crate) minimum_minor: i64,
    /// The journal in the order in which it was written.
    pub(crate) journal: Vec<Entry>,
    /// What each balance says is owed.
    pub(crate) owed: BTreeMap<(PartnerId, Currency), i64>,
    pub(crate) payouts: Vec<Payout>,
    pub(crate) orders: Vec<Order>,
    pub(crate) licences: Vec<Licence>,
    /// The receipts announced, by order.
    pub(crate) receipts: BTreeMap<String, BTreeSet<MessageId>>,
    /// Partners who may not be paid.
    pub(crate) held: BTreeSet<PartnerId>,
    /// The order that each errand of the plan has led to.
    pub(crate) errands: Vec<Option<String>>,
    pub(crate) sessions: Vec<Value>,
    pub(crate) transfers: Vec<Value>,
    pub(crate) transactions: Vec<Value>,
    pub(crate) wrong: Vec<String>,
}

/// A journal entry as it is stored: nobody has added it up yet.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) fact: Fact,
    pub(crate) partner: Option<PartnerId>,
    pub(crate) occurred_at: Timestamp,
    pub(crate) postings: Vec<Posting>,
    pub(crate) processor_ref: Option<String>,
}

#[derive(Debug, Deserialize)]
struct StoredBalance {
    partner: PartnerId,
    currency: Currency,
    owed: i64,
}

impl Entry {
    /// What the entry adds to what is owed to partners; credits are what we owe, so the sign turns.
    pub(crate) fn owed(&self) -> impl Iterator<Item = (PartnerId, Currency, i64)> {
        self.postings.iter().filter_map(|posting| match posting.account {
            Account::PartnerPayable(partner) => Some((partner, posting.amount.currency(), -posting.amount.minor())),
            _ => None,
        })
    }
}

impl Books {
    pub(crate) fn read(run: &Run<'_>) -> Self {
        let (accounts, commerce, ledger) = (
            Table::scan(run, TableName::Accounts),
            Table::scan(run, TableName::Commerce),
            Table::scan(run, TableName::Ledger),
        );
        let owed = ledger
            .all("BAL#", "")
            .map(|balance: StoredBalance| ((balance.partner, balance.currency), balance.owed));
        let held = accounts
            .all("PTN#", "PARTNER")
            .filter(|partner: &Partner| partner.hold_on(Block::Payout).is_some());
        let left = run
            .sqs
            .left()
            .filter(|(message, _)| !run.is_about_former_account(message));
        let left = left.map(|(message, why)| format!("left in its queue: {message:?}: {why}"));
        let objects = |kind| run.world.stripe.objects(kind);
        Self {
            hold_days: run.plan.hold_days,
            commission_bps: run.plan.commission_bps.into(),
            minimum_minor: run.plan.minimum_minor,
            journal: run.journal.iter().map(read).collect(),
            owed: owed.collect(),
            payouts: ledger.all("PAY#", "").collect(),
            orders: commerce.all("CUS#", "ORD#").collect(),
            licences: commerce.all("LIC#", "").collect(),
            receipts: run.receipts.clone(),
            held: held.map(|partner| partner.id).collect(),
            errands: run.errands.iter().map(|errand| errand.order.clone()).collect(),
            sessions: objects(Kind::Session),
            transfers: objects(Kind::Transfer),
            transactions: objects(Kind::BalanceTransaction),
            wrong: run.wrong.iter().cloned().chain(left).collect(),
        }
    }

    /// What must be the same however the plan was carried out: what became of each order, and what everybody has earned or paid by it.
    pub(crate) fn outcome(&self) -> Outcome {
        let status = |id: &Option<String>| {
            let order = self
                .orders
                .iter()
                .find(|order| id.as_deref() == Some(order.id.to_string().as_str()));
            order.map(|order| order.status.to_string())
        };
        let mut accounts = BTreeMap::new();
        for entry in self.journal.iter().filter(|entry| !is_of_payout(&entry.fact)) {
            for posting in &entry.postings {
                *accounts
                    .entry((posting.account.to_string(), posting.amount.currency()))
                    .or_default() += posting.amount.minor();
            }
        }
        Outcome {
            orders: self.errands.iter().map(status).collect(),
            accounts,
        }
    }
}

/// See [`Books::outcome`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    orders: Vec<Option<String>>,
    accounts: BTreeMap<(String, Currency), i64>,
}

fn is_of_payout(fact: &Fact) -> bool {
    matches!(fact, Fact::Payout(_) | Fact::Transfer(_) | Fact::PayoutCancelled(_))
}

struct Table(Vec<Item>);

impl Table {
    fn scan(run: &Run<'_>, table: TableName) -> Self {
        Self(run.world.memory().scan(table))
    }

    /// The items whose keys begin so.
    fn all<T: DeserializeOwned>(&self, pk: &'static str, sk: &'static str) -> impl Iterator<Item = T> {
        let begins = |item: &Item, name, with| {
            let key = item.get(name).and_then(|key| key.as_s().ok());
            key.is_some_and(|key: &String| key.starts_with(with))
        };
        self.0
            .iter()
            .filter(move |item| begins(item, "pk", pk) && begins(item, "sk", sk))
            .map(read)
    }
}

fn read<T: DeserializeOwned>(item: &Item) -> T {
    serde_dynamo::from_item(item.clone()).unwrap_or_else(|error| panic!("{error}: {item:?}"))
}
