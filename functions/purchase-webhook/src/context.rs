//! What the webhook needs: the inbox, the secrets, PayPal's certificates, and which events are ours.

use axum::extract::FromRef;
use shared::http::Edge;
use shared::processor::paypal::certificate::Certificates;
use shared::processor::stripe::intake::EventPolicy;
use shared::runtime::secrets::{PayPalSecretSource, StripeSecretSource};
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    pub secrets: StripeSecretSource,
    pub policy: EventPolicy,
    pub paypal_secret: PayPalSecretSource,
    pub paypal_certificates: Certificates,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            edge: start.open_edge(),
            store: start.store(&[TableName::Commerce]),
            secrets: start.stripe_secret(),
            policy: EventPolicy {
                livemode: start.read(&env::STRIPE_LIVEMODE),
                deployment: start.deployment(),
            },
            paypal_secret: start.paypal_secret(),
            paypal_certificates: start.paypal_certificates(),
        }
    }
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Edge {
        context.edge.clone()
    }
}
