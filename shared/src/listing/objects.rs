//! Where packages lie in the buckets. Object keys are made here and read back here, from typed ids.

use std::fmt;
use std::str::FromStr;

use crate::ids::{ListingId, PartnerId, UploadId, VersionId};

/// `uploads/<partner>/<listing>/<version>/<upload>.zip` in the quarantine bucket: made by the server, so that whoever uploads cannot choose
/// what they overwrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadKey {
    pub partner: PartnerId,
    pub listing: ListingId,
    pub version: VersionId,
    pub upload: UploadId,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a key of an upload")]
pub struct InvalidUploadKey(String);

impl fmt::Display for UploadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "uploads/{}/{}/{}/{}.zip",
            self.partner, self.listing, self.version, self.upload
        )
    }
}

impl FromStr for UploadKey {
    type Err = InvalidUploadKey;

    fn from_str(key: &str) -> Result<Self, InvalidUploadKey> {
        let read = || {
            let mut parts = key.strip_prefix("uploads/")?.strip_suffix(".zip")?.split('/');
            let parsed = Self {
                partner: parts.next()?.parse().ok()?,
                listing: parts.next()?.parse().ok()?,
                version: parts.next()?.parse().ok()?,
                upload: parts.next()?.parse().ok()?,
            };
            parts.next().is_none().then_some(parsed)
        };
        read().ok_or_else(|| InvalidUploadKey(key.chars().take(200).collect()))
    }
}

/// Where scanned bytes lie in the clean bucket. The hash in the key makes copying them twice harmless.
pub fn artifact_key(listing: ListingId, version: VersionId, sha256: &str) -> String {
    format!("artifacts/{listing}/{version}/{sha256}.zip")
}

/// Where it lies beside them what they hold.
pub fn contents_key(artifact_key: &str) -> String {
    format!("{artifact_key}.contents.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::sample;

    #[test]
    fn an_upload_key_is_read_back_and_nothing_else_is() {
        let key = sample::upload().key();
        assert_eq!(key.to_string().parse(), Ok(key));
        let text = key.to_string();
        for wrong in [
            "",
            "uploads/",
            "uploads/x.zip",
            &text[1..],
            &text.replace(".zip", ".tar"),
            &text.replace("uploads/", "uploads//"),
            &text.replace(".zip", "/x.zip"),
            &text.to_uppercase(),
        ] {
            assert!(wrong.parse::<UploadKey>().is_err(), "{wrong:?}");
        }
    }
}
