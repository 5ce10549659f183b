//! What a run has left behind, on our side and on the processor's, read without the code that wrote it wherever that code decides anything.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::ids::{JournalId, MessageId, OrderId, PartnerId};
use shared::ledger::{Account, Fact, Posting};
use shared::licence::Licence;
use shared::money::Currency;
use shared::partner::{Block, Partner};
use shared::payout::Payout;
use shared::purchase::Order;
use shared::purchase::dispute::Dispute;
use shared::purchase::refund::Refund;
use shared::reconciliation::{Difference, Match};
use shared::store::TableName;
use shared::store::table::Item;
use stripe_standin::Kind;

use crate::plan::{Step, TierRule};
use crate::run::Run;
use crate::standing::Standing;
use crate::strangers::is_strangers;
use crate::withdrawal::Withdrawal;

#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) hold_days: u32,
    pub(crate) commission_bps: i64,
    pub(crate) tiers: Option<TierRule>,
    pub(crate) minimum_minor: i64,
    /// Whether all partners are one person's.
    pub(crate) one_owner: bool,
    /// Whether nothing ever happened between a reading and a writing.
    pub(crate) is_calm: bool,
    /// The journal in the order in which it was written.
    pub(crate) journal: Vec<Entry>,
    /// When each entry of it was written.
    pub(crate) written_at: Vec<Timestamp>,
    /// Whether everything was told as soon as it had happened.
    pub(crate) is_prompt: bool,
    /// What every subscription was before those that ran were ended, and what all are at the end.
    pub(crate) standings: Vec<Standing>,
    /// Each of these that may be compared.
    subscribed: Vec<Option<String>>,
    /// Stripe's invoices.
    pub(crate) invoices: Vec<Value>,
    /// What was not on sale at some time.
    pub(crate) withdrawals: Vec<Withdrawal>,
    /// What each balance says is owed.
    pub(crate) owed: BTreeMap<(PartnerId, Currency), i64>,
    /// What each balance holds back for disputes.
    pub(crate) disputed: BTreeMap<(PartnerId, Currency), i64>,
    /// What each counter of the tiers says was sold, by the listing or the partner.
    pub(crate) turnovers: BTreeMap<String, i64>,
    /// What each balance holds back for refunds that are on their way.
    pub(crate) promised: BTreeMap<(PartnerId, Currency), i64>,
    pub(crate) payouts: Vec<Payout>,
    pub(crate) orders: Vec<Order>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) disputes: Vec<Dispute>,
    pub(crate) licences: Vec<Licence>,
    /// What reconciliation has found and not found healed.
    pub(crate) differences: Vec<Difference>,
    /// Which entries it says explain each movement.
    pub(crate) matches: Vec<Match>,
    /// The receipts announced, by order.
    pub(crate) receipts: BTreeMap<String, BTreeSet<MessageId>>,
    /// Partners who may not be paid.
    pub(crate) held: BTreeSet<PartnerId>,
    /// The order that each errand of the plan has led to.
    pub(crate) errands: Vec<Option<String>>,
    /// Whether each of them orders a cart that another one orders too.
    pub(crate) clicks: Vec<bool>,
    /// For each of them, what of its books may be compared.
    comparable: Vec<Comparable>,
    /// The processors' objects, PayPal's in the words of Stripe's.
    pub(crate) sessions: Vec<Value>,
    pub(crate) charges: Vec<Value>,
    pub(crate) stripe_refunds: Vec<Value>,
    pub(crate) stripe_disputes: Vec<Value>,
    pub(crate) transfers: Vec<Value>,
    pub(crate) transactions: Vec<Value>,
    pub(crate) wrong: Vec<String>,
}

/// How much of an order's end does not depend on who is faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparable {
    Nothing,
    Status,
    Accounts,
}

/// A journal entry as it is stored: nobody has added it up yet.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: JournalId,
    pub(crate) fact: Fact,
    pub(crate) partner: Option<PartnerId>,
    pub(crate) occurred_at: Timestamp,
    pub(crate) postings: Vec<Posting>,
    pub(crate) processor_ref: Option<String>,
    /// The order whose money it gives back.
    pub(crate) order: Option<OrderId>,
}

#[derive(Debug, Deserialize)]
struct StoredBalance {
    partner: PartnerId,
    currency: Currency,
    owed: i64,
    #[serde(default)]
    disputed: i64,
    #[serde(default)]
    promised: i64,
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
        let balances: Vec<StoredBalance> = ledger.all("BAL#", "").collect();
        let by_balance = |amount: fn(&StoredBalance) -> i64| {
            let of = |balance: &StoredBalance| ((balance.partner, balance.currency), amount(balance));
            balances.iter().map(of).collect()
        };
        let held = accounts
            .all("PTN#", "PARTNER")
            .filter(|partner: &Partner| partner.hold_on(Block::Payout).is_some());
        let left = run
            .sqs
            .left()
            .filter(|(message, _)| !run.is_about_former_account(message));
        let left = left.map(|(message, why)| format!("left in its queue: {message:?}: {why}"));
        let theirs = crate::paypal::theirs(&run.world.paypal);
        let objects = |kind| run.world.stripe.objects(kind);
        let strange: BTreeSet<String> = objects(Kind::Charge)
            .iter()
            .filter(|charge| is_strangers(run, charge))
            .flat_map(|charge| about(run, charge))
            .chain(run.strangers_customers.iter().cloned())
            .collect();
        let ours = |kind, field: &'static str| {
            let is_ours = |object: &Value| !strange.contains(object[field].as_str().unwrap_or_default());
            objects(kind).into_iter().filter(is_ours).collect::<Vec<_>>()
        };
        Self {
            hold_days: run.plan.hold_days,
            commission_bps: run.plan.commission_bps.into(),
            tiers: run.plan.tiers.clone(),
            minimum_minor: run.plan.minimum_minor,
            one_owner: run.plan.one_owner,
            is_calm: run.is_calm,
            journal: run.journal.iter().map(|(entry, _)| read(entry)).collect(),
            written_at: run.journal.iter().map(|(_, at)| *at).collect(),
            is_prompt: run.is_calm && !run.plan.steps.iter().any(Step::delays),
            standings: run.standings.iter().cloned().chain(Standing::all(run)).collect(),
            subscribed: run
                .subscribers
                .iter()
                .filter(|subscriber| run.plan.is_subscribed_alike(&subscriber.wanted))
                .map(|subscriber| subscriber.id.clone())
                .collect(),
            invoices: ours(Kind::Invoice, "customer"),
            withdrawals: run.withdrawals.clone(),
            owed: by_balance(|balance| balance.owed),
            disputed: by_balance(|balance| balance.disputed),
            turnovers: ledger.turnovers().collect(),
            promised: by_balance(|balance| balance.promised),
            payouts: ledger.all("PAY#", "").collect(),
            orders: commerce.all("CUS#", "ORD#").collect(),
            refunds: commerce.all("ORD#", "RFD#").collect(),
            disputes: commerce.all("ORD#", "DSP#").collect(),
            licences: commerce.all("LIC#", "").collect(),
            differences: ledger.all("DIF#", "").filter(Difference::is_open).collect(),
            matches: ledger.all("BTX#", "").collect(),
            receipts: run.receipts.clone(),
            held: held.map(|partner| partner.id).collect(),
            errands: run.errands.iter().map(|errand| errand.order.clone()).collect(),
            clicks: run.errands.iter().map(|errand| errand.of_cart).collect(),
            comparable: (0..run.errands.len())
                .map(
                    |index| match (run.plan.is_raced(index), run.plan.is_settled_alike(index)) {
                        (true, _) => Comparable::Nothing,
                        (false, false) => Comparable::Status,
                        (false, true) => Comparable::Accounts,
                    },
                )
                .collect(),
            sessions: with(objects(Kind::Session), theirs.sessions),
            charges: with(ours(Kind::Charge, "id"), theirs.charges),
            stripe_refunds: with(ours(Kind::Refund, "charge"), theirs.refunds),
            stripe_disputes: with(ours(Kind::Dispute, "charge"), theirs.disputes),
            transfers: with(objects(Kind::Transfer), theirs.transfers),
            transactions: with(ours(Kind::BalanceTransaction, "source"), theirs.transactions),
            wrong: run.wrong.iter().cloned().chain(left).collect(),
        }
    }

    /// What must be the same however the plan was carried out: what became of each order, and what everybody has earned or paid by it.
    pub(crate) fn outcome(&self) -> Outcome {
        let end = |(id, comparable): (&Option<String>, &Comparable)| {
            let named = |order: &&Order| id.as_deref() == Some(order.id.to_string().as_str());
            let order = self.orders.iter().find(named)?;
            (*comparable != Comparable::Nothing).then(|| OrderEnd {
                status: order.status.to_string(),
                accounts: (*comparable == Comparable::Accounts).then(|| self.accounts_of(order)),
            })
        };
        let orders = self.errands.iter().zip(&self.comparable).map(end).collect();
        let renewed = |subscription: &Option<String>| {
            let is_of = |order: &&Order| {
                let renewal = order.renewal.as_ref();
                renewal.map(|renewal| renewal.subscription.to_string()) == *subscription
            };
            let paid = self.orders.iter().filter(|order| order.renewal.is_some());
            let first = paid.filter(is_of).min_by_key(|order| order.placed_at);
            first.map(|order| self.accounts_of(order)).unwrap_or_default()
        };
        Outcome {
            orders,
            renewed: self.subscribed.iter().map(renewed).collect(),
        }
    }

    fn accounts_of(&self, order: &Order) -> BTreeMap<(String, Currency), i64> {
        let is_of = |fact: &Fact| match fact {
            Fact::Sale(id) => *id == order.id,
            Fact::Fee(charge) => Some(charge) == order.charge.as_ref(),
            _ => false,
        };
        let mut accounts: BTreeMap<_, i64> = BTreeMap::new();
        let entries = self.journal.iter();
        for entry in entries.filter(|entry| is_of(&entry.fact) || entry.order == Some(order.id)) {
            for posting in &entry.postings {
                *accounts
                    .entry((posting.account.to_string(), posting.amount.currency()))
                    .or_default() += posting.amount.minor();
            }
        }
        // What went and came back leaves nothing, as if it had never gone.
        accounts.retain(|_, minor| *minor != 0);
        accounts
    }
}

fn with(stripes: Vec<Value>, paypals: Vec<Value>) -> Vec<Value> {
    stripes.into_iter().chain(paypals).collect()
}

/// See [`Books::outcome`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    orders: Vec<Option<OrderEnd>>,
    /// What everybody has earned or paid by the first payment of each subscription that may be compared.
    renewed: Vec<BTreeMap<(String, Currency), i64>>,
}

#[derive(Debug, PartialEq, Eq)]
struct OrderEnd {
    status: String,
    /// `None` where the order of events decides.
    accounts: Option<BTreeMap<(String, Currency), i64>>,
}

/// The charge, and what followed from it.
fn about(run: &Run<'_>, charge: &Value) -> Vec<String> {
    let id = |object: &Value| object["id"].as_str().unwrap_or_default().to_owned();
    let of = |kind| {
        let objects = run.world.stripe.objects(kind).into_iter();
        objects.filter(|object| object["charge"] == charge["id"])
    };
    let followed = of(Kind::Refund).chain(of(Kind::Dispute));
    followed.map(|object| id(&object)).chain([id(charge)]).collect()
}

pub(crate) struct Table(Vec<Item>);

impl Table {
    pub(crate) fn scan(run: &Run<'_>, table: TableName) -> Self {
        Self(run.world.memory().scan(table))
    }

    /// What was counted, by the last part of the counter's key.
    fn turnovers(&self) -> impl Iterator<Item = (String, i64)> {
        let counters = self.0.iter().filter(|item| begins(item, "pk", "TRN#"));
        counters.filter_map(|item| {
            let (_, subject) = item.get("pk")?.as_s().ok()?.rsplit_once('#')?;
            Some((subject.to_owned(), item.get("minor")?.as_n().ok()?.parse().ok()?))
        })
    }

    /// The items whose keys begin so.
    pub(crate) fn all<T: DeserializeOwned>(&self, pk: &'static str, sk: &'static str) -> impl Iterator<Item = T> {
        self.0
            .iter()
            .filter(move |item| begins(item, "pk", pk) && begins(item, "sk", sk))
            .map(read)
    }
}

fn begins(item: &Item, name: &str, with: &str) -> bool {
    let key = item.get(name).and_then(|key| key.as_s().ok());
    key.is_some_and(|key| key.starts_with(with))
}

fn read<T: DeserializeOwned>(item: &Item) -> T {
    serde_dynamo::from_item(item.clone()).unwrap_or_else(|error| panic!("{error}: {item:?}"))
}
