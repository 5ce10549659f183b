//! What somebody says is wrong with something that is listed.
//!
//! A report waits for a moderator as a case. Whoever says what, says it once a day about a version; saying it again changes nothing. What
//! follows from a report is decided about the version; then the report is closed.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::case::{About, Case};
use super::content::{Flaw, check_text};
use super::draft::Listing;
use super::review::{DecisionRequest, Ground, ReasonCode, ReviewError, Ruling, Sitting};
use super::version::Version;
use crate::audit::AuditEvent;
use crate::ids::UserId;
use crate::seed::Seed;

const MAX_TEXT_CHARS: usize = 5_000;

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ReportKind {
    /// It harms whoever uses it.
    Malware,
    /// It can be used to harm whoever uses it.
    Vulnerability,
    /// It is not what it says it is.
    Deceptive,
    /// It holds what belongs to others.
    Infringement,
    Inappropriate,
    Other,
}

impl ReportKind {
    /// Whether waiting can do harm.
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Malware | Self::Vulnerability)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRequest {
    pub kind: ReportKind,
    pub text: String,
}

/// The case of a report. The same reporter (or anybody who does not say who they are) gets the same case all day.
pub fn report(
    listing: &Listing,
    version: &Version,
    request: &ReportRequest,
    reporter: Option<UserId>,
    now: Timestamp,
) -> Result<Case, Vec<Flaw>> {
    let mut flaws = Vec::new();
    check_text(&mut flaws, "/text", &request.text, 1, MAX_TEXT_CHARS);
    let (Some(upload), true) = (version.upload(), flaws.is_empty()) else {
        return Err(flaws);
    };
    let about = About::Report {
        upload,
        reported_as: request.kind,
        text: request.text.clone(),
        reporter,
    };
    let who = reporter.map_or_else(|| "anybody".to_owned(), |user| user.to_string());
    let day = now
        .to_zoned(TimeZone::UTC)
        .start_of_day()
        .map_or(now, |day| day.timestamp());
    let seed = Seed::named(day, &format!("report {} {} {who}", version.id, request.kind));
    Ok(Case::open(listing, version, about, now, &seed))
}

/// What becomes of a report.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ReportAct {
    /// Nothing is left to be done about it.
    Close,
}

impl Ruling for ReportAct {
    fn rests_on(self, ground: Ground) -> bool {
        matches!(ground, Ground::Release | Ground::Mendable | Ground::Refusal)
    }

    fn usual_reason(self) -> Option<ReasonCode> {
        None
    }
}

/// Closes a report.
pub fn close(
    case: &Case,
    version: &Version,
    request: &DecisionRequest<ReportAct>,
    sitting: &Sitting<'_>,
) -> Result<AuditEvent, ReviewError> {
    let About::Report { reported_as, text, .. } = &case.about else {
        return Err(ReviewError::NotCurrent);
    };
    let decision = sitting.decision(version.created_by, Some(case), request)?;
    let seen = format!(
        "version {} ({}), reported as {reported_as}: {text}",
        case.number, case.version
    );
    Ok(sitting.audit(&decision, ("report", case.id.to_string()), &seen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample;
    use jiff::SignedDuration;

    fn of(kind: ReportKind, reporter: Option<UserId>, now: Timestamp) -> Case {
        let request = ReportRequest {
            kind,
            text: "It calls home.".into(),
        };
        let version = sample::submitted().version;
        report(&sample::listing(), &version, &request, reporter, now).expect("complete")
    }

    #[test]
    fn saying_it_again_the_same_day_is_the_same_report() {
        let (now, ada) = (sample::now(), Some(sample::author()));
        let first = of(ReportKind::Malware, ada, now);
        assert_eq!(
            of(ReportKind::Malware, ada, now + SignedDuration::from_mins(1)).id,
            first.id
        );
        for other in [
            of(ReportKind::Malware, None, now),
            of(ReportKind::Other, ada, now),
            of(ReportKind::Malware, ada, now + SignedDuration::from_hours(24)),
        ] {
            assert_ne!(other.id, first.id);
        }
    }

    #[test]
    fn malware_is_due_within_the_hour_and_comes_first() {
        let now = sample::now();
        let (malware, other) = (of(ReportKind::Malware, None, now), of(ReportKind::Other, None, now));
        assert_eq!(malware.due_at, now + SignedDuration::from_hours(1));
        assert!(other.due_at > now + SignedDuration::from_hours(24));
        assert!(malware.urgent_since() < other.urgent_since());
    }

    #[test]
    fn a_report_says_something() {
        let request = ReportRequest {
            kind: ReportKind::Other,
            text: String::new(),
        };
        let version = sample::submitted().version;
        let refused = report(&sample::listing(), &version, &request, None, sample::now());
        assert_eq!(
            refused.map_err(|flaws| flaws[0].pointer.clone()),
            Err("/text".to_owned())
        );
    }

    #[test]
    fn closing_needs_a_reason_and_leaves_a_trace() {
        let case = of(ReportKind::Malware, None, sample::now());
        let (seed, version) = (sample::seed(9), sample::submitted().version);
        let close = |reason_code| {
            let request = DecisionRequest {
                act: ReportAct::Close,
                reason_code,
                note: "It asks for its licence.".into(),
            };
            close(&case, &version, &request, &sample::sitting(sample::reviewer(), &seed))
        };
        let audit = close(Some(ReasonCode::Unfounded)).expect("closed");
        assert_eq!(audit.action, "report.close");
        assert!(
            audit
                .evidence
                .is_some_and(|evidence| evidence.contains("It calls home."))
        );
        assert!(matches!(close(None), Err(ReviewError::Invalid(_))));
    }
}
