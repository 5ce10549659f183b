//! Everything that is listed, scanned once more: monitored first, and suspended where an operator says so.

use sha2::{Digest, Sha256};
use shared::ids::RescanId;
use shared::listing::rescan::{EnforceError, Rescan, RescanFinding, begin, enforce};
use shared::listing::{
    Arrival, ListedAct, Listing, Publication, Status, Submission, Version, YankReason, YankRequest, arrive,
    artifact_key, conclude, decide, publish, sample, submit, yank,
};
use shared::messages::{Envelope, Message, Queue};
use shared::money::Currency;
use shared::objects::Bucket;
use shared::partner::apply::apply;
use shared::partner::{Act, Application, Country, PartnerName, SupportEmail};
use shared::runtime::{Delivery, Failure};
use shared::scan::Summary;
use shared::seed::Seed;
use shared::store::catalogue::{self, PublicationBasis};
use shared::store::{Write, keys, partners};

use super::{MIDI, World, groove, package};
use crate::{Notification, handle};

/// A package with a secret in it, which nobody had looked for when it was listed.
fn leaking() -> Vec<u8> {
    let key = ["AKIA", "QYLPMN5HTHFPZAM2"].concat();
    let readme = format!("# Grooves\n\nThe key is {key}.\n");
    package(
        "1.0.0",
        "groove-template",
        &[("README.md", readme.as_bytes()), ("grooves/one.mid", MIDI)],
    )
}

impl World {
    /// A version of these bytes that passed the rules of its day and was published.
    async fn listed(bytes: &[u8]) -> Self {
        let world = Self::new(bytes).await;
        let store = &world.context.store;
        let sha256 = hex::encode(Sha256::digest(bytes));
        let key = artifact_key(world.listing.id, world.version.id, &sha256);
        let put = world
            .context
            .objects
            .put(Bucket::Clean, &key, "application/zip", bytes.to_vec());
        let clean = put.await.expect("written").version.expect("versioned");
        let Arrival::Begin(version) = arrive(&world.version, &world.upload, "q-1", sample::now()) else {
            panic!("it waits for its bytes")
        };
        let summary = Summary {
            sha256,
            size_bytes: bytes.len() as u64,
            ..sample::passed()
        };
        let seed = sample::seed(40);
        let scanned = conclude(
            &world.listing,
            &version,
            &world.upload,
            "q-1",
            summary,
            Some(&clean),
            &seed,
        );
        let scanned = Box::new(scanned.expect("passed"));
        catalogue::record_scan(store, &scanned, 2, 1, &[])
            .await
            .expect("written");
        let (submission, change) = published(&world.listing, &scanned.version);
        let written = Write::create(keys::submission(submission.partner, submission.id), &submission);
        store.write(written.expect("an item")).await.expect("written");
        catalogue::save_publication(store, &change, PublicationBasis::of(1, 3))
            .await
            .expect("written");
        world.partner().await;
        world
    }

    /// Whom the listing belongs to.
    async fn partner(&self) {
        let application = Application {
            name: PartnerName::parse("Nordlicht Audio").expect("a name"),
            country: Country::parse("DE").expect("a country"),
            support_email: SupportEmail::parse("help@nordlicht.example").expect("an address"),
            website: None,
            about: "Grooves for slow music.".into(),
        };
        let act = Act {
            actor: sample::author(),
            now: sample::now(),
            seed: sample::seed(41),
        };
        let mut applied = apply(application, act);
        applied.partner.id = self.listing.partner;
        partners::create(&self.context.store, &applied).await.expect("written");
    }

    /// Delivers a message, and everything that follows from it.
    async fn run(&self, message: Message) {
        let mut waiting = vec![Envelope::new(sample::seed(50).id("first"), message)];
        while let Some(envelope) = waiting.pop() {
            self.told(&envelope, 1).await.expect("handled");
            let sent = self.context.queues.as_memory().expect("in memory").take();
            waiting.extend(sent.into_iter().map(|(queue, envelope)| {
                assert_eq!(queue, Queue::Scan);
                envelope
            }));
        }
    }

    async fn told(&self, envelope: &Envelope, receives: u32) -> Result<(), Failure> {
        let delivery = Delivery {
            message: Notification::Asked(envelope.clone()),
            seed: Seed::of(&envelope.id),
            now: sample::now(),
            receives,
            id: "1".into(),
        };
        handle(&self.context, delivery).await
    }

    async fn begun(&self) -> RescanId {
        let begun = begin(sample::reviewer().user, sample::now(), &sample::seed(42));
        let rescan = catalogue::begin_rescan(&self.context.store, &begun)
            .await
            .expect("written");
        rescan.id
    }

    async fn rescanned(&self) -> RescanId {
        let rescan = self.begun().await;
        self.run(Message::RescanPage { rescan, after: None }).await;
        rescan
    }

    async fn rescan(&self, rescan: RescanId) -> Rescan {
        let found = catalogue::rescan(&self.context.store, rescan).await;
        found.expect("read").expect("stored").value
    }

    async fn findings(&self, rescan: RescanId) -> Vec<RescanFinding> {
        let found = catalogue::rescan_findings(&self.context.store, rescan, None, 10).await;
        found.expect("read").items
    }
}

/// What becomes of a version that passed: handed in, approved, published.
fn published(listing: &Listing, version: &Version) -> (Box<Submission>, Box<Publication>) {
    let seed = sample::seed(40);
    let handed_in = submit(listing, version, &[], Currency::EUR, sample::occasion(&seed)).expect("passed");
    let sitting = sample::sitting(sample::reviewer(), &seed);
    let reviewed = decide(
        &handed_in.submission,
        &handed_in.version,
        Some(&handed_in.case),
        (&sample::approval(), None),
        &sitting,
    )
    .expect("in review");
    let (seller, occasion) = (sample::seller(), sample::occasion(&seed));
    let change = publish(
        listing,
        &reviewed.version,
        &reviewed.submission,
        None,
        &seller,
        occasion,
    );
    (Box::new(reviewed.submission), Box::new(change.expect("approved")))
}

#[tokio::test]
async fn what_new_rules_find_is_reported_and_nothing_else_happens() {
    let world = World::listed(&leaking()).await;
    let rescan = world.rescanned().await;
    let found = world.findings(rescan).await;
    assert_eq!(found[0].reason_codes, ["secrets.aws_access_key"]);
    let report = world.rescan(rescan).await;
    assert!(report.is_complete());
    assert_eq!((report.versions, report.scanned, report.found), (1, 1, 1));
    assert_eq!(world.status().await, Status::Published);
}

#[tokio::test]
async fn what_passes_is_counted_and_not_reported() {
    let world = World::listed(&groove()).await;
    let rescan = world.rescanned().await;
    let report = world.rescan(rescan).await;
    assert_eq!((report.versions, report.scanned, report.found), (1, 1, 0));
    assert!(report.is_complete() && world.findings(rescan).await.is_empty());
}

#[tokio::test]
async fn a_message_that_comes_twice_counts_once() {
    let world = World::listed(&leaking()).await;
    let rescan = world.begun().await;
    let page = Envelope::new(sample::seed(51).id("page"), Message::RescanPage { rescan, after: None });
    for _ in 0..2 {
        world.told(&page, 1).await.expect("handled");
    }
    let sent = world.context.queues.as_memory().expect("in memory").take();
    let [(_, first), (_, again)] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!(first, again, "the queue knows it again");
    assert!(!world.rescan(rescan).await.is_complete());
    for _ in 0..2 {
        world.told(first, 1).await.expect("handled");
    }
    let report = world.rescan(rescan).await;
    assert!(report.is_complete());
    assert_eq!((report.versions, report.scanned, report.found), (1, 1, 1));
}

#[tokio::test]
async fn a_rescan_that_is_announced_again_looks_at_nothing_twice() {
    let world = World::listed(&leaking()).await;
    let rescan = world.begun().await;
    let page = Message::RescanPage { rescan, after: None };
    world.run(page.clone()).await;
    let (report, findings) = (world.rescan(rescan).await, world.findings(rescan).await);
    let before = world.stored();
    world.run(page).await;
    assert_eq!(world.rescan(rescan).await, report);
    assert_eq!(world.findings(rescan).await, findings);
    assert_eq!(world.stored(), before);
}

#[tokio::test]
async fn enforced_it_is_suspended_with_the_rules_that_found_it() {
    let world = World::listed(&leaking()).await;
    let rescan = world.rescanned().await;
    let (by, seed) = (sample::reviewer().user, sample::seed(43));
    let enforced = enforce(&world.rescan(rescan).await, by, sample::now(), &seed).expect("complete");
    world.run(enforced.message.message.clone()).await;
    let version = world.now().await;
    let stop = version.stop().expect("suspended");
    assert_eq!(
        (version.status(), stop.decision.act),
        (Status::Suspended, ListedAct::Suspend)
    );
    assert_eq!(
        (stop.rules.as_slice(), stop.decision.by),
        (&["secrets.aws_access_key".to_owned()][..], by)
    );
    let case = version.suspension_case().expect("it waits for a moderator");
    assert!(
        catalogue::case(&world.context.store, version.partner, case)
            .await
            .expect("read")
            .is_some()
    );
    let seen = catalogue::published(&world.context.store, world.listing.id).await;
    assert_eq!(seen.expect("read"), None);
    // It comes again, and finds nothing left to do.
    let before = world.stored();
    world.run(enforced.message.message).await;
    assert_eq!(world.stored(), before);
    let again = enforce(&enforced.rescan, by, sample::now(), &seed);
    assert_eq!(again.map(drop), Err(EnforceError::Already));
}

#[tokio::test]
async fn what_is_yanked_is_scanned_too_for_its_buyers_can_get_it() {
    let world = World::listed(&leaking()).await;
    let store = &world.context.store;
    let listing = catalogue::listing(store, world.listing.partner, world.listing.id).await;
    let (listing, seed) = (listing.expect("read").expect("stored"), sample::seed(44));
    let version = catalogue::version(store, listing.id, world.version.id).await;
    let version = version.expect("read").expect("stored");
    let scenery = catalogue::scenery(store, &version)
        .await
        .expect("read")
        .expect("handed in");
    let request = YankRequest {
        reason: YankReason::Withdrawn,
        note: String::new(),
    };
    let current = scenery.before.as_ref().expect("seen");
    let change = yank(&listing, &version, current, None, &request, sample::occasion(&seed)).expect("live");
    catalogue::save_publication(store, &change, scenery.basis(listing.revision, version.revision))
        .await
        .expect("written");
    let rescan = world.rescanned().await;
    assert_eq!(world.findings(rescan).await.len(), 1);
}

#[tokio::test]
async fn rules_that_were_found_wrong_about_a_listing_find_nothing_in_it() {
    let world = World::listed(&leaking()).await;
    let store = &world.context.store;
    let listing = catalogue::listing(store, world.listing.partner, world.listing.id).await;
    let mut listing = listing.expect("read").expect("stored");
    listing.value.waived.insert("secrets.aws_access_key".into());
    catalogue::save_listing(store, &listing.value, listing.revision)
        .await
        .expect("written");
    let rescan = world.rescanned().await;
    assert_eq!(world.findings(rescan).await, []);
}

#[tokio::test]
async fn bytes_that_are_gone_or_cannot_be_scanned_do_not_pass() {
    let world = World::listed(&groove()).await;
    let rescan = world.begun().await;
    let one = Message::Rescan {
        rescan,
        listing: world.listing.id,
        version: world.version.id,
    };
    let envelope = Envelope::new(sample::seed(52).id("one"), one);
    world.told(&envelope, super::MAX_RECEIVES).await.expect("recorded");
    assert_eq!(world.findings(rescan).await[0].reason_codes, ["scan.gave_up"]);
}

#[tokio::test]
async fn everything_is_scanned_once_for_each_set_of_rules() {
    let world = World::listed(&leaking()).await;
    let compare = Message::CompareRules { at: sample::now() };
    world.run(compare.clone()).await;
    let rescans = catalogue::rescans(&world.context.store, None, 10)
        .await
        .expect("read")
        .items;
    let [rescan] = rescans.as_slice() else {
        panic!("{rescans:?}")
    };
    assert_eq!(
        (rescan.by, rescan.ruleset.as_deref()),
        (None, Some(super::ENGINE.ruleset())),
        "nobody asked for it"
    );
    let before = world.stored();
    world.run(compare).await;
    assert_eq!(world.stored(), before);
}
