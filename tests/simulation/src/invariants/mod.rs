//! What must hold after every run, whatever went wrong in it.

mod payees;
mod reversals;
mod shop;
mod subscriptions;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use shared::ids::PartnerId;
use shared::ledger::{Account, Fact};
use shared::money::Currency;
use shared::partner::Destination;
use shared::payout::{Payout, PayoutState};
use shared::processor::Processor;
use shared::purchase::{Order, OrderLine, OrderStatus};
use shared::reconciliation::Match;

use crate::books::{Books, Entry};
use crate::plan::TierRule;

/// A rule by its name; it names whatever breaks it.
pub(crate) type Invariant = (&'static str, fn(&Books) -> Vec<String>);

pub(crate) const INVARIANTS: &[Invariant] = &[
    ("nothing is rejected, changed or left undone", nothing_is_wrong),
    ("every entry sums to zero in each currency", every_entry_sums_to_zero),
    ("every fact is posted once", every_fact_is_posted_once),
    ("every entry has an id of its own", every_entry_has_its_own_id),
    ("every balance is the fold of its entries", every_balance_is_the_fold),
    ("every sale is divided as agreed", every_sale_is_divided),
    ("at most one transfer per payout", at_most_one_transfer),
    ("every payout ended, as its transfer says", every_payout_ended),
    ("nothing is paid before it is earned", nothing_is_paid_too_early),
    ("what is due is paid", what_is_due_is_paid),
    (
        "the processor's movements and the journal agree one to one",
        processor_and_journal_agree,
    ),
    ("every order ended as its session did", every_order_ended),
    ("every paid order has its licences once", every_licence_once),
    ("every paid order has one receipt", every_receipt_once),
    ("tiers count what was sold and not given back", tiers_count_what_is_left),
    (
        "a tier begins where the sales before it ended",
        tiers_begin_where_the_counter_stood,
    ),
    ("every refund ended, as Stripe's did", reversals::every_refund_ended),
    ("no more is refunded than was paid", reversals::never_more_than_paid),
    ("no leg gives back more than it got", reversals::no_leg_turns),
    (
        "an order and the journal say the same of what went back",
        reversals::orders_agree_with_journal,
    ),
    (
        "what goes back is divided as the sale was",
        reversals::every_reversal_is_divided,
    ),
    (
        "what is given back in full leaves every leg at zero",
        reversals::given_back_in_full,
    ),
    (
        "what was bought is revoked when nothing of its price is left, and only then",
        reversals::licences_follow_the_money,
    ),
    ("every dispute ended, as Stripe's did", reversals::every_dispute_ended),
    (
        "what partners refund is paid by them, not by the platform",
        payees::partners_bear_what_they_refund,
    ),
    (
        "what an owner owes elsewhere is kept back",
        payees::owners_debts_are_kept,
    ),
    ("no balance promises what nobody waits for", payees::promises_end),
    ("no sale is earned before its money has come", shop::earned_from_arrival),
    ("no closed month changes", shop::closed_months_stay),
    (
        "what was paid after it had left the shop is nobody's sale",
        shop::nothing_withdrawn_is_sold,
    ),
    (
        "what was paid for what had left the shop goes back",
        shop::withdrawn_goes_back,
    ),
    ("a cart is ordered once", shop::carts_are_ordered_once),
    (
        "what Stripe took for invoices is what the journal says",
        subscriptions::every_paid_invoice_is_an_order,
    ),
    (
        "every subscription is as Stripe's",
        subscriptions::every_subscription_follows,
    ),
    (
        "the licence of a subscription lasts for what is paid for",
        subscriptions::licences_last_for_what_is_paid,
    ),
    (
        "nobody is charged on for what they have given back",
        subscriptions::what_is_given_back_ends,
    ),
    (
        "nobody has as credit what was given back",
        subscriptions::credit_is_not_refunded,
    ),
    ("reconciliation finds no difference", reconciled),
    ("what a movement is matched with moves as much", every_match_fits),
];

fn nothing_is_wrong(books: &Books) -> Vec<String> {
    books.wrong.clone()
}

fn every_entry_sums_to_zero(books: &Books) -> Vec<String> {
    let unbalanced = books.journal.iter().filter(|entry| {
        let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
        for posting in &entry.postings {
            *sums.entry(posting.amount.currency()).or_default() += posting.amount.minor();
        }
        sums.values().any(|sum| *sum != 0) || entry.postings.len() < 2
    });
    unbalanced.map(|entry| format!("{entry:?}")).collect()
}

fn every_fact_is_posted_once(books: &Books) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let again = books
        .journal
        .iter()
        .filter(|entry| !seen.insert((entry.partner, entry.fact.name(), entry.fact.reference())));
    again.map(|entry| format!("{:?}", entry.fact)).collect()
}

/// Statements and matches name entries by their ids alone.
fn every_entry_has_its_own_id(books: &Books) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let again = books.journal.iter().filter(|entry| !seen.insert(entry.id));
    again
        .map(|entry| format!("another entry has the id of {entry:?}"))
        .collect()
}

fn every_balance_is_the_fold(books: &Books) -> Vec<String> {
    let mut fold: BTreeMap<(PartnerId, Currency), i64> = BTreeMap::new();
    for (partner, currency, minor) in books.journal.iter().flat_map(|entry| entry.owed()) {
        *fold.entry((partner, currency)).or_default() += minor;
    }
    let keys: BTreeSet<_> = fold.keys().chain(books.owed.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|key| fold.get(key).unwrap_or(&0) != books.owed.get(key).unwrap_or(&0));
    differ
        .map(|key| {
            format!(
                "{key:?}: the entries make {:?}, the balance says {:?}",
                fold.get(key),
                books.owed.get(key)
            )
        })
        .collect()
}

/// What the rules give to the partners, worked out once more.
fn every_sale_is_divided(books: &Books) -> Vec<String> {
    let mut agreed: BTreeMap<(String, PartnerId), i64> = BTreeMap::new();
    for order in books.orders.iter().filter(|order| order.status == OrderStatus::Paid) {
        for line in order
            .lines
            .iter()
            .filter(|line| !line.price.is_zero() && !line.withdrawn)
        {
            *agreed.entry((order.id.to_string(), line.partner)).or_default() += share(books, line);
        }
    }
    let mut posted: BTreeMap<(String, PartnerId), i64> = BTreeMap::new();
    for entry in &books.journal {
        if let (Fact::Sale(order), Some(partner)) = (&entry.fact, entry.partner) {
            *posted.entry((order.to_string(), partner)).or_default() +=
                entry.owed().map(|(_, _, minor)| minor).sum::<i64>();
        }
    }
    let keys: BTreeSet<_> = agreed.keys().chain(posted.keys()).collect();
    let differ = keys.into_iter().filter(|key| agreed.get(key) != posted.get(key));
    differ
        .map(|key| format!("{key:?}: agreed {:?}, posted {:?}", agreed.get(key), posted.get(key)))
        .collect()
}

/// The partner gets the price less the commission, to the nearest unit, a half upwards.
fn share(books: &Books, line: &OrderLine) -> i64 {
    if line.withdrawn {
        return 0;
    }
    let price = line.price.minor();
    let flat = [(0, u32::try_from(books.commission_bps).unwrap_or(0))];
    let bands = tiers_of(books, line).map_or(flat.as_slice(), |tiers| tiers.bands.as_slice());
    let before = counted_before(line).unwrap_or(0);
    let mut commission = 0;
    for (index, (begin, bps)) in bands.iter().enumerate() {
        let end = bands.get(index + 1).map_or(i64::MAX, |(end, _)| *end);
        let within = end.min(before + price) - before.max(*begin);
        commission += within.max(0) * i64::from(*bps);
    }
    (2 * (price * 10_000 - commission) + 10_000).div_euclid(20_000)
}

fn tiers_of<'a>(books: &'a Books, line: &OrderLine) -> Option<&'a TierRule> {
    books.tiers.as_ref().filter(|_| line.price.currency() == Currency::EUR)
}

fn counted_before(line: &OrderLine) -> Option<i64> {
    line.division.as_ref()?.turnover_before_minor
}

/// Each counter has counted what is left of every sale that it knows.
fn tiers_count_what_is_left(books: &Books) -> Vec<String> {
    let Some(tiers) = &books.tiers else { return Vec::new() };
    let mut left: BTreeMap<String, i64> = BTreeMap::new();
    let paid = books.orders.iter().filter(|order| order.status == OrderStatus::Paid);
    let lines = paid.flat_map(|order| &order.lines);
    for line in lines.filter(|line| !line.price.is_zero() && !line.withdrawn) {
        if tiers_of(books, line).is_some() {
            let back = line.returned;
            let back = back.partner + back.platform + back.affiliate + back.reseller;
            *left.entry(counter(tiers, line)).or_default() += line.price.minor() - back;
        }
    }
    let counters: BTreeSet<_> = left.keys().chain(books.turnovers.keys()).collect();
    let of = |sums: &BTreeMap<String, i64>, counter: &String| sums.get(counter).copied().unwrap_or(0);
    let differ = counters
        .into_iter()
        .filter(|counter| of(&left, counter) != of(&books.turnovers, counter));
    differ
        .map(|counter| {
            let (left, counted) = (of(&left, counter), of(&books.turnovers, counter));
            format!("{counter} has counted {counted}, and {left} is left of what was sold")
        })
        .collect()
}

fn counter(tiers: &TierRule, line: &OrderLine) -> String {
    if tiers.per_listing {
        line.listing.to_string()
    } else {
        line.partner.to_string()
    }
}

/// Replays the journal: each sale was divided by what its partner had sold before it and not given back.
fn tiers_begin_where_the_counter_stood(books: &Books) -> Vec<String> {
    let Some(tiers) = books.tiers.as_ref().filter(|tiers| !tiers.per_listing) else {
        return Vec::new();
    };
    let mut counted: BTreeMap<PartnerId, i64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for entry in &books.journal {
        let Some(partner) = entry.partner else { continue };
        let of = |id| books.orders.iter().find(|order| order.id == id);
        match &entry.fact {
            Fact::Sale(id) => {
                let lines = of(*id).into_iter().flat_map(|order| &order.lines);
                let theirs = lines.filter(|line| line.partner == partner && !line.price.is_zero() && !line.withdrawn);
                for line in theirs.filter(|line| tiers_of(books, line).is_some()) {
                    let stood = counted.entry(partner).or_default();
                    if counted_before(line) != Some(*stood) {
                        wrong.push(format!("{} had sold {stood} before {line:?}", counter(tiers, line)));
                    }
                    *stood += line.price.minor();
                }
            }
            Fact::Refund(_) | Fact::RefundFailed(_) | Fact::DisputeLost(_) => {
                let gives =
                    |account: &Account| matches!(account, Account::PartnerPayable(_) | Account::PlatformRevenue);
                let given = entry.postings.iter().filter(|posting| gives(&posting.account));
                let in_euros = given.filter(|posting| posting.amount.currency() == Currency::EUR);
                *counted.entry(partner).or_default() -= in_euros.map(|posting| posting.amount.minor()).sum::<i64>();
            }
            _ => {}
        }
    }
    wrong
}

fn at_most_one_transfer(books: &Books) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let again = books
        .transfers
        .iter()
        .filter(|transfer| !seen.insert(text(transfer, "transfer_group")));
    again.map(|transfer| format!("a second transfer: {transfer}")).collect()
}

fn every_payout_ended(books: &Books) -> Vec<String> {
    let agrees = |payout: &Payout| {
        let group = payout.id.to_string();
        let made: Vec<_> = books
            .transfers
            .iter()
            .filter(|transfer| text(transfer, "transfer_group") == group)
            .collect();
        match (&payout.state, made.as_slice()) {
            (PayoutState::Sent { transfer, .. }, [made]) => {
                text(made, "id") == transfer
                    && int(made, "amount") == payout.amount.minor()
                    && int(made, "amount_reversed") == payout.reversed.minor()
                    && (text(made, "destination") == payout.destination.to_string() || is_at_paypal(payout))
                    && text(made, "currency").eq_ignore_ascii_case(payout.amount.currency().code())
            }
            (PayoutState::Cancelled { .. }, []) => true,
            // Nobody had heard that it was paid before it was taken back.
            (PayoutState::Cancelled { .. }, [made]) => {
                is_at_paypal(payout) && int(made, "amount_reversed") == int(made, "amount")
            }
            _ => false,
        }
    };
    let known: BTreeSet<_> = books.payouts.iter().map(|payout| payout.id.to_string()).collect();
    let wrong = books
        .payouts
        .iter()
        .filter(|payout| !agrees(payout))
        .map(|payout| format!("{payout:?}"));
    let strange = books
        .transfers
        .iter()
        .filter(|transfer| !known.contains(text(transfer, "transfer_group")));
    wrong
        .chain(strange.map(|transfer| format!("a transfer for no payout: {transfer}")))
        .collect()
}

/// To whom PayPal pays is an address, which no payout tells.
fn is_at_paypal(payout: &Payout) -> bool {
    matches!(payout.destination, Destination::PayPal { .. })
}

/// Replays the journal: at the moment of each payout, what was earned and no longer held, less what had been taken and not given back,
/// and less what an open dispute was about to take.
fn nothing_is_paid_too_early(books: &Books) -> Vec<String> {
    let mut earned: BTreeMap<(PartnerId, Currency), Vec<(Date, i64)>> = BTreeMap::new();
    let mut maturing: BTreeMap<String, Date> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (index, entry) in books.journal.iter().enumerate() {
        for (partner, currency, minor) in entry.owed() {
            let earned = earned.entry((partner, currency)).or_default();
            let from = match entry.fact {
                Fact::Sale(order) => {
                    let from = available_on(entry.occurred_at, books.hold_days);
                    maturing.insert(order.to_string(), from);
                    from
                }
                // What has not matured is given back, and got back again, from the day on which it would have.
                Fact::Refund(_) | Fact::RefundFailed(_) | Fact::DisputeLost(_) => {
                    let order = entry.order.map(|order| order.to_string()).unwrap_or_default();
                    maturing.get(&order).copied().unwrap_or(Date::MIN)
                }
                // Whatever else is given is there at once, and what is taken is gone at once.
                _ => Date::MIN,
            };
            if matches!(entry.fact, Fact::Payout(_)) {
                let today = day(entry.occurred_at);
                let matured = earned.iter().filter(|(from, _)| *from <= today);
                let matured: i64 = matured.map(|(_, minor)| minor).sum();
                let all: i64 = earned.iter().map(|(_, minor)| minor).sum();
                let available = matured.min(all) - at_stake(books, index, partner, currency);
                if -minor > available {
                    wrong.push(format!("{:?} takes {} of {available} {currency}", entry.fact, -minor));
                }
            }
            earned.push((from, minor));
        }
    }
    wrong
}

/// What disputes that are open when the entry is written will take from the partner: their money has gone before it and not come back, their
/// loss is posted after it.
fn at_stake(books: &Books, index: usize, partner: PartnerId, currency: Currency) -> i64 {
    let (before, after) = books.journal.split_at(index);
    let is_away = |dispute: &str| {
        let known = books.disputes.iter().find(|known| known.id == dispute);
        let is_of = |entry: &&Entry| match &entry.fact {
            Fact::DisputeFunds(movement) => known.is_some_and(|known| known.movements.contains(movement)),
            Fact::DisputeLost(lost) => dispute_of(lost) == dispute,
            _ => false,
        };
        let postings = before.iter().filter(is_of).flat_map(|entry| &entry.postings);
        let pending = postings.filter(|posting| posting.account == Account::DisputesPending);
        pending.map(|posting| posting.amount.minor()).sum::<i64>() > 0
    };
    let lost = after.iter().filter(|entry| match &entry.fact {
        Fact::DisputeLost(lost) => is_away(dispute_of(lost)),
        _ => false,
    });
    let taken = lost.flat_map(Entry::owed);
    let taken = taken.filter(|(whose, of, _)| *whose == partner && *of == currency);
    -taken.map(|(_, _, minor)| minor).sum::<i64>()
}

/// What is said of a lost dispute later has a number behind the dispute's id.
fn dispute_of(lost: &str) -> &str {
    lost.split_once('.').map_or(lost, |(dispute, _)| dispute)
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn available_on(occurred_at: Timestamp, hold_days: u32) -> Date {
    day(occurred_at) + i64::from(hold_days).days()
}

/// At the end of a run every hold period is over and a payout run has been made: what is still owed must have a reason.
fn what_is_due_is_paid(books: &Books) -> Vec<String> {
    let due = books.owed.iter().filter(|((partner, currency), owed)| {
        let newest = books
            .payouts
            .iter()
            .filter(|payout| payout.partner == *partner && payout.amount.currency() == *currency);
        let newest = newest.max_by_key(|payout| payout.created_at);
        let given_back = newest.is_some_and(|payout| matches!(payout.state, PayoutState::Cancelled { .. }));
        // The default minimum is in euros and says nothing about other currencies.
        let minimum = if *currency == Currency::EUR {
            books.minimum_minor
        } else {
            1
        };
        let free = **owed - payees::owed_by_others(books, *partner, *currency);
        free >= minimum.max(currency.payout_unit_minor()) && !books.held.contains(partner) && !given_back
    });
    due.map(|(key, owed)| format!("{owed} is still owed to {key:?}"))
        .collect()
}

/// By the processor's object: what its balance gained or lost by it, and what the journal says of it.
fn processor_and_journal_agree(books: &Books) -> Vec<String> {
    let mut theirs: BTreeMap<String, i64> = BTreeMap::new();
    for transaction in &books.transactions {
        *theirs.entry(text(transaction, "source").to_owned()).or_default() += int(transaction, "net");
    }
    // A fee's entry names the movement, the sale's entry names the charge: both are of one source.
    let source = |reference: &str| {
        let transaction = books
            .transactions
            .iter()
            .find(|transaction| text(transaction, "id") == reference);
        transaction
            .map_or(reference, |transaction| text(transaction, "source"))
            .to_owned()
    };
    let mut ours: BTreeMap<String, i64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for entry in &books.journal {
        let cleared = entry.postings.iter().filter(|posting| is_clearing(posting.account));
        let cleared: Vec<_> = cleared.map(|posting| posting.amount.minor()).collect();
        match &entry.processor_ref {
            _ if cleared.is_empty() => {}
            Some(reference) => *ours.entry(source(reference)).or_default() += cleared.iter().sum::<i64>(),
            None => wrong.push(format!("money of the processor's without its reference: {entry:?}")),
        }
    }
    let sources: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let differ = sources
        .into_iter()
        .filter(|source| theirs.get(*source) != ours.get(*source));
    wrong
        .extend(differ.map(|source| format!("{source}: theirs {:?}, ours {:?}", theirs.get(source), ours.get(source))));
    wrong
}

fn every_order_ended(books: &Books) -> Vec<String> {
    let ended = |order: &Order| {
        let id = order.id.to_string();
        let session = books
            .sessions
            .iter()
            .find(|session| text(session, "client_reference_id") == id);
        if order.renewal.is_some() {
            return order.status == OrderStatus::Paid;
        }
        let Some(session) = session else {
            // Without a session there is nothing to pay: it is free, or the customer never got as far.
            return if order.total.is_zero() {
                order.status == OrderStatus::Paid
            } else {
                matches!(order.status, OrderStatus::Pending | OrderStatus::Cancelled)
            };
        };
        match (text(session, "status"), text(session, "payment_status")) {
            (_, "paid") => order.status == OrderStatus::Paid,
            // By itself, or because somebody has closed it.
            ("expired", _) => matches!(order.status, OrderStatus::Expired | OrderStatus::Cancelled),
            ("complete", _) => order.status == OrderStatus::Cancelled,
            // PayPal's page cannot be closed: what is approved there for nothing is not taken.
            _ if order.processor == Processor::PayPal => {
                matches!(order.status, OrderStatus::Pending | OrderStatus::Cancelled)
            }
            _ => order.status == OrderStatus::Pending,
        }
    };
    books
        .orders
        .iter()
        .filter(|order| !ended(order))
        .map(|order| format!("{order:?}"))
        .collect()
}

fn every_licence_once(books: &Books) -> Vec<String> {
    let paid = books.orders.iter().filter(|order| order.status == OrderStatus::Paid);
    let bought: BTreeSet<_> = paid
        .flat_map(|order| {
            let issues = |line: &&OrderLine| !line.withdrawn && order.renewal.is_none();
            let sold = order.lines.iter().filter(issues);
            sold.map(|line| (line.licence, order.customer))
        })
        .collect();
    let issued: BTreeSet<_> = books
        .licences
        .iter()
        .filter(|licence| licence.subscription.is_none())
        .map(|licence| (licence.id, licence.owner))
        .collect();
    bought
        .symmetric_difference(&issued)
        .map(|licence| format!("bought or issued, not both: {licence:?}"))
        .collect()
}

fn every_receipt_once(books: &Books) -> Vec<String> {
    let wrong = books.orders.iter().filter(|order| {
        let receipts = books.receipts.get(&order.id.to_string()).map_or(0, BTreeSet::len);
        receipts != usize::from(order.status == OrderStatus::Paid)
    });
    wrong
        .map(|order| {
            format!(
                "{} is {} and has {:?}",
                order.id,
                order.status,
                books.receipts.get(&order.id.to_string())
            )
        })
        .collect()
}

/// No difference stands, and each of the processors' movements has been matched.
fn reconciled(books: &Books) -> Vec<String> {
    let mut wrong: Vec<_> = books
        .differences
        .iter()
        .map(|difference| format!("{difference:?}"))
        .collect();
    if books.matches.len() != books.transactions.len() {
        wrong.push(format!(
            "{} of {} movements are matched",
            books.matches.len(),
            books.transactions.len()
        ));
    }
    wrong
}

fn every_match_fits(books: &Books) -> Vec<String> {
    let cleared = |found: &Match| -> i64 {
        let entries = books.journal.iter().filter(|entry| found.entries.contains(&entry.id));
        let postings = entries.flat_map(|entry| &entry.postings);
        let cleared = postings.filter(|posting| is_clearing(posting.account));
        cleared.map(|posting| posting.amount.minor()).sum()
    };
    let wrong = books.matches.iter().filter(|found| cleared(found) != found.net.minor());
    wrong
        .map(|found| format!("the entries of {found:?} move {}", cleared(found)))
        .collect()
}

fn is_clearing(account: Account) -> bool {
    matches!(account, Account::ProcessorClearing | Account::PayPalClearing)
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn int(object: &Value, field: &str) -> i64 {
    object[field].as_i64().unwrap_or_default()
}
