//! The partner's side of a listing: drafted, edited, given versions.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content::{Content, Flaw, check_text};
use super::version::{Stage, Version};
use crate::ids::{ListingId, PartnerId, UserId, VersionId};
use crate::money::Currency;
use crate::seed::Seed;

/// A yank reads a listing's versions to find the next best one; this bounds the reading.
pub const MAX_VERSIONS: u32 = 500;
const MAX_NOTES_CHARS: usize = 10_000;
const MAX_NUMBER_CHARS: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    pub id: ListingId,
    pub partner: PartnerId,
    /// The draft. What is public is a copy, see [`super::Published`].
    pub content: Content,
    pub status: ListingStatus,
    /// The version that the public sees.
    pub live: Option<VersionId>,
    pub versions: u32,
    /// Rules of the scan that count for nothing here: people have found them wrong about this listing.
    pub waived: BTreeSet<String>,
    pub created_by: UserId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Listing {
    pub(super) fn waive(&mut self, rules: &[String]) {
        self.waived.extend(rules.iter().cloned());
    }
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumIter, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ListingStatus {
    /// Nothing of it has been published yet.
    Draft,
    Published,
    /// Every published version has been yanked.
    Unlisted,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    #[error("the content is not acceptable")]
    Invalid(Vec<Flaw>),
    #[error("a listing has at most {MAX_VERSIONS} versions")]
    TooManyVersions,
}

pub fn create(
    partner: PartnerId,
    by: UserId,
    content: Content,
    currency: Currency,
    now: Timestamp,
    seed: &Seed,
) -> Result<Listing, ListingError> {
    acceptable(content.flaws(currency))?;
    Ok(Listing {
        id: seed.id("listing"),
        partner,
        content,
        status: ListingStatus::Draft,
        live: None,
        versions: 0,
        waived: BTreeSet::new(),
        created_by: by,
        created_at: now,
        updated_at: now,
    })
}

/// The draft with other texts or another price. What is in review or published does not change with it.
pub fn edit(listing: &Listing, content: Content, currency: Currency, now: Timestamp) -> Result<Listing, ListingError> {
    let mut flaws = content.flaws(currency);
    if content.content_type != listing.content.content_type {
        flaws.push(Flaw::new(
            "/content_type",
            "cannot change once the listing exists; create another listing",
        ));
    }
    acceptable(flaws)?;
    Ok(Listing {
        content,
        updated_at: now,
        ..listing.clone()
    })
}

/// What a partner says of a new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    pub number: String,
    pub notes: String,
}

/// A version without bytes yet, and the listing that counts it.
pub fn new_version(
    listing: &Listing,
    by: UserId,
    request: &NewVersion,
    now: Timestamp,
    seed: &Seed,
) -> Result<(Listing, Version), ListingError> {
    let mut flaws = Vec::new();
    let number = parse_number(&request.number).map_err(|flaw| flaws.push(flaw)).ok();
    check_text(&mut flaws, "/notes", &request.notes, 0, MAX_NOTES_CHARS);
    let (Some(number), true) = (number, flaws.is_empty()) else {
        return Err(ListingError::Invalid(flaws));
    };
    if listing.versions >= MAX_VERSIONS {
        return Err(ListingError::TooManyVersions);
    }
    let version = Version {
        id: seed.id("version"),
        partner: listing.partner,
        listing: listing.id,
        number,
        notes: request.notes.clone(),
        stage: Stage::Draft { upload: None },
        created_by: by,
        created_at: now,
    };
    Ok((
        Listing {
            versions: listing.versions + 1,
            ..listing.clone()
        },
        version,
    ))
}

fn parse_number(text: &str) -> Result<semver::Version, Flaw> {
    let number = semver::Version::parse(text).map_err(|error| {
        Flaw::new(
            "/number",
            format!("is not a version number such as \"1.2.0\" or \"2.0.0-beta.1\": {error}"),
        )
    })?;
    if !number.build.is_empty() {
        return Err(Flaw::new(
            "/number",
            "must not have build metadata (what follows a \"+\"): it would not tell two versions apart",
        ));
    }
    if text.len() > MAX_NUMBER_CHARS {
        return Err(Flaw::new(
            "/number",
            format!("must be at most {MAX_NUMBER_CHARS} characters long"),
        ));
    }
    Ok(number)
}

fn acceptable(flaws: Vec<Flaw>) -> Result<(), ListingError> {
    if flaws.is_empty() {
        Ok(())
    } else {
        Err(ListingError::Invalid(flaws))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{ContentType, sample};

    #[track_caller]
    fn check_number(text: &str, accepted: bool) {
        let request = NewVersion {
            number: text.into(),
            notes: String::new(),
        };
        let made = new_version(
            &sample::listing(),
            sample::author(),
            &request,
            sample::now(),
            &sample::seed(9),
        );
        assert_eq!(made.is_ok(), accepted, "{text:?}: {made:?}");
    }

    #[test]
    fn version_numbers_are_semver_without_build_metadata() {
        check_number("1.0.0", true);
        check_number("2.0.0-beta.1", true);
        for wrong in [
            "",
            "1",
            "1.0",
            "v1.0.0",
            "01.0.0",
            "1.0.0+build",
            "1.0.0 ",
            "99999999999999999999.0.0",
        ] {
            check_number(wrong, false);
        }
        check_number(&format!("1.0.0-{}", "a".repeat(40)), false);
    }

    #[test]
    fn the_content_type_stays() {
        let listing = sample::listing();
        let content = Content {
            content_type: ContentType::PluginNative,
            ..listing.content.clone()
        };
        let refused = edit(&listing, content, Currency::EUR, sample::now());
        assert!(matches!(refused, Err(ListingError::Invalid(flaws)) if flaws[0].pointer == "/content_type"));
    }

    #[test]
    fn versions_are_counted_and_bounded() {
        let request = NewVersion {
            number: "1.0.0".into(),
            notes: String::new(),
        };
        let full = Listing {
            versions: MAX_VERSIONS,
            ..sample::listing()
        };
        let refused = new_version(&full, sample::author(), &request, sample::now(), &sample::seed(1));
        assert_eq!(refused, Err(ListingError::TooManyVersions));
    }
}
