//! Turns an `Authorization` header into the person behind it, once per request.

use axum::http::header;
use axum::http::request::Parts;
use jiff::Timestamp;

use super::api_token::{self, ApiToken};
use super::oidc::SignInError;
use super::scope::Scopes;
use crate::http::edge::{Edge, SignIn};
use crate::http::{Call, Problem};
use crate::ids::{TokenId, UserId};
use crate::store::accounts;

/// A person, as far as handlers need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: Option<String>,
    pub name: Option<String>,
    /// Only ever true for somebody who signed in: an API token is never an operator's.
    pub operator: bool,
    /// Whose reports stop what they are about at once. Likewise.
    pub trusted_reporter: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    SignIn {
        /// When the person last proved to the issuer who they are, as far as it says.
        at: Option<Timestamp>,
    },
    ApiToken {
        id: TokenId,
        scopes: Scopes,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub user: User,
    pub credential: Credential,
}

impl Identity {
    /// Whose idempotency keys these are. Not simply the user: an answer given to a sign-in must not be repeated to a token that
    /// might not ask for it.
    pub(crate) fn idempotency_owner(&self) -> String {
        match &self.credential {
            Credential::SignIn { .. } => self.user.id.to_string(),
            Credential::ApiToken { id, .. } => id.to_string(),
        }
    }
}

/// Who is calling: nobody (`None`), somebody, or somebody with a credential that is not good (401).
pub(crate) async fn identify(edge: &Edge, parts: &mut Parts) -> Result<Option<Identity>, Problem> {
    if let Some(known) = parts.extensions.get::<Identity>() {
        return Ok(Some(known.clone()));
    }
    let Some(credential) = bearer(parts)? else {
        return Ok(None);
    };
    let sign_in = edge
        .sign_in()
        .ok_or_else(|| Problem::internal("a route that asks for a caller on an edge without sign-in"))?;
    let now = parts
        .extensions
        .get::<Call>()
        .map_or_else(|| edge.clock().now(), |call| call.now);
    let identity = if credential.starts_with(api_token::PREFIX) {
        by_api_token(sign_in, &credential, now).await?
    } else {
        by_sign_in(sign_in, &credential, now).await?
    };
    parts.extensions.insert(identity.clone());
    Ok(Some(identity))
}

fn bearer(parts: &Parts) -> Result<Option<String>, Problem> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let malformed = || {
        Problem::unauthenticated(
            Some("invalid_request"),
            "Send one Authorization header: Bearer and a token.",
        )
    };
    if values.next().is_some() {
        return Err(malformed());
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(malformed)?;
    let token = token.trim();
    // A licence key says which licence is meant, not who asks.
    if scheme.eq_ignore_ascii_case("license") || scheme.eq_ignore_ascii_case("licence") {
        return Ok(None);
    }
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(malformed());
    }
    Ok(Some(token.to_owned()))
}

async fn by_sign_in(sign_in: &SignIn, token: &str, now: Timestamp) -> Result<Identity, Problem> {
    let claims = sign_in.verifier.verify(token, now).await.map_err(|error| match error {
        SignInError::Refused(why) => Problem::unauthenticated(Some("invalid_token"), why),
        SignInError::Unavailable(_) => Problem::unavailable(error),
    })?;
    let (operator, trusted_reporter, at) = (claims.operator, claims.trusted_reporter, claims.signed_in_at);
    let user = accounts::sign_in(&sign_in.store, claims, now).await?;
    Ok(Identity {
        user: User {
            id: user.id,
            email: user.email,
            name: user.name,
            operator,
            trusted_reporter,
        },
        credential: Credential::SignIn { at },
    })
}

async fn by_api_token(sign_in: &SignIn, token: &str, now: Timestamp) -> Result<Identity, Problem> {
    let refused = |why| Problem::unauthenticated(Some("invalid_token"), why);
    let unknown = || refused("The API token is not known.");
    let token = ApiToken::parse(token).map_err(|_| refused("The API token is mistyped."))?;
    let item = accounts::api_token(&sign_in.store, &token).await?.ok_or_else(unknown)?;
    if item.revoked_at.is_some() {
        return Err(refused("The API token has been revoked."));
    }
    if item.valid_until <= now {
        return Err(refused("The API token has expired."));
    }
    let user = accounts::user(&sign_in.store, item.user)
        .await?
        .ok_or_else(unknown)?
        .value;
    let user = User {
        id: user.id,
        email: user.email,
        name: user.name,
        operator: false,
        trusted_reporter: false,
    };
    Ok(Identity {
        user,
        credential: Credential::ApiToken {
            id: item.id,
            scopes: item.scopes.clone(),
        },
    })
}
