//! The proof that whoever calls has just signed in.
//!
//! A stolen bearer token is good for an hour, an open laptop for longer. Whoever changes where money goes shows that they can still sign
//! in: the token's `auth_time` (OpenID Connect Core, section 2) must be a few minutes old at most. `iat` proves nothing: issuers renew
//! tokens without asking anybody. API tokens are never good enough.

use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use jiff::{SignedDuration, Timestamp};

use super::identity::Credential;
use super::principal::known;
use crate::http::{Call, Edge, Problem};

/// Clocks differ; a sign-in that lies further ahead is none.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// For how long a sign-in counts as fresh, as the deployment says. A function whose routes ask for [`Fresh`] proofs keeps it in its context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshFor(SignedDuration);

impl FreshFor {
    pub fn minutes(minutes: u32) -> Self {
        Self(SignedDuration::from_mins(minutes.into()))
    }

    fn is_fresh(self, signed_in_at: Timestamp, now: Timestamp) -> bool {
        let age = now.duration_since(signed_in_at);
        age <= self.0.saturating_add(LEEWAY) && age >= -LEEWAY
    }
}

/// Another proof `P`, of somebody who has just signed in.
#[derive(Debug, Clone)]
pub struct Fresh<P>(pub P);

impl<P, S> FromRequestParts<S> for Fresh<P>
where
    P: FromRequestParts<S, Rejection = Problem> + Send,
    S: Send + Sync,
    Edge: FromRef<S>,
    FreshFor: FromRef<S>,
{
    type Rejection = Problem;

    /// The other proof first: who may not do this at all is not sent to sign in again.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let proof = P::from_request_parts(parts, state).await?;
        let call = <Call as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let fresh_for = FreshFor::from_ref(state);
        match known(parts, state).await?.credential {
            Credential::SignIn { at: Some(at) } if fresh_for.is_fresh(at, call.now) => Ok(Self(proof)),
            Credential::SignIn { at } => Err(stale(at, fresh_for)),
            Credential::ApiToken { .. } => Err(Problem::forbidden(
                "sign_in_required",
                "API tokens cannot do this. Sign in and use that token.",
            )),
        }
    }
}

fn stale(signed_in_at: Option<Timestamp>, FreshFor(fresh_for): FreshFor) -> Problem {
    let minutes = fresh_for.as_mins();
    let detail = match signed_in_at {
        Some(_) => format!(
            "This decides who is paid, so your sign-in must not be older than {minutes} minutes. Sign in again (prompt=login or max_age={}), then repeat the request with the new token.",
            fresh_for.as_secs()
        ),
        None => format!(
            "This decides who is paid, so the token must say when you signed in, and it does not (auth_time). Sign in with max_age={}, then repeat the request with the new token.",
            fresh_for.as_secs()
        ),
    };
    let max_age = Duration::try_from(fresh_for).unwrap_or_default();
    Problem::stale_sign_in(detail, max_age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_is_fresh_for_some_minutes_and_not_before_it_happened() {
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().expect("a time");
        let fresh = |ago_s: i64| FreshFor::minutes(15).is_fresh(now - SignedDuration::from_secs(ago_s), now);
        assert!(fresh(0) && fresh(15 * 60) && fresh(-60));
        assert!(!fresh(16 * 60 + 1) && !fresh(-61) && !fresh(86_400));
    }
}
