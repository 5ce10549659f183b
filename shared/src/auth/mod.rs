//! Who is calling, and what they may do.
//!
//! Callers sign in with a bearer token of an OIDC issuer ([`oidc`]) or carry an API token of ours ([`api_token`]). Handlers never see
//! either: they ask for a proof as an argument, [`Principal`], [`Operator`], [`PartnerMember`], [`PartnerOwner`], [`OwnerOrOperator`], [`PartnerOperator`]
//! or [`ImpartialOperator`], each of them perhaps [`Fresh`], and the permission in its type says which API tokens are good enough. A handler cannot forget a check it has no argument without.

pub mod api_token;
mod fresh;
mod identity;
mod jwks;
mod member;
mod oidc;
mod principal;
pub mod scope;

pub use api_token::ApiToken;
pub use fresh::{Fresh, FreshFor};
pub(crate) use identity::identify;
pub use identity::{Credential, Identity, User};
#[cfg(feature = "test-util")]
pub use jwks::MemoryKeys;
pub use member::{ImpartialOperator, OwnerOrOperator, PartnerMember, PartnerOperator, PartnerOwner, Standing};
pub use oidc::{Claims, SignInError, Verifier};
pub use principal::{Operator, Principal};
pub use scope::{Permission, Scope, Scopes};
