//! What the handlers share.

use axum::extract::FromRef;
use shared::http::Edge;
use shared::money::Currency;
use shared::objects::Objects;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    /// Signs upload forms, and reads what scanned packages hold.
    pub objects: Objects,
    /// What this marketplace sells in.
    pub currency: Currency,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let store = start.store(&[TableName::Accounts, TableName::Catalogue, TableName::Requests]);
        Self {
            edge: start.edge(&store),
            objects: start.objects(),
            currency: start.read(&env::CURRENCY),
            store,
        }
    }
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Edge {
        context.edge.clone()
    }
}
