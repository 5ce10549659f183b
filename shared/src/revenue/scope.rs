//! What a rule is for, and which of several rules applies: the one for the least.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{ListingId, PartnerId};
use crate::listing::ContentType;
use crate::money::Currency;
use crate::partner::Group;

/// From the widest to the narrowest, which wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Scope {
    Marketplace,
    ContentType(ContentType),
    /// Partners of one group; a partner is in one group at most.
    Group(Group),
    Partner(PartnerId),
    Listing(ListingId),
}

impl Scope {
    /// The kind of scope and what it is about, if it is about something.
    pub fn parts(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Marketplace => ("marketplace", None),
            Self::ContentType(content_type) => ("content_type", Some(content_type.to_string())),
            Self::Group(group) => ("group", Some(group.to_string())),
            Self::Partner(partner) => ("partner", Some(partner.to_string())),
            Self::Listing(listing) => ("listing", Some(listing.to_string())),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (kind, Some(id)) => write!(f, "{kind} {id}"),
            (kind, None) => f.write_str(kind),
        }
    }
}

/// What is sold, as far as rules care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    pub listing: ListingId,
    pub partner: PartnerId,
    pub group: Option<Group>,
    pub content_type: ContentType,
    pub currency: Currency,
}

impl Sale {
    /// Every scope that the sale is in.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        let narrow = [
            Scope::Marketplace,
            Scope::ContentType(self.content_type),
            Scope::Partner(self.partner),
            Scope::Listing(self.listing),
        ];
        narrow.into_iter().chain(self.group.clone().map(Scope::Group))
    }
}
