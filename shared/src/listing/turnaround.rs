//! How long those wait who wait for a moderator: from the opening of a case to its decision.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use super::case::{Case, CaseKind};
use crate::ids::CaseId;

/// A case that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    pub case: CaseId,
    pub kind: CaseKind,
    pub opened_at: Timestamp,
    pub due_at: Timestamp,
    pub decided_at: Timestamp,
}

impl Closed {
    pub fn of(case: &Case, decided_at: Timestamp) -> Self {
        Self {
            case: case.id,
            kind: case.kind(),
            opened_at: case.opened_at,
            due_at: case.due_at,
            decided_at,
        }
    }

    fn waited(&self) -> SignedDuration {
        self.decided_at.duration_since(self.opened_at)
    }
}

/// The waits of one kind of case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turnaround {
    pub kind: CaseKind,
    pub decided: usize,
    /// Decided by the day that was promised.
    pub on_time: usize,
    pub median: SignedDuration,
    /// Nine of ten waited no longer.
    pub ninth_decile: SignedDuration,
    pub longest: SignedDuration,
}

/// One for each kind of which there were any.
pub fn turnarounds(closed: &[Closed]) -> Vec<Turnaround> {
    CaseKind::iter().filter_map(|kind| of_kind(closed, kind)).collect()
}

fn of_kind(closed: &[Closed], kind: CaseKind) -> Option<Turnaround> {
    let of_kind = || closed.iter().filter(|closed| closed.kind == kind);
    let mut waits: Vec<_> = of_kind().map(Closed::waited).collect();
    waits.sort_unstable();
    Some(Turnaround {
        kind,
        decided: waits.len(),
        on_time: of_kind().filter(|closed| closed.decided_at <= closed.due_at).count(),
        median: nearest_rank(&waits, 50)?,
        ninth_decile: nearest_rank(&waits, 90)?,
        longest: *waits.last()?,
    })
}

/// The smallest wait that at least this share of all do not exceed.
fn nearest_rank(sorted: &[SignedDuration], percent: usize) -> Option<SignedDuration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample;

    fn after(hours: i64, kind: CaseKind) -> Closed {
        let case = sample::submitted().case;
        Closed {
            kind,
            due_at: case.opened_at + SignedDuration::from_hours(72),
            ..Closed::of(&case, case.opened_at + SignedDuration::from_hours(hours))
        }
    }

    #[test]
    fn each_kind_has_its_own_waits() {
        let mut closed: Vec<_> = (1..=10).map(|hours| after(hours * 10, CaseKind::Submission)).collect();
        closed.push(after(1, CaseKind::Report));
        let [submission, report] = turnarounds(&closed)[..] else {
            panic!("two kinds")
        };
        assert_eq!(
            (submission.kind, submission.decided, submission.on_time),
            (CaseKind::Submission, 10, 7)
        );
        let hours = |wait: SignedDuration| wait.as_hours();
        assert_eq!(
            (
                hours(submission.median),
                hours(submission.ninth_decile),
                hours(submission.longest)
            ),
            (50, 90, 100)
        );
        assert_eq!(
            (report.kind, hours(report.median), hours(report.longest)),
            (CaseKind::Report, 1, 1)
        );
        assert_eq!(turnarounds(&[]), []);
    }
}
