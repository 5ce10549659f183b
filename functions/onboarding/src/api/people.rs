//! The caller, and the caller's API tokens.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use shared::auth::{Scopes, User};
use shared::http::{FieldError, Validate};
use shared::ids::{TokenId, UserId};
use shared::partner::profile;
use shared::store::accounts::ApiTokenItem;
use utoipa::ToSchema;

use super::Faults;

/// A token that is never renewed is one that nobody remembers.
const TOKEN_DAYS: std::ops::RangeInclusive<u16> = 1..=366;
const DEFAULT_TOKEN_DAYS: u16 = 90;

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MeView {
    pub id: UserId,
    #[schema(required)]
    pub name: Option<String>,
    #[schema(required)]
    pub email: Option<String>,
    pub operator: bool,
}

impl From<User> for MeView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            email: user.email,
            operator: user.operator,
        }
    }
}

/// Makes an API token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateApiToken {
    /// What the token is for, so that it can be told from others.
    #[schema(min_length = 1, max_length = 100, example = "release pipeline")]
    pub label: String,
    /// What it may do; at least one.
    #[schema(example = json!(["listings:write"]))]
    pub scopes: Scopes,
    /// For how long.
    #[schema(minimum = 1, maximum = 366, default = 90)]
    pub valid_days: Option<u16>,
}

impl Validate for CreateApiToken {
    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        faults.check("/label", profile::label(&self.label));
        if self.scopes.is_empty() {
            faults
                .0
                .push(FieldError::new("/scopes", "must name at least one scope"));
        }
        if self.valid_days.is_some_and(|days| !TOKEN_DAYS.contains(&days)) {
            let detail = format!("must be between {} and {}", TOKEN_DAYS.start(), TOKEN_DAYS.end());
            faults.0.push(FieldError::new("/valid_days", detail));
        }
        faults.0
    }
}

impl CreateApiToken {
    pub(crate) fn valid_for(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.valid_days.unwrap_or(DEFAULT_TOKEN_DAYS)))
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiTokenView {
    pub id: TokenId,
    pub label: String,
    /// The last characters of the secret.
    pub hint: String,
    pub scopes: Scopes,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub valid_until: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

impl From<ApiTokenItem> for ApiTokenView {
    fn from(token: ApiTokenItem) -> Self {
        Self {
            id: token.id,
            label: token.label,
            hint: token.hint,
            scopes: token.scopes,
            created_at: token.created_at,
            valid_until: token.valid_until,
            revoked_at: token.revoked_at,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewApiToken {
    #[serde(flatten)]
    pub token: ApiTokenView,
    /// The token itself. It is shown this once and not kept.
    pub secret: String,
}
