//! What the handlers share.

use axum::extract::FromRef;
use shared::http::{Edge, Problem};
use shared::ids::{OrderId, PartnerId, UserId};
use shared::purchase::Order;
use shared::purchase::refund::RefundPolicy;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName, Versioned, accounts, commerce};

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    pub policy: RefundPolicy,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let store = start.store(&[
            TableName::Accounts,
            TableName::Commerce,
            TableName::Ledger,
            TableName::Requests,
        ]);
        Self {
            edge: start.edge(&store),
            store,
            policy: RefundPolicy {
                window_days: start.read(&env::REFUND_WINDOW_DAYS),
            },
        }
    }

    pub(crate) async fn order(&self, order: OrderId) -> Result<Versioned<Order>, Problem> {
        let found = commerce::order_by_id(&self.store, order).await?;
        found.ok_or_else(Problem::not_found)
    }

    /// Nobody decides about an order that they placed, or in which their team sold something.
    pub(crate) async fn check_impartial(&self, order: &Order, user: UserId) -> Result<(), Problem> {
        if order.customer == user {
            return Err(Problem::own_work());
        }
        for partner in order.partners() {
            if accounts::member(&self.store, partner, user).await?.is_some() {
                return Err(Problem::own_work());
            }
        }
        Ok(())
    }

    /// An order in which the partner sold something; to the partner there is no other.
    pub(crate) async fn order_of(&self, partner: PartnerId, order: OrderId) -> Result<Versioned<Order>, Problem> {
        let order = self.order(order).await?;
        if order.partners().contains(&partner) {
            Ok(order)
        } else {
            Err(Problem::not_found())
        }
    }
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Edge {
        context.edge.clone()
    }
}
