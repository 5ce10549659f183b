//! What operators decide about a version that has been published.
//!
//! ```text
//! published, yanked ──suspend──▶ suspended ──reinstate──▶ what it was
//!         │                          │
//!         └───────take down──────────┴───▶ taken_down ──upheld appeal──▶ what it was
//! ```
//!
//! What is suspended or taken down is neither offered nor downloaded, and stands on the block list. A suspension waits for a moderator as a
//! case. The partner is told of each change, and so is everybody who has bought the listing.

use serde::{Deserialize, Serialize};

use super::case::{About, Case};
use super::draft::Listing;
use super::publication::{NotLive, Publication, Published, Seller, seen_with, seen_without};
use super::review::{Decision, DecisionRequest, Ground, ReasonCode, ReviewError, Ruling, Sitting};
use super::submission::Submission;
use super::version::{Refusal, Stage, Status, Version};
use crate::audit::AuditEvent;
use crate::messages::{Envelope, ListedNews, ListedVerdict, Message, Notice};
use crate::seed::Seed;

/// What becomes of a version that has been published.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ListedAct {
    /// Stopped until somebody has looked into it.
    Suspend,
    /// What a suspension stopped goes on.
    Reinstate,
    /// Stopped for good.
    TakeDown,
}

impl Ruling for ListedAct {
    fn rests_on(self, ground: Ground) -> bool {
        match self {
            Self::Suspend => matches!(ground, Ground::Suspicion | Ground::Mendable | Ground::Refusal),
            Self::Reinstate => ground == Ground::Release,
            Self::TakeDown => matches!(ground, Ground::Mendable | Ground::Refusal),
        }
    }

    fn usual_reason(self) -> Option<ReasonCode> {
        None
    }
}

/// Why a version is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub decision: Decision<ListedAct>,
    /// The rules of the scan that led to it, where it was them.
    pub rules: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListedError {
    #[error(transparent)]
    Review(#[from] ReviewError),
    #[error("\"{act}\" is nothing to be done about a version that is {status}")]
    NotNow { act: ListedAct, status: Status },
    #[error("what would be seen is not a live version of this listing, or not as it was approved")]
    NotLive,
}

impl From<NotLive> for ListedError {
    fn from(NotLive: NotLive) -> Self {
        Self::NotLive
    }
}

/// What is seen of the listing now, and what there is to be seen after the change.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub current: Option<&'a Published>,
    /// The version's own.
    pub submission: &'a Submission,
    /// The highest other version that is live, with its submission.
    pub next: Option<(&'a Version, &'a Submission)>,
    pub seller: &'a Seller,
}

/// Decides about a version that has been published. `rules` are those of the scan that gave the reason, where it was them.
pub fn rule_on(
    listing: &Listing,
    version: &Version,
    scene: Scene<'_>,
    case: Option<&Case>,
    (request, rules): (&DecisionRequest<ListedAct>, &[String]),
    sitting: &Sitting<'_>,
) -> Result<Publication, ListedError> {
    let not_now = ListedError::NotNow {
        act: request.act,
        status: version.status(),
    };
    let case = case.filter(|case| version.suspension_case() == Some(case.id));
    // Nobody is served by stopping what is their own.
    let author = (request.act == ListedAct::Reinstate).then_some(version.created_by);
    let decided = || sitting.decision(author, case, request);
    let (mut change, decision) = match (&version.stage, request.act) {
        (was @ (Stage::Published { .. } | Stage::Yanked { .. }), ListedAct::Suspend) => {
            let decision = decided()?;
            let about = suspicion(scene.submission, &decision, rules);
            let case = Case::open(listing, version, about, sitting.now, sitting.seed);
            let stage = Stage::Suspended {
                was: Box::new(was.clone()),
                stop: Stop {
                    decision: decision.clone(),
                    rules: rules.to_vec(),
                },
                case: case.id,
            };
            let mut change = stopped(listing, version, stage, scene, audit(sitting, version, &decision))?;
            change.opens = Some(case);
            (change, decision)
        }
        (was @ (Stage::Published { .. } | Stage::Yanked { .. }), ListedAct::TakeDown) => {
            let decision = decided()?;
            (
                take_down(listing, version, was, scene, rules, &decision, sitting)?,
                decision,
            )
        }
        (Stage::Suspended { was, stop, .. }, ListedAct::TakeDown) => {
            let decision = decided()?;
            (
                take_down(listing, version, was, scene, &stop.rules, &decision, sitting)?,
                decision,
            )
        }
        (Stage::Suspended { was, stop, .. }, ListedAct::Reinstate) => {
            let decision = decided()?;
            let mut change = restored(listing, version, was, scene, audit(sitting, version, &decision))?;
            change.listing.waive(&stop.rules);
            (change, decision)
        }
        _ => return Err(not_now),
    };
    change.messages = news(
        &change,
        scene.submission,
        decision.act.into(),
        decision.reason_code,
        sitting,
    )
    .into();
    Ok(change)
}

fn take_down(
    listing: &Listing,
    version: &Version,
    was: &Stage,
    scene: Scene<'_>,
    rules: &[String],
    decision: &Decision<ListedAct>,
    sitting: &Sitting<'_>,
) -> Result<Publication, ListedError> {
    let stage = Stage::TakenDown {
        was: Box::new(was.clone()),
        stop: Stop {
            decision: decision.clone(),
            rules: rules.to_vec(),
        },
        refusal: Refusal::new(decision.at, decision.by),
    };
    stopped(listing, version, stage, scene, audit(sitting, version, decision))
}

fn stopped(
    listing: &Listing,
    version: &Version,
    stage: Stage,
    scene: Scene<'_>,
    audit: AuditEvent,
) -> Result<Publication, ListedError> {
    let published = seen_without(version, scene.current, scene.next)?;
    Ok(Publication::of(listing, version.at(stage), published, audit))
}

/// The version as it was before it was stopped.
pub(super) fn restored(
    listing: &Listing,
    version: &Version,
    was: &Stage,
    scene: Scene<'_>,
    audit: AuditEvent,
) -> Result<Publication, NotLive> {
    let Scene {
        current,
        submission,
        seller,
        ..
    } = scene;
    let published = match was {
        Stage::Published {
            artifact,
            submission: id,
            at,
            ..
        } => {
            let as_approved = submission.id == *id && submission.artifact == *artifact;
            if !as_approved || seller.partner != version.partner {
                return Err(NotLive);
            }
            Some(seen_with(version, submission, artifact, current, seller, *at))
        }
        _ => current.cloned(),
    };
    Ok(Publication::of(listing, version.at(was.clone()), published, audit))
}

fn suspicion(submission: &Submission, decision: &Decision<ListedAct>, rules: &[String]) -> About {
    let mut reason_codes = vec![decision.reason_code.to_string()];
    reason_codes.extend_from_slice(rules);
    About::Suspension {
        upload: submission.upload,
        reason_codes,
    }
}

fn audit(sitting: &Sitting<'_>, version: &Version, decision: &Decision<ListedAct>) -> AuditEvent {
    let sha256 = version.artifact().map_or("", |artifact| &artifact.sha256);
    let seen = format!("version {} with SHA-256 {sha256}", version.number);
    sitting.audit(decision, ("version", version.id.to_string()), &seen)
}

/// For the partner's owner, and for everybody who has bought the listing.
pub(super) fn news(
    change: &Publication,
    submission: &Submission,
    verdict: ListedVerdict,
    reason_code: ReasonCode,
    sitting: &Sitting<'_>,
) -> [Envelope; 2] {
    let version = &change.version;
    let news = ListedNews {
        listing_title: submission.content.title.clone(),
        version: version.number.to_string(),
        decision: verdict,
        reason_code: reason_code.to_string(),
    };
    let seed: &Seed = sitting.seed;
    let to_buyers = Message::TellBuyers {
        listing: version.listing,
        news: news.clone(),
        after: None,
    };
    [
        sitting.notice(version.partner, Notice::Listed { news }),
        Envelope::new(seed.id("buyers"), to_buyers),
    ]
}

impl From<ListedAct> for ListedVerdict {
    fn from(act: ListedAct) -> Self {
        match act {
            ListedAct::Suspend => Self::Suspended,
            ListedAct::Reinstate => Self::Reinstated,
            ListedAct::TakeDown => Self::TakenDown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample::{self, Shop};
    use crate::listing::{CaseError, Reviewer};

    fn shop(numbers: &[&str]) -> Shop {
        let mut shop = Shop::new();
        for number in numbers {
            let version = shop.approved(number);
            shop.publish(version).expect("approved");
        }
        shop
    }

    #[test]
    fn what_is_suspended_is_not_seen_until_it_is_reinstated() {
        let mut shop = shop(&["1.0.0", "2.0.0"]);
        let rules = ["yara.new".to_owned()];
        let change = shop
            .rule_on("2.0.0", ListedAct::Suspend, ReasonCode::FoundByRescan, &rules)
            .expect("listed");
        assert_eq!(shop.seen().as_deref(), Some("1.0.0"));
        let Some(About::Suspension { reason_codes, .. }) = change.opens.map(|case| case.about) else {
            panic!("no case")
        };
        assert_eq!(reason_codes, ["found_by_rescan", "yara.new"]);
        assert_eq!(change.messages.len(), 2);
        shop.rule_on("2.0.0", ListedAct::Reinstate, ReasonCode::FalsePositive, &[])
            .expect("suspended");
        assert_eq!(shop.seen().as_deref(), Some("2.0.0"));
        assert!(
            shop.listing.waived.contains("yara.new"),
            "the rule does not find the listing again"
        );
    }

    #[test]
    fn the_last_one_taken_down_unlists_the_listing() {
        let mut shop = shop(&["1.0.0"]);
        shop.rule_on("1.0.0", ListedAct::TakeDown, ReasonCode::Malicious, &[])
            .expect("listed");
        assert_eq!(shop.seen(), None);
        assert_eq!(shop.versions[0].status(), Status::TakenDown);
        let again = shop.rule_on("1.0.0", ListedAct::Reinstate, ReasonCode::Unfounded, &[]);
        let refused = ListedError::NotNow {
            act: ListedAct::Reinstate,
            status: Status::TakenDown,
        };
        assert_eq!(again.map(drop), Err(refused));
    }

    #[test]
    fn a_yanked_version_stays_yanked_when_it_comes_back() {
        let mut shop = shop(&["1.0.0", "2.0.0"]);
        shop.yank("2.0.0").expect("live");
        for (act, reason) in [
            (ListedAct::Suspend, ReasonCode::UnderInvestigation),
            (ListedAct::Reinstate, ReasonCode::Unfounded),
        ] {
            shop.rule_on("2.0.0", act, reason, &[]).expect("listed");
            assert_eq!(shop.seen().as_deref(), Some("1.0.0"));
        }
        assert_eq!(shop.versions[1].status(), Status::Yanked);
    }

    #[test]
    fn a_team_does_not_decide_about_its_own_listing() {
        let mut shop = shop(&["1.0.0"]);
        shop.reviewer = Reviewer {
            of_the_team: true,
            ..sample::reviewer()
        };
        let refused = shop.rule_on("1.0.0", ListedAct::Suspend, ReasonCode::Spam, &[]);
        assert_eq!(refused.map(drop), Err(ListedError::Review(CaseError::OwnWork.into())));
    }

    #[test]
    fn who_made_it_may_stop_it_and_not_reinstate_it() {
        let mut shop = shop(&["1.0.0"]);
        shop.reviewer = Reviewer {
            user: sample::author(),
            of_the_team: false,
        };
        shop.rule_on("1.0.0", ListedAct::Suspend, ReasonCode::FoundByRescan, &[])
            .expect("listed");
        let refused = shop.rule_on("1.0.0", ListedAct::Reinstate, ReasonCode::FalsePositive, &[]);
        assert_eq!(refused.map(drop), Err(ListedError::Review(CaseError::OwnWork.into())));
    }

    #[test]
    fn each_act_needs_a_reason_that_fits() {
        let mut shop = shop(&["1.0.0"]);
        for (act, reason) in [
            (ListedAct::Suspend, ReasonCode::FalsePositive),
            (ListedAct::TakeDown, ReasonCode::UnderInvestigation),
            (ListedAct::TakeDown, ReasonCode::MeetsGuidelines),
        ] {
            let refused = shop.rule_on("1.0.0", act, reason, &[]);
            assert!(
                matches!(refused, Err(ListedError::Review(ReviewError::Invalid(_)))),
                "{act}: {refused:?}"
            );
        }
    }
}
