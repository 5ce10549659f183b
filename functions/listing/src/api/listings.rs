//! Drafts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::Validate;
use shared::ids::{ListingId, PartnerId, VersionId};
use shared::listing::{Category, Content, ContentType, Listing, ListingStatus};
use shared::money::Money;
use utoipa::ToSchema;

/// What a listing says about itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateListing {
    #[schema(min_length = 3, max_length = 80, example = "Warm Tape Pads")]
    pub title: String,
    /// One line, for cards and search results.
    #[schema(min_length = 1, max_length = 200)]
    pub summary: String,
    /// Markdown.
    #[schema(min_length = 1, max_length = 20_000)]
    pub description: String,
    pub category: Category,
    /// What the packages contain; cannot change later.
    pub content_type: ContentType,
    /// In the marketplace's currency: 0, or from 50 minor units.
    pub price: Money,
    /// Lower-case letters, digits and hyphens.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub tags: Vec<String>,
}

impl Validate for CreateListing {}

impl From<CreateListing> for Content {
    fn from(request: CreateListing) -> Self {
        let CreateListing {
            title,
            summary,
            description,
            category,
            content_type,
            price,
            tags,
        } = request;
        Self {
            title,
            summary,
            description,
            category,
            content_type,
            price,
            tags,
        }
    }
}

/// What is to change; what is missing stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeListing {
    pub title: Option<String>,
    pub summary: Option<String>,
    pub description: Option<String>,
    pub category: Option<Category>,
    /// Only as it is: it cannot change.
    pub content_type: Option<ContentType>,
    pub price: Option<Money>,
    pub tags: Option<Vec<String>>,
}

impl Validate for ChangeListing {}

impl ChangeListing {
    pub(crate) fn applied_to(self, before: &Content) -> Content {
        let before = before.clone();
        Content {
            title: self.title.unwrap_or(before.title),
            summary: self.summary.unwrap_or(before.summary),
            description: self.description.unwrap_or(before.description),
            category: self.category.unwrap_or(before.category),
            content_type: self.content_type.unwrap_or(before.content_type),
            price: self.price.unwrap_or(before.price),
            tags: self.tags.unwrap_or(before.tags),
        }
    }
}

/// A listing as its team sees it: the draft, and whether something of it is public.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListingView {
    pub id: ListingId,
    pub partner_id: PartnerId,
    pub status: ListingStatus,
    pub title: String,
    pub summary: String,
    pub description: String,
    pub category: Category,
    pub content_type: ContentType,
    pub price: Money,
    pub tags: Vec<String>,
    /// The version that the public sees.
    #[schema(required)]
    pub live_version_id: Option<VersionId>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<Listing> for ListingView {
    fn from(listing: Listing) -> Self {
        let content = listing.content;
        Self {
            id: listing.id,
            partner_id: listing.partner,
            status: listing.status,
            title: content.title,
            summary: content.summary,
            description: content.description,
            category: content.category,
            content_type: content.content_type,
            price: content.price,
            tags: content.tags,
            live_version_id: listing.live,
            created_at: listing.created_at,
            updated_at: listing.updated_at,
        }
    }
}
