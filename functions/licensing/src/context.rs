//! What the handlers share.

use axum::extract::FromRef;
use shared::http::Edge;
use shared::runtime::Start;
use shared::signing::Signer;
use shared::store::{Store, TableName};

use crate::guesses::Guesses;
use crate::releases::Releases;

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    /// Signs licence files.
    pub signer: Signer,
    pub guesses: Guesses,
    pub releases: Releases,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let tables = [
            TableName::Accounts,
            TableName::Catalogue,
            TableName::Commerce,
            TableName::Requests,
        ];
        let store = start.store(&tables);
        Self {
            edge: start.edge(&store),
            signer: start.signer(),
            guesses: Guesses::default(),
            releases: Releases::default(),
            store,
        }
    }
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Edge {
        context.edge.clone()
    }
}
