//! Who did what to whom, and why: one entry for every privileged act, written in the same transaction as the act.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AuditId, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditEvent {
    pub id: AuditId,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who acted.
    pub actor: UserId,
    /// What was done, as `noun.verb`: `partner.approve`, `submission.reject`.
    #[schema(example = "partner.approve")]
    pub action: String,
    /// The id of what it was done to.
    pub subject: String,
    /// The stable code of the reason, where the act needs one.
    #[schema(required)]
    pub reason_code: Option<String>,
    /// What the actor saw or wrote when acting.
    #[schema(required)]
    pub evidence: Option<String>,
}
