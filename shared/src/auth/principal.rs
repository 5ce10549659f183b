//! The proofs that a caller is known ([`Principal`]) or runs the marketplace ([`Operator`]).

use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use super::identity::{Credential, Identity, User, identify};
use super::scope::Permission;
use crate::http::{Edge, Problem};

/// Somebody who may use the route: signed in, or with an API token that has the scope of `P`.
#[derive(Debug, Clone)]
pub struct Principal<P: Permission> {
    pub user: User,
    permission: PhantomData<P>,
}

/// Somebody who signed in and runs the marketplace.
#[derive(Debug, Clone)]
pub struct Operator {
    pub user: User,
}

impl Identity {
    /// The person, once the credential has been found good enough for `P`.
    pub(super) fn permitted<P: Permission>(self) -> Result<User, Problem> {
        match (&self.credential, P::SCOPE) {
            (Credential::SignIn { .. }, _) => Ok(self.user),
            (Credential::ApiToken { scopes, .. }, Some(scope)) if scopes.contains(scope) => Ok(self.user),
            (Credential::ApiToken { .. }, Some(scope)) => Err(Problem::insufficient_scope(scope.as_str())),
            (Credential::ApiToken { .. }, None) => Err(Problem::forbidden(
                "sign_in_required",
                "API tokens cannot do this. Sign in and use that token.",
            )),
        }
    }
}

pub(super) async fn known<S>(parts: &mut Parts, state: &S) -> Result<Identity, Problem>
where
    Edge: FromRef<S>,
{
    let identity = identify(&Edge::from_ref(state), parts).await?;
    identity.ok_or_else(|| Problem::unauthenticated(None, "Sign in: send Authorization: Bearer and a token."))
}

impl<P, S> FromRequestParts<S> for Principal<P>
where
    P: Permission,
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let user = known(parts, state).await?.permitted::<P>()?;
        Ok(Self {
            user,
            permission: PhantomData,
        })
    }
}

/// For public routes that show more to those who are known. A bad token is still a 401.
impl<P, S> OptionalFromRequestParts<S> for Principal<P>
where
    P: Permission,
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        let identity = identify(&Edge::from_ref(state), parts).await?;
        let user = identity.map(Identity::permitted::<P>).transpose()?;
        Ok(user.map(|user| Self {
            user,
            permission: PhantomData,
        }))
    }
}

impl<S> FromRequestParts<S> for Operator
where
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let user = known(parts, state).await?.permitted::<super::scope::SignIn>()?;
        if user.operator {
            Ok(Self { user })
        } else {
            Err(Problem::forbidden(
                "operator_required",
                "Only operators of the marketplace may do this.",
            ))
        }
    }
}
