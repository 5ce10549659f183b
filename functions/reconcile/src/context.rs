//! What reconciling needs: the processors' books, ours, and the records that lead from one to the other.

use jiff::SignedDuration;
use shared::clock::Clock;
use shared::processor::paypal::PayPalClient;
use shared::processor::stripe::StripeClient;
use shared::processor::stripe::intake::EventPolicy;
use shared::runtime::{Start, env};
use shared::store::{Store, TableName};

#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    pub stripe: StripeClient,
    pub paypal: PayPalClient,
    /// Which events are taken in, as by the webhook.
    pub policy: EventPolicy,
    /// What is younger is left to the webhook and its queues.
    pub grace: SignedDuration,
    /// Only to stop in time; everything else happens at the tick's own time.
    pub clock: Clock,
}

impl Context {
    pub fn from_start(start: &Start<'_>) -> Self {
        Self {
            store: start.store(&[TableName::Accounts, TableName::Commerce, TableName::Ledger]),
            stripe: start.stripe(),
            paypal: start.paypal(),
            policy: EventPolicy {
                livemode: start.read(&env::STRIPE_LIVEMODE),
                deployment: start.deployment(),
            },
            grace: SignedDuration::from_mins(start.read(&env::RECONCILE_GRACE_MINUTES).into()),
            clock: Clock::System,
        }
    }
}
