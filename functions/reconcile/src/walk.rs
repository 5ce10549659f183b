//! The second and the third walk: along the processor's movements, and along the differences that stand.

use std::iter;

use jiff::{SignedDuration, Timestamp};
use shared::processor::ProcessorError;
use shared::processor::stripe::requests::ListPage;
use shared::reconciliation::{Difference, Subject, Walk};
use shared::runtime::Failure;
use shared::store::{Versioned, reconciliation};

use crate::movement;
use crate::run::Run;

/// How much of what was looked at is looked at again: lists may show the youngest late, and clocks differ.
pub(crate) const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// Where the first run begins. It comes within an hour of the deployment, before which nothing was sold.
const BEGINNING: SignedDuration = SignedDuration::from_hours(30 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How many differences are read for each page of the index.
const PAGE: usize = 100;

/// The time from `from` to `until` in days: after each of them a walk remembers how far it came.
pub(crate) fn days(from: Timestamp, until: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let day = move |start: Timestamp| (start < until).then(|| (start, (start + DAY).min(until)));
    iter::successors(day(from), move |(_, end)| day(*end))
}

/// `false` when there was not enough time.
pub(crate) async fn match_movements(run: &mut Run<'_>) -> Result<bool, Failure> {
    let store = &run.context.store;
    let from = match reconciliation::cursor(store, Walk::Movements).await? {
        Some(until) => until - OVERLAP,
        None => run.tick.now - BEGINNING,
    };
    for (from, until) in days(from, run.until()) {
        let mut page = ListPage {
            created_from: Some(from),
            created_before: Some(until),
            starting_after: None,
        };
        loop {
            let transactions = run.context.stripe.balance_transactions(&page).await?;
            page.starting_after = transactions.next_page();
            let ids = transactions.data.iter().map(|transaction| transaction.id.as_str());
            let known = reconciliation::matched(store, ids).await?;
            for transaction in transactions.data.iter().filter(|one| !known.contains(&one.id)) {
                if run.is_out_of_time() {
                    return Ok(false);
                }
                movement::look_at(run, transaction).await?;
            }
            if page.starting_after.is_none() {
                break;
            }
        }
        reconciliation::advance(store, Walk::Movements, until).await?;
    }
    Ok(true)
}

/// Differences that an earlier run has opened: some have healed meanwhile. `false` when there was not enough time.
pub(crate) async fn review_differences(run: &mut Run<'_>) -> Result<bool, Failure> {
    let store = &run.context.store;
    let mut after = None;
    loop {
        let page = reconciliation::open_differences(store, after, PAGE).await?;
        for found in page.items {
            if run.has_seen(&found.subject) {
                continue;
            }
            if run.is_out_of_time() {
                return Ok(false);
            }
            // Read again, with its revision: this one is written.
            let difference = reconciliation::difference(store, &found.subject).await?;
            if let Some(difference) = difference.filter(|difference| difference.is_open()) {
                review(run, &difference).await?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(true);
        }
    }
}

async fn review(run: &mut Run<'_>, difference: &Versioned<Difference>) -> Result<(), Failure> {
    let stands = (difference.subject.clone(), difference.finding());
    match &difference.subject {
        Subject::Movement { id, .. } => match run.context.stripe.balance_transaction(id).await {
            Ok(transaction) => movement::look_at(run, &transaction).await,
            // Stripe no longer shows it: that heals nothing.
            Err(ProcessorError::Refused { .. }) => run.differs(Some(difference), stands.0, stands.1, Vec::new()).await,
            Err(error) => Err(error.into()),
        },
        Subject::Events { until, .. } => {
            let walked = reconciliation::cursor(&run.context.store, Walk::Movements).await?;
            if walked.is_some_and(|walked| walked >= *until) {
                run.healed(difference).await
            } else {
                run.differs(Some(difference), stands.0, stands.1, Vec::new()).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, until: &str, expected: &[&str]) {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let walked: Vec<_> = days(at(from), at(until)).collect();
        let ends: Vec<String> = walked.iter().map(|(_, end)| end.to_string()).collect();
        assert_eq!(ends, expected);
        assert!(
            walked.windows(2).all(|pair| pair[0].1 == pair[1].0),
            "no gap and no overlap"
        );
    }

    #[test]
    fn time_is_walked_in_days() {
        check("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z", &[]);
        check("2026-11-20T10:00:00Z", "2026-11-20T09:00:00Z", &[]);
        check(
            "2026-11-20T10:00:00Z",
            "2026-11-20T11:00:00Z",
            &["2026-11-20T11:00:00Z"],
        );
        check(
            "2026-11-20T10:00:00Z",
            "2026-11-22T11:00:00Z",
            &["2026-11-21T10:00:00Z", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"],
        );
    }
}
