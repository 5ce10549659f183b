//! What the shop's handlers share.

use axum::extract::FromRef;
use shared::http::Edge;
use shared::money::BasisPoints;
use shared::objects::Objects;
use shared::processor::paypal::PayPalClient;
use shared::processor::stripe::StripeClient;
use shared::runtime::{Start, env};
use shared::signing::Signer;
use shared::store::{Store, TableName};

use crate::block_list::KeptPages;

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    pub objects: Objects,
    pub stripe: StripeClient,
    pub paypal: PayPalClient,
    /// Signs the block list.
    pub signer: Signer,
    pub block_list: KeptPages,
    /// The platform's share where no other rule applies.
    pub commission: BasisPoints,
    /// Where checkout returns to when the client names no pages of its own.
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
            objects: start.objects(),
            stripe: start.stripe(),
            paypal: start.paypal(),
            signer: start.signer(),
            block_list: KeptPages::default(),
            commission: start.read(&env::COMMISSION_BPS),
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
