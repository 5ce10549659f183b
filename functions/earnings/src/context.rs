//! What showing a partner's earnings, and paying them out on demand, needs.

use axum::extract::FromRef;
use shared::http::Edge;
use shared::money::Money;
use shared::runtime::Start;
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    /// Less than this stays owed until there is more, unless the partner's terms say otherwise.
    pub minimum: Money,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let store = start.store(&[TableName::Accounts, TableName::Ledger, TableName::Requests]);
        Self {
            edge: start.edge(&store),
            minimum: start.payout_minimum(),
            store,
        }
    }
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Edge {
        context.edge.clone()
    }
}
