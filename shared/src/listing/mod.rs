//! Listings: what partners offer, in which versions, and how each version comes to be sold.
//!
//! Owns the texts and prices ([`Content`]), the life of a [`Version`], its review ([`Submission`]) and what the public sees of it
//! ([`Published`]). It refuses to list anything without a passed scan of exactly the bytes that were approved: the stages of a
//! version carry the scanned [`Artifact`] along, so there is no way to write a published version without one.
//!
//! ```text
//! listing   draft ──publish──▶ published ──yank of the last live version──▶ unlisted ──publish──▶ published
//!
//! version   draft ──bytes arrive──▶ scanning ─┬─▶ passed ──submit──▶ submitted ─┬─▶ approved ──publish──▶ published ──yank──▶ yanked
//!             ▲                ▲              ├─▶ quarantined ─┤                ├─▶ changes_requested ─┐
//!             │                └───released───┘      │refused  │                │                      │
//!             │                               ┌──────┘         │                │                      │
//!             │                               ├─▶ rejected ────┤                └─▶ rejected ──────────┤
//!             │                               └─▶ errored ─────┤                                       │
//!             └──────────────── new upload ────────────────────┴───────────────────────────────────────┘
//!
//!           published, yanked ──suspend──▶ suspended ──reinstate──▶ what it was;  each of them ──take down──▶ taken_down
//!
//! appeal    open ──▶ upheld | dismissed, against rejected and taken_down
//! upload    awaiting ──▶ scanned (with its verdict) | superseded;  scanned ──released──▶ awaiting its second scan
//!
//! submission   in_review ──▶ approved | changes_requested | rejected;  changes_requested ──its day, where it has one──▶ rejected
//! ```
//!
//! A submission freezes what is reviewed: the object (bucket key, version id, SHA-256, size), the texts and the price. The draft may be
//! edited meanwhile; what is approved is exactly what gets published. An edited text or price becomes public with the next version.
//!
//! While something waits for a moderator there is a [`Case`] of it.
//!
//! Every operation is a pure function of the state, the input, the time and the seed. What it returns is stored whole or not at all.

mod appeal;
pub mod browse;
mod case;
mod changes;
pub mod content;
mod delayed;
mod draft;
mod held;
mod listed;
pub mod lookalike;
pub mod moderation;
mod objects;
mod publication;
mod reply;
mod report;
pub mod rescan;
mod review;
#[cfg(any(test, feature = "test-util"))]
pub mod sample;
mod submission;
mod trusted;
mod turnaround;
mod upload;
mod version;

pub use appeal::{
    Appeal, AppealAct, AppealError, AppealReview, AppealStatus, Effect, Grounds, Lodged, Settled, lodge, settle,
};
pub use case::{About, Case, CaseError, CaseKind, Claim, Handed, Reviewer, claim, release};
pub use changes::{ChangedFile, ChangedText, ChangedValue, Changes, Offer};
pub use content::{Category, Content, ContentType, Flaw};
pub use delayed::reject_overdue;
pub use draft::{Listing, ListingError, ListingStatus, MAX_VERSIONS, NewVersion, create, edit, new_version};
pub use held::{HeldAct, HeldDecision, Judged, judge};
pub use listed::{ListedAct, ListedError, Scene, Stop, rule_on};
pub use objects::{InvalidUploadKey, UploadKey, artifact_key, contents_key};
pub use publication::{
    Card, Occasion, Publication, PublishError, Published, Release, Seller, YankError, YankReason, YankRequest, publish,
    yank,
};
pub use reply::{MAX_REPLIES, Reply, ReplyError, Said, Side, answer, ask};
pub use report::{ReportAct, ReportKind, ReportRequest, close, report};
pub use review::{Act, Decision, DecisionRequest, Ground, ReasonCode, ReviewError, Reviewed, Ruling, Sitting, decide};
pub use submission::{HandedIn, Review, Submission, SubmissionStatus, SubmitError, submit};
pub use trusted::{Patch, approve_patch, is_patch_of};
pub use turnaround::{Closed, Turnaround, turnarounds};
pub use upload::{
    Arrival, Ignored, MAX_PACKAGE_BYTES, Requested, ScanError, Scanned, Upload, UploadError, UploadOutcome,
    UploadRequest, arrive, conclude, request_upload,
};
pub use version::{Appealed, Artifact, Refusal, Stage, Standing, Status, Version, Yank};

#[cfg(test)]
mod laws;
