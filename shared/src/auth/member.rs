//! The proofs that a caller belongs to the partner in the path.
//!
//! To everybody else the partner does not exist: 404. Operators may look at what is a partner's and change nothing.

use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;

use super::identity::User;
use super::principal::{Operator, known};
use super::scope::Permission;
use crate::http::{Edge, Path, Problem};
use crate::ids::{PartnerId, UserId};
use crate::store::Versioned;
use crate::store::accounts::{self, MemberItem, Role};

/// How the caller stands to the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Owner,
    Member,
    /// An operator who is not of the team; on routes that only read.
    Operator,
}

/// Somebody of the partner `{partner_id}` in the path, or an operator where `P` only reads.
#[derive(Debug, Clone)]
pub struct PartnerMember<P: Permission> {
    pub partner: PartnerId,
    pub user: User,
    pub standing: Standing,
    permission: PhantomData<P>,
}

/// An owner of the partner in the path: may change the team, accept agreements, connect the account that is paid.
#[derive(Debug, Clone)]
pub struct PartnerOwner<P: Permission> {
    pub partner: PartnerId,
    pub user: User,
    permission: PhantomData<P>,
}

/// An owner of the partner in the path, or an operator who acts for the partner.
#[derive(Debug, Clone)]
pub struct OwnerOrOperator<P: Permission> {
    pub partner: PartnerId,
    pub user: User,
    permission: PhantomData<P>,
}

/// An operator who decides about what is a partner's, on a route that only operators have. The partner's own team, with a token good
/// for reading (`P`), is told that; to everybody else there is no such partner.
#[derive(Debug, Clone)]
pub struct PartnerOperator<P: Permission> {
    pub partner: PartnerId,
    pub user: User,
    permission: PhantomData<P>,
}

/// A [`PartnerOperator`] who is not of the partner's team: nobody decides about their own partner.
#[derive(Debug, Clone)]
pub struct ImpartialOperator<P: Permission> {
    pub partner: PartnerId,
    pub user: User,
    permission: PhantomData<P>,
}

async fn in_path<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<PartnerId, Problem> {
    #[derive(Deserialize)]
    struct InPath {
        partner_id: PartnerId,
    }
    let Path(InPath { partner_id }) = <Path<InPath> as FromRequestParts<S>>::from_request_parts(parts, state).await?;
    Ok(partner_id)
}

/// The person's membership in the partner's team, if there is one.
async fn in_team<S>(state: &S, partner: PartnerId, user: UserId) -> Result<Option<Versioned<MemberItem>>, Problem>
where
    Edge: FromRef<S>,
{
    let edge = Edge::from_ref(state);
    let sign_in = edge
        .sign_in()
        .ok_or_else(|| Problem::internal("a partner's route on an edge without sign-in"))?;
    Ok(accounts::member(&sign_in.store, partner, user).await?)
}

impl<P, S> FromRequestParts<S> for PartnerMember<P>
where
    P: Permission,
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let user = known(parts, state).await?.permitted::<P>()?;
        let partner = in_path(parts, state).await?;
        let standing = match in_team(state, partner, user.id).await? {
            Some(member) => match member.role {
                Role::Owner => Standing::Owner,
                Role::Member => Standing::Member,
            },
            None if user.operator && P::READ_ONLY => Standing::Operator,
            None if user.operator => {
                return Err(Problem::forbidden(
                    "operators_only_look",
                    "Operators may look at this, but only the partner's team may change it.",
                ));
            }
            None => return Err(Problem::not_found()),
        };
        Ok(Self {
            partner,
            user,
            standing,
            permission: PhantomData,
        })
    }
}

impl<P, S> FromRequestParts<S> for PartnerOwner<P>
where
    P: Permission,
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let member = <PartnerMember<P> as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if member.standing == Standing::Owner {
            Ok(Self {
                partner: member.partner,
                user: member.user,
                permission: PhantomData,
            })
        } else {
            Err(Problem::forbidden(
                "owner_required",
                "Only an owner of this partner may do this. Ask one, or have them make you one.",
            ))
        }
    }
}

impl<P, S> FromRequestParts<S> for OwnerOrOperator<P>
where
    P: Permission,
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let refusal = match <PartnerOwner<P> as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(owner) => {
                return Ok(Self {
                    partner: owner.partner,
                    user: owner.user,
                    permission: PhantomData,
                });
            }
            Err(refusal) => refusal,
        };
        let Ok(operator) = Operator::from_request_parts(parts, state).await else {
            return Err(refusal);
        };
        Ok(Self {
            partner: in_path(parts, state).await?,
            user: operator.user,
            permission: PhantomData,
        })
    }
}

impl<P, S> FromRequestParts<S> for PartnerOperator<P>
where
    P: Permission,
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Operator::from_request_parts(parts, state).await {
            Ok(operator) => Ok(Self {
                partner: in_path(parts, state).await?,
                user: operator.user,
                permission: PhantomData,
            }),
            Err(refusal) if refusal.status() == StatusCode::FORBIDDEN => {
                <PartnerMember<P> as FromRequestParts<S>>::from_request_parts(parts, state).await?;
                Err(refusal)
            }
            Err(refusal) => Err(refusal),
        }
    }
}

impl<P, S> FromRequestParts<S> for ImpartialOperator<P>
where
    P: Permission,
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let operator = <PartnerOperator<P> as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if in_team(state, operator.partner, operator.user.id).await?.is_some() {
            return Err(Problem::own_work());
        }
        Ok(Self {
            partner: operator.partner,
            user: operator.user,
            permission: PhantomData,
        })
    }
}
