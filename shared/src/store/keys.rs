//! Every key in every table: typed ids in, keys out. `KEYS.md` has the questions these keys answer; a snapshot test holds the two together.

mod catalogue;
mod licences;
mod subscriptions;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::audit::Audited;
use super::sweeps::SweepLane;
use super::table::Query;
use crate::ids::{
    AuditId, ListingId, MessageId, OrderId, PartnerId, PayoutId, ReconciliationId, RefundId, RuleId, TokenId, UserId,
};
use crate::invoice::Series;
use crate::ledger::JournalEntry;
use crate::money::Currency;
use crate::processor::Processor;
use crate::reconciliation::{Subject, Walk};
use crate::revenue::{Counter, Scope};

/// Tables by who may write them. The physical names come from the environment.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum TableName {
    /// People, partners, their teams, tokens. The only table with personal data.
    Accounts,
    /// Listings, versions, submissions, scan results, the browse index.
    Catalogue,
    /// Carts, orders, licences, the webhook inbox.
    Commerce,
    /// Journal entries, balances, payouts; the rules that sales are divided by, and what was sold under them.
    Ledger,
    /// Idempotency records. No stream: nothing follows from them.
    Requests,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub(crate) table: TableName,
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.table, self.pk, self.sk)
    }
}

fn key(table: TableName, pk: String, sk: impl Into<String>) -> Key {
    Key {
        table,
        pk,
        sk: sk.into(),
    }
}

/// For what is looked up by a text of unknown length or alphabet: keys are at most 2,048 bytes, and `#` must mean only itself.
fn hashed(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

// ---- accounts

pub fn user(user: UserId) -> Key {
    key(TableName::Accounts, format!("USR#{user}"), "PROFILE")
}

/// Which user a subject of an issuer is.
pub fn subject(issuer: &str, subject: &str) -> Key {
    key(
        TableName::Accounts,
        format!("SUB#{}", hashed(&[issuer, subject])),
        "SUB",
    )
}

/// An API token by the SHA-256 of its secret, in hexadecimal.
pub fn api_token(secret_sha256: &str) -> Key {
    key(TableName::Accounts, format!("TOK#{secret_sha256}"), "TOK")
}

/// The same token as its owner sees it.
pub fn user_token(user: UserId, token: TokenId) -> Key {
    key(TableName::Accounts, format!("USR#{user}"), format!("TOK#{token}"))
}

pub fn user_tokens(user: UserId) -> Query {
    Query::partition(TableName::Accounts, format!("USR#{user}")).prefix("TOK#".into())
}

pub fn partner(partner: PartnerId) -> Key {
    key(TableName::Accounts, format!("PTN#{partner}"), "PARTNER")
}

/// Index: partners by status, oldest first.
pub fn partner_by_status(status: &str, partner: PartnerId) -> (String, String) {
    (format!("PARTNER#{status}"), partner.to_string())
}

pub fn partners_by_status(status: &str) -> Query {
    Query::index(TableName::Accounts, format!("PARTNER#{status}"))
}

/// Taken by the user's application under this name, folded so that spelling does not tell two names apart.
pub fn application(user: UserId, folded_name: &str) -> Key {
    key(
        TableName::Accounts,
        format!("USR#{user}"),
        format!("APPL#{}", hashed(&[folded_name])),
    )
}

/// Which partner an account at the processor belongs to.
pub fn processor_account(account: &str) -> Key {
    key(TableName::Accounts, format!("ACCT#stripe#{account}"), "ACCT")
}

pub fn member(partner: PartnerId, user: UserId) -> Key {
    key(TableName::Accounts, format!("PTN#{partner}"), format!("MEM#{user}"))
}

pub fn members(partner: PartnerId) -> Query {
    Query::partition(TableName::Accounts, format!("PTN#{partner}")).prefix("MEM#".into())
}

/// The same membership from the user's side.
pub fn membership(user: UserId, partner: PartnerId) -> Key {
    key(TableName::Accounts, format!("USR#{user}"), format!("MEM#{partner}"))
}

pub fn memberships(user: UserId) -> Query {
    Query::partition(TableName::Accounts, format!("USR#{user}")).prefix("MEM#".into())
}

/// A partner whose owner the user was.
pub fn former_ownership(user: UserId, partner: PartnerId) -> Key {
    key(TableName::Accounts, format!("USR#{user}"), format!("LEFT#{partner}"))
}

pub fn former_ownerships(user: UserId) -> Query {
    Query::partition(TableName::Accounts, format!("USR#{user}")).prefix("LEFT#".into())
}

// ---- catalogue

pub use catalogue::*;

// ---- commerce

pub fn cart(customer: UserId) -> Key {
    key(TableName::Commerce, format!("CUS#{customer}"), "CART")
}

pub fn order(customer: UserId, order: OrderId) -> Key {
    key(TableName::Commerce, format!("CUS#{customer}"), format!("ORD#{order}"))
}

pub fn orders(customer: UserId) -> Query {
    Query::partition(TableName::Commerce, format!("CUS#{customer}")).prefix("ORD#".into())
}

/// Whose order it is: for those who know only the order's id.
pub fn order_owner(order: OrderId) -> Key {
    key(TableName::Commerce, format!("ORD#{order}"), "OWNER")
}

/// Says that an order has a line of this listing.
pub fn sold(listing: ListingId, order: OrderId) -> Key {
    key(TableName::Commerce, format!("SOLD#{listing}"), format!("ORD#{order}"))
}

/// Which orders have a line of this listing.
pub fn ordered(listing: ListingId) -> Query {
    all_held(listing).prefix("ORD#".into())
}

/// By which orders and licences people hold a listing.
pub fn all_held(listing: ListingId) -> Query {
    Query::partition(TableName::Commerce, format!("SOLD#{listing}"))
}

pub fn refund(order: OrderId, refund: RefundId) -> Key {
    key(TableName::Commerce, format!("ORD#{order}"), format!("RFD#{refund}"))
}

pub fn refunds(order: OrderId) -> Query {
    Query::partition(TableName::Commerce, format!("ORD#{order}")).prefix("RFD#".into())
}

/// Index: refunds that wait for a decision, oldest first.
pub fn refund_requested(order: OrderId, refund: RefundId) -> (String, String) {
    ("REFUND#requested".to_owned(), format!("{refund}#{order}"))
}

pub fn refunds_requested() -> Query {
    Query::index(TableName::Commerce, "REFUND#requested".to_owned())
}

/// The order that stands at a place which the index named.
pub(super) fn order_at(key: &Key) -> Option<OrderId> {
    key.sk.strip_prefix("ORD#")?.parse().ok()
}

/// The index of unpaid orders is divided, so that many may be placed at once.
pub const UNPAID_SHARDS: u8 = 8;

/// Index: orders that wait to be paid, oldest first.
pub fn unpaid_order(order: OrderId) -> (String, String) {
    use crate::ids::Id;
    let shard = order.uuid().as_bytes()[15] % UNPAID_SHARDS;
    (format!("ORDER#unpaid#{shard}"), order.to_string())
}

pub fn unpaid_orders(shard: u8) -> Query {
    Query::index(TableName::Commerce, format!("ORDER#unpaid#{shard}"))
}

/// Index: refunds that have been decided and not finished, oldest first.
pub fn refund_pending(order: OrderId, refund: RefundId) -> (String, String) {
    ("REFUND#pending".to_owned(), format!("{refund}#{order}"))
}

pub fn refunds_pending() -> Query {
    Query::index(TableName::Commerce, "REFUND#pending".to_owned())
}

/// A dispute by the processor's id of it.
pub fn dispute(order: OrderId, dispute: &str) -> Key {
    key(TableName::Commerce, format!("ORD#{order}"), format!("DSP#{dispute}"))
}

pub fn disputes(order: OrderId) -> Query {
    Query::partition(TableName::Commerce, format!("ORD#{order}")).prefix("DSP#".into())
}

/// Index: disputes by status, those first whose evidence is due first.
pub fn dispute_by_status(status: &str, due: Timestamp, dispute: &str) -> (String, String) {
    (format!("DISPUTE#{status}"), format!("{due}#{dispute}"))
}

pub fn disputes_by_status(status: &str) -> Query {
    Query::index(TableName::Commerce, format!("DISPUTE#{status}"))
}

/// In a partition of its own, so that who may number documents may not touch orders.
pub fn invoice(order: OrderId) -> Key {
    key(TableName::Commerce, format!("DOC#{order}"), "INV")
}

pub fn credit_note(order: OrderId, refund: RefundId) -> Key {
    key(TableName::Commerce, format!("DOC#{order}"), format!("CRN#{refund}"))
}

/// How many invoices or credit notes have been numbered.
pub fn document_counter(series: Series) -> Key {
    key(TableName::Commerce, format!("SERIES#{series}"), "COUNTER")
}

pub use licences::*;
pub use subscriptions::*;

/// The inbox item of one event of a processor.
pub fn processor_event(processor: Processor, event_id: &str) -> Key {
    key(TableName::Commerce, format!("EVT#{processor}#{event_id}"), "EVT")
}

/// Says that a message has been turned into a mail.
pub fn mail(message: MessageId) -> Key {
    key(TableName::Commerce, format!("MAIL#{message}"), "MAIL")
}

// ---- ledger

/// A journal entry of a partner: the key is the fact, so a fact is posted once. The entry's `fact` is `sale`, `payout`, ….
pub fn partner_journal(partner: PartnerId, fact: &str, reference: &str) -> Key {
    key(
        TableName::Ledger,
        format!("JRN#{partner}"),
        format!("{fact}#{reference}"),
    )
}

/// By the month in which an entry was posted, and there by when its fact happened.
pub fn journal_by_month(partner: PartnerId, posted_on: Date, entry: &JournalEntry) -> (String, String) {
    let (at, fact) = (entry.occurred_at(), entry.fact());
    (
        journal_month_pk(partner, posted_on),
        format!("{at}#{}#{}", fact.name(), fact.reference()),
    )
}

/// What was posted in a month.
pub fn journal_month(partner: PartnerId, posted_in: Date) -> Query {
    Query::index(TableName::Ledger, journal_month_pk(partner, posted_in))
}

/// The same, of it what happened at a time that begins so, such as `2026-11` or `2026-11-22`.
pub fn journal_month_of(partner: PartnerId, posted_in: Date, happened: &str) -> Query {
    journal_month(partner, posted_in).prefix(happened.to_owned())
}

fn journal_month_pk(partner: PartnerId, day: Date) -> String {
    format!("JOURNAL#{partner}#{}", day.strftime("%Y-%m"))
}

/// What a partner's entries of a finished month come to; without a month those that were posted before there was an index of months.
pub fn journal_closing(partner: PartnerId, month: Option<Date>) -> Key {
    let sk = month.map_or_else(|| "UNINDEXED".to_owned(), |month| month.strftime("%Y-%m").to_string());
    key(TableName::Commerce, format!("CLO#{partner}"), sk)
}

pub fn journal_closings(partner: PartnerId) -> Query {
    Query::partition(TableName::Commerce, format!("CLO#{partner}"))
}

/// A partner's entries of one kind of fact.
pub fn partner_journals_of(partner: PartnerId, fact: &str) -> Query {
    partner_journals(partner).prefix(format!("{fact}#"))
}

pub fn partner_journals(partner: PartnerId) -> Query {
    Query::partition(TableName::Ledger, format!("JRN#{partner}"))
}

/// A journal entry that concerns no partner, such as a processor's fee. A partition each: they are written at the rate of sales.
pub fn platform_journal(fact: &str, reference: &str) -> Key {
    key(
        TableName::Ledger,
        format!("JRN#{fact}#{reference}"),
        format!("{fact}#{reference}"),
    )
}

pub fn balance(partner: PartnerId, currency: Currency) -> Key {
    key(TableName::Ledger, format!("BAL#{partner}"), currency.code())
}

pub fn balances(partner: PartnerId) -> Query {
    Query::partition(TableName::Ledger, format!("BAL#{partner}"))
}

/// The index is spread over this many partitions, so that a payout run can be divided and no partition is hot.
pub const BALANCE_SHARDS: u8 = 16;

/// Index: all balances, for the payout run. The position never changes, so a sale does not write the index again.
pub fn balance_by_shard(partner: PartnerId, currency: Currency) -> (String, String) {
    let shard = shard_of(partner);
    (format!("BALANCE#{shard}"), format!("{partner}#{currency}"))
}

/// Where a partner's balances and open payouts are found.
pub fn shard_of(partner: PartnerId) -> u8 {
    use crate::ids::Id;
    partner.uuid().as_bytes()[15] % BALANCE_SHARDS
}

pub fn balances_by_shard(shard: u8) -> Query {
    Query::index(TableName::Ledger, format!("BALANCE#{shard}"))
}

pub fn payout(partner: PartnerId, payout: PayoutId) -> Key {
    key(TableName::Ledger, format!("PAY#{partner}"), payout.to_string())
}

/// Index: payouts that are neither sent nor cancelled, in the shard of the partner's balances.
pub fn open_payout_by_shard(partner: PartnerId, payout: PayoutId) -> (String, String) {
    let shard = shard_of(partner);
    (format!("OPENPAYOUT#{shard}"), format!("{partner}#{payout}"))
}

pub fn open_payouts_by_shard(shard: u8) -> Query {
    Query::index(TableName::Ledger, format!("OPENPAYOUT#{shard}"))
}

pub fn open_payouts(partner: PartnerId) -> Query {
    open_payouts_by_shard(shard_of(partner)).prefix(format!("{partner}#"))
}

pub fn payouts(partner: PartnerId) -> Query {
    Query::partition(TableName::Ledger, format!("PAY#{partner}"))
}

/// One version of a rule; the number has leading zeros, so that versions sort.
pub fn rule_version(rule: RuleId, version: u32) -> Key {
    key(TableName::Ledger, format!("RUL#{rule}"), format!("V#{version:010}"))
}

pub fn rule_versions(rule: RuleId) -> Query {
    Query::partition(TableName::Ledger, format!("RUL#{rule}")).prefix("V#".into())
}

/// Index: every version of every rule.
pub fn rule_by_age(rule: RuleId, version: u32) -> (String, String) {
    ("RULE#all".into(), format!("{rule}#{version:010}"))
}

pub fn rules_by_age() -> Query {
    Query::index(TableName::Ledger, "RULE#all".into())
}

/// The rules of one scope that are in force or will be.
pub fn schedule(scope: &Scope) -> Key {
    let (kind, id) = scope.parts();
    let id = id.unwrap_or_else(|| "*".to_owned());
    key(TableName::Ledger, format!("RULES#{kind}#{id}"), "SCHEDULE")
}

/// What has been sold under a rule by a partner, or of a listing, in a period.
pub fn turnover(counter: &Counter) -> Key {
    let Counter {
        rule,
        subject,
        period,
        currency,
    } = counter;
    key(
        TableName::Ledger,
        format!("TRN#{rule}#{subject}"),
        format!("{period}#{currency}"),
    )
}

/// Says which entries explain a movement at the processor.
pub fn matched(processor: Processor, transaction: &str) -> Key {
    key(TableName::Ledger, format!("BTX#{processor}#{transaction}"), "BTX")
}

/// What does not fit, by what it is about.
pub fn difference(subject: &Subject) -> Key {
    key(TableName::Ledger, format!("DIF#{}", told(subject)), "DIF")
}

/// Index: the differences that stand.
pub fn open_difference(subject: &Subject) -> (String, String) {
    ("DIFFERENCE#open".to_owned(), told(subject))
}

pub fn open_differences() -> Query {
    Query::index(TableName::Ledger, "DIFFERENCE#open".to_owned())
}

fn told(subject: &Subject) -> String {
    match subject {
        Subject::Movement { processor, id, .. } => format!("BTX#{processor}#{id}"),
        Subject::Events { processor, from, .. } => format!("EVT#{processor}#{from}"),
        Subject::Message { id, .. } => format!("MSG#{id}"),
    }
}

/// A run of the reconciliation.
pub fn reconciliation(run: ReconciliationId) -> Key {
    key(TableName::Ledger, "REC#runs".to_owned(), run.to_string())
}

pub fn reconciliations() -> Query {
    Query::partition(TableName::Ledger, "REC#runs".to_owned())
}

/// Says that a run has opened or closed a difference.
pub fn finding(run: ReconciliationId, subject: &Subject) -> Key {
    key(
        TableName::Ledger,
        format!("REC#{run}"),
        format!("DIF#{}", told(subject)),
    )
}

pub fn findings(run: ReconciliationId) -> Query {
    Query::partition(TableName::Ledger, format!("REC#{run}"))
}

/// What was done to something stands beside it.
pub fn audit(of: Audited, event: AuditId) -> Key {
    let (table, partition) = audited(of);
    key(table, partition, format!("AUD#{event}"))
}

pub fn audits(of: Audited) -> Query {
    let (table, partition) = audited(of);
    Query::partition(table, partition).prefix("AUD#".into())
}

fn audited(of: Audited) -> (TableName, String) {
    match of {
        Audited::Partner(partner) => (TableName::Accounts, format!("PTN#{partner}")),
        Audited::Listing(listing) => (TableName::Catalogue, format!("LST#{listing}")),
        Audited::Order(order) => (TableName::Commerce, format!("ORD#{order}")),
        Audited::Rule(rule) => (TableName::Ledger, format!("RUL#{rule}")),
        Audited::Rescan(rescan) => (TableName::Catalogue, format!("RSC#{rescan}")),
        Audited::Licence(licence) => (TableName::Commerce, format!("LIC#{licence}")),
        Audited::Proof(proof) => (TableName::Accounts, format!("EDU#{proof}")),
    }
}

/// How far the reconciliation came.
pub fn cursor(walk: Walk) -> Key {
    let (what, processor) = match walk {
        Walk::Movements(processor) => ("movements", processor),
        Walk::Events(processor) => ("events", processor),
    };
    key(TableName::Ledger, format!("CUR#{what}#{processor}"), "CUR")
}

/// How far the sweep came with one kind of what stands still.
pub fn sweep_round(lane: SweepLane) -> Key {
    key(TableName::Commerce, format!("SWP#{lane}"), "ROUND")
}

/// How far the reconciliation came with the partners' accounts at Stripe.
pub fn accounts_round() -> Key {
    key(TableName::Ledger, "CUR#accounts#stripe".to_owned(), "CUR")
}

/// What the books are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BookItem {
    Entry,
    Balance,
    Match,
    Order,
    Dispute,
}

/// What an item of a whole table is, as far as it belongs to the books.
pub(super) fn book_item(key: &Key) -> Option<BookItem> {
    let has = |pk: &str, sk: &str| key.pk.starts_with(pk) && key.sk.starts_with(sk);
    match key.table {
        TableName::Ledger if has("JRN#", "") => Some(BookItem::Entry),
        TableName::Ledger if has("BAL#", "") => Some(BookItem::Balance),
        TableName::Ledger if has("BTX#", "") => Some(BookItem::Match),
        TableName::Commerce if has("CUS#", "ORD#") => Some(BookItem::Order),
        TableName::Commerce if has("ORD#", "DSP#") => Some(BookItem::Dispute),
        _ => None,
    }
}

// ---- requests

/// An idempotency record: the same key of two principals is two records.
pub fn request(principal: &str, idempotency_key: &str) -> Key {
    key(
        TableName::Requests,
        format!("REQ#{}", hashed(&[principal, idempotency_key])),
        "REQ",
    )
}

/// How many wrong licence keys have come from a source (an address, or about one licence) in a window of time.
pub fn wrong_keys(source: &str, window: &str) -> Key {
    key(
        TableName::Requests,
        format!("WRONG#{}", hashed(&[source, window])),
        "KEYS",
    )
}

#[cfg(test)]
mod tests;
