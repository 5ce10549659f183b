//! The form with which a package goes straight to the quarantine bucket.

use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use shared::auth::PartnerMember;
use shared::auth::scope::ListingsWrite;
use shared::http::{Call, Json, Path, Problem, ProblemDocument};
use shared::ids::{ListingId, PartnerId, UploadId, VersionId};
use shared::listing::{Upload, request_upload};
use shared::objects::{Bucket, Objects, UploadPolicy};
use shared::store::catalogue;

use super::VersionPath;
use crate::api::{CreateUpload, UploadView};
use crate::context::Context;
use crate::{problems, standing};

const PACKAGE_TYPE: &str = "application/zip";

/// Asks for the version's package. The answer is a form; post it with the file, and the scan begins by itself.
#[utoipa::path(post, path = "/v1/partners/{partner_id}/listings/{listing_id}/versions/{version_id}/uploads", tag = "versions",
    request_body = CreateUpload,
    params(("partner_id" = PartnerId, Path), ("listing_id" = ListingId, Path), ("version_id" = VersionId, Path)),
    responses((status = 201, body = UploadView), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub(crate) async fn create(
    State(context): State<Context>,
    member: PartnerMember<ListingsWrite>,
    call: Call,
    Path(path): Path<VersionPath>,
    Json(request): Json<CreateUpload>,
) -> Result<(StatusCode, Json<UploadView>), Problem> {
    standing::may_prepare(&context.store, member.partner).await?;
    let (_, version) = super::version(&context.store, member.partner, &path).await?;
    let id: UploadId = call.seed.id("upload");
    let upload = if version.upload() == Some(id) {
        // The same request was made before, and did not get to its answer.
        catalogue::upload(&context.store, version.id, id)
            .await?
            .ok_or_else(Problem::not_found)?
            .value
    } else {
        let requested = request_upload(&version, member.user.id, &request.into(), call.now, &call.seed);
        let requested = requested.map_err(problems::upload)?;
        catalogue::request_upload(&context.store, &requested, version.revision).await?;
        requested.upload
    };
    let form = sign(&context.objects, &upload, call.now)?;
    Ok((StatusCode::CREATED, Json(UploadView::of(&upload, form))))
}

fn sign(objects: &Objects, upload: &Upload, now: Timestamp) -> Result<shared::objects::PresignedPost, Problem> {
    let sha256 = upload
        .sha256
        .as_deref()
        .map(hex::decode)
        .transpose()
        .map_err(Problem::internal)?;
    let policy = UploadPolicy {
        key: upload.key().to_string(),
        content_type: PACKAGE_TYPE.to_owned(),
        size_bytes: upload.size_bytes,
        sha256_base64: sha256.map(|digest| STANDARD.encode(digest)),
        valid_for: upload.form_expires_at.duration_since(now),
    };
    Ok(objects.presign_upload(Bucket::Quarantine, &policy, now))
}
