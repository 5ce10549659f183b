//! What every request of a function shares ([`Edge`]) and what each one has of its own ([`Call`]).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;

use super::problem::Problem;
use crate::auth::Verifier;
use crate::clock::Clock;
use crate::runtime::Clients;
use crate::runtime::env::{self, Env};
use crate::seed::Seed;
use crate::store::Store;
use crate::store::meter::Usage;

/// The largest body a route takes unless it says otherwise. Packages do not come this way; our largest documents are a few KiB.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Whom no one has signed in is a processor, whose events show whole objects. It would send again for days what is refused for its size, so all
/// is taken that Lambda takes.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;
/// What a request may take where no Lambda deadline is known. API Gateway gives up after 30 s.
const TIME_LIMIT: Duration = Duration::from_secs(28);

/// Cheap to clone. A function's context holds one and offers it through `FromRef`.
#[derive(Debug, Clone)]
pub struct Edge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    sign_in: Option<SignIn>,
    /// For the log line of a request; without them the store of the signed in is counted.
    clients: Option<Clients>,
    max_body_bytes: usize,
    time_limit: Duration,
}

/// What only functions with signed-in callers have.
#[derive(Debug)]
pub(crate) struct SignIn {
    pub(crate) store: Store,
    pub(crate) verifier: Verifier,
}

impl Edge {
    /// For functions whose callers sign in: bearer tokens are verified and `Idempotency-Key` is honoured.
    /// The store must have been given the tables `accounts` and `requests`.
    pub fn signed_in(clock: Clock, store: Store, verifier: Verifier) -> Self {
        Self::with(clock, Some(SignIn { store, verifier }), None)
    }

    /// For functions that know no callers, such as a processor's webhook.
    pub fn open(clock: Clock) -> Self {
        Self::with(clock, None, None)
    }

    /// [`Edge::signed_in`] with the issuer that the environment names.
    pub fn from_env(env: &Env, clients: &Clients, store: Store) -> Self {
        let (issuer, audience) = (env.read(&env::OIDC_ISSUER), env.read(&env::OIDC_AUDIENCE));
        let verifier = Verifier::discover(issuer, audience, env.read(&env::OIDC_ROLES_CLAIM));
        Self::with(Clock::System, Some(SignIn { store, verifier }), Some(clients.clone()))
    }

    /// [`Edge::open`] that counts what the clients' stores use.
    pub fn open_with(clients: &Clients) -> Self {
        Self::with(Clock::System, None, Some(clients.clone()))
    }

    fn with(clock: Clock, sign_in: Option<SignIn>, clients: Option<Clients>) -> Self {
        let max_body_bytes = if sign_in.is_some() {
            MAX_BODY_BYTES
        } else {
            MAX_EVENT_BYTES
        };
        let time_limit = TIME_LIMIT;
        Self(Arc::new(Inner {
            clock,
            sign_in,
            clients,
            max_body_bytes,
            time_limit,
        }))
    }

    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn sign_in(&self) -> Option<&SignIn> {
        self.0.sign_in.as_ref()
    }

    /// What the stores have used so far.
    pub(crate) fn usage(&self) -> Usage {
        match (&self.0.clients, &self.0.sign_in) {
            (Some(clients), _) => clients.usage(),
            (None, Some(sign_in)) => sign_in.store.meter().read(),
            (None, None) => Usage::default(),
        }
    }

    pub(crate) fn max_body_bytes(&self) -> usize {
        self.0.max_body_bytes
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.0.time_limit
    }
}

/// One request: its time, its seed, its name in the log. An extractor.
#[derive(Debug, Clone)]
pub struct Call {
    /// When the request arrived. Rules get this instead of asking the clock.
    pub now: Timestamp,
    /// Every id made for this request comes from here; a retry with the same `Idempotency-Key` has the same seed.
    pub seed: Seed,
    pub request_id: String,
    /// When the function will be stopped.
    pub deadline: Timestamp,
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| Problem::internal("a route outside http::router"))
    }
}
