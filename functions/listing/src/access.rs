//! The proof that a caller decides about what the partner in the path handed in.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use serde::Deserialize;
use shared::auth::scope::ListingsRead;
use shared::auth::{Operator, PartnerMember, User};
use shared::http::{Edge, Path, Problem};
use shared::ids::PartnerId;

/// An operator, at a partner's route. The partner's own team is told that only operators may do this; to everybody else there is
/// no such partner.
#[derive(Debug, Clone)]
pub(crate) struct PartnerOperator {
    pub(crate) partner: PartnerId,
    pub(crate) user: User,
}

#[derive(Deserialize)]
struct InPath {
    partner_id: PartnerId,
}

impl<S> FromRequestParts<S> for PartnerOperator
where
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Operator::from_request_parts(parts, state).await {
            Ok(operator) => {
                let Path(InPath { partner_id: partner }) =
                    <Path<InPath> as FromRequestParts<S>>::from_request_parts(parts, state).await?;
                Ok(Self {
                    partner,
                    user: operator.user,
                })
            }
            Err(refusal) if refusal.status().as_u16() == 403 => {
                PartnerMember::<ListingsRead>::from_request_parts(parts, state).await?;
                Err(refusal)
            }
            Err(refusal) => Err(refusal),
        }
    }
}
