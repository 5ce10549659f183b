//! On schedule, what nobody has mended in time is rejected.

use jiff::{SignedDuration, Timestamp};
use rejections::Context;
use shared::ids::UserId;
use shared::listing::{Act, DecisionRequest, HandedIn, ReasonCode, Status, Submission, SubmissionStatus, Version};
use shared::listing::{UploadRequest, decide, request_upload, sample};
use shared::messages::{Message, Notice};
use shared::runtime::Tick;
use shared::store::audit::{self, Audited};
use shared::store::catalogue::{self, CaseDecision, SubmissionBasis};
use shared::store::table::Write;
use shared::store::{Store, Versioned, keys};
use shared::testing::TestWorld;

/// A submission whose rejection takes effect in a week.
struct World {
    world: TestWorld,
    version: Version,
    submission: Submission,
    owner: UserId,
}

impl World {
    async fn new() -> Self {
        let world = TestWorld::new();
        let partner = world.seller("ada").await;
        let owner = shared::store::partners::load(&world.store, partner).await;
        let owner = owner.expect("read").expect("a seller").owner;
        let of_the_partner = sample::submitted();
        let HandedIn {
            mut version,
            mut submission,
            mut case,
        } = of_the_partner;
        let mut listing = sample::listing();
        (listing.partner, version.partner, submission.partner, case.partner) = (partner, partner, partner, partner);
        let handed_in = HandedIn {
            version,
            submission,
            case,
        };
        let store = &world.store;
        catalogue::create_listing(store, &listing).await.expect("written");
        let key = keys::version(listing.id, handed_in.version.id);
        let draft = Write::create(key, &handed_in.version).expect("an item");
        store.write(draft).await.expect("written");
        let partner_revision = shared::store::partners::load(store, partner).await;
        let basis = SubmissionBasis {
            version_revision: 1,
            listing_revision: 1,
            partner_revision: partner_revision.expect("read").expect("a seller").revision,
        };
        catalogue::submit(store, &handed_in, basis).await.expect("written");
        let case = catalogue::case(store, partner, handed_in.case.id).await;
        let case = case.expect("read").expect("waits");
        let request = DecisionRequest {
            act: Act::DelayRejection,
            reason_code: Some(ReasonCode::LicenceUnclear),
            note: "Whose samples are these?".into(),
        };
        let seed = sample::seed(60);
        let sitting = sample::sitting(sample::reviewer(), &seed);
        let HandedIn {
            version, submission, ..
        } = &handed_in;
        let delayed = decide(submission, version, Some(&case), (&request, Some(7)), &sitting).expect("in review");
        let basis = CaseDecision {
            case: Some(&case),
            version_revision: 2,
            subject_revision: 1,
            reviewer: sample::reviewer().user,
        };
        catalogue::decide(store, &delayed, basis).await.expect("written");
        world.take_messages();
        Self {
            version: delayed.version,
            submission: delayed.submission,
            owner,
            world,
        }
    }

    fn store(&self) -> &Store {
        &self.world.store
    }

    async fn run(&self, now: Timestamp) {
        let context = Context {
            store: self.store().clone(),
        };
        let tick = Tick {
            now,
            seed: self.world.seed(),
            deadline: now,
        };
        rejections::run(&context, tick).await.expect("run");
    }

    async fn version(&self) -> Versioned<Version> {
        let version = catalogue::version(self.store(), self.version.listing, self.version.id).await;
        version.expect("read").expect("stored")
    }

    async fn status(&self) -> (Status, SubmissionStatus) {
        let submission = catalogue::submission(self.store(), self.submission.partner, self.submission.id).await;
        let submission = submission.expect("read").expect("stored");
        (self.version().await.status(), submission.status())
    }

    async fn due(&self) -> usize {
        let due = catalogue::due_rejections(self.store(), Timestamp::MAX, 10).await;
        due.expect("read").len()
    }
}

fn after(days: i64) -> Timestamp {
    sample::now() + SignedDuration::from_hours(24 * days)
}

#[tokio::test]
async fn it_is_rejected_on_its_day_and_once() {
    let world = World::new().await;
    world.run(after(6)).await;
    assert_eq!(
        world.status().await,
        (Status::ChangesRequested, SubmissionStatus::ChangesRequested)
    );
    for _ in 0..2 {
        world.run(after(7)).await;
        assert_eq!(world.status().await, (Status::Rejected, SubmissionStatus::Rejected));
    }
    assert_eq!(world.due().await, 0);
    let messages = world.world.take_messages();
    let [message] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    let Message::PartnerNotice {
        user,
        notice: Notice::Submission { reason_code, .. },
        ..
    } = &message.message
    else {
        panic!("{message:?}")
    };
    assert_eq!((*user, reason_code.as_str()), (world.owner, "licence_unclear"));
    let entries = audit::events(world.store(), Audited::Listing(world.version.listing), None, 10).await;
    let actions: Vec<_> = entries
        .expect("read")
        .items
        .into_iter()
        .map(|entry| entry.action)
        .collect();
    assert_eq!(actions.len(), 2, "{actions:?}");
    assert!(actions.contains(&"submission.reject".to_owned()));
}

#[tokio::test]
async fn another_package_keeps_it_from_being_rejected() {
    let world = World::new().await;
    let request = UploadRequest {
        size_bytes: 1_000,
        sha256: None,
    };
    let version = world.version().await;
    let asked = request_upload(&version, world.owner, &request, after(1), &sample::seed(61)).expect("to be mended");
    catalogue::request_upload(world.store(), &asked, version.revision)
        .await
        .expect("written");
    world.run(after(7)).await;
    assert_eq!(
        world.status().await,
        (Status::Draft, SubmissionStatus::ChangesRequested)
    );
    assert_eq!((world.due().await, world.world.take_messages().len()), (0, 0));
}
