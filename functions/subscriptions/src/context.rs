//! What the handlers share.

use axum::extract::FromRef;
use shared::http::Edge;
use shared::money::{BasisPoints, Currency};
use shared::processor::stripe::StripeClient;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    pub stripe: StripeClient,
    /// The platform's share where no other rule applies.
    pub commission: BasisPoints,
    /// What plans are priced in, as listings are.
    pub currency: Currency,
    /// Where Stripe's pages return to when the client names no pages of its own.
    pub public_url: String,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let tables = [
            TableName::Accounts,
            TableName::Catalogue,
            TableName::Commerce,
            TableName::Ledger,
            TableName::Requests,
        ];
        let store = start.store(&tables);
        Self {
            edge: start.edge(&store),
            stripe: start.stripe(),
            commission: start.read(&env::COMMISSION_BPS),
            currency: start.read(&env::CURRENCY),
            public_url: start.read(&env::PUBLIC_URL),
            store,
        }
    }
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Edge {
        context.edge.clone()
    }
}
