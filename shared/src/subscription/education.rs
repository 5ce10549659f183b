//! Who studies or teaches: shown to the platform, decided by a person, good for a year.
//!
//! ```text
//!  pending ──accepted──▶ accepted ──a year──▶ (no longer counts)
//!     └────refused────▶ refused
//! ```
//!
//! What somebody shows is personal and is needed only until it is decided: the decision erases it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{EducationalProofId, UserId};

/// An academic year, and holidays.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(24 * 365);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EducationalProof {
    pub id: EducationalProofId,
    pub customer: UserId,
    /// Where they study or teach.
    pub institution: String,
    /// What shows it: an address of the institution, a matriculation number, a link. Nothing once it is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    pub created_at: Timestamp,
    pub state: ProofState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ProofState {
    Pending,
    Accepted { at: Timestamp, until: Timestamp },
    Refused { at: Timestamp, note: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof has been decided already")]
pub struct Decided;

impl EducationalProof {
    pub fn is_good(&self, now: Timestamp) -> bool {
        matches!(self.state, ProofState::Accepted { until, .. } if now < until)
    }

    pub fn accept(&self, now: Timestamp) -> Result<Self, Decided> {
        let until = now.saturating_add(VALID_FOR).unwrap_or(Timestamp::MAX);
        self.decide(ProofState::Accepted { at: now, until })
    }

    pub fn refuse(&self, note: &str, now: Timestamp) -> Result<Self, Decided> {
        self.decide(ProofState::Refused {
            at: now,
            note: note.to_owned(),
        })
    }

    fn decide(&self, state: ProofState) -> Result<Self, Decided> {
        if self.state != ProofState::Pending {
            return Err(Decided);
        }
        Ok(Self {
            state,
            evidence: None,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_proof_is_decided_once_and_good_for_a_year() {
        let now: Timestamp = "2026-11-23T09:00:00Z".parse().expect("a time");
        let seed = Seed::named(now, "proof");
        let asked = EducationalProof {
            id: seed.id("proof"),
            customer: seed.id("customer"),
            institution: "Universität Wien".to_owned(),
            evidence: Some("a01234567@unet.univie.ac.at".to_owned()),
            created_at: now,
            state: ProofState::Pending,
        };
        assert!(!asked.is_good(now));
        let accepted = asked.accept(now).expect("pending");
        let after = |days: i64| {
            now.saturating_add(SignedDuration::from_hours(24 * days))
                .expect("a time")
        };
        assert!(accepted.is_good(now) && accepted.is_good(after(364)) && !accepted.is_good(after(365)));
        assert_eq!(accepted.evidence, None, "what was shown is erased");
        assert_eq!(accepted.refuse("no", now), Err(Decided));
        let refused = asked
            .refuse("The address is not of the institution.", now)
            .expect("pending");
        assert!(!refused.is_good(now));
        assert_eq!(refused.accept(now), Err(Decided));
    }
}
