//! What an update changes.

use serde::Serialize;
use serde_json::Value;
use shared::ids::VersionId;
use shared::listing::{ChangedFile, ChangedText, ChangedValue, Changes, Version};
use shared::money::Money;
use utoipa::ToSchema;

/// What was handed in, held against the version that is published.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangesView {
    /// What it is held against: the highest published version but itself. `null` where nothing else is published, and there is nothing to
    /// compare.
    #[schema(required)]
    pub against: Option<AgainstView>,
    pub texts: Vec<TextChangeView>,
    #[schema(required)]
    pub price: Option<PriceChangeView>,
    /// What the package asks for otherwise than before.
    pub permissions: Vec<ValueChangeView>,
    /// What else it declares otherwise: licence, compatibility, metadata.
    pub declared: Vec<ValueChangeView>,
    pub files: Vec<FileChangeView>,
    pub unchanged_files: usize,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgainstView {
    pub version_id: VersionId,
    #[schema(example = "1.2.0")]
    pub number: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TextChangeView {
    /// JSON pointer into the submission's content.
    #[schema(example = "/description")]
    pub pointer: String,
    /// Line by line, in the unified format.
    #[schema(example = "@@ -1 +1 @@\n-Forty slow pads.\n+Fifty slow pads.\n")]
    pub diff: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PriceChangeView {
    pub before: Money,
    pub after: Money,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ValueChangeView {
    /// JSON pointer into `souk.toml`, read as JSON.
    #[schema(example = "/permissions/network")]
    pub pointer: String,
    /// `null` for what was not there.
    #[schema(required)]
    pub before: Option<Value>,
    /// `null` for what is no longer there.
    #[schema(required)]
    pub after: Option<Value>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileChangeView {
    pub path: String,
    /// SHA-256; `null` for a file that is added.
    #[schema(required)]
    pub before: Option<String>,
    /// SHA-256; `null` for a file that is removed.
    #[schema(required)]
    pub after: Option<String>,
}

impl ChangesView {
    /// There is nothing published to compare with.
    pub(crate) fn none() -> Self {
        Self {
            against: None,
            texts: Vec::new(),
            price: None,
            permissions: Vec::new(),
            declared: Vec::new(),
            files: Vec::new(),
            unchanged_files: 0,
        }
    }

    pub(crate) fn of(changes: Changes, against: &Version) -> Self {
        let Changes {
            texts,
            price,
            permissions,
            declared,
            files,
            unchanged_files,
        } = changes;
        Self {
            against: Some(AgainstView {
                version_id: against.id,
                number: against.number.to_string(),
            }),
            texts: texts.into_iter().map(TextChangeView::from).collect(),
            price: price.map(|(before, after)| PriceChangeView { before, after }),
            permissions: permissions.into_iter().map(ValueChangeView::from).collect(),
            declared: declared.into_iter().map(ValueChangeView::from).collect(),
            files: files.into_iter().map(FileChangeView::from).collect(),
            unchanged_files,
        }
    }
}

impl From<ChangedText> for TextChangeView {
    fn from(ChangedText { pointer, diff }: ChangedText) -> Self {
        Self { pointer, diff }
    }
}

impl From<ChangedValue> for ValueChangeView {
    fn from(ChangedValue { pointer, before, after }: ChangedValue) -> Self {
        Self { pointer, before, after }
    }
}

impl From<ChangedFile> for FileChangeView {
    fn from(ChangedFile { path, before, after }: ChangedFile) -> Self {
        Self { path, before, after }
    }
}
