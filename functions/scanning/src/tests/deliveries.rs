//! Second deliveries, late ones, interrupted ones, and those that never get anywhere.

use sha2::{Digest, Sha256};
use shared::listing::{
    Arrival, DecisionRequest, HeldAct, ReasonCode, Requested, Status, UploadOutcome, UploadRequest, arrive,
    artifact_key, contents_key, judge, request_upload, sample,
};
use shared::messages::{Envelope, Message};
use shared::objects::{Bucket, ObjectRef};
use shared::runtime::Failure;
use shared::scan::Contents;
use shared::store::catalogue::{self, CaseDecision};

use super::{MAX_RECEIVES, MIDI, World, delivery, groove, notification, package};
use crate::handle;

#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    let object = world.post(&bytes).await;
    world.deliver(&object, 1).await.expect("scanned");
    let before = world.stored();
    world.deliver(&object, 2).await.expect("ignored");
    world
        .deliver(&object, MAX_RECEIVES)
        .await
        .expect("ignored, not errored");
    assert_eq!(world.stored(), before);
    let copies = ObjectRef {
        bucket: Bucket::Clean,
        key: world.clean()[0].clone(),
        version: Some("v2".into()),
    };
    assert!(
        world.context.objects.head(&copies).await.is_err(),
        "the copy was made once"
    );
}

#[tokio::test]
async fn what_a_package_holds_is_kept_beside_its_bytes() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    let object = world.post(&bytes).await;
    world.deliver(&object, 1).await.expect("scanned");
    let artifact = world.now().await.artifact().expect("passed").clone();
    let key = contents_key(&artifact.object_key);
    assert_eq!(world.clean(), [artifact.object_key, key.clone()]);
    let kept = world.clean_bytes(&key, "v1").await;
    let contents: Contents = serde_json::from_slice(&kept).expect("contents");
    assert_eq!(
        contents.files.keys().collect::<Vec<_>>(),
        ["README.md", "grooves/one.mid"]
    );
    let midi = hex::encode(Sha256::digest(MIDI));
    assert_eq!(contents.files["grooves/one.mid"], midi);
    assert_eq!(contents.declared["package"]["licence"], "CC-BY-4.0");
    assert_eq!(contents.declared.get("files"), None);
}

/// The form can be posted twice. What was scanned is what is clean, whatever lies under the key by then.
#[tokio::test]
async fn a_swapped_object_is_never_what_passed() {
    let (bytes, mut other) = (groove(), groove());
    let last = other.len() - 1;
    other[last] = 1;
    let world = World::new(&bytes).await;
    let first = world.post(&bytes).await;
    let second = world.post(&other).await;
    world.deliver(&first, 1).await.expect("scanned");
    world.deliver(&second, 1).await.expect("ignored");
    let version = world.now().await;
    let artifact = version.artifact().expect("the first one passed");
    assert_eq!(
        world.clean_bytes(&artifact.object_key, &artifact.object_version).await,
        bytes
    );

    // The other way round, the first object that is told of is the one that counts.
    let world = World::new(&bytes).await;
    let first = world.post(&other).await;
    let second = world.post(&bytes).await;
    world.deliver(&first, 1).await.expect("scanned");
    world.deliver(&second, 1).await.expect("ignored");
    assert_eq!((world.status().await, world.clean()), (Status::Rejected, Vec::new()));
}

#[tokio::test]
async fn a_superseded_upload_is_not_scanned() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    let object = world.post(&bytes).await;
    let request = UploadRequest {
        size_bytes: 500,
        sha256: None,
    };
    let newer = request_upload(
        &world.version,
        sample::author(),
        &request,
        sample::now(),
        &sample::seed(9),
    );
    let newer: Requested = newer.expect("still a draft");
    catalogue::request_upload(&world.context.store, &newer, 2)
        .await
        .expect("written");
    world.deliver(&object, 1).await.expect("recorded");
    let upload = catalogue::upload(&world.context.store, world.version.id, world.upload.id).await;
    let outcome = upload.expect("read").expect("stored").value.outcome;
    assert!(matches!(outcome, Some(UploadOutcome::Superseded { .. })), "{outcome:?}");
    assert_eq!((world.status().await, world.clean()), (Status::Draft, Vec::new()));
    world.deliver(&object, 2).await.expect("ignored");
}

/// A crash may leave the version being scanned, and even the copy made.
#[tokio::test]
async fn an_interrupted_scan_is_finished_by_the_next_delivery() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    let object = world.post(&bytes).await;
    let Arrival::Begin(scanning) = arrive(&world.version, &world.upload, &object, sample::now()) else {
        panic!("first")
    };
    catalogue::begin_scan(&world.context.store, &scanning, 2)
        .await
        .expect("written");
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let pinned = ObjectRef {
        bucket: Bucket::Quarantine,
        key: world.upload.key().to_string(),
        version: Some(object.clone()),
    };
    let key = artifact_key(world.listing.id, world.version.id, &sha256);
    world
        .context
        .objects
        .copy_new(&pinned, Bucket::Clean, &key)
        .await
        .expect("copied");

    world.deliver(&object, 2).await.expect("scanned");
    let version = world.now().await;
    assert_eq!(
        version.artifact().expect("passed").object_version,
        "v1",
        "the copy that was there is used"
    );
}

/// The queue may hand out a message while its first delivery still scans. Both pass it, and there is one copy: the version's own.
#[tokio::test]
async fn of_two_deliveries_at_once_one_copies() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    let object = world.post(&bytes).await;
    let (first, second) = tokio::join!(world.deliver(&object, 1), world.deliver(&object, 2));
    first.expect("scanned");
    second.expect("found what the other had copied, or was not needed");
    let version = world.now().await;
    let artifact = version.artifact().expect("passed");
    assert_eq!(
        world.clean_bytes(&artifact.object_key, &artifact.object_version).await,
        bytes
    );
    let copies = ["v1", "v2"].map(|version| ObjectRef {
        bucket: Bucket::Clean,
        key: artifact.object_key.clone(),
        version: Some(version.into()),
    });
    assert!(world.context.objects.head(&copies[0]).await.is_ok());
    assert!(
        world.context.objects.head(&copies[1]).await.is_err(),
        "a second copy makes the recorded version one that S3 may forget"
    );
}

/// Nothing but the scanned bytes is ever offered under their hash.
#[tokio::test]
async fn other_bytes_under_the_hash_stop_the_scan() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    let object = world.post(&bytes).await;
    let key = artifact_key(world.listing.id, world.version.id, &hex::encode(Sha256::digest(&bytes)));
    let put = world
        .context
        .objects
        .put(Bucket::Clean, &key, "application/zip", b"other".to_vec());
    put.await.expect("written");
    let failure = world.deliver(&object, 1).await.expect_err("somebody else wrote there");
    assert!(matches!(failure, Failure::Reject(_)), "{failure:?}");
    assert_eq!(world.status().await, Status::Scanning);
}

#[tokio::test]
async fn what_cannot_be_scanned_is_tried_again_and_then_errored() {
    let bytes = groove();
    let mut world = World::new(&bytes).await;
    let object = world.post(&bytes).await;
    world.context.engine = None;
    for receives in 1..MAX_RECEIVES {
        let failure = world.deliver(&object, receives).await.expect_err("there is no engine");
        assert!(matches!(failure, Failure::Retry(_)), "{failure:?}");
        assert_eq!(world.status().await, Status::Scanning);
    }
    world.deliver(&object, MAX_RECEIVES).await.expect("recorded");
    let version = world.now().await;
    assert_eq!(
        (version.status(), version.reason_codes()),
        (Status::Errored, &["scan.gave_up".to_owned()][..])
    );
    let checks = world.checks().await;
    assert_eq!(checks[0].findings[0].rule, "scan.gave_up");
    assert_eq!(world.clean(), Vec::<String>::new());
}

#[tokio::test]
async fn an_object_that_is_gone_is_an_error_not_a_pass() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    world.deliver("v7", 1).await.expect("recorded");
    let version = world.now().await;
    assert_eq!(
        (version.status(), version.reason_codes()),
        (Status::Errored, &["upload.missing".to_owned()][..])
    );
}

#[tokio::test]
async fn objects_that_nobody_asked_for_go_to_the_dead_letters() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    let before = world.stored();
    let known = world.upload.key().to_string();
    let foreign = known.replace(&world.upload.id.to_string(), "upl_01h2xcejqtf2nbrexx3vqjhp41");
    let elsewhere = known.replace(&world.upload.partner.to_string(), "ptn_01h2xcejqtf2nbrexx3vqjhp41");
    for key in ["uploads/readme.txt", &foreign, &elsewhere] {
        let failure = handle(&world.context, delivery(&notification(key, Some("v1")), 1))
            .await
            .expect_err("unknown");
        assert!(matches!(failure, Failure::Reject(_)), "{key}: {failure:?}");
    }
    assert_eq!(world.stored(), before);
}

#[tokio::test]
async fn a_notification_without_a_version_means_the_newest() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    world.post(&bytes).await;
    let key = world.upload.key().to_string().replace('/', "%2F");
    handle(&world.context, delivery(&notification(&key, None), 1))
        .await
        .expect("scanned");
    assert_eq!(world.status().await, Status::Passed);
}

#[tokio::test]
async fn bytes_that_the_bucket_never_told_of_are_scanned_when_they_are_looked_for() {
    let bytes = groove();
    let world = World::new(&bytes).await;
    let key = world.upload.key();
    let message = Message::ScanAgain {
        partner: key.partner,
        listing: key.listing,
        version: key.version,
        upload: key.upload,
    };
    let asked = serde_json::to_string(&Envelope::new(sample::seed(60).id("asked"), message)).expect("JSON");
    let before = world.stored();
    handle(&world.context, delivery(&asked, 1))
        .await
        .expect("nothing is there yet");
    assert_eq!((world.stored(), world.status().await), (before, Status::Draft));
    let object = world.post(&bytes).await;
    handle(&world.context, delivery(&asked, 1)).await.expect("scanned");
    assert_eq!(world.status().await, Status::Passed);
    let passed = world.stored();
    world.deliver(&object, 1).await.expect("told after all");
    handle(&world.context, delivery(&asked, 1))
        .await
        .expect("asked once more");
    assert_eq!(world.stored(), passed);
}

/// A package that is held, and what a moderator's release of it is stored and sent as.
async fn released() -> (World, Vec<u8>, String) {
    let key = ["AKIA", "QYLPMN5HTHFPZAM2"].concat();
    let readme = format!("# Grooves\n\nThe key is {key}.\n");
    let bytes = package(
        "1.0.0",
        "groove-template",
        &[("README.md", readme.as_bytes()), ("grooves/one.mid", MIDI)],
    );
    let world = World::new(&bytes).await;
    let object = world.post(&bytes).await;
    world.deliver(&object, 1).await.expect("scanned");
    let held = catalogue::version(&world.context.store, world.listing.id, world.version.id).await;
    let held = held.expect("read").expect("stored");
    assert_eq!(held.reason_codes(), ["secrets.aws_access_key"]);
    let store = &world.context.store;
    let case = catalogue::case(store, held.partner, held.held_case().expect("a case")).await;
    let case = case.expect("read").expect("stored");
    let upload = catalogue::upload(store, held.id, world.upload.id).await;
    let upload = upload.expect("read").expect("stored");
    let request = DecisionRequest {
        act: HeldAct::Release,
        reason_code: Some(ReasonCode::HarmlessHere),
        note: "Nobody's.".into(),
    };
    let seed = sample::seed(9);
    let sitting = sample::sitting(sample::reviewer(), &seed);
    let judged = judge(&held, &upload, &case, &request, &sitting).expect("held");
    let basis = CaseDecision {
        case: Some(&case),
        version_revision: held.revision,
        subject_revision: upload.revision,
        reviewer: sample::reviewer().user,
    };
    catalogue::judge(store, &judged, basis).await.expect("written");
    let again = judged
        .messages
        .iter()
        .find(|sent| matches!(sent.message, Message::ScanAgain { .. }));
    let message = serde_json::to_string(again.expect("a message")).expect("JSON");
    (world, bytes, message)
}

#[tokio::test]
async fn what_is_released_passes_by_a_second_scan() {
    let (world, bytes, message) = released().await;
    assert_eq!(world.status().await, Status::Scanning);
    handle(&world.context, delivery(&message, 1)).await.expect("scanned");
    let version = world.now().await;
    let artifact = version.artifact().expect("it passed");
    assert_eq!(
        world.clean_bytes(&artifact.object_key, &artifact.object_version).await,
        bytes
    );
    let secrets = world.checks().await.into_iter().find(|check| check.check == "secrets");
    assert_eq!(
        secrets.expect("a row").findings.len(),
        1,
        "what was found stays to be read"
    );
    let before = world.stored();
    handle(&world.context, delivery(&message, 2)).await.expect("ignored");
    assert_eq!(world.stored(), before);
}

#[tokio::test]
async fn what_is_released_is_the_object_that_was_scanned() {
    let (world, bytes, message) = released().await;
    world.post(&groove()).await;
    handle(&world.context, delivery(&message, 1)).await.expect("scanned");
    let version = world.now().await;
    let artifact = version.artifact().expect("it passed");
    assert_eq!(
        world.clean_bytes(&artifact.object_key, &artifact.object_version).await,
        bytes
    );
}
