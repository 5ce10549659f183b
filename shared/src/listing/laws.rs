//! The laws of the version's life, under any sequence of operations: whatever is live passed its scan and was approved, as exactly
//! these bytes.

mod steps;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::ids::{AppealId, CaseId, SubmissionId, UploadId};
use crate::money::{Currency, Money};
use crate::scan::{Summary, Verdict};
use crate::seed::Seed;
use steps::{Step, VERSIONS, step};

/// Mostly something recent: that is where things happen.
fn recent(len: usize, place: usize) -> Option<usize> {
    (len > 0).then(|| len - 1 - if place < 9 { place % len.min(3) } else { place % len })
}

/// The state, and beside it what a bystander wrote down.
struct World {
    listing: Listing,
    versions: Vec<Version>,
    uploads: Vec<Upload>,
    submissions: Vec<Submission>,
    cases: BTreeMap<CaseId, Case>,
    appeals: BTreeMap<AppealId, Appeal>,
    published: Option<Published>,
    seeds: u64,
    passed: BTreeMap<UploadId, String>,
    approved: BTreeMap<SubmissionId, (String, Content)>,
    ended: BTreeSet<UploadId>,
}

impl World {
    fn new() -> Self {
        let mut listing = sample::listing();
        let mut versions = Vec::new();
        for number in 1..=VERSIONS {
            let request = NewVersion {
                number: format!("{number}.0.0"),
                notes: String::new(),
            };
            let seed = sample::seed(1_000 + number as u64);
            let (counted, version) =
                new_version(&listing, sample::author(), &request, sample::now(), &seed).expect("a version");
            listing = counted;
            versions.push(version);
        }
        Self {
            listing,
            versions,
            uploads: Vec::new(),
            submissions: Vec::new(),
            cases: BTreeMap::new(),
            appeals: BTreeMap::new(),
            published: None,
            seeds: 2_000,
            passed: BTreeMap::new(),
            approved: BTreeMap::new(),
            ended: BTreeSet::new(),
        }
    }

    fn seed(&mut self) -> Seed {
        self.seeds += 1;
        sample::seed(self.seeds)
    }

    fn place(&self, id: crate::ids::VersionId) -> usize {
        self.versions
            .iter()
            .position(|version| version.id == id)
            .expect("a known version")
    }

    fn take(&mut self, step: &Step) {
        let seed = self.seed();
        match *step {
            Step::Edit(price) => {
                let content = Content {
                    price: Money::new(100 + i64::from(price), Currency::EUR),
                    ..sample::content()
                };
                self.listing = edit(&self.listing, content, Currency::EUR, sample::now()).expect("a good edit");
            }
            Step::Upload { version, size } => {
                let request = UploadRequest {
                    size_bytes: size,
                    sha256: None,
                };
                if let Ok(asked) = request_upload(
                    &self.versions[version],
                    sample::author(),
                    &request,
                    sample::now(),
                    &seed,
                ) {
                    self.versions[version] = asked.version;
                    let closed = asked.closes.map(|case| self.cases.remove(&case));
                    assert_ne!(closed, Some(None), "what is held waits as a case");
                    self.uploads.push(asked.upload);
                }
            }
            Step::Arrive { upload, object } => self.arrive(upload, object),
            Step::Conclude {
                upload,
                object,
                verdict,
                hash,
                with_copy,
                size,
            } => {
                let verdict = [
                    Verdict::Passed,
                    Verdict::Quarantined,
                    Verdict::Rejected,
                    Verdict::Errored,
                ][usize::from(verdict.saturating_sub(2))];
                let summary = Summary {
                    verdict,
                    sha256: format!("{hash}e").repeat(32),
                    size_bytes: size,
                    ..sample::passed()
                };
                self.conclude(upload, object, summary, with_copy, &seed);
            }
            Step::Submit { version } => {
                let made = submit(
                    &self.listing,
                    &self.versions[version],
                    &[],
                    Currency::EUR,
                    sample::occasion(&seed),
                );
                if let Ok(handed_in) = made {
                    self.versions[version] = handed_in.version;
                    self.submissions.push(handed_in.submission);
                    self.cases.insert(handed_in.case.id, handed_in.case);
                }
            }
            Step::Decide {
                submission,
                act,
                of_the_team,
            } => self.decide(submission, act, of_the_team, &seed),
            Step::Overdue { submission } => self.overdue(submission, &seed),
            Step::Judge { version, release } => self.judge(version, release, &seed),
            Step::Publish { version, submission } => {
                let own = self.versions[version]
                    .submission()
                    .and_then(|id| self.submissions.iter().position(|s| s.id == id));
                let any = recent(self.submissions.len(), submission);
                let Some(submission) = own.filter(|_| submission % 4 > 0).or(any) else {
                    return;
                };
                let (submission, seller) = (&self.submissions[submission], sample::seller());
                let (version_now, current) = (&self.versions[version], self.published.as_ref());
                if let Ok(change) = publish(
                    &self.listing,
                    version_now,
                    submission,
                    current,
                    &seller,
                    sample::occasion(&seed),
                ) {
                    self.keep(version, change);
                }
            }
            Step::Yank { version, next } => self.yank(version, next, &seed),
            Step::Stop { version, act, next } => self.stop(version, act, next, &seed),
            Step::Appeal { version } => self.appeal(version, &seed),
            Step::Settle {
                version,
                uphold,
                by_who_refused,
            } => self.settle(version, uphold, by_who_refused, &seed),
        }
    }

    fn arrive(&mut self, upload: usize, object: u8) {
        let Some(upload) = recent(self.uploads.len(), upload) else {
            return;
        };
        let found = &self.uploads[upload];
        let place = self.place(found.version);
        match arrive(&self.versions[place], found, &object.to_string(), sample::now()) {
            Arrival::Begin(version) => self.versions[place] = version,
            Arrival::Supersede(ended) => {
                assert!(self.ended.insert(ended.id), "an upload ends once");
                self.uploads[upload] = ended;
            }
            Arrival::Resume | Arrival::Ignore(_) => {}
        }
    }

    fn conclude(&mut self, upload: usize, object: u8, summary: Summary, with_copy: bool, seed: &Seed) {
        let Some(upload) = recent(self.uploads.len(), upload) else {
            return;
        };
        let found = &self.uploads[upload];
        let place = self.place(found.version);
        let copy = with_copy.then_some("copy");
        let (version, object) = (&self.versions[place], object.to_string());
        let made = conclude(&self.listing, version, found, &object, summary.clone(), copy, seed);
        if let Ok(scanned) = made {
            assert!(self.ended.insert(scanned.upload.id), "an upload ends once");
            if summary.verdict == Verdict::Passed {
                self.passed.insert(scanned.upload.id, summary.sha256);
            }
            self.versions[place] = scanned.version;
            self.uploads[upload] = scanned.upload;
            self.cases.extend(scanned.case.map(|case| (case.id, case)));
        }
    }

    fn decide(&mut self, submission: usize, act: u8, of_the_team: bool, seed: &Seed) {
        let Some(submission) = recent(self.submissions.len(), submission) else {
            return;
        };
        let found = &self.submissions[submission];
        let place = self.place(found.version);
        let act = [
            Act::Approve,
            Act::Approve,
            Act::RequestChanges,
            Act::DelayRejection,
            Act::Reject,
        ][usize::from(act)];
        let reason_code = (act != Act::Approve).then_some(ReasonCode::LowQuality);
        let request = DecisionRequest {
            act,
            reason_code,
            note: "Noted.".into(),
        };
        let reviewer = Reviewer {
            of_the_team,
            ..sample::reviewer()
        };
        let case = self.cases.get(&found.case);
        assert!(
            case.is_some() || found.decision().is_some(),
            "what is in review waits as a case"
        );
        let made = decide(
            found,
            &self.versions[place],
            case,
            (&request, None),
            &sample::sitting(reviewer, seed),
        );
        if let Ok(reviewed) = made {
            assert!(
                found.decision().is_none() || found.rejects_at().is_some(),
                "a decision is made once"
            );
            self.cases.remove(&reviewed.submission.case);
            assert!(!of_the_team, "nobody decides about their own work");
            if act == Act::Approve {
                let what = (found.artifact.sha256.clone(), found.content.clone());
                assert!(
                    self.approved.insert(found.id, what).is_none(),
                    "a decision is made once"
                );
            }
            self.versions[place] = reviewed.version;
            self.submissions[submission] = reviewed.submission;
        }
    }

    fn overdue(&mut self, submission: usize, seed: &Seed) {
        let Some(submission) = recent(self.submissions.len(), submission) else {
            return;
        };
        let found = &self.submissions[submission];
        let place = self.place(found.version);
        let late = sample::now() + jiff::SignedDuration::from_hours(24 * 90);
        let version = &self.versions[place];
        if let Some(rejected) = reject_overdue(found, version, sample::author(), late, seed) {
            assert_eq!(version.submission(), Some(found.id), "another package ends the delay");
            assert_eq!(rejected.version.status(), Status::Rejected);
            self.versions[place] = rejected.version;
            self.submissions[submission] = rejected.submission;
        }
    }

    fn judge(&mut self, version: usize, release: bool, seed: &Seed) {
        let version = &mut self.versions[version];
        let Some(case) = version.held_case() else { return };
        let case = self.cases.remove(&case).expect("what is held waits as a case");
        let place = self.uploads.iter().position(|upload| upload.id == case.upload());
        let upload = &mut self.uploads[place.expect("held bytes come from an upload")];
        let (act, reason_code) = if release {
            (HeldAct::Release, ReasonCode::HarmlessHere)
        } else {
            (HeldAct::Reject, ReasonCode::Malicious)
        };
        let request = DecisionRequest {
            act,
            reason_code: Some(reason_code),
            note: "Seen.".into(),
        };
        let judged = judge(
            version,
            upload,
            &case,
            &request,
            &sample::sitting(sample::reviewer(), seed),
        );
        let judged = judged.expect("a decision about what waits");
        if release {
            self.ended.remove(&upload.id);
        }
        (*version, *upload) = (judged.version, judged.upload);
    }

    fn yank(&mut self, version: usize, next: usize, seed: &Seed) {
        let Some(current) = &self.published else { return };
        let request = YankRequest {
            reason: YankReason::Withdrawn,
            note: String::new(),
        };
        if let Ok(change) = yank(
            &self.listing,
            &self.versions[version],
            current,
            self.handed_in(next),
            &request,
            sample::occasion(seed),
        ) {
            self.keep(version, change);
        }
    }

    /// A version with what it was last handed in as.
    fn handed_in(&self, version: usize) -> Option<(&Version, &Submission)> {
        let version = &self.versions[version];
        let id = version.submission()?;
        let submission = self.submissions.iter().find(|submission| submission.id == id)?;
        Some((version, submission))
    }

    fn stop(&mut self, version: usize, act: ListedAct, next: usize, seed: &Seed) {
        let Some((stopped, submission)) = self.handed_in(version) else {
            return;
        };
        let request = DecisionRequest {
            act,
            reason_code: Some(match act {
                ListedAct::Suspend => ReasonCode::UnderInvestigation,
                ListedAct::Reinstate => ReasonCode::Unfounded,
                ListedAct::TakeDown => ReasonCode::Malicious,
            }),
            note: "Seen.".into(),
        };
        let scene = Scene {
            current: self.published.as_ref(),
            submission,
            next: self.handed_in(next),
            seller: &sample::seller(),
        };
        let ends = stopped.suspension_case();
        let case = ends.map(|case| &self.cases[&case]);
        let sitting = sample::sitting(sample::reviewer(), seed);
        if let Ok(change) = rule_on(&self.listing, stopped, scene, case, (&request, &[]), &sitting) {
            self.cases.retain(|case, _| Some(*case) != ends);
            self.keep(version, change);
        }
    }

    fn appeal(&mut self, version: usize, seed: &Seed) {
        let appealed = &self.versions[version];
        let made = lodge(
            &self.listing,
            appealed,
            "It is not so.",
            sample::author(),
            sample::now(),
            seed,
        );
        if let Ok(lodged) = made {
            self.versions[version] = lodged.version;
            self.cases.insert(lodged.case.id, lodged.case);
            self.appeals.insert(lodged.appeal.id, lodged.appeal);
        }
    }

    fn settle(&mut self, version: usize, uphold: bool, by_who_refused: bool, seed: &Seed) {
        let appealed = &self.versions[version];
        let Some(Appealed::Open(id)) = appealed.refusal().map(|refusal| refusal.appeal) else {
            return;
        };
        let (appeal, seller) = (&self.appeals[&id], sample::seller());
        let upload = self.uploads.iter().find(|upload| upload.id == appeal.upload);
        let grounds = match (&appealed.stage, self.handed_in(version)) {
            (Stage::TakenDown { .. }, Some((_, submission))) => Grounds::TakenDown(Scene {
                current: self.published.as_ref(),
                submission,
                next: None,
                seller: &seller,
            }),
            (_, Some((_, submission))) => Grounds::Submission(submission),
            (_, None) => Grounds::Scan(upload.expect("refused bytes come from an upload")),
        };
        let (act, reason_code) = if uphold {
            (AppealAct::Uphold, ReasonCode::Unfounded)
        } else {
            (AppealAct::Dismiss, ReasonCode::Malicious)
        };
        let request = DecisionRequest {
            act,
            reason_code: Some(reason_code),
            note: "Seen again.".into(),
        };
        let another = Reviewer {
            user: sample::seed(77).id("another"),
            ..sample::reviewer()
        };
        let reviewer = if by_who_refused { sample::reviewer() } else { another };
        let case = &self.cases[&appeal.case];
        let sitting = sample::sitting(reviewer, seed);
        let settled = settle(appeal, (&self.listing, appealed), grounds, case, &request, &sitting);
        if appeal.refusal.by == Some(reviewer.user) {
            assert_eq!(settled.map(drop), Err(CaseError::OwnDecision.into()));
        } else {
            self.settled(version, settled.expect("a decision about what waits"));
        }
    }

    fn settled(&mut self, place: usize, settled: Settled) {
        let Settled { appeal, effect, .. } = settled;
        self.cases.remove(&appeal.case);
        self.appeals.insert(appeal.id, appeal);
        match effect {
            Effect::Dismissed { version } => self.versions[place] = version,
            Effect::ScannedAgain {
                listing,
                version,
                upload,
            } => {
                assert!(self.ended.remove(&upload.id), "only what was scanned is scanned again");
                let known = self.uploads.iter().position(|known| known.id == upload.id);
                self.uploads[known.expect("a known upload")] = upload;
                (self.listing, self.versions[place]) = (listing, version);
            }
            Effect::Approved { version, submission } => {
                let what = (submission.artifact.sha256.clone(), submission.content.clone());
                assert!(
                    self.approved.insert(submission.id, what).is_none(),
                    "what is approved is not refused"
                );
                let known = self.submissions.iter().position(|known| known.id == submission.id);
                self.submissions[known.expect("a known submission")] = submission;
                self.versions[place] = version;
            }
            Effect::Restored(change) => self.keep(place, *change),
        }
    }

    fn keep(&mut self, version: usize, change: Publication) {
        self.cases.extend(change.opens.map(|case| (case.id, case)));
        self.versions[version] = change.version;
        self.listing = change.listing;
        self.published = change.published;
    }

    fn check(&self) {
        let held = self.versions.iter().filter_map(Version::held_case);
        let suspended = self.versions.iter().filter_map(Version::suspension_case);
        let in_review = self.submissions.iter().filter(|one| one.decision().is_none());
        let appealed = self.appeals.values().filter(|one| one.decision().is_none());
        let waiting: BTreeSet<CaseId> = held
            .chain(suspended)
            .chain(in_review.map(|submission| submission.case))
            .chain(appealed.clone().map(|appeal| appeal.case))
            .collect();
        let cases: BTreeSet<CaseId> = self.cases.keys().copied().collect();
        assert_eq!(cases, waiting, "one case for each thing that waits");
        for appeal in appealed {
            let refusal = self.versions[self.place(appeal.version)].refusal();
            assert_eq!(
                refusal.map(|refusal| refusal.appeal),
                Some(Appealed::Open(appeal.id)),
                "an appeal about what is not refused"
            );
        }
        for version in &self.versions {
            if let Some(artifact) = version.artifact() {
                let upload = version.upload().expect("bytes come from an upload");
                assert_eq!(
                    self.passed.get(&upload),
                    Some(&artifact.sha256),
                    "bytes that did not pass: {version:?}"
                );
            }
            if matches!(
                version.status(),
                Status::Approved | Status::Published | Status::Yanked | Status::Suspended | Status::TakenDown
            ) {
                let (bytes, _) = &self.approved[&version.submission().expect("approved as a submission")];
                assert_eq!(
                    version.artifact().map(|artifact| &artifact.sha256),
                    Some(bytes),
                    "other bytes than approved"
                );
            }
        }
        assert_eq!(
            self.listing.live,
            self.published.as_ref().map(|published| published.latest.version)
        );
        assert_eq!(
            self.listing.status == ListingStatus::Published,
            self.published.is_some()
        );
        if let Some(published) = &self.published {
            let version = &self.versions[self.place(published.latest.version)];
            assert!(version.is_live(), "the public sees a version that is not live");
            let (bytes, content) = &self.approved[&version.submission().expect("approved")];
            assert_eq!(
                (&published.latest.artifact.sha256, &published.content),
                (bytes, content),
                "not what was approved"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_live_passed_and_was_approved_as_exactly_these_bytes(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
    }
}

/// The law above would hold in a world where nothing is ever published. This shows that its steps get there.
#[test]
fn the_steps_reach_every_status() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let steps = prop::collection::vec(step(), 120)
            .new_tree(&mut runner)
            .expect("steps")
            .current();
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            seen.extend(world.versions.iter().map(|version| version.status().to_string()));
        }
    }
    use strum::IntoEnumIterator;
    let missing: Vec<_> = Status::iter()
        .map(|status| status.to_string())
        .filter(|status| !seen.contains(status))
        .collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}
