//! Rescans of everything that is listed, and what they find.

use jiff::Timestamp;
use serde::Serialize;
use shared::ids::{ListingId, PartnerId, RescanId, UserId, VersionId};
use shared::listing::rescan::{Enforced, Rescan, RescanFinding};
use shared::scan::Verdict;
use utoipa::ToSchema;

/// Everything that is listed, scanned once more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RescanView {
    pub id: RescanId,
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: Timestamp,
    /// Who began it; `null` where it was begun because the rules had changed.
    #[schema(required)]
    pub begun_by: Option<UserId>,
    /// The rules for which it was begun.
    #[schema(required)]
    pub ruleset: Option<String>,
    /// Whether every version has been scanned.
    pub complete: bool,
    /// How many versions there are to scan, as far as it is known.
    pub versions: u64,
    pub scanned: u64,
    /// How many do not pass.
    pub found: u64,
    /// Who had suspended what was found, and when.
    #[schema(required)]
    pub enforced: Option<EnforcedView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnforcedView {
    pub by: UserId,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl From<Rescan> for RescanView {
    fn from(rescan: Rescan) -> Self {
        let complete = rescan.is_complete();
        let Rescan {
            id,
            begun_at,
            by,
            ruleset,
            versions,
            scanned,
            found,
            enforced,
            ..
        } = rescan;
        Self {
            id,
            begun_at,
            begun_by: by,
            ruleset,
            complete,
            versions,
            scanned,
            found,
            enforced: enforced.map(|Enforced { by, at }| EnforcedView { by, at }),
        }
    }
}

/// A version that does not pass any more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RescanFindingView {
    pub partner_id: PartnerId,
    pub listing_id: ListingId,
    pub version_id: VersionId,
    #[schema(example = "1.2.0")]
    pub number: String,
    /// Of the package, in hexadecimal.
    pub sha256: String,
    pub verdict: Verdict,
    /// The rules that object, the gravest first.
    pub reason_codes: Vec<String>,
    /// The rules it was scanned with.
    pub ruleset: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl From<RescanFinding> for RescanFindingView {
    fn from(finding: RescanFinding) -> Self {
        Self {
            partner_id: finding.partner,
            listing_id: finding.listing,
            version_id: finding.version,
            number: finding.number.to_string(),
            sha256: finding.sha256,
            verdict: finding.verdict,
            reason_codes: finding.reason_codes,
            ruleset: finding.ruleset,
            at: finding.at,
        }
    }
}
