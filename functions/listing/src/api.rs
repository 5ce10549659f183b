//! What clients send and get, a file per resource.
//!
//! The rules of contents, versions and decisions are the context's: its refusals carry the same pointers as the fields here.

mod appeals;
mod cases;
mod changes;
mod checks;
mod listings;
mod replies;
mod reports;
mod rescans;
mod submissions;
mod versions;

pub(crate) use appeals::{AppealView, DecideAppeal, LodgeAppeal};
pub(crate) use cases::{CaseDetail, CaseView, Evidence, ReasonsView};
pub(crate) use changes::ChangesView;
pub(crate) use checks::CheckView;
pub(crate) use listings::{ChangeListing, CreateListing, ListingView};
pub(crate) use replies::{CreateReply, RepliesView, ReplyView};
pub(crate) use reports::{CloseReport, ClosedView, CreateReport, ReportView, TurnaroundParams, TurnaroundView};
pub(crate) use rescans::{RescanFindingView, RescanView};
pub(crate) use submissions::{Decide, DecideVersion, DecisionView, SubmissionDetail, SubmissionView, VersionDecision};
pub(crate) use versions::{ArtifactView, CreateUpload, CreateVersion, UploadView, VersionDetail, VersionView, Yank};
