//! What showing a partner's earnings, and paying them out on demand, needs.

use axum::extract::FromRef;
use shared::http::Edge;
use shared::runtime::Start;
use shared::store::payouts::PayoutRules;
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    pub rules: PayoutRules,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let store = start.store(&[TableName::Accounts, TableName::Ledger, TableName::Requests]);
        Self {
            edge: start.edge(&store),
            rules: start.payout_rules(),
            store,
        }
    }
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Edge {
        context.edge.clone()
    }
}
