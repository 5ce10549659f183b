//! What drawing up documents needs.

use axum::extract::FromRef;
use shared::http::Edge;
use shared::invoice::Seller;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    /// Who issues the documents.
    pub seller: Seller,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let store = start.store(&[
            TableName::Accounts,
            TableName::Commerce,
            TableName::Ledger,
            TableName::Requests,
        ]);
        let seller = Seller {
            name: start.read(&env::SELLER_NAME),
            address: start.read(&env::SELLER_ADDRESS),
            tax_id: start.read(&env::SELLER_TAX_ID),
        };
        Self {
            edge: start.edge(&store),
            store,
            seller,
        }
    }
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Edge {
        context.edge.clone()
    }
}
