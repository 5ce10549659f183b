//! What the handlers work with.

use axum::extract::FromRef;
use jiff::SignedDuration;
use shared::audit::AuditEvent;
use shared::auth::{FreshFor, User};
use shared::http::{Call, Edge, Problem};
use shared::ids::PartnerId;
use shared::partner::{Act, Partner};
use shared::processor::stripe::StripeClient;
use shared::runtime::{Start, env};
use shared::store::audit::{self, Audited};
use shared::store::{Store, TableName, Versioned, partners};

#[derive(Debug, Clone)]
pub struct Context {
    pub edge: Edge,
    pub store: Store,
    pub stripe: StripeClient,
    pub fresh_for: FreshFor,
    /// Whether a receiver at PayPal may be named.
    pub paypal_offered: bool,
    /// For how long nothing is sent after a change of who is paid.
    pub cool_off: SignedDuration,
    /// Origin of the web pages: where Stripe sends people back to unless they say otherwise.
    pub public_url: String,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        let store = start.store(&[TableName::Accounts, TableName::Requests]);
        Self {
            edge: start.edge(&store),
            stripe: start.stripe(),
            fresh_for: FreshFor::minutes(start.read(&env::FRESH_SIGN_IN_MINUTES)),
            paypal_offered: start.read(&env::PAYPAL_OFFERED),
            cool_off: SignedDuration::from_hours(start.read(&env::PAYOUT_COOL_OFF_HOURS).into()),
            public_url: start.read(&env::PUBLIC_URL),
            store,
        }
    }

    /// The partner in the path. A proof of membership may be an operator's, who can name partners that are not there.
    pub(crate) async fn partner(&self, partner: PartnerId) -> Result<Versioned<Partner>, Problem> {
        partners::load(&self.store, partner)
            .await?
            .ok_or_else(Problem::not_found)
    }

    /// The entry of this very act, where a request that now meets a refusal repeats one that was cut off after its write.
    pub(crate) async fn done(&self, partner: PartnerId, act: &Act) -> Result<Option<AuditEvent>, Problem> {
        Ok(audit::event(&self.store, Audited::Partner(partner), act.audit_id()).await?)
    }
}

impl FromRef<Context> for Edge {
    fn from_ref(context: &Context) -> Self {
        context.edge.clone()
    }
}

impl FromRef<Context> for FreshFor {
    fn from_ref(context: &Context) -> Self {
        context.fresh_for
    }
}

pub(crate) fn act(user: &User, call: &Call) -> Act {
    Act {
        actor: user.id,
        now: call.now,
        seed: call.seed,
    }
}
