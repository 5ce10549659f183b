//! What a function's context is made of.

use std::ops::Deref;
use std::process::ExitCode;

use super::clients::Clients;
use super::env::{self, Env, EnvError};
use super::log;
use super::secrets::{PayPalSecretSource, SigningSecretSource, StripeSecretSource};
use crate::http::Edge;
use crate::mail::Mail;
use crate::messages::Queue;
use crate::money::Money;
use crate::objects::Objects;
use crate::processor::Deployment;
use crate::processor::paypal::PayPalClient;
use crate::processor::paypal::certificate::Certificates;
use crate::processor::stripe::StripeClient;
use crate::queues::Queues;
use crate::signing::Signer;
use crate::store::payouts::PayoutRules;
use crate::store::{Store, TableName};

/// The environment and the clients, with a method for each thing that a context may hold. Ask for what the function uses and no
/// more: each method reads the variables that it needs, and the template gives a function exactly those.
#[derive(Debug)]
pub struct Start<'a> {
    pub env: &'a Env,
    pub clients: Clients,
}

impl Start<'_> {
    /// DynamoDB with just these tables. Functions whose callers sign in need `Accounts` and `Requests` among them.
    pub fn store(&self, tables: &[TableName]) -> Store {
        self.clients.store(self.env, tables)
    }

    /// The HTTP edge of a function whose callers sign in.
    pub fn edge(&self, store: &Store) -> Edge {
        Edge::from_env(self.env, &self.clients, store.clone())
    }

    /// The HTTP edge of a function that knows no callers.
    pub fn open_edge(&self) -> Edge {
        Edge::open_with(&self.clients)
    }

    pub fn objects(&self) -> Objects {
        Objects::from_env(self.env, &self.clients)
    }

    pub fn queues(&self, queues: &[Queue]) -> Queues {
        Queues::from_env(self.env, &self.clients, queues)
    }

    pub fn mail(&self) -> Mail {
        Mail::from_env(self.env, &self.clients)
    }

    pub fn stripe(&self) -> StripeClient {
        StripeClient::new(self.env.read(&env::STRIPE_API_BASE), self.stripe_secret()).of(self.deployment())
    }

    /// What is not paid out, unless a partner's terms say otherwise.
    fn payout_minimum(&self) -> Money {
        let minimum_minor = self.env.read(&env::PAYOUT_MINIMUM_MINOR);
        Money::new(minimum_minor.into(), self.env.read(&env::CURRENCY))
    }

    pub fn payout_rules(&self) -> PayoutRules {
        PayoutRules {
            minimum: self.payout_minimum(),
            paypal_offered: self.env.read(&env::PAYPAL_OFFERED),
        }
    }

    /// For verifying webhooks.
    pub fn stripe_secret(&self) -> StripeSecretSource {
        StripeSecretSource::managed(&self.clients, self.env.read(&env::STRIPE_SECRET_ARN))
    }

    pub fn paypal(&self) -> PayPalClient {
        PayPalClient::new(self.env.read(&env::PAYPAL_API_BASE), self.paypal_secret()).of(self.deployment())
    }

    /// Whose objects at the processors are ours.
    pub fn deployment(&self) -> Deployment {
        self.env.read(&env::DEPLOYMENT)
    }

    /// For verifying webhooks.
    pub fn paypal_secret(&self) -> PayPalSecretSource {
        PayPalSecretSource::managed(&self.clients, self.env.read(&env::PAYPAL_SECRET_ARN))
    }

    pub fn signer(&self) -> Signer {
        Signer::new(SigningSecretSource::managed(
            &self.clients,
            self.env.read(&env::SIGNING_SECRET_ARN),
        ))
    }

    /// For verifying webhooks.
    pub fn paypal_certificates(&self) -> Certificates {
        Certificates::new(&self.env.read(&env::PAYPAL_API_BASE))
    }
}

impl Deref for Start<'_> {
    type Target = Env;
    fn deref(&self) -> &Env {
        self.env
    }
}

/// A context and the clients it uses.
pub(super) fn begin<C>(env: Env, make: impl FnOnce(&Start<'_>) -> C) -> Result<(C, Clients), EnvError> {
    let (context, clients, stage, deployment) = env.load(|env| {
        log::start(&env.read(&env::LOG_LEVEL));
        let start = Start {
            env,
            clients: Clients::from_env(env),
        };
        let context = make(&start);
        (
            context,
            start.clients,
            env.read(&env::STAGE),
            env.read(&env::DEPLOYMENT),
        )
    })?;
    tracing::info!(stage, %deployment, "function started");
    Ok((context, clients))
}

/// Runs a function to its end on one thread: a Lambda does one thing at a time.
pub(super) fn run<C>(
    make: impl FnOnce(&Start<'_>) -> C,
    serve: impl AsyncFnOnce(C, Clients) -> Result<(), lambda_runtime::Error>,
) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match begin(Env::from_process(), make) {
        Ok((context, clients)) => match runtime.block_on(serve(context, clients)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(error.as_ref()),
        },
        Err(error) => failed(&error),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    log::start("info");
    tracing::error!(error = %crate::http::problem::chain(error), "the function cannot start");
    ExitCode::FAILURE
}
