//! How long a licence lasts: what starts its clock, what is left when it has run out, and when the next check-in is due.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::grant::{Grant, Standing, Status, after};
use super::policy::{Basis, ExpiryStrategy, Interval, Policy};

/// What is left of the term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// It runs, or has no end.
    Current,
    /// It is over, and the policy lets it pass: in the grace period, or for ever.
    Tolerated,
    /// It is over for everything that was not released before `expired_at`.
    Maintained {
        expired_at: Timestamp,
    },
    Over,
}

/// Where the licence is in its term, whatever its standing.
pub fn lapse(policy: &Policy, grant: &Grant, now: Timestamp) -> Lapse {
    let Some(expired_at) = grant.expires_at.filter(|at| *at <= now) else {
        return Lapse::Current;
    };
    if grant.trial {
        return Lapse::Over;
    }
    match policy.expiry.strategy {
        ExpiryStrategy::Allow => Lapse::Tolerated,
        _ if now < after(expired_at, policy.expiry.grace_seconds) => Lapse::Tolerated,
        ExpiryStrategy::Maintain => Lapse::Maintained { expired_at },
        ExpiryStrategy::Restrict | ExpiryStrategy::Revoke => Lapse::Over,
    }
}

/// Until when it can be valid for software of any release: the end of its term and of the grace after it. Nothing where it has no end, or none
/// that matters.
pub fn usable_until(policy: &Policy, grant: &Grant) -> Option<Timestamp> {
    let expires_at = grant.expires_at?;
    if grant.trial {
        return Some(expires_at);
    }
    (policy.expiry.strategy != ExpiryStrategy::Allow).then(|| after(expires_at, policy.expiry.grace_seconds))
}

/// Whether leases may be taken and renewed; the status that stands against it otherwise.
pub(super) fn serving(policy: &Policy, grant: &Grant, now: Timestamp) -> Result<(), Status> {
    if grant.standing != Standing::Good || lapse(policy, grant, now) == Lapse::Over {
        return Err(grant.status(now));
    }
    Ok(())
}

/// Whether an artifact that was released at `released_at` may be downloaded.
pub fn may_download(policy: &Policy, grant: &Grant, released_at: Timestamp, now: Timestamp) -> bool {
    if grant.standing != Standing::Good {
        return false;
    }
    let in_time = grant.expires_at.is_none_or(|expires_at| released_at < expires_at);
    match lapse(policy, grant, now) {
        Lapse::Current | Lapse::Tolerated => true,
        Lapse::Maintained { .. } => in_time,
        Lapse::Over => policy.expiry.strategy == ExpiryStrategy::Restrict && !grant.trial && in_time,
    }
}

/// The licence after something happened to it for the first time, if that starts its clock. Whoever validates, activates, downloads or uses
/// calls this; nothing is to be written where it answers with nothing.
///
/// The clock of a trial begins with the trial.
pub fn begin(policy: &Policy, grant: &Grant, event: Basis, now: Timestamp) -> Option<Grant> {
    let expires_at = started(policy, grant, event, now)?;
    Some(Grant {
        expires_at: Some(expires_at),
        revision: grant.revision + 1,
        ..grant.clone()
    })
}

/// When it will expire, if `event` starts its clock now.
pub(super) fn started(policy: &Policy, grant: &Grant, event: Basis, now: Timestamp) -> Option<Timestamp> {
    let waits = grant.expires_at.is_none() && !grant.trial && grant.standing == Standing::Good;
    let duration_seconds = policy.expiry.duration_seconds?;
    (waits && policy.expiry.basis == event).then(|| after(now, duration_seconds))
}

/// The first moment at which the licence is overdue; nothing where nobody needs to check in.
pub fn check_in_due(policy: &Policy, grant: &Grant) -> Option<Timestamp> {
    let check_in = policy.check_in?;
    let every = i64::from(check_in.every);
    let span = match check_in.interval {
        Interval::Day => Span::new().days(every),
        Interval::Week => Span::new().weeks(every),
        Interval::Month => Span::new().months(every),
        Interval::Year => Span::new().years(every),
    };
    let last = grant.checked_in_at.unwrap_or(grant.created_at).to_zoned(TimeZone::UTC);
    // Only beyond the year 9999 is there no such day.
    let due = last.checked_add(span).map(|due| due.timestamp());
    Some(due.unwrap_or(Timestamp::MAX))
}

/// The customer's software was heard of. Refused while the licence is not in good standing; an expired licence may check in.
pub fn check_in(policy: &Policy, grant: &Grant, now: Timestamp) -> Result<Grant, CheckInError> {
    if policy.check_in.is_none() {
        return Err(CheckInError::NotAsked);
    }
    if grant.standing != Standing::Good {
        return Err(CheckInError::Unusable(grant.status(now)));
    }
    Ok(Grant {
        checked_in_at: Some(grant.checked_in_at.map_or(now, |last| last.max(now))),
        revision: grant.revision + 1,
        ..grant.clone()
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckInError {
    #[error("the policy does not ask for check-ins")]
    NotAsked,
    #[error("the licence is {0}")]
    Unusable(Status),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licensing::policy::{CheckIn, DAY};
    use crate::licensing::sample;

    #[track_caller]
    fn check_due(since: &str, interval: Interval, every: u16, expected: &str) {
        let mut policy = sample::policy();
        policy.check_in = Some(CheckIn { interval, every });
        let mut grant = sample::grant();
        grant.created_at = since.parse().expect("a time");
        let expected: Timestamp = expected.parse().expect("a time");
        assert_eq!(check_in_due(&policy, &grant), Some(expected));
    }

    #[test]
    fn check_ins_follow_the_calendar() {
        check_due("2026-01-31T10:00:00Z", Interval::Day, 1, "2026-02-01T10:00:00Z");
        check_due("2026-01-31T10:00:00Z", Interval::Week, 2, "2026-02-14T10:00:00Z");
        check_due("2026-01-31T10:00:00Z", Interval::Month, 1, "2026-02-28T10:00:00Z");
        check_due("2028-02-29T10:00:00Z", Interval::Year, 1, "2029-02-28T10:00:00Z");
    }

    #[test]
    fn a_check_in_sets_the_next_day() {
        let mut policy = sample::policy();
        let (grant, now) = (sample::grant(), sample::days(40));
        assert_eq!(check_in(&policy, &grant, now), Err(CheckInError::NotAsked));
        policy.check_in = Some(CheckIn {
            interval: Interval::Day,
            every: 1,
        });
        let done = check_in(&policy, &grant, now).expect("in good standing");
        assert_eq!(check_in_due(&policy, &done), Some(sample::days(41)));
        let late = check_in(&policy, &done, sample::days(39)).expect("reordered");
        assert_eq!(late.checked_in_at, Some(now), "an older one changes nothing");
        let mut stopped = grant;
        stopped.standing = Standing::Suspended { since: now };
        assert_eq!(
            check_in(&policy, &stopped, now),
            Err(CheckInError::Unusable(Status::Suspended))
        );
    }

    #[test]
    fn the_clock_starts_once_and_for_its_own_event_only() {
        let mut policy = sample::policy();
        policy.expiry.duration_seconds = Some(30 * DAY);
        let events = [
            Basis::FirstValidation,
            Basis::FirstActivation,
            Basis::FirstDownload,
            Basis::FirstUse,
        ];
        for basis in events {
            policy.expiry.basis = basis;
            for event in events {
                let begun = begin(&policy, &sample::grant(), event, sample::days(5));
                let expires_at = begun.as_ref().and_then(|grant| grant.expires_at);
                assert_eq!(
                    expires_at,
                    (event == basis).then(|| sample::days(35)),
                    "{basis} {event}"
                );
                let again = begun.and_then(|grant| begin(&policy, &grant, event, sample::days(6)));
                assert_eq!(again, None);
            }
        }
    }

    #[test]
    fn what_may_be_downloaded_depends_on_when_it_was_released() {
        // Before the expiry, old release; after the expiry, old release; after the expiry, new release.
        let may = |strategy, trial| {
            let mut policy = sample::policy();
            policy.expiry.strategy = strategy;
            let mut grant = sample::grant();
            (grant.expires_at, grant.trial) = (Some(sample::days(10)), trial);
            [(5, 1), (10, 1), (20, 9), (20, 10), (20, 15)]
                .map(|(now, released)| may_download(&policy, &grant, sample::days(released), sample::days(now)))
        };
        assert_eq!(may(ExpiryStrategy::Restrict, false), [true, true, true, false, false]);
        assert_eq!(may(ExpiryStrategy::Maintain, false), [true, true, true, false, false]);
        assert_eq!(may(ExpiryStrategy::Revoke, false), [true, false, false, false, false]);
        assert_eq!(may(ExpiryStrategy::Allow, false), [true; 5]);
        assert_eq!(may(ExpiryStrategy::Allow, true), [true, false, false, false, false]);
    }
}
