//! Groups of partners, by name: who is in one is treated alike by the rules that are made for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Act, Change, Partner};

const MAX_CHARS: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Group(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_CHARS} lower-case letters, digits and hyphens, such as \"gold\"")]
pub struct UnfitGroup;

impl TryFrom<String> for Group {
    type Error = UnfitGroup;
    fn try_from(text: String) -> Result<Self, UnfitGroup> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !text.is_empty() && text.len() <= MAX_CHARS && text.chars().all(fits) {
            Ok(Self(text))
        } else {
            Err(UnfitGroup)
        }
    }
}

impl From<Group> for String {
    fn from(group: Group) -> Self {
        group.0
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The partner in this group, or in none.
pub fn assign(partner: &Partner, group: Option<Group>, act: Act) -> Change {
    let mut audit = act.audit("partner.group", &partner.id);
    audit.evidence = group.as_ref().map(Group::to_string);
    Change {
        partner: Partner {
            group,
            ..partner.clone()
        },
        audit: Some(audit),
        messages: Vec::new(),
    }
}

impl utoipa::PartialSchema for Group {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[a-z0-9-]{1,40}$"))
            .examples(["gold"])
            .into()
    }
}
impl utoipa::ToSchema for Group {}
