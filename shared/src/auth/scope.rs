//! What an API token may do, and the permissions that routes ask for.
//!
//! A route names its permission in a type: `Principal<OrdersWrite>`. Somebody who signed in may do all that their role allows; an API
//! token may do what its scopes say, and never what only [`SignIn`] may (making tokens, deciding as an operator).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The set of an API token's scopes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// What a route asks of an API token. Implemented by the marker types of this module only.
pub trait Permission: fmt::Debug + Clone + Copy + Send + Sync + 'static {
    /// The scope an API token must have; `None` where no API token is good enough.
    const SCOPE: Option<Scope>;
    /// Whether the route changes nothing: operators may then look at what is a partner's.
    const READ_ONLY: bool;
}

/// Only somebody who signed in; no API token.
#[derive(Debug, Clone, Copy)]
pub struct SignIn;
impl Permission for SignIn {
    const SCOPE: Option<Scope> = None;
    const READ_ONLY: bool = false;
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, read_only: $read_only:literal;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema, strum::EnumIter)]
        pub enum Scope {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        impl Scope {
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name;
            impl Permission for $name {
                const SCOPE: Option<Scope> = Some(Scope::$name);
                const READ_ONLY: bool = $read_only;
            }
        )+
    };
}

scopes! {
    /// Partners, their members, their agreements.
    PartnersRead = "partners:read", read_only: true;
    /// Applying, accepting agreements, onboarding links, members.
    PartnersWrite = "partners:write", read_only: false;
    /// Listings, versions, submissions of a partner.
    ListingsRead = "listings:read", read_only: true;
    /// Drafts, versions, uploads, submissions, publishing, yanking.
    ListingsWrite = "listings:write", read_only: false;
    /// Balances, journal entries, payouts of a partner.
    EarningsRead = "earnings:read", read_only: true;
    /// Asking for a payout.
    EarningsWrite = "earnings:write", read_only: false;
    /// The caller's cart and orders.
    OrdersRead = "orders:read", read_only: true;
    /// Filling the cart, ordering.
    OrdersWrite = "orders:write", read_only: false;
    /// What a partner sold in an order, and the refunds of it.
    RefundsRead = "refunds:read", read_only: true;
    /// Refunding what a partner sold, deciding what its customers ask for.
    RefundsWrite = "refunds:write", read_only: false;
    /// The caller's licences and what they may download.
    LicencesRead = "licences:read", read_only: true;
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_one_text() {
        let scopes: Scopes =
            serde_json::from_str(r#"["orders:write","listings:read","orders:write"]"#).expect("scopes");
        assert!(scopes.contains(Scope::OrdersWrite) && !scopes.contains(Scope::OrdersRead));
        assert_eq!(
            serde_json::to_string(&scopes).expect("text"),
            r#"["listings:read","orders:write"]"#
        );
        assert!(serde_json::from_str::<Scopes>(r#"["everything"]"#).is_err());
    }
}
