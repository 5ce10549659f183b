//! What an update changes against what is published, for whoever decides about it, and for those who wait.

use axum::extract::State;
use shared::auth::PartnerMember;
use shared::auth::scope::ListingsRead;
use shared::http::{Json, Path, Problem, ProblemDocument};
use shared::ids::{PartnerId, SubmissionId};
use shared::listing::{
    Artifact, Changes, HandedIn, Listing, Offer, Patch, Reviewed, Submission, Version, approve_patch, contents_key,
    is_patch_of,
};
use shared::objects::{Bucket, ObjectError, ObjectRef, Objects};
use shared::partner::Partner;
use shared::scan::{Contents, MAX_CONTENTS_BYTES};
use shared::seed::Seed;
use shared::store::{Store, accounts, catalogue};

use super::SubmissionPath;
use crate::api::ChangesView;
use crate::context::Context;
use crate::problems;

/// What the submission changes: texts, price, permissions and files, against the highest published version but itself.
#[utoipa::path(get, path = "/v1/partners/{partner_id}/submissions/{submission_id}/changes", tag = "submissions",
    params(("partner_id" = PartnerId, Path), ("submission_id" = SubmissionId, Path)),
    responses((status = 200, body = ChangesView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub(crate) async fn show(
    State(context): State<Context>,
    member: PartnerMember<ListingsRead>,
    Path(path): Path<SubmissionPath>,
) -> Result<Json<ChangesView>, Problem> {
    let (store, objects) = (&context.store, &context.objects);
    let submission = super::submission(store, member.partner, path.submission_id).await?;
    let Some(live) = highest_live(store, &submission).await? else {
        return Ok(Json(ChangesView::none()));
    };
    let changes = changes(store, objects, &live, &submission).await?;
    let changes = changes.ok_or_else(|| problems::contents_unknown(&live))?;
    Ok(Json(ChangesView::of(changes, &live)))
}

/// The approval of a clean patch by a partner that is trusted; `None` for whatever a moderator has to look at.
pub(super) async fn approved_patch(
    context: &Context,
    (partner, listing): (&Partner, &Listing),
    handed_in: &HandedIn,
    seed: &Seed,
) -> Result<Option<Reviewed>, Problem> {
    let (store, objects) = (&context.store, &context.objects);
    let (Some(trust), Some(live)) = (partner.trust, listing.live) else {
        return Ok(None);
    };
    let submission = &handed_in.submission;
    let live = catalogue::version(store, listing.id, live).await?;
    let live = live.ok_or_else(Problem::not_found)?;
    if !is_patch_of(&submission.number, &live.number) || accounts::member(store, partner.id, trust.by).await?.is_some()
    {
        return Ok(None);
    }
    let Some(changes) = changes(store, objects, &live, submission).await? else {
        return Ok(None);
    };
    let upload = super::upload(store, submission.version, submission.upload).await?;
    let patch = Patch {
        trust,
        owner: partner.owner,
        live: &live,
        changes: &changes,
        upload: &upload,
        checks: &catalogue::checks(store, submission.version, submission.upload).await?,
    };
    Ok(approve_patch(handed_in, patch, seed))
}

async fn highest_live(store: &Store, submission: &Submission) -> Result<Option<Version>, Problem> {
    let versions = catalogue::all_versions(store, submission.listing).await?;
    let others = versions
        .into_iter()
        .filter(|version| version.is_live() && version.id != submission.version);
    Ok(others.max_by(|a, b| a.number.cmp(&b.number)))
}

/// `None` where it is not known what one of the packages holds.
async fn changes(
    store: &Store,
    objects: &Objects,
    live: &Version,
    submission: &Submission,
) -> Result<Option<Changes>, Problem> {
    let no_approval = || Problem::internal("a published version without a submission");
    let approval = live.submission().ok_or_else(no_approval)?;
    let approval = super::submission(store, live.partner, approval).await?;
    let before = contents(objects, &approval.artifact).await?;
    let after = contents(objects, &submission.artifact).await?;
    let (Some(before), Some(after)) = (before, after) else {
        return Ok(None);
    };
    let before = Offer {
        content: &approval.content,
        contents: &before,
    };
    let after = Offer {
        content: &submission.content,
        contents: &after,
    };
    Ok(Some(Changes::between(before, after)))
}

async fn contents(objects: &Objects, artifact: &Artifact) -> Result<Option<Contents>, Problem> {
    let object = ObjectRef {
        bucket: Bucket::Clean,
        key: contents_key(&artifact.object_key),
        version: None,
    };
    match objects.get(&object, MAX_CONTENTS_BYTES).await {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(Problem::internal),
        Err(ObjectError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
