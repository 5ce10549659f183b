use jiff::SignedDuration;

use super::*;
use crate::ledger::{Account, Fact, Posting};
use crate::money::{Currency, Money};
use crate::seed::Seed;
use crate::statement::tax::TaxYear;
use crate::statement::{Draft, Statement};
use crate::store::ledger;

fn seed() -> Seed {
    "019a0000-0000-7000-8000-000000000000".parse().expect("a uuid")
}

fn partner() -> PartnerId {
    seed().id("p")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// The sale, the refund or the payout number `number`.
fn entry(number: i64, occurred_at: Timestamp) -> JournalEntry {
    let label = format!("{number:06}");
    let currency = if number % 7 == 0 { Currency::USD } else { Currency::EUR };
    let posting = |account, minor| Posting {
        account,
        amount: Money::new(minor, currency),
    };
    let (fact, net, commission) = match number % 5 {
        0 => (Fact::Refund(seed().id(&label)), -80, -20),
        1 => (Fact::Payout(seed().id(&label)), -50, 0),
        2 => (Fact::FeeShare(label.clone()), -3, 0),
        _ => (Fact::Sale(seed().id(&label)), 800 + number, 200),
    };
    let other = match fact {
        Fact::Payout(_) => Account::PayoutsInTransit(partner()),
        _ => Account::ProcessorClearing,
    };
    let postings = vec![
        posting(Account::PartnerPayable(partner()), -net),
        posting(Account::PlatformRevenue, -commission),
        posting(other, net + commission),
    ];
    JournalEntry::new(seed().id(&label), fact, Some(partner()), occurred_at, postings).expect("balanced")
}

/// Half a year of entries, a few a day, and when each is posted. Each seventeenth is heard of 40 days late.
fn half_a_year(begin: &str) -> Vec<(Timestamp, JournalEntry)> {
    let entry = |number| {
        let occurred_at = at(begin) + SignedDuration::from_hours(9 * number);
        let late = if number % 17 == 0 { 40 * 24 } else { 0 };
        (
            occurred_at + SignedDuration::from_hours(late),
            entry(number, occurred_at),
        )
    };
    (0..480).map(entry).collect()
}

async fn post(store: &Store, posted_at: Timestamp, entry: &JournalEntry) {
    let write = ledger::post(entry, posted_at).expect("an item");
    store.write(write).await.expect("posted");
}

async fn drawn_up(store: &Store, period: &str, since: Timestamp, now: Timestamp) -> Statement {
    let period: Period = period.parse().expect("a period");
    let mut journal = Journal::of(store, partner(), since, now).await.expect("read");
    let mut draft = Draft::new(partner(), period);
    let mut add = |entry: &JournalEntry| {
        draft.add(entry).expect("short");
        Ok::<(), StoreError>(())
    };
    if journal.needs_all(&period) {
        ledger::read_journal(store, partner(), add).await.expect("read");
    } else {
        journal.closed_entries(&period, &mut add).await.expect("read");
        journal.open_entries(period.last(), &mut add).await.expect("read");
        for sums in journal.closed() {
            draft.open(sums).expect("small");
        }
    }
    draft.finish().expect("small")
}

fn folded(entries: &[JournalEntry], period: &str) -> Statement {
    let mut draft = Draft::new(partner(), period.parse().expect("a period"));
    for entry in entries {
        draft.add(entry).expect("short");
    }
    draft.finish().expect("small")
}

const PERIODS: [&str; 9] = [
    "2027",
    "2027-01",
    "2027-02",
    "2027-03",
    "2027-06",
    "2027-07",
    "2027-02-11",
    "2027-04-30",
    "2027-06-20",
];

/// Whenever it is asked for, and whatever comes late, a statement says what the whole journal says.
#[tokio::test]
async fn a_statement_by_months_is_that_of_the_whole_journal() {
    let store = Store::memory();
    let since = at("2027-01-05T10:00:00Z");
    let (mut waiting, mut posted) = (half_a_year("2027-01-05T10:00:00Z"), Vec::new());
    // Heard of after its month was closed, and after all the others.
    waiting.push((at("2027-10-01T00:00:00Z"), entry(1_003, at("2027-02-11T12:00:00Z"))));
    for now in [
        "2027-02-01T08:00:00Z",
        "2027-02-02T08:00:00Z",
        "2027-07-01T08:00:00Z",
        "2027-07-02T08:00:00Z",
        "2027-09-30T23:00:00Z",
        "2027-10-01T08:00:00Z",
        "2027-12-24T08:00:00Z",
    ] {
        for (posted_at, entry) in waiting.extract_if(.., |(posted_at, _)| *posted_at <= at(now)) {
            post(&store, posted_at, &entry).await;
            posted.push(entry);
        }
        for period in PERIODS {
            let found = drawn_up(&store, period, since, at(now)).await;
            assert_eq!(found, folded(&posted, period), "{period}, asked on {now}");
        }
    }
    assert_eq!((waiting.len(), posted.len()), (0, 481));
}

/// Entries from before there was the index of months are part of every statement, whether or not others followed.
#[tokio::test]
async fn what_the_index_does_not_have_counts_too() {
    let store = Store::memory();
    let since = at("2026-01-05T10:00:00Z");
    let mut entries = Vec::new();
    for (_, entry) in half_a_year("2026-01-05T10:00:00Z") {
        let write = Write::create(ledger::journal_key(&entry), &entry).expect("an item");
        store.write(write).await.expect("posted");
        entries.push(entry);
    }
    for number in 500..600 {
        let entry = entry(
            number,
            at("2027-01-01T10:00:00Z") + SignedDuration::from_hours(30 * number - 15_000),
        );
        post(&store, entry.occurred_at(), &entry).await;
        entries.push(entry);
    }
    for now in ["2027-05-30T08:00:00Z", "2027-09-30T23:00:00Z"] {
        for period in [
            "2026",
            "2026-03",
            "2026-07",
            "2026-12",
            "2027",
            "2027-01",
            "2027-02-11",
            "2027-05",
        ] {
            let found = drawn_up(&store, period, since, at(now)).await;
            assert_eq!(found, folded(&entries, period), "{period}, asked on {now}");
        }
        let mut journal = Journal::of(&store, partner(), since, at(now)).await.expect("read");
        for year in [2026, 2027] {
            let (mut by_months, mut whole) = (TaxYear::new(partner(), year), TaxYear::new(partner(), year));
            for sums in journal.closed() {
                by_months.add_sums(sums).expect("small");
            }
            let add = |entry: &JournalEntry| by_months.add(entry).map_err(corrupt);
            journal
                .open_entries(Date::constant(year, 12, 31), add)
                .await
                .expect("read");
            for entry in &entries {
                whole.add(entry).expect("small");
            }
            assert_eq!(by_months, whole);
        }
    }
}

/// A month with more entries than one request adds up is closed all the same: each request goes on where the one before has stopped.
#[tokio::test]
async fn a_month_of_any_size_is_closed_in_the_end() {
    let store = Store::memory();
    let since = at("2027-01-05T10:00:00Z");
    let mut entries = Vec::new();
    for number in 0..1_700 {
        let entry = entry(number, since + SignedDuration::from_mins(30 * number));
        post(&store, entry.occurred_at(), &entry).await;
        entries.push(entry);
    }
    let now = at("2027-03-10T08:00:00Z");
    let mut refused = 0;
    while let Err(error) = Journal::added_up(&store, partner(), since, now, 2 * PAGE).await {
        assert!(matches!(error, StoreError::Busy), "{error}");
        refused += 1;
        assert!(refused < 10, "it comes no further");
    }
    // January has more than 1,200 entries, in three answers of the index; two are what one request adds up.
    assert_eq!(refused, 1);
    store.meter().take();
    for period in PERIODS {
        let found = drawn_up(&store, period, since, now).await;
        assert_eq!(found, folded(&entries, period), "{period}");
    }
    assert_eq!(store.meter().take().write_units(), 0, "nothing is added up twice");
}

/// What a statement costs depends on its period, and no longer on what came before.
#[tokio::test]
async fn a_month_costs_its_own_entries() {
    let store = Store::memory();
    let since = at("2027-01-05T10:00:00Z");
    for (posted_at, entry) in half_a_year("2027-01-05T10:00:00Z") {
        post(&store, posted_at, &entry).await;
    }
    let now = at("2027-08-20T08:00:00Z");
    drawn_up(&store, "2027-08", since, now).await;
    let cost = async |period: &str| {
        store.meter().take();
        drawn_up(&store, period, since, now).await;
        store.meter().take().requests
    };
    // The closings; an answer of the index for the month before, and one for the month itself with its entries.
    assert_eq!(cost("2027-08").await, 4);
    // The closings; an answer for each month from the one before on, with entries where there are any of the period: here in the month
    // itself and, late, in the next two; and what was heard of in the month that is open.
    for (period, most) in [("2027-06", 10), ("2027-03", 16), ("2027-01", 20)] {
        let requests = cost(period).await;
        assert!(requests <= most, "{period}: {requests}");
    }
    let writes = store
        .as_memory()
        .expect("in memory")
        .scan(crate::store::TableName::Commerce);
    assert_eq!(
        writes.len(),
        8,
        "a closing for each of seven months, and one for what the index does not have"
    );
}
