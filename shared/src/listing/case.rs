//! What waits for a moderator: a version that was handed in, one that its scan holds, one that is suspended; a partner's appeal; or what somebody
//! reports.
//!
//! ```text
//! open ──claim──▶ claimed ──release, or the claim runs out──▶ open
//!   └──────────┬─────┘
//!              └──decision, or the partner uploads another package──▶ gone
//! ```
//!
//! A case exists as long as it waits: what was decided stands with what it was decided about, and who did what in the audit log. While
//! somebody has claimed it, nobody else decides. The queue is in the order of age and risk: a case of weight 24 comes before all that were
//! opened less than a day earlier and weigh nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::draft::Listing;
use super::moderation::Remark;
use super::report::ReportKind;
use super::version::Version;
use crate::audit::AuditEvent;
use crate::ids::{AppealId, CaseId, ListingId, PartnerId, SubmissionId, UploadId, UserId, VersionId};
use crate::partner::working_days;
use crate::seed::Seed;

/// What partners are promised: a first decision within this many working days.
const DECIDED_WITHIN_WORKING_DAYS: u32 = 3;
/// From a report of malware to what is done about it.
const URGENT_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// After that others may take it over.
const CLAIM_LASTS: SignedDuration = SignedDuration::from_hours(4);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    pub id: CaseId,
    pub partner: PartnerId,
    pub listing: ListingId,
    pub version: VersionId,
    pub title: String,
    pub number: semver::Version,
    pub about: About,
    /// The hours by which it comes before what was opened with it.
    pub weight: u32,
    pub opened_at: Timestamp,
    pub due_at: Timestamp,
    pub claim: Option<Claim>,
    /// When the partner has said something last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
}

/// What is to be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum About {
    HeldScan {
        upload: UploadId,
        reason_codes: Vec<String>,
    },
    Submission {
        submission: SubmissionId,
        upload: UploadId,
        /// What stands out in the texts.
        remarks: Vec<Remark>,
    },
    Suspension {
        upload: UploadId,
        reason_codes: Vec<String>,
    },
    Appeal {
        appeal: AppealId,
        upload: UploadId,
        /// Of what the partner appeals against.
        reason_codes: Vec<String>,
    },
    Report {
        upload: UploadId,
        reported_as: ReportKind,
        text: String,
        /// Nobody, where they did not say who they are.
        reporter: Option<UserId>,
    },
}

/// The name of what a case is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CaseKind {
    /// A package that its scan holds: nobody has handed it in yet.
    HeldScan,
    Submission,
    /// A published version that is stopped until somebody has decided.
    Suspension,
    Appeal,
    /// What somebody says is wrong with something that is listed.
    Report,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub by: UserId,
    pub until: Timestamp,
}

/// Who decides, and what is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reviewer {
    pub user: UserId,
    /// Whether they are of the partner's team.
    pub of_the_team: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    #[error("nobody decides about their own work")]
    OwnWork,
    #[error("an appeal is decided by somebody else than who it is against")]
    OwnDecision,
    #[error("somebody else has claimed the case until {}", .0.until)]
    ClaimedByAnother(Claim),
    #[error("the case is not claimed by who wants to release it")]
    NotClaimed,
}

/// A claim that begins or ends, with its audit entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    pub case: Case,
    pub audit: AuditEvent,
}

impl Case {
    pub(super) fn open(listing: &Listing, version: &Version, about: About, now: Timestamp, seed: &Seed) -> Self {
        Self {
            id: seed.id("case"),
            partner: version.partner,
            listing: version.listing,
            version: version.id,
            title: listing.content.title.clone(),
            number: version.number.clone(),
            weight: weight(listing, &about),
            due_at: due(&about, now),
            about,
            opened_at: now,
            claim: None,
            answered_at: None,
        }
    }

    /// The earlier, the more urgent: when a case that weighs nothing would have been opened to be as urgent as this one.
    pub fn urgent_since(&self) -> Timestamp {
        let ahead = SignedDuration::from_hours(i64::from(self.weight));
        self.opened_at.saturating_sub(ahead).unwrap_or(self.opened_at)
    }

    /// The claim, unless it has run out.
    pub fn claimed(&self, now: Timestamp) -> Option<Claim> {
        self.claim.filter(|claim| claim.until > now)
    }

    /// The upload whose checks are the evidence.
    pub fn upload(&self) -> UploadId {
        match self.about {
            About::HeldScan { upload, .. }
            | About::Submission { upload, .. }
            | About::Suspension { upload, .. }
            | About::Appeal { upload, .. }
            | About::Report { upload, .. } => upload,
        }
    }

    pub fn kind(&self) -> CaseKind {
        match self.about {
            About::HeldScan { .. } => CaseKind::HeldScan,
            About::Submission { .. } => CaseKind::Submission,
            About::Suspension { .. } => CaseKind::Suspension,
            About::Appeal { .. } => CaseKind::Appeal,
            About::Report { .. } => CaseKind::Report,
        }
    }

    pub(super) fn answered(&self, now: Timestamp) -> Self {
        Self {
            answered_at: Some(now),
            ..self.clone()
        }
    }

    /// Whether the reviewer may decide now.
    pub(super) fn is_open_to(&self, reviewer: Reviewer, now: Timestamp) -> Result<(), CaseError> {
        if reviewer.of_the_team {
            return Err(CaseError::OwnWork);
        }
        match self.claimed(now) {
            Some(claim) if claim.by != reviewer.user => Err(CaseError::ClaimedByAnother(claim)),
            _ => Ok(()),
        }
    }

    fn handed(&self, claim: Option<Claim>, (action, by): (&str, UserId), now: Timestamp, seed: &Seed) -> Handed {
        Handed {
            case: Self { claim, ..self.clone() },
            audit: AuditEvent {
                id: seed.id("audit"),
                at: now,
                actor: by,
                action: format!("review_case.{action}"),
                subject: self.id.to_string(),
                reason_code: None,
                evidence: Some(format!("version {} ({})", self.number, self.version)),
            },
        }
    }
}

fn due(about: &About, now: Timestamp) -> Timestamp {
    match about {
        About::Report { reported_as, .. } if reported_as.is_urgent() => {
            now.saturating_add(URGENT_WITHIN).unwrap_or(now)
        }
        _ => working_days::after(now, DECIDED_WITHIN_WORKING_DAYS),
    }
}

/// What can do harm comes first, what nobody has seen before the rest.
fn weight(listing: &Listing, about: &About) -> u32 {
    const HARMFUL: [&str; 5] = ["eicar.", "native.", "secrets.", "wasm.", "yara."];
    let held = match about {
        About::Submission { remarks, .. } => {
            if remarks.is_empty() {
                0
            } else {
                12
            }
        }
        About::Appeal { .. } => 12,
        About::Report { reported_as, .. } => {
            if reported_as.is_urgent() {
                72
            } else {
                12
            }
        }
        // Customers cannot get what they have paid for.
        About::Suspension { .. } => 48,
        About::HeldScan { reason_codes, .. } => {
            let harmful = |code: &String| HARMFUL.iter().any(|check| code.starts_with(check));
            if reason_codes.iter().any(harmful) { 48 } else { 24 }
        }
    };
    let runs = listing.content.content_type.runs();
    let is_first = listing.live.is_none();
    held + 24 * u32::from(runs) + 12 * u32::from(is_first)
}

/// Takes a case, or keeps it for longer.
pub fn claim(case: &Case, reviewer: Reviewer, now: Timestamp, seed: &Seed) -> Result<Handed, CaseError> {
    case.is_open_to(reviewer, now)?;
    let claim = Claim {
        by: reviewer.user,
        until: now.saturating_add(CLAIM_LASTS).unwrap_or(now),
    };
    Ok(case.handed(Some(claim), ("claim", reviewer.user), now, seed))
}

/// Gives a case back.
pub fn release(case: &Case, by: UserId, now: Timestamp, seed: &Seed) -> Result<Handed, CaseError> {
    match case.claimed(now) {
        Some(claim) if claim.by == by => Ok(case.handed(None, ("release", by), now, seed)),
        _ => Err(CaseError::NotClaimed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{Content, ContentType, sample};

    fn case() -> Case {
        sample::submitted().case
    }

    fn later(hours: i64) -> Timestamp {
        sample::now() + SignedDuration::from_hours(hours)
    }

    fn other() -> Reviewer {
        Reviewer {
            user: sample::seed(77).id("another"),
            of_the_team: false,
        }
    }

    #[test]
    fn a_claim_keeps_others_away_until_it_runs_out() {
        let (mine, now, seed) = (sample::reviewer(), sample::now(), sample::seed(5));
        let claimed = claim(&case(), mine, now, &seed).expect("open").case;
        let taken = claimed.claimed(now).expect("a claim");
        let refused = Err(CaseError::ClaimedByAnother(taken));
        assert_eq!(claim(&claimed, other(), later(3), &seed).map(drop), refused);
        assert_eq!(claimed.is_open_to(other(), later(3)), refused);
        assert_eq!(claimed.is_open_to(mine, later(3)), Ok(()));
        assert_eq!(claimed.is_open_to(other(), later(4)), Ok(()), "it ran out");
        let longer = claim(&claimed, mine, later(3), &seed).expect("kept").case;
        assert!(longer.is_open_to(other(), later(5)).is_err());
    }

    #[test]
    fn only_who_claimed_a_case_gives_it_back() {
        let (mine, now, seed) = (sample::reviewer(), sample::now(), sample::seed(5));
        assert_eq!(
            release(&case(), mine.user, now, &seed).map(drop),
            Err(CaseError::NotClaimed)
        );
        let claimed = claim(&case(), mine, now, &seed).expect("open").case;
        assert_eq!(
            release(&claimed, other().user, now, &seed).map(drop),
            Err(CaseError::NotClaimed)
        );
        let free = release(&claimed, mine.user, now, &seed).expect("mine");
        assert_eq!(
            (free.case.claim, free.audit.action.as_str()),
            (None, "review_case.release")
        );
    }

    #[test]
    fn a_team_does_not_claim_its_own_work() {
        let own = Reviewer {
            of_the_team: true,
            ..sample::reviewer()
        };
        let refused = claim(&case(), own, sample::now(), &sample::seed(5)).map(drop);
        assert_eq!(refused, Err(CaseError::OwnWork));
    }

    #[test]
    fn what_can_do_harm_comes_first() {
        let urgency = |content_type, reason_codes: &[&str]| {
            let listing = Listing {
                content: Content {
                    content_type,
                    ..sample::content()
                },
                ..sample::listing()
            };
            let about = About::HeldScan {
                upload: sample::upload().id,
                reason_codes: reason_codes.iter().map(|code| (*code).to_owned()).collect(),
            };
            Case::open(&listing, &sample::version(), about, sample::now(), &sample::seed(5)).urgent_since()
        };
        let order = [
            urgency(ContentType::PluginNative, &["native.architecture"]),
            urgency(ContentType::SynthPreset, &["pdf.script", "yara.dropper"]),
            urgency(ContentType::SynthPreset, &["pdf.script"]),
            case().urgent_since(),
        ];
        assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
    }
}
