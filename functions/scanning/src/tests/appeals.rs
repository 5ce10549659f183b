//! What an upheld appeal has scanned again.

use shared::ids::CaseId;
use shared::listing::{
    AppealAct, Case, DecisionRequest, Grounds, HeldAct, NewVersion, ReasonCode, Reviewer, Status, UploadRequest, judge,
    lodge, new_version, request_upload, sample, settle,
};
use shared::messages::Message;
use shared::store::Versioned;
use shared::store::catalogue::{self, AppealBasis, CaseDecision, Moderation, PublicationBasis};

use super::{MIDI, World, delivery, package};
use crate::handle;

/// A package with something in it that looks like a secret.
fn suspicious(version: &str) -> Vec<u8> {
    let key = ["AKIA", "QYLPMN5HTHFPZAM2"].concat();
    let readme = format!("# Grooves\n\nThe key is {key}.\n");
    package(
        version,
        "groove-template",
        &[("README.md", readme.as_bytes()), ("grooves/one.mid", MIDI)],
    )
}

impl World {
    async fn case(&self, case: CaseId) -> Versioned<Case> {
        let found = catalogue::case(&self.context.store, self.listing.partner, case).await;
        found.expect("read").expect("it waits")
    }

    /// A moderator refuses what the scan holds.
    async fn refuse(&self) {
        let store = &self.context.store;
        let held = catalogue::version(store, self.listing.id, self.version.id).await;
        let held = held.expect("read").expect("stored");
        let upload = catalogue::upload(store, self.version.id, self.upload.id).await;
        let upload = upload.expect("read").expect("stored");
        let case = self.case(held.held_case().expect("held")).await;
        let refusal = DecisionRequest {
            act: HeldAct::Reject,
            reason_code: Some(ReasonCode::Malicious),
            note: "A secret.".into(),
        };
        let (seed, reviewer) = (sample::seed(60), sample::reviewer());
        let judged = judge(&held, &upload, &case, &refusal, &sample::sitting(reviewer, &seed)).expect("held");
        let basis = CaseDecision {
            case: Some(&case),
            version_revision: held.revision,
            subject_revision: upload.revision,
            reviewer: reviewer.user,
        };
        catalogue::judge(store, &judged, basis).await.expect("written");
    }

    /// The partner appeals, and another moderator finds the partner right: the message that has the package scanned again.
    async fn appeal(&self) -> String {
        let (store, listing) = (&self.context.store, self.listing.id);
        let refused = catalogue::version(store, listing, self.version.id).await;
        let refused = refused.expect("read").expect("stored");
        let (text, author) = ("It is the documented example.", sample::author());
        let lodged = lodge(&self.listing, &refused, text, author, sample::now(), &sample::seed(61)).expect("refused");
        catalogue::lodge_appeal(store, &lodged, refused.revision)
            .await
            .expect("written");
        let upload = catalogue::upload(store, self.version.id, self.upload.id).await;
        let upload = upload.expect("read").expect("stored");
        let listing = catalogue::listing(store, self.listing.partner, listing).await;
        let listing = listing.expect("read").expect("stored");
        let case = self.case(lodged.case.id).await;
        let request = DecisionRequest {
            act: AppealAct::Uphold,
            reason_code: Some(ReasonCode::FalsePositive),
            note: "It is.".into(),
        };
        let another = Reviewer {
            user: sample::seed(62).id("another"),
            ..sample::reviewer()
        };
        let seed = sample::seed(63);
        let settled = settle(
            &lodged.appeal,
            (&listing, &lodged.version),
            Grounds::Scan(&upload),
            &case,
            &request,
            &sample::sitting(another, &seed),
        );
        let settled = settled.expect("a decision");
        let basis = AppealBasis {
            appeal_revision: 1,
            subject_revision: upload.revision,
            publication: PublicationBasis::of(listing.revision, refused.revision + 1),
            moderation: Moderation {
                ends: Some(&case),
                reviewer: another.user,
                at: sample::now(),
            },
        };
        catalogue::settle_appeal(store, &settled, basis).await.expect("written");
        let again = settled
            .messages
            .iter()
            .find(|sent| matches!(sent.message, Message::ScanAgain { .. }));
        serde_json::to_string(again.expect("a message")).expect("JSON")
    }

    /// The listing's next version, which waits for these bytes.
    async fn next_version(self, number: &str, package: &[u8]) -> Self {
        let store = &self.context.store;
        let listing = catalogue::listing(store, self.listing.partner, self.listing.id).await;
        let listing = listing.expect("read").expect("stored");
        let (author, now) = (sample::author(), sample::now());
        let request = NewVersion {
            number: number.into(),
            notes: String::new(),
        };
        let (counted, version) = new_version(&listing, author, &request, now, &sample::seed(64)).expect("a version");
        catalogue::create_version(store, &counted, listing.revision, &version)
            .await
            .expect("written");
        let request = UploadRequest {
            size_bytes: package.len() as u64,
            sha256: None,
        };
        let asked = request_upload(&version, author, &request, now, &sample::seed(65)).expect("a draft");
        catalogue::request_upload(store, &asked, 1).await.expect("written");
        Self {
            listing: counted,
            version: asked.version,
            upload: asked.upload,
            context: self.context,
        }
    }
}

#[tokio::test]
async fn what_was_refused_wrongly_passes_and_so_does_what_comes_after_it() {
    let bytes = suspicious("1.0.0");
    let world = World::new(&bytes).await;
    let object = world.post(&bytes).await;
    world.deliver(&object, 1).await.expect("scanned");
    world.refuse().await;
    let message = world.appeal().await;
    assert_eq!(world.status().await, Status::Scanning);
    handle(&world.context, delivery(&message, 1)).await.expect("scanned");
    let version = world.now().await;
    let artifact = version.artifact().expect("it passed");
    assert_eq!(
        world.clean_bytes(&artifact.object_key, &artifact.object_version).await,
        bytes
    );
    let before = world.stored();
    handle(&world.context, delivery(&message, 2)).await.expect("ignored");
    assert_eq!(world.stored(), before);

    // The rule finds nothing in this listing any more.
    let bytes = suspicious("1.0.1");
    let next = world.next_version("1.0.1", &bytes).await;
    let object = next.post(&bytes).await;
    next.deliver(&object, 1).await.expect("scanned");
    assert_eq!(next.status().await, Status::Passed);
}
