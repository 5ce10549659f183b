//! The fourth and the fifth walk: along a processor's movements, and along the differences that stand.

use std::iter;

use jiff::{SignedDuration, Timestamp};
use shared::processor::Processor;
use shared::reconciliation::{Difference, Subject, Walk};
use shared::runtime::Failure;
use shared::store::{Versioned, reconciliation};

use crate::books::{self, Movements, PAYPAL_LISTS, Told, lateness};
use crate::movement;
use crate::run::Run;

/// How much of what was looked at is looked at again: lists may show the youngest late, and clocks differ.
pub(crate) const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// Where the first run begins. It comes within an hour of the deployment, before which nothing was sold.
const BEGINNING: SignedDuration = SignedDuration::from_hours(30 * 24);
/// For how long a pending movement is waited for: payouts may be claimed for 30 days.
const PENDING: SignedDuration = SignedDuration::from_hours(31 * 24);
/// For how long money may be on hold: half a year, in which a dispute has come and gone.
const HOLDS: SignedDuration = SignedDuration::from_hours(6 * 31 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How many differences are read for each page of the index.
const PAGE: usize = 100;

/// The time from `from` to `until` in days: after each of them a walk remembers how far it came.
pub(crate) fn days(from: Timestamp, until: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let day = move |start: Timestamp| (start < until).then(|| (start, (start + DAY).min(until)));
    iter::successors(day(from), move |(_, end)| day(*end))
}

/// `false` when there was not enough time.
///
/// A movement that is pending is looked at again by the next runs, which begin where it lies, until it is decided or waits for too long.
pub(crate) async fn match_movements(run: &mut Run<'_>, processor: Processor) -> Result<bool, Failure> {
    let store = &run.context.store;
    let walk = Walk::Movements(processor);
    let from = match reconciliation::cursor(store, walk).await? {
        Some(until) => until - OVERLAP,
        None => run.tick.now - BEGINNING,
    };
    let patience = run.tick.now - PENDING;
    let mut waits_since = None;
    for (from, until) in days(from, run.until().min(run.tick.now - lateness(processor))) {
        let Some(seen) = match_listed(run, processor, Movements::first(processor, from, until), patience).await? else {
            return Ok(false);
        };
        waits_since = [waits_since, seen.waits_since].into_iter().flatten().min();
        reconciliation::advance(store, walk, waits_since.map_or(until, |since| since.min(until))).await?;
    }
    Ok(true)
}

/// What PayPal releases of what it held bears the date of the hold, which a run has long gone past. `false` when there was not enough time.
pub(crate) async fn match_releases(run: &mut Run<'_>) -> Result<bool, Failure> {
    let mut until = run.until().min(run.tick.now - lateness(Processor::PayPal));
    let oldest = until - HOLDS;
    while until > oldest {
        let from = until - PAYPAL_LISTS;
        let seen = match_listed(run, Processor::PayPal, Movements::releases(from), run.tick.now).await?;
        if seen.is_none() {
            return Ok(false);
        }
        until = from;
    }
    Ok(true)
}

/// What was seen on a list.
struct Seen {
    /// Since when the oldest movement waits that is pending.
    waits_since: Option<Timestamp>,
}

/// Matches what is on a list, but for what is pending since a time after `patience`. `None` when there was not enough time.
async fn match_listed(
    run: &mut Run<'_>,
    processor: Processor,
    first: Movements,
    patience: Timestamp,
) -> Result<Option<Seen>, Failure> {
    let mut seen = Seen { waits_since: None };
    let mut page = Some(first);
    while let Some(movements) = page {
        let (told, next) = movements.read(run.context).await?;
        let ids: Vec<String> = told.iter().map(Told::id).collect();
        let known = reconciliation::matched(&run.context.store, processor, ids.iter().map(String::as_str)).await?;
        for (one, _) in told.iter().zip(&ids).filter(|(_, id)| !known.contains(*id)) {
            if run.is_out_of_time() {
                return Ok(None);
            }
            match one.pending_since().filter(|since| *since > patience) {
                Some(since) => seen.waits_since = Some(seen.waits_since.map_or(since, |first| first.min(since))),
                None => movement::look_at(run, one).await?,
            }
        }
        page = next;
    }
    Ok(Some(seen))
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
        Subject::Message { .. } => run.try_again(difference).await,
        Subject::Movement { processor, id, .. } => {
            match books::movement(run.context, *processor, id, difference.opened_at).await? {
                Some(told) => movement::look_at(run, &told).await,
                // That it is no longer shown heals nothing.
                None => run.differs(Some(difference), stands.0, stands.1, Vec::new()).await,
            }
        }
        Subject::Events { processor, until, .. } => {
            let walked = reconciliation::cursor(&run.context.store, Walk::Movements(*processor)).await?;
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
