//! What clients send and get, a file per resource.
//!
//! The rules of contents, versions and decisions are the context's: its refusals carry the same pointers as the fields here.

mod cases;
mod checks;
mod listings;
mod submissions;
mod versions;

pub(crate) use cases::{CaseDetail, CaseView, ReasonsView};
pub(crate) use checks::CheckView;
pub(crate) use listings::{ChangeListing, CreateListing, ListingView};
pub(crate) use submissions::{Decide, DecideHeld, DecisionView, SubmissionDetail, SubmissionView};
pub(crate) use versions::{ArtifactView, CreateUpload, CreateVersion, UploadView, VersionDetail, VersionView, Yank};
