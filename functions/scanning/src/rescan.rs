//! Everything that is listed, scanned once more: page by page, version by version.
//!
//! What is scanned are the bytes that customers get. A rescan only writes down what it finds; once an operator has enforced it, what was
//! found is scanned again and suspended if it still does not pass.

use shared::ids::{ListingId, RescanId, UserId, VersionId};
use shared::listing::rescan::{RescanFinding, begin_for_rules};
use shared::listing::{
    self, Artifact, DecisionRequest, ListedAct, ReasonCode, Reviewer, Seller, Sitting, Standing, Version,
};
use shared::messages::{Envelope, Message};
use shared::objects::{Bucket, ObjectError, ObjectRef};
use shared::page::PageKey;
use shared::runtime::{Delivery, Failure};
use shared::scan::Verdict;
use shared::seed::Seed;
use shared::store::catalogue::{self, Counted};
use shared::store::partners;

use crate::context::Context;
use crate::handler::{engine, examine};
use crate::notification::Notification;
use crate::verdict;

/// A page of the index is read in one request, and its messages are sent well within the function's time.
const PAGE: usize = 100;

pub(crate) async fn handle(
    context: &Context,
    asked: &Envelope,
    delivery: &Delivery<Notification>,
) -> Result<(), Failure> {
    match &asked.message {
        Message::CompareRules { .. } => compare_rules(context, delivery).await,
        Message::RescanPage { rescan, after } => page(context, asked, *rescan, after.clone(), delivery.seed).await,
        Message::Rescan {
            rescan,
            listing,
            version,
        } => monitor(context, *rescan, (*listing, *version), delivery).await,
        Message::SuspendFoundPage { rescan, by, after } => {
            suspend_page(context, (*rescan, *by), after.clone(), delivery.seed).await
        }
        Message::SuspendFound {
            rescan,
            by,
            listing,
            version,
        } => suspend(context, (*rescan, *by), (*listing, *version), delivery).await,
        other => Err(Failure::reject(format!("a message for {} arrived here", other.queue()))),
    }
}

/// Begins a rescan, unless everything has been scanned with these rules.
async fn compare_rules(context: &Context, delivery: &Delivery<Notification>) -> Result<(), Failure> {
    let ruleset = engine(context)?.ruleset();
    let begun = begin_for_rules(ruleset, delivery.now, &delivery.seed);
    if catalogue::begin_rescan_for_rules(&context.store, &begun, ruleset).await? == Counted::Now {
        tracing::info!(rescan.id = %begun.rescan.id, ruleset, "the rules have changed: everything listed is scanned again");
    }
    Ok(())
}

async fn page(
    context: &Context,
    asked: &Envelope,
    rescan: RescanId,
    after: Option<PageKey>,
    seed: Seed,
) -> Result<(), Failure> {
    let (store, queues) = (&context.store, &context.queues);
    let listed = catalogue::versions_by_standing(store, Standing::Listed, after, PAGE).await?;
    let is_last = listed.next.is_none();
    if listed.next.is_some() {
        let next = Message::RescanPage {
            rescan,
            after: listed.next,
        };
        queues.send(&Envelope::new(seed.id("next"), next)).await?;
    }
    let versions: Vec<_> = listed
        .items
        .iter()
        .filter(|version| version.is_downloadable())
        .collect();
    for version in &versions {
        let one = Message::Rescan {
            rescan,
            listing: version.listing,
            version: version.id,
        };
        queues
            .send(&Envelope::new(seed.id(&version.id.to_string()), one))
            .await?;
    }
    catalogue::count_page(store, rescan, asked.id, versions.len(), is_last).await?;
    Ok(())
}

async fn monitor(
    context: &Context,
    rescan: RescanId,
    place: (ListingId, VersionId),
    delivery: &Delivery<Notification>,
) -> Result<(), Failure> {
    // A rescan that is announced again need not look at everything again.
    if catalogue::is_counted(&context.store, rescan, place.1).await? {
        return Ok(());
    }
    let found = match listed(context, place).await? {
        Some(version) => finding(context, &version, delivery).await?,
        // It has been stopped since, and nobody can get it.
        None => None,
    };
    match &found {
        Some(finding) => catalogue::record_finding(&context.store, rescan, finding).await?,
        None => catalogue::record_pass(&context.store, rescan, place.1).await?,
    };
    if let Some(finding) = &found {
        tracing::warn!(rescan.id = %rescan, version.id = %finding.version, verdict = %finding.verdict, "a listed version does not pass");
    }
    Ok(())
}

async fn suspend_page(
    context: &Context,
    (rescan, by): (RescanId, UserId),
    after: Option<PageKey>,
    seed: Seed,
) -> Result<(), Failure> {
    let found = catalogue::rescan_findings(&context.store, rescan, after, PAGE).await?;
    if found.next.is_some() {
        let next = Message::SuspendFoundPage {
            rescan,
            by,
            after: found.next,
        };
        context.queues.send(&Envelope::new(seed.id("next"), next)).await?;
    }
    for finding in found.items {
        let one = Message::SuspendFound {
            rescan,
            by,
            listing: finding.listing,
            version: finding.version,
        };
        let id = seed.id(&finding.version.to_string());
        context.queues.send(&Envelope::new(id, one)).await?;
    }
    Ok(())
}

async fn suspend(
    context: &Context,
    (rescan, by): (RescanId, UserId),
    place: (ListingId, VersionId),
    delivery: &Delivery<Notification>,
) -> Result<(), Failure> {
    let store = &context.store;
    let Some(version) = catalogue::version(store, place.0, place.1).await? else {
        return Err(Failure::reject(format!("there is no {}", place.1)));
    };
    let found = match version.is_downloadable() {
        true => finding(context, &version, delivery).await?,
        false => None,
    };
    let Some(finding) = found else {
        tracing::info!(rescan.id = %rescan, version.id = %version.id, "nothing to suspend any more");
        return Ok(());
    };
    let unknown = || Failure::reject(format!("{} belongs to nobody", version.id));
    let partner = partners::load(store, version.partner).await?.ok_or_else(unknown)?;
    let listing = catalogue::listing(store, version.partner, version.listing)
        .await?
        .ok_or_else(unknown)?;
    let scenery = catalogue::scenery(store, &version).await?.ok_or_else(unknown)?;
    let request = DecisionRequest {
        act: ListedAct::Suspend,
        reason_code: Some(ReasonCode::FoundByRescan),
        note: format!("Newer rules have found: {}.", finding.reason_codes.join(", ")),
    };
    let sitting = Sitting {
        reviewer: Reviewer {
            user: by,
            of_the_team: false,
        },
        owner: partner.owner,
        now: delivery.now,
        seed: &delivery.seed,
    };
    let seller = Seller {
        partner: partner.id,
        name: partner.name.as_str().to_owned(),
    };
    let scene = scenery.scene(&seller);
    let change = listing::rule_on(
        &listing,
        &version,
        scene,
        None,
        (&request, &finding.reason_codes),
        &sitting,
    );
    let change = change.map_err(Failure::reject)?;
    catalogue::save_publication(store, &change, scenery.basis(listing.revision, version.revision)).await?;
    tracing::warn!(rescan.id = %rescan, version.id = %version.id, "suspended: it does not pass any more");
    Ok(())
}

/// The version, if customers can get it.
async fn listed(context: &Context, (listing, version): (ListingId, VersionId)) -> Result<Option<Version>, Failure> {
    let found = catalogue::version(&context.store, listing, version).await?;
    Ok(found.map(|version| version.value).filter(Version::is_downloadable))
}

/// What today's rules say of the bytes that customers get; `None` if they pass.
async fn finding(
    context: &Context,
    version: &Version,
    delivery: &Delivery<Notification>,
) -> Result<Option<RescanFinding>, Failure> {
    let ruleset = engine(context)?.ruleset();
    let of = |verdict, reason_codes| RescanFinding::of(version, verdict, reason_codes, ruleset, delivery.now);
    let errored = |code: &str| Ok(Some(of(Verdict::Errored, vec![code.to_owned()])));
    if delivery.receives >= context.max_receives {
        return errored("scan.gave_up");
    }
    let Some(artifact) = version.artifact() else {
        return errored("artifact.missing");
    };
    let package = match package(context, artifact).await {
        Ok(package) => package,
        Err(ObjectError::NotFound) => return errored("artifact.missing"),
        Err(error) => return Err(Failure::retry(error)),
    };
    let listing = catalogue::listing(&context.store, version.partner, version.listing)
        .await?
        .ok_or_else(|| Failure::reject(format!("{} has no listing", version.id)))?;
    let upload = match version.upload() {
        Some(upload) => catalogue::upload(&context.store, version.id, upload).await?,
        None => None,
    };
    let waived = upload.iter().flat_map(|upload| upload.waived()).map(str::to_owned);
    let waived: Vec<_> = waived.chain(listing.waived.iter().cloned()).collect();
    let report = examine(context, package).await?;
    if report.sha256 != artifact.sha256 {
        return errored("artifact.changed");
    }
    let scan = verdict::of(report.waiving(waived), &listing, version, delivery.now);
    let passes = scan.summary.verdict == Verdict::Passed;
    Ok((!passes).then(|| of(scan.summary.verdict, scan.summary.reason_codes)))
}

async fn package(context: &Context, artifact: &Artifact) -> Result<Vec<u8>, ObjectError> {
    let object = ObjectRef {
        bucket: Bucket::Clean,
        key: artifact.object_key.clone(),
        version: Some(artifact.object_version.clone()),
    };
    context.objects.get(&object, artifact.size_bytes).await
}
