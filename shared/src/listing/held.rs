//! A moderator's decision about a package that its scan holds.
//!
//! ```text
//! quarantined ──release──▶ scanning, with the rules that held it waived ──▶ passed, or held for what is new
//!             └─reject──▶ rejected
//! ```
//!
//! What is released is scanned again: nothing is listed without a scan of exactly its bytes that passed. A rule is waived for these bytes
//! alone; the next version is held by it again.

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::review::{Decision, DecisionRequest, Ground, ReasonCode, ReviewError, Ruling, Sitting};
use super::upload::{Upload, UploadOutcome};
use super::version::{Refusal, Stage, Version};
use crate::audit::AuditEvent;
use crate::messages::{Envelope, HeldVerdict, Notice};

/// What becomes of a held package.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HeldAct {
    /// It is scanned again, and what held it no longer does.
    Release,
    /// The version may come again with another package.
    Reject,
}

impl Ruling for HeldAct {
    fn rests_on(self, ground: Ground) -> bool {
        match self {
            Self::Release => ground == Ground::Release,
            Self::Reject => matches!(ground, Ground::Mendable | Ground::Refusal),
        }
    }

    fn usual_reason(self) -> Option<ReasonCode> {
        None
    }
}

/// A decision about held bytes, as their upload keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldDecision {
    pub decision: Decision<HeldAct>,
    /// The rules that may find what they found.
    pub waived: Vec<String>,
}

/// A decision about held bytes with all that follows from it; stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub version: Version,
    pub upload: Upload,
    pub audit: AuditEvent,
    /// Tells the partner's owner, and has what is released scanned.
    pub messages: Vec<Envelope>,
}

/// Decides about the held package of this version, which is this upload's.
pub fn judge(
    version: &Version,
    upload: &Upload,
    case: &Case,
    request: &DecisionRequest<HeldAct>,
    sitting: &Sitting<'_>,
) -> Result<Judged, ReviewError> {
    let seed = sitting.seed;
    let (
        Stage::Quarantined {
            upload: held,
            case: current,
            ..
        },
        Some(UploadOutcome::Scanned {
            object_version,
            summary,
        }),
    ) = (&version.stage, &upload.outcome)
    else {
        return Err(ReviewError::NotCurrent);
    };
    if *held != upload.id || *current != case.id {
        return Err(ReviewError::NotCurrent);
    }
    let decision = sitting.decision(upload.requested_by, Some(case), request)?;
    let codes = summary.reason_codes.join(", ");
    let seen = format!(
        "version {} with SHA-256 {}, held by {codes}",
        version.number, summary.sha256
    );
    let audit = sitting.audit(&decision, ("held_scan", version.id.to_string()), &seen);
    let notice = Notice::HeldScan {
        listing_title: case.title.clone(),
        version: version.number.to_string(),
        decision: match decision.act {
            HeldAct::Release => HeldVerdict::Released,
            HeldAct::Reject => HeldVerdict::Rejected,
        },
        reason_code: decision.reason_code.to_string(),
    };
    let mut messages = vec![sitting.notice(version.partner, notice)];
    let (stage, outcome, waived) = match decision.act {
        HeldAct::Release => {
            messages.push(upload.scan_again(seed));
            let stage = Stage::Scanning {
                upload: upload.id,
                object_version: object_version.clone(),
            };
            (stage, None, summary.reason_codes.clone())
        }
        HeldAct::Reject => {
            let stage = Stage::Rejected {
                upload: upload.id,
                submission: None,
                reason_codes: vec![decision.reason_code.to_string()],
                refusal: Refusal::new(decision.at, decision.by),
            };
            (stage, upload.outcome.clone(), Vec::new())
        }
    };
    let mut upload = Upload {
        outcome,
        ..upload.clone()
    };
    upload.held.push(HeldDecision { decision, waived });
    Ok(Judged {
        version: version.at(stage),
        upload,
        audit,
        messages,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{Arrival, CaseError, Reviewer, Scanned, Status, arrive, conclude, sample};
    use crate::messages::Message;
    use crate::scan::{Summary, Verdict};

    fn request(act: HeldAct, reason_code: ReasonCode) -> DecisionRequest<HeldAct> {
        DecisionRequest {
            act,
            reason_code: Some(reason_code),
            note: "We looked at it.".into(),
        }
    }

    fn release() -> DecisionRequest<HeldAct> {
        request(HeldAct::Release, ReasonCode::FalsePositive)
    }

    fn decided(held: &Scanned, reviewer: Reviewer, request: &DecisionRequest<HeldAct>) -> Result<Judged, ReviewError> {
        let (seed, case) = (sample::seed(6), held.case.as_ref().expect("a case"));
        judge(
            &held.version,
            &held.upload,
            case,
            request,
            &sample::sitting(reviewer, &seed),
        )
    }

    #[test]
    fn what_is_released_is_scanned_again_and_passes_what_was_seen() {
        let held = sample::held();
        let released = decided(&held, sample::reviewer(), &release()).expect("a decision");
        assert_eq!(released.version.status(), Status::Scanning);
        assert_eq!(released.upload.waived().collect::<Vec<_>>(), ["pdf.script"]);
        let again: Vec<_> = released.messages.iter().map(|envelope| &envelope.message).collect();
        let [Message::PartnerNotice { .. }, Message::ScanAgain { upload, .. }] = again.as_slice() else {
            panic!("{again:?}")
        };
        assert_eq!(*upload, held.upload.id);
        assert_eq!(
            arrive(&released.version, &released.upload, "q-1", sample::now()),
            Arrival::Resume
        );
        let scanned = conclude(
            &sample::listing(),
            &released.version,
            &released.upload,
            "q-1",
            sample::passed(),
            Some("c-1"),
            &sample::seed(7),
        );
        assert_eq!(scanned.expect("the same bytes").version.status(), Status::Passed);
    }

    #[test]
    fn what_is_found_beyond_that_holds_it_again() {
        let released = decided(&sample::held(), sample::reviewer(), &release()).expect("a decision");
        let summary = Summary {
            verdict: Verdict::Quarantined,
            reason_codes: vec!["yara.new".into()],
            ..sample::passed()
        };
        let seed = sample::seed(7);
        let held = conclude(
            &sample::listing(),
            &released.version,
            &released.upload,
            "q-1",
            summary,
            None,
            &seed,
        )
        .expect("held");
        let both = decided(&held, sample::reviewer(), &release()).expect("another decision");
        assert_eq!(both.upload.waived().collect::<Vec<_>>(), ["pdf.script", "yara.new"]);
    }

    #[test]
    fn a_refusal_lets_another_package_come() {
        let refused = decided(
            &sample::held(),
            sample::reviewer(),
            &request(HeldAct::Reject, ReasonCode::Malicious),
        )
        .expect("a decision");
        assert_eq!(refused.version.status(), Status::Rejected);
        assert_eq!(refused.version.reason_codes(), ["malicious"]);
        assert_eq!((refused.upload.waived().count(), refused.messages.len()), (0, 1));
        assert_eq!(refused.audit.action, "held_scan.reject");
    }

    #[test]
    fn who_uploaded_it_does_not_release_it() {
        let own = Reviewer {
            user: sample::author(),
            of_the_team: false,
        };
        let refused = decided(&sample::held(), own, &release()).map(drop);
        assert_eq!(refused, Err(CaseError::OwnWork.into()));
    }

    #[test]
    fn only_what_is_held_now_is_decided_about() {
        let held = sample::held();
        let released = decided(&held, sample::reviewer(), &release()).expect("a decision");
        let after = Scanned {
            version: released.version,
            ..held.clone()
        };
        assert_eq!(
            decided(&after, sample::reviewer(), &release()).map(drop),
            Err(ReviewError::NotCurrent)
        );
        let reason = request(HeldAct::Release, ReasonCode::Malicious);
        assert!(matches!(
            decided(&held, sample::reviewer(), &reason),
            Err(ReviewError::Invalid(_))
        ));
    }
}
