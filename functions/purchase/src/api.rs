//! What clients of the shop send and get.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::{FieldError, Validate, check_return_address};
use shared::ids::{LicenceId, ListingId, OrderId, PartnerId, SubscriptionId, VersionId};
use shared::licence::Licence;
use shared::licensing::{Preset, Status};
use shared::listing::{Card, Category, ContentType, Published};
use shared::money::Money;
use shared::processor::Processor;
use shared::purchase::{MAX_LINES, Order, OrderLine, OrderStatus};
use utoipa::{IntoParams, ToSchema};

/// Which listings to show.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BrowseParams {
    /// Only this category.
    pub category: Option<Category>,
    /// Words, or beginnings of words, of the title. At least one of two characters or more.
    pub q: Option<String>,
}

/// A listing on a shelf.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListingCard {
    pub id: ListingId,
    pub title: String,
    pub summary: String,
    pub partner_name: String,
    pub category: Category,
    pub content_type: ContentType,
    pub price: Money,
    pub version: String,
}

impl From<Card> for ListingCard {
    fn from(card: Card) -> Self {
        Self {
            id: card.listing,
            title: card.title,
            summary: card.summary,
            partner_name: card.partner_name,
            category: card.category,
            content_type: card.content_type,
            price: card.price,
            version: card.number.to_string(),
        }
    }
}

/// A listing as the public sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListingPage {
    pub id: ListingId,
    pub partner_id: PartnerId,
    pub partner_name: String,
    pub title: String,
    pub summary: String,
    /// Markdown.
    pub description: String,
    pub category: Category,
    pub content_type: ContentType,
    pub price: Money,
    pub tags: Vec<String>,
    pub latest: ReleaseView,
}

/// The version that a download gives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReleaseView {
    pub version_id: VersionId,
    /// Semantic version.
    pub version: String,
    /// Of the package, in hexadecimal.
    pub sha256: String,
    pub size_bytes: u64,
    #[schema(value_type = String, format = DateTime)]
    pub published_at: Timestamp,
}

impl From<Published> for ListingPage {
    fn from(published: Published) -> Self {
        let (content, latest) = (published.content, published.latest);
        Self {
            id: published.listing,
            partner_id: published.partner,
            partner_name: published.partner_name,
            title: content.title,
            summary: content.summary,
            description: content.description,
            category: content.category,
            content_type: content.content_type,
            price: content.price,
            tags: content.tags,
            latest: ReleaseView {
                version_id: latest.version,
                version: latest.number.to_string(),
                sha256: latest.artifact.sha256,
                size_bytes: latest.artifact.size_bytes,
                published_at: latest.published_at,
            },
        }
    }
}

/// The caller's cart at today's prices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CartView {
    pub lines: Vec<CartLine>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CartLine {
    pub listing_id: ListingId,
    /// Absent when the listing is no longer sold; remove the line before ordering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// Places an order and opens its checkout.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceOrder {
    /// What to buy; without it, what is in the cart.
    pub lines: Option<Vec<PlaceOrderLine>>,
    /// The partner who sent the customer here.
    pub affiliate_id: Option<PartnerId>,
    /// The partner who sold to the customer, if that was not the shop itself.
    pub reseller_id: Option<PartnerId>,
    /// Who is to take the money.
    #[serde(default)]
    pub processor: Processor,
    /// Where the payment page sends the customer after paying. Stripe replaces `{CHECKOUT_SESSION_ID}`.
    pub success_url: Option<String>,
    /// Where it sends a customer who turns back.
    pub cancel_url: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceOrderLine {
    pub listing_id: ListingId,
}

impl Validate for PlaceOrder {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if let Some(lines) = &self.lines
            && (lines.is_empty() || lines.len() > MAX_LINES)
        {
            errors.push(FieldError::new(
                "/lines",
                format!("must have between 1 and {MAX_LINES} lines"),
            ));
        }
        if self.affiliate_id.is_some() && self.affiliate_id == self.reseller_id {
            errors.push(FieldError::new(
                "/reseller_id",
                "must be another partner than the affiliate",
            ));
        }
        errors.extend(check_return_address("/success_url", self.success_url.as_deref()));
        errors.extend(check_return_address("/cancel_url", self.cancel_url.as_deref()));
        errors
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderView {
    pub id: OrderId,
    pub status: OrderStatus,
    pub total: Money,
    /// What has been given back of the total so far, by refunds and lost disputes.
    pub refunded: Money,
    pub processor: Processor,
    /// The subscription that was paid with it; absent for what was bought once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<SubscriptionId>,
    pub lines: Vec<OrderLineView>,
    #[schema(value_type = String, format = DateTime)]
    pub placed_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paid_at: Option<Timestamp>,
    /// The payment page, while the order waits to be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkout_url: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderLineView {
    pub listing_id: ListingId,
    pub partner_id: PartnerId,
    pub title: String,
    pub price: Money,
    pub refunded: Money,
    /// Issued once the order is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence_id: Option<LicenceId>,
    /// Whether it had left the shop when the payment came: then it has no licence, and the price goes back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
}

impl OrderView {
    pub(crate) fn of(order: Order, checkout_url: Option<String>) -> Self {
        let paid = order.status == OrderStatus::Paid;
        let line = |line: OrderLine| OrderLineView {
            refunded: line.refunded(),
            listing_id: line.listing,
            partner_id: line.partner,
            title: line.title,
            price: line.price,
            licence_id: (paid && !line.withdrawn).then_some(line.licence),
            withdrawn: line.withdrawn,
        };
        Self {
            id: order.id,
            status: order.status,
            total: order.total,
            refunded: order.refunded(),
            processor: order.processor,
            subscription_id: order.renewal.map(|renewal| renewal.subscription),
            lines: order.lines.into_iter().map(line).collect(),
            placed_at: order.placed_at,
            paid_at: order.paid_at,
            checkout_url,
        }
    }
}

/// What the customer holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LicenceView {
    pub id: LicenceId,
    /// The licence key, to be entered in the software.
    pub key: String,
    pub listing_id: ListingId,
    /// By what it was bought; `null` where it was given, handed on by somebody else, or is a trial.
    #[schema(required)]
    pub order_id: Option<OrderId>,
    pub status: Status,
    /// What it allows; `null` where that is a policy of the partner's own.
    #[schema(required)]
    pub tier: Option<Preset>,
    /// The name of the policy.
    #[schema(example = "Individual")]
    pub policy: String,
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// `null`: never, or its term has not begun.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

impl LicenceView {
    pub(crate) fn of(licence: &Licence, now: Timestamp) -> Self {
        Self {
            id: licence.id,
            key: licence.key.to_string(),
            listing_id: licence.listing,
            order_id: licence.order,
            status: licence.granted().status(now),
            tier: licence.preset(),
            policy: licence.policy().name,
            issued_at: licence.issued_at,
            expires_at: licence.granted().expires_at,
        }
    }
}

/// Which version to download; the latest without one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestDownload {
    pub version_id: Option<VersionId>,
}

impl Validate for RequestDownload {}

/// A link to the package; whoever has it can download until it expires.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DownloadLink {
    pub url: String,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    pub version: String,
    /// Compare with the downloaded bytes.
    pub sha256: String,
    pub size_bytes: u64,
}
