//! Patches of trusted partners, which are approved as soon as they are handed in.
//!
//! An operator who trusts a partner has decided ahead about a narrow kind of update: a patch of the version that the public sees, in which
//! nothing but files differs, of which the scan had nothing to say, and whose texts nothing stands out of. Whatever is more than that waits
//! for a moderator, and native code always does.

use super::case::{About, Reviewer};
use super::changes::Changes;
use super::content::ContentType;
use super::review::{Act, DecisionRequest, Reviewed, Sitting, notice, reviewed, seen};
use super::submission::HandedIn;
use super::upload::Upload;
use super::version::Version;
use crate::ids::UserId;
use crate::partner::Trust;
use crate::scan::{Check, CheckOutcome, Severity};
use crate::seed::Seed;

/// What there is to know of an update by a trusted partner.
#[derive(Debug, Clone, Copy)]
pub struct Patch<'a> {
    pub trust: Trust,
    /// Whom the partner's mail goes to.
    pub owner: UserId,
    /// What the public sees.
    pub live: &'a Version,
    pub changes: &'a Changes,
    /// Of the update, as the next.
    pub upload: &'a Upload,
    pub checks: &'a [Check],
}

/// Whether two versions are a patch apart: the same major and minor number, the later patch, both released.
pub fn is_patch_of(version: &semver::Version, live: &semver::Version) -> bool {
    let released = version.pre.is_empty() && live.pre.is_empty();
    released && (version.major, version.minor) == (live.major, live.minor) && version.patch > live.patch
}

/// The approval of what was handed in; `None` where a moderator has to look at it.
pub fn approve_patch(handed_in: &HandedIn, patch: Patch<'_>, seed: &Seed) -> Option<Reviewed> {
    let HandedIn {
        version,
        submission,
        case,
    } = handed_in;
    let nothing_stands_out = matches!(&case.about, About::Submission { remarks, .. } if remarks.is_empty());
    let runs_natively = submission.content.content_type == ContentType::PluginNative;
    let is_clean = nothing_stands_out && is_clean(patch.upload, patch.checks) && !runs_natively;
    if !(is_clean && patch.changes.is_of_files_alone() && is_patch_of(&version.number, &patch.live.number)) {
        return None;
    }
    let sitting = Sitting {
        reviewer: Reviewer {
            user: patch.trust.by,
            of_the_team: false,
        },
        owner: patch.owner,
        now: submission.submitted_at,
        seed,
    };
    let request = DecisionRequest {
        act: Act::Approve,
        reason_code: None,
        note: String::new(),
    };
    // Who trusts the partner and has handed this in decides about their own work.
    let decision = sitting.decision(submission.submitted_by, None, &request).ok()?;
    let seen = format!(
        "{}, without being looked at: a clean patch of {} by a partner trusted since {}",
        seen(submission),
        patch.live.number,
        patch.trust.since
    );
    let audit = sitting.audit(&decision, ("submission", submission.id.to_string()), &seen);
    let notice = sitting.notice(submission.partner, notice(submission, &decision, None));
    Some(reviewed(submission, version, (decision, None), audit, notice))
}

/// Every check ran to its end with nothing to say, and no rule had to be waived for that.
fn is_clean(upload: &Upload, checks: &[Check]) -> bool {
    let is_silent = |check: &Check| {
        let says_nothing = check.findings.iter().all(|finding| finding.severity == Severity::Info);
        check.outcome != CheckOutcome::Errored && says_nothing
    };
    upload.waived().next().is_none() && !checks.is_empty() && checks.iter().all(is_silent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::moderation::{Remark, RemarkKind};
    use crate::listing::{Content, Offer, Status, sample};
    use crate::scan::{Contents, Finding};

    /// A patch that is as it should be, and whatever a test makes of it.
    struct Scene {
        handed_in: HandedIn,
        live: Version,
        contents: Contents,
        content: Content,
        upload: Upload,
        checks: Vec<Check>,
        trust: Trust,
    }

    impl Scene {
        fn new() -> Self {
            let mut handed_in = sample::submitted();
            handed_in.version.number = semver::Version::new(1, 0, 1);
            let mut contents = sample::contents();
            contents.files.insert("presets/pad.json".into(), "cc".repeat(32));
            Self {
                handed_in,
                live: sample::version(),
                contents,
                content: sample::content(),
                upload: sample::upload(),
                checks: vec![Check::new("archive", CheckOutcome::Passed, Vec::new(), sample::now())],
                trust: Trust {
                    by: sample::reviewer().user,
                    since: sample::now(),
                },
            }
        }

        fn approve(&self) -> Option<Reviewed> {
            let before = Offer {
                content: &sample::content(),
                contents: &sample::contents(),
            };
            let after = Offer {
                content: &self.content,
                contents: &self.contents,
            };
            let patch = Patch {
                trust: self.trust,
                owner: sample::author(),
                live: &self.live,
                changes: &Changes::between(before, after),
                upload: &self.upload,
                checks: &self.checks,
            };
            approve_patch(&self.handed_in, patch, &sample::seed(8))
        }
    }

    fn finding(severity: Severity) -> Finding {
        Finding {
            rule: "midi.tempo".into(),
            severity,
            path: None,
            offset: None,
            evidence: String::new(),
            remedy: String::new(),
        }
    }

    #[test]
    fn a_clean_patch_is_approved_in_the_name_of_who_trusts() {
        let approved = Scene::new().approve().expect("a clean patch");
        assert_eq!(approved.version.status(), Status::Approved);
        let decision = approved.submission.decision().expect("decided");
        assert_eq!((decision.act, decision.by), (Act::Approve, sample::reviewer().user));
        assert!(
            approved
                .audit
                .evidence
                .is_some_and(|seen| seen.contains("a clean patch of 1.0.0"))
        );
    }

    #[track_caller]
    fn check_waits(change: impl FnOnce(&mut Scene)) {
        let mut scene = Scene::new();
        change(&mut scene);
        assert_eq!(scene.approve(), None);
    }

    #[test]
    fn whatever_is_more_waits_for_a_moderator() {
        check_waits(|scene| scene.handed_in.version.number = semver::Version::new(1, 1, 0));
        check_waits(|scene| scene.handed_in.version.number = "1.0.1-rc.1".parse().expect("a version"));
        check_waits(|scene| scene.content.title.push('!'));
        check_waits(|scene| scene.contents.declared["permissions"]["network"] = serde_json::json!(["example.com"]));
        check_waits(|scene| scene.contents.declared["package"]["licence"] = "MIT".into());
        check_waits(|scene| scene.checks.clear());
        check_waits(|scene| scene.checks[0].outcome = CheckOutcome::Errored);
        check_waits(|scene| scene.checks[0].findings = vec![finding(Severity::Warning)]);
        check_waits(|scene| scene.handed_in.submission.content.content_type = ContentType::PluginNative);
        check_waits(|scene| scene.trust.by = sample::author());
        check_waits(|scene| {
            let remark = Remark {
                kind: RemarkKind::LooksAlike,
                pointer: "/title".into(),
                excerpt: String::new(),
            };
            if let About::Submission { remarks, .. } = &mut scene.handed_in.case.about {
                remarks.push(remark);
            }
        });
    }

    #[test]
    fn what_a_check_only_mentions_is_clean() {
        let mut scene = Scene::new();
        scene.checks[0].findings = vec![finding(Severity::Info)];
        assert!(scene.approve().is_some());
    }
}
