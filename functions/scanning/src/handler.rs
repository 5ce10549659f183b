//! One notification: from the object that arrived to the verdict that is stored.

use std::sync::Arc;

use jiff::Timestamp;
use scanner::{Engine, Report};
use sha2::{Digest, Sha256};
use shared::listing::{
    Arrival, Listing, MAX_PACKAGE_BYTES, Stage, Upload, UploadKey, Version, arrive, artifact_key, conclude,
    contents_key,
};
use shared::messages::{Envelope, Message};
use shared::objects::{Bucket, ObjectError, ObjectHead, ObjectRef};
use shared::runtime::{Delivery, Failure};
use shared::scan::Verdict;
use shared::seed::Seed;
use shared::store::{StoreError, Versioned, catalogue};

use crate::context::Context;
use crate::notification::{Notification, Record};
use crate::rescan;
use crate::verdict::{self, Scan};

pub async fn handle(context: &Context, delivery: Delivery<Notification>) -> Result<(), Failure> {
    context.store.until_uncontended(|| notified(context, &delivery)).await
}

async fn notified(context: &Context, delivery: &Delivery<Notification>) -> Result<(), Failure> {
    match &delivery.message {
        Notification::Test { .. } => Ok(()),
        Notification::Records { records } => {
            for record in records.iter().filter(|record| record.is_creation()) {
                let key = record.key().parse().map_err(Failure::reject)?;
                one(context, &key, Object::Told(record), delivery).await?;
            }
            Ok(())
        }
        Notification::Asked(Envelope {
            message:
                Message::ScanAgain {
                    partner,
                    listing,
                    version,
                    upload,
                },
            ..
        }) => {
            let key = UploadKey {
                partner: *partner,
                listing: *listing,
                version: *version,
                upload: *upload,
            };
            one(context, &key, Object::Waiting, delivery).await
        }
        Notification::Asked(asked) => rescan::handle(context, asked, delivery).await,
    }
}

/// Which of the objects under an upload's key is meant.
enum Object<'d> {
    /// The one that the bucket tells of.
    Told(&'d Record),
    /// The one that waits there: to be scanned again, or for the first time, where what the bucket told of it was lost.
    Waiting,
}

/// An object under an upload's key, with what the store knows of it.
struct Arrived {
    /// Pinned by its version id: what is scanned is what is copied.
    object: ObjectRef,
    object_version: String,
    listing: Listing,
    version: Versioned<Version>,
    upload: Versioned<Upload>,
}

async fn one(
    context: &Context,
    key: &UploadKey,
    object: Object<'_>,
    delivery: &Delivery<Notification>,
) -> Result<(), Failure> {
    let Some(mut arrived) = load(context, object, key).await? else {
        tracing::info!(upload.id = %key.upload, "no bytes wait to be scanned");
        return Ok(());
    };
    let (id, now) = (key.upload, delivery.now);
    match arrive(&arrived.version, &arrived.upload, &arrived.object_version, now) {
        Arrival::Ignore(why) => {
            tracing::info!(upload.id = %id, reason = %why, "nothing to scan");
            return Ok(());
        }
        Arrival::Supersede(ended) => {
            catalogue::supersede_upload(&context.store, &ended, arrived.upload.revision).await?;
            tracing::info!(upload.id = %id, "the bytes of a superseded upload do not count");
            return Ok(());
        }
        Arrival::Begin(scanning) => {
            catalogue::begin_scan(&context.store, &scanning, arrived.version.revision).await?;
            arrived.version = Versioned {
                value: scanning,
                revision: arrived.version.revision + 1,
            };
        }
        Arrival::Resume => {}
    }
    let scan = if delivery.receives >= context.max_receives {
        verdict::errored(
            "scan.gave_up",
            &format!("{} deliveries did not get to the end of a scan", delivery.receives),
            now,
        )
    } else {
        scan(context, &arrived, now).await?
    };
    record_verdict(context, &arrived, scan, &delivery.seed).await
}

/// `None` where an object that is to be scanned no longer waits for it, or was never uploaded.
async fn load(context: &Context, object: Object<'_>, key: &UploadKey) -> Result<Option<Arrived>, Failure> {
    let unknown = || Failure::reject(format!("nobody has asked for an upload to {key}"));
    let store = &context.store;
    let upload = catalogue::upload(store, key.version, key.upload)
        .await?
        .ok_or_else(unknown)?;
    if upload.key() != *key {
        return Err(unknown());
    }
    let version = catalogue::version(store, key.listing, key.version)
        .await?
        .ok_or_else(unknown)?;
    let listing = catalogue::listing(store, key.partner, key.listing)
        .await?
        .ok_or_else(unknown)?
        .value;
    let newest = ObjectRef {
        bucket: Bucket::Quarantine,
        key: key.to_string(),
        version: None,
    };
    let object_version = match object {
        Object::Told(record) => match &record.s3.object.version_id {
            Some(version) => version.clone(),
            None => newest_version(context, &newest).await?,
        },
        Object::Waiting => match &version.stage {
            Stage::Scanning { upload, object_version } if *upload == key.upload => object_version.clone(),
            Stage::Draft { upload: Some(upload) } if *upload == key.upload => {
                match context.objects.head(&newest).await {
                    Ok(head) => pinned(head)?,
                    Err(ObjectError::NotFound) => return Ok(None),
                    Err(error) => return Err(Failure::retry(error)),
                }
            }
            _ => return Ok(None),
        },
    };
    let object = ObjectRef {
        version: Some(object_version.clone()),
        ..newest
    };
    Ok(Some(Arrived {
        object,
        object_version,
        listing,
        version,
        upload,
    }))
}

/// For a notification that does not say which version it is about: whatever is newest is pinned from here on.
async fn newest_version(context: &Context, newest: &ObjectRef) -> Result<String, Failure> {
    pinned(context.objects.head(newest).await.map_err(Failure::retry)?)
}

fn pinned(head: ObjectHead) -> Result<String, Failure> {
    head.version
        .ok_or_else(|| Failure::reject("an object without a version id: the bucket is not versioned"))
}

/// What there is to say about the object. An error means that nothing was found out, so it must be tried again.
async fn scan(context: &Context, arrived: &Arrived, now: Timestamp) -> Result<Scan, Failure> {
    let upload = &arrived.upload;
    let head = match context.objects.head(&arrived.object).await {
        Ok(head) => head,
        Err(ObjectError::NotFound) => {
            return Ok(verdict::errored(
                "upload.missing",
                "the object is gone before it was scanned",
                now,
            ));
        }
        Err(error) => return Err(Failure::retry(error)),
    };
    if head.size_bytes != upload.size_bytes || head.size_bytes > MAX_PACKAGE_BYTES {
        let seen = format!("{} bytes instead of {}", head.size_bytes, upload.size_bytes);
        return Ok(verdict::refused("upload.wrong_size", &seen, now));
    }
    let package = context
        .objects
        .get(&arrived.object, upload.size_bytes)
        .await
        .map_err(Failure::retry)?;
    let sha256 = hex::encode(Sha256::digest(&package));
    if upload.sha256.as_ref().is_some_and(|announced| *announced != sha256) {
        return Ok(verdict::refused(
            "upload.wrong_hash",
            &format!("the package's SHA-256 is {sha256}"),
            now,
        ));
    }
    let report = examine(context, package).await?;
    if report.sha256 != sha256 {
        return Err(Failure::retry("the report is about other bytes"));
    }
    let waived = upload.waived().map(str::to_owned);
    let report = report.waiving(waived.chain(arrived.listing.waived.iter().cloned()));
    Ok(verdict::of(report, &arrived.listing, &arrived.version, now))
}

pub(crate) fn engine(context: &Context) -> Result<&Arc<Engine>, Failure> {
    context
        .engine
        .as_ref()
        .ok_or_else(|| Failure::retry("there is no engine"))
}

pub(crate) async fn examine(context: &Context, package: Vec<u8>) -> Result<Report, Failure> {
    let engine = Arc::clone(engine(context)?);
    // On a thread of its own: this one keeps the time.
    let report = tokio::task::spawn_blocking(move || engine.scan(&package)).await;
    report.map_err(Failure::retry)
}

async fn record_verdict(context: &Context, arrived: &Arrived, scan: Scan, seed: &Seed) -> Result<(), Failure> {
    let clean = match scan.summary.verdict {
        Verdict::Passed => {
            let version = copy(context, arrived, &scan.summary.sha256).await?;
            keep_contents(context, arrived, &scan).await?;
            Some(version)
        }
        _ => None,
    };
    let verdict = scan.summary.verdict;
    let (version, upload) = (&arrived.version, &arrived.upload);
    let scanned = conclude(
        &arrived.listing,
        version,
        upload,
        &arrived.object_version,
        scan.summary,
        clean.as_deref(),
        seed,
    );
    let scanned = scanned.map_err(Failure::reject)?;
    match catalogue::record_scan(
        &context.store,
        &scanned,
        version.revision,
        upload.revision,
        &scan.checks,
    )
    .await
    {
        Ok(()) => tracing::info!(upload.id = %upload.id, version.id = %version.id, %verdict, "package scanned"),
        Err(StoreError::Conflict { .. }) if has_ended(context, upload).await? => {
            tracing::info!(upload.id = %upload.id, "another delivery was quicker");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn has_ended(context: &Context, upload: &Upload) -> Result<bool, StoreError> {
    let now = catalogue::upload(&context.store, upload.version, upload.id).await?;
    Ok(now.is_some_and(|upload| upload.outcome.is_some()))
}

/// What the package holds, beside the scanned bytes. The same bytes hold the same, so writing it twice is harmless.
async fn keep_contents(context: &Context, arrived: &Arrived, scan: &Scan) -> Result<(), Failure> {
    let Some(contents) = &scan.contents else {
        return Ok(());
    };
    let artifact = artifact_key(arrived.version.listing, arrived.version.id, &scan.summary.sha256);
    let bytes = serde_json::to_vec(contents).map_err(Failure::reject)?;
    let key = contents_key(&artifact);
    let put = context.objects.put(Bucket::Clean, &key, "application/json", bytes);
    put.await.map_err(Failure::retry)?;
    Ok(())
}

/// The scanned bytes in the clean bucket; names the copy's version. Only the first delivery copies: the key has the hash in it and nobody
/// else writes there, so a delivery that comes second finds the same bytes, whose version the first one may have recorded already.
async fn copy(context: &Context, arrived: &Arrived, sha256: &str) -> Result<String, Failure> {
    let key = artifact_key(arrived.version.listing, arrived.version.id, sha256);
    let copied = context.objects.copy_new(&arrived.object, Bucket::Clean, &key).await;
    let version = match copied {
        Ok(copy) => copy.version,
        Err(ObjectError::Exists) => copied_before(context, arrived, key).await?,
        Err(error) => return Err(Failure::retry(error)),
    };
    version.ok_or_else(|| Failure::reject("a copy without a version id: the clean bucket is not versioned"))
}

async fn copied_before(context: &Context, arrived: &Arrived, key: String) -> Result<Option<String>, Failure> {
    let there = ObjectRef {
        bucket: Bucket::Clean,
        key,
        version: None,
    };
    let head = context.objects.head(&there).await.map_err(Failure::retry)?;
    if head.size_bytes != arrived.upload.size_bytes {
        return Err(Failure::reject(format!(
            "{} holds other bytes than its name says",
            there.key
        )));
    }
    Ok(head.version)
}
