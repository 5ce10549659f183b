//! What a partner and the moderators say to each other.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::http::Validate;
use shared::ids::{ReplyId, UserId, VersionId};
use shared::listing::{Reply, Side};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateReply {
    #[schema(min_length = 1, max_length = 5_000)]
    pub text: String,
}

impl Validate for CreateReply {}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplyView {
    pub id: ReplyId,
    pub version_id: VersionId,
    pub side: Side,
    /// Who of the partner's team said it; `null` for moderators.
    #[schema(required)]
    pub by: Option<UserId>,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub text: String,
}

impl From<Reply> for ReplyView {
    fn from(reply: Reply) -> Self {
        Self {
            id: reply.id,
            version_id: reply.version,
            side: reply.side,
            by: (reply.side == Side::Partner).then_some(reply.by),
            at: reply.at,
            text: reply.text,
        }
    }
}

/// Everything that was said about a version, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RepliesView {
    pub items: Vec<ReplyView>,
}

impl From<Vec<Reply>> for RepliesView {
    fn from(replies: Vec<Reply>) -> Self {
        Self {
            items: replies.into_iter().map(ReplyView::from).collect(),
        }
    }
}
