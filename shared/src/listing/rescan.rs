//! Everything that is listed, scanned once more because the rules have changed or an operator wants to know.
//!
//! ```text
//! begun ──each version scanned──▶ complete ──enforced──▶ what was found is scanned again, and suspended if it still does not pass
//! ```
//!
//! A rescan only monitors: what it finds is a report. Enforcing it is an operator's act, under whose name the suspensions stand. Counters
//! are added to with the row that is counted, so a message that comes twice counts once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::version::Version;
use crate::audit::AuditEvent;
use crate::ids::{ListingId, PartnerId, RescanId, UserId, VersionId};
use crate::messages::{Envelope, Message};
use crate::scan::Verdict;
use crate::seed::Seed;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescan {
    pub id: RescanId,
    pub begun_at: Timestamp,
    /// Nobody, where it was begun because the rules had changed.
    pub by: Option<UserId>,
    /// Those rules.
    pub ruleset: Option<String>,
    /// Versions that were listed when it came to them.
    pub versions: u64,
    /// How many pages of versions wait to be sent off.
    pub pages_open: u64,
    pub scanned: u64,
    pub found: u64,
    pub enforced: Option<Enforced>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    pub by: UserId,
    pub at: Timestamp,
}

/// What a rescan says of a version that does not pass it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RescanFinding {
    pub partner: PartnerId,
    pub listing: ListingId,
    pub version: VersionId,
    pub number: semver::Version,
    pub sha256: String,
    pub verdict: Verdict,
    pub reason_codes: Vec<String>,
    pub ruleset: String,
    pub at: Timestamp,
}

/// A rescan with the message that sends its first page off; stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub rescan: Rescan,
    pub message: Envelope,
}

/// An operator wants to know.
pub fn begin(by: UserId, now: Timestamp, seed: &Seed) -> Begun {
    begun(Some(by), None, now, seed)
}

/// The rules have changed.
pub fn begin_for_rules(ruleset: &str, now: Timestamp, seed: &Seed) -> Begun {
    begun(None, Some(ruleset.to_owned()), now, seed)
}

fn begun(by: Option<UserId>, ruleset: Option<String>, now: Timestamp, seed: &Seed) -> Begun {
    let id = seed.id("rescan");
    let rescan = Rescan {
        id,
        begun_at: now,
        by,
        ruleset,
        versions: 0,
        pages_open: 1,
        scanned: 0,
        found: 0,
        enforced: None,
    };
    let first = Message::RescanPage {
        rescan: id,
        after: None,
    };
    Begun {
        rescan,
        message: Envelope::new(seed.id("page"), first),
    }
}

impl Rescan {
    pub fn is_complete(&self) -> bool {
        self.pages_open == 0 && self.scanned == self.versions
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnforceError {
    #[error("the rescan is not complete")]
    NotComplete,
    #[error("the rescan has been enforced already")]
    Already,
}

/// What was found is to be suspended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforcement {
    pub rescan: Rescan,
    pub audit: AuditEvent,
    pub message: Envelope,
}

pub fn enforce(rescan: &Rescan, by: UserId, now: Timestamp, seed: &Seed) -> Result<Enforcement, EnforceError> {
    if rescan.enforced.is_some() {
        return Err(EnforceError::Already);
    }
    if !rescan.is_complete() {
        return Err(EnforceError::NotComplete);
    }
    let first = Message::SuspendFoundPage {
        rescan: rescan.id,
        by,
        after: None,
    };
    Ok(Enforcement {
        rescan: Rescan {
            enforced: Some(Enforced { by, at: now }),
            ..rescan.clone()
        },
        audit: AuditEvent {
            id: seed.id("audit"),
            at: now,
            actor: by,
            action: "rescan.enforce".into(),
            subject: rescan.id.to_string(),
            reason_code: None,
            evidence: Some(format!("{} of {} versions do not pass", rescan.found, rescan.scanned)),
        },
        message: Envelope::new(seed.id("page"), first),
    })
}

impl RescanFinding {
    pub fn of(version: &Version, verdict: Verdict, reason_codes: Vec<String>, ruleset: &str, now: Timestamp) -> Self {
        Self {
            partner: version.partner,
            listing: version.listing,
            version: version.id,
            number: version.number.clone(),
            sha256: version
                .artifact()
                .map_or_else(String::new, |artifact| artifact.sha256.clone()),
            verdict,
            reason_codes,
            ruleset: ruleset.to_owned(),
            at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample;

    #[test]
    fn only_a_complete_rescan_is_enforced_and_once() {
        let (by, now, seed) = (sample::reviewer().user, sample::now(), sample::seed(1));
        let begun = begin(by, now, &seed).rescan;
        assert_eq!(
            enforce(&begun, by, now, &seed).map(drop),
            Err(EnforceError::NotComplete)
        );
        let halfway = Rescan {
            pages_open: 0,
            versions: 2,
            scanned: 1,
            ..begun
        };
        assert_eq!(
            enforce(&halfway, by, now, &seed).map(drop),
            Err(EnforceError::NotComplete)
        );
        let complete = Rescan { scanned: 2, ..halfway };
        let enforced = enforce(&complete, by, now, &seed).expect("complete");
        assert!(matches!(enforced.message.message, Message::SuspendFoundPage { .. }));
        let again = enforce(&enforced.rescan, by, now, &seed);
        assert_eq!(again.map(drop), Err(EnforceError::Already));
    }
}
