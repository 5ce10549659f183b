//! What the webhook needs: the inbox, the secrets, and which mode's events it takes.

use axum::extract::FromRef;
use shared::http::Edge;
use shared::runtime::secrets::StripeSecretSource;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    pub secrets: StripeSecretSource,
    pub livemode: bool,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            edge: start.open_edge(),
            store: start.store(&[TableName::Commerce]),
            secrets: start.stripe_secret(),
            livemode: start.read(&env::STRIPE_LIVEMODE),
        }
    }
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Edge {
        context.edge.clone()
    }
}
